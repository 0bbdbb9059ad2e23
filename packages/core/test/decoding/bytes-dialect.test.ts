import { expect, test } from "vitest";
import { bytesDialect } from "../../src/events/bytes-dialect.ts";
import { emptySink } from "../../src/frames/decoder.ts";
import type { StreamResponse } from "../../src/transport/transport.ts";

const decoder = bytesDialect().decoder({} as StreamResponse, undefined);

test("chunks are items as they come, the same memory; an empty chunk is none", () => {
  const chunks = [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(10)];
  const sink = emptySink<Uint8Array>();
  for (const chunk of chunks) decoder.push(chunk, sink);
  expect(sink.items).toHaveLength(2);
  expect(sink.items[0]).toBe(chunks[0]);
  expect(sink.items[1]).toBe(chunks[2]);
  expect(sink.marks).toEqual([]);
});

test.each([
  ["length", "complete"],
  ["chunked", "complete"],
  ["h2", "complete"],
  ["close", "ended"],
  ["unknown", "ended"],
] as const)("a clean end with framing %s is %s", (framing, end) => {
  expect(decoder.end(framing, emptySink())).toBe(end);
});

test("any media type is read, and no content coding asked for", () => {
  expect(bytesDialect()).toMatchObject({ name: "bytes", accept: "*/*", acceptEncoding: "identity" });
  expect(bytesDialect().accepts("image/png")).toBe(true);
  expect(bytesDialect().accepts("")).toBe(true);
});
