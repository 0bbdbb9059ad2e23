import { expect, test } from "vitest";
import { foreignCoding, framingOf } from "../src/response-headers.ts";

test.each([
  ["GET", 200, { "content-length": "5" }, "length"],
  ["GET", 200, { "transfer-encoding": "chunked" }, "chunked"],
  ["GET", 200, { "transfer-encoding": "gzip, Chunked " }, "chunked"],
  ["GET", 200, { "transfer-encoding": ["gzip", "chunked"] as unknown as string }, "chunked"],
  ["GET", 200, { "transfer-encoding": "gzip" }, "close"],
  ["GET", 200, { "transfer-encoding": "chunked", "content-length": "5" }, "chunked"],
  ["GET", 200, {}, "close"],
  ["GET", 204, {}, "length"],
  ["GET", 304, { "transfer-encoding": "chunked" }, "length"],
  ["HEAD", 200, {}, "length"],
] as const)("%s %i %o is framed by %s", (method, status, record, framing) => {
  expect(framingOf(method, status, record)).toBe(framing);
});

test.each([
  ["chunked", "gzip, chunked", "gzip, chunked"],
  ["close", "gzip", "gzip"],
  ["chunked", " Chunked ", undefined],
  ["close", "identity", undefined],
  ["close", undefined, undefined],
  ["length", "gzip, chunked", undefined],
] as const)("a body framed by %s with the transfer coding %o has the foreign coding %o", (framing, coding, foreign) => {
  expect(foreignCoding(framing, { "transfer-encoding": coding })).toBe(foreign);
});
