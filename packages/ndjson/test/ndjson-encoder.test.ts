import { expect, test } from "vitest";
import { encodeNdjson } from "../src/ndjson-encoder.ts";

test.each([
  [{ a: 1, text: "two\nlines\r" }, '{"a":1,"text":"two\\nlines\\r"}\n'],
  [null, "null\n"],
  ["", '""\n'],
  [[undefined], "[null]\n"],
])("%j is one line with one LF", (value, line) => {
  expect(encodeNdjson(value)).toBe(line);
});

test.each([
  ["undefined", undefined],
  ["() => 1", () => 1],
  ["Symbol(s)", Symbol("s")],
  ["[object Object]", { toJSON: () => undefined }],
])("a value without a JSON text is a TypeError that prints it: %s", (printed, value) => {
  expect(() => encodeNdjson(value)).toThrow(
    new TypeError(`Cannot encode ${printed} as NDJSON: JSON has no text for it`),
  );
});

test("a cycle and a bigint are TypeErrors", () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  expect(() => encodeNdjson(cycle)).toThrow(TypeError);
  expect(() => encodeNdjson(1n)).toThrow(TypeError);
});
