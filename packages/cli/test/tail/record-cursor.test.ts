import { expect, test } from "vitest";
import { recordCursor } from "../../src/tail/record-cursor.ts";

test.each([
  ["seq", '{"seq":7}', 7],
  ["seq", '{"seq":"7-abc"}', "7-abc"],
  ["object.metadata.resourceVersion", '{"object":{"metadata":{"resourceVersion":"91"}}}', "91"],
  ["0.id", '[{"id":3}]', 3],
  ["seq", '{"id":7}', undefined],
  ["seq", "null", undefined],
  ["seq", '{"seq":null}', undefined],
  ["seq", '{"seq":{}}', undefined],
  ["seq.x", '{"seq":"text"}', undefined],
  ["constructor", "{}", undefined],
  ["__proto__.x", "{}", undefined],
])("%s in %s is %j", (path, json, cursor) => {
  expect(recordCursor(path)({ json })).toBe(cursor);
});

test("a number that no double holds comes back as it was written", () => {
  expect(recordCursor("id")({ json: '{"id":12345678901234567890}' })).toBe("12345678901234567890");
});
