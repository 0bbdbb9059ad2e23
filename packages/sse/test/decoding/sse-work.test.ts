import { emptySink } from "@longwire/core";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { noWork, work } from "../../../core/test/decoding/counted-work.ts";
import type { ServerSentEvent } from "../../src/server-sent-event.ts";
import { sseDecoder } from "../../src/sse-decoder.ts";
import { bytesOf } from "./model.ts";

vi.mock("@longwire/core/bytes", async (original) => {
  const { counting } = await import("../../../core/test/decoding/counted-work.ts");
  const native = await original<typeof import("@longwire/core/bytes")>();
  return {
    ...counting(native),
    // Each looks for two bytes, and is taken to look through all of them twice.
    indexOfLineEnd(bytes, from) {
      const found = native.indexOfLineEnd(bytes, from);
      work.scanned += 2 * ((found < 0 ? bytes.length : found + 1) - from);
      return found;
    },
    lastIndexOfLineEnd(bytes) {
      const found = native.lastIndexOfLineEnd(bytes);
      work.scanned += 2 * (bytes.length - Math.max(found, 0));
      return found;
    },
    utf8Length(text) {
      work.scanned += text.length;
      return native.utf8Length(text);
    },
    flat(text) {
      work.copied += text.length;
      return native.flat(text);
    },
  } satisfies typeof import("@longwire/core/bytes");
});

// What the decoder searches in decoded text counts as well.
for (const method of ["indexOf", "includes"] as const) {
  const search = String.prototype[method] as (this: string, wanted: string, from?: number) => number | boolean;
  vi.spyOn(String.prototype, method as "indexOf").mockImplementation(function (this: string, wanted: string, from = 0) {
    const found = search.call(this, wanted, from);
    const to = typeof found === "number" && found >= 0 ? found + 1 : this.length;
    // Engines keep text without a character above U+00FF as such, and look for one in no such text.
    if (wanted <= "\xff" || !/^[\0-\xff]*$/.test(this)) work.scanned += to - from;
    return found as number;
  });
}

beforeEach(noWork);

const lineBytes = 32 * 1024 * 1024;

describe.each([1_460, 64])("in chunks of %d bytes", (chunkBytes) => {
  test.each([
    ["ASCII", "a"],
    ["multi-byte", "é"],
  ])("a 32 MiB line of %s text is scanned and copied less than four times, and decoded once", (_, character) => {
    const decoder = sseDecoder({ maxItemBytes: 64 * 1024 * 1024 });
    const sink = emptySink<ServerSentEvent>();
    const chunk = bytesOf(character.repeat(chunkBytes)).subarray(0, chunkBytes);
    decoder.push(bytesOf("data: "), sink);
    let pushed = 0;
    for (; pushed < lineBytes; pushed += chunkBytes) decoder.push(chunk, sink);
    decoder.push(bytesOf("\n\n"), sink);
    expect(sink.items[0]?.data).toHaveLength(pushed / bytesOf(character).length);
    expect(work.scanned + work.copied).toBeGreaterThan(2 * pushed);
    expect(work.scanned + work.copied).toBeLessThan(4 * pushed);
    expect(work.decoded).toBeLessThan(pushed + 100);
  });
});

test("a 4 MiB line in 1,460-byte chunks, which is quadratic elsewhere, costs four times what one of 1 MiB costs", () => {
  const cost = (length: number) => {
    noWork();
    const decoder = sseDecoder();
    const chunk = bytesOf("x".repeat(1_460));
    decoder.push(bytesOf("data: "), emptySink());
    for (let pushed = 0; pushed < length; pushed += chunk.length) decoder.push(chunk, emptySink());
    decoder.push(bytesOf("\n\n"), emptySink());
    return work.scanned + work.copied + work.decoded;
  };
  expect(cost(4 * 1024 * 1024) / cost(1024 * 1024)).toBeLessThan(4.5);
});

test.each([
  ["events", "data: 0123456789\n\n"],
  ["events with CRLF", "data: 0123456789\r\n\r\n"],
  ["events with CR", "data: 0123456789\r\r"],
  ["data lines of one event", "data: 0123456789\n"],
  ["lines of which one ends with CR", `data: 0123456789\n\n${"data: 0123456789\n".repeat(8)}data: a\r`],
  ["comments", ": é\n"],
])("64 KiB of %s in one chunk are scanned, copied and decoded less than ten times in all", (_, lines) => {
  const decoder = sseDecoder();
  const chunk = bytesOf(lines.repeat((64 * 1024) / lines.length));
  for (let i = 0; i < 10; i++) decoder.push(chunk, emptySink());
  expect(work.scanned + work.copied + work.decoded).toBeGreaterThan(10 * chunk.length);
  expect(work.scanned + work.copied + work.decoded).toBeLessThan(10 * 10 * chunk.length);
});

test("the lines of a near limit are read one by one, and still in linear time", () => {
  const decoder = sseDecoder({ maxItemBytes: 64 });
  const chunk = bytesOf("data: 0123456789\n\n".repeat(3_600));
  decoder.push(chunk, emptySink());
  expect(work.scanned + work.copied + work.decoded).toBeLessThan(10 * chunk.length);
});

test("nothing over the limit is kept: a line that cannot fit is refused before it is copied", () => {
  const decoder = sseDecoder({ maxItemBytes: 1_000 });
  decoder.push(bytesOf("data: ", "x".repeat(600)), emptySink());
  expect(() => decoder.push(new Uint8Array(64 * 1024), emptySink())).toThrow("maxItemBytes");
  expect(() => decoder.push(bytesOf("x".repeat(64 * 1024), "\n"), emptySink())).toThrow("maxItemBytes");
  expect(work.copied).toBe(606);
});
