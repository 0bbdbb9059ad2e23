import { expect, test } from "vitest";
import { encodeJsonSeq } from "../src/json-seq-encoder.ts";
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

test("a JSON text sequence has an RS before each text", () => {
  expect(encodeJsonSeq({ a: "two\nlines", rs: "\x1e" })).toBe('\x1e{"a":"two\\nlines","rs":"\\u001e"}\n');
  expect(encodeJsonSeq(null)).toBe("\x1enull\n");
  expect(() => encodeJsonSeq(undefined)).toThrow(
    new TypeError("Cannot encode undefined as a JSON text sequence: JSON has no text for it"),
  );
});

test("a cycle and a bigint are TypeErrors", () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  expect(() => encodeNdjson(cycle)).toThrow(TypeError);
  expect(() => encodeNdjson(1n)).toThrow(TypeError);
});
