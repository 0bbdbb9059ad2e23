import { expect, test } from "vitest";
import { framingOf } from "../src/response-headers.ts";

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
