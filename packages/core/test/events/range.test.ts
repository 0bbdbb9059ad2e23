import { expect, test } from "vitest";
import { byteOffset, contentRange, strongEtag, takesByteRanges } from "../../src/events/range.ts";

const headers = (name: string, value: string | undefined) => new Headers(value === undefined ? {} : { [name]: value });

test.each([
  ["bytes 0-0/1", { start: 0, end: 1, total: 1 }],
  ["bytes 5-9/20", { start: 5, end: 10, total: 20 }],
  [" BYTES  5-9/20 ", { start: 5, end: 10, total: 20 }],
  ["bytes 5-9/*", { start: 5, end: 10, total: undefined }],
  ["bytes */20", { start: undefined, end: undefined, total: 20 }],
])("a Content-Range is read: %s", (text, range) => {
  expect(contentRange(headers("content-range", text))).toEqual(range);
});

test.each([
  undefined,
  "",
  "bytes",
  "bytes 5-9",
  "bytes 9-5/20",
  "bytes 5-20/20",
  "items 5-9/20",
  "bytes 5-/20",
  "bytes 5-9/20, bytes 10-11/20",
])("a Content-Range that makes no sense is none: %s", (text) => {
  expect(contentRange(headers("content-range", text))).toBe(undefined);
});

test.each([
  ['"a"', '"a"'],
  ['""', '""'],
  [' "a-b:1" ', '"a-b:1"'],
  ['W/"a"', undefined],
  ['"a", "b"', undefined],
  ["a", undefined],
  ['"a b"', undefined],
  [undefined, undefined],
])("an entity tag vouches for each byte only when it is strong: %s", (text, etag) => {
  expect(strongEtag(headers("etag", text))).toBe(etag);
});

test.each([
  ["bytes", true],
  ["Bytes", true],
  ["items, bytes", true],
  ["none", false],
  ["kilobytes", false],
  [undefined, false],
])("Accept-Ranges: %s", (text, takes) => {
  expect(takesByteRanges(headers("accept-ranges", text))).toBe(takes);
});

test.each([0, 7, "7", Number.MAX_SAFE_INTEGER])("an offset is a whole number: %s", (cursor) => {
  expect(byteOffset(cursor)).toBe(Number(cursor));
});

test.each([-1, 1.5, 2 ** 53, Number.NaN, "", "7x", "-1", "99999999999999999999"])("and nothing else: %s", (cursor) => {
  expect(() => byteOffset(cursor)).toThrow(TypeError);
});
