import { emptySink } from "@longwire/core";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { noWork, work } from "../../../core/test/decoding/counted-work.ts";
import { ndjsonDecoder } from "../../src/ndjson-decoder.ts";

vi.mock("#native", async (original) => {
  const { counting } = await import("../../../core/test/decoding/counted-work.ts");
  return counting(await original());
});
beforeEach(noWork);

const lineBytes = 32 * 1024 * 1024;

describe.each([1_460, 64])("in chunks of %d bytes", (chunkBytes) => {
  test.each([
    ["ASCII", "a"],
    ["multi-byte", "é"],
  ])("a 32 MiB row of %s text is scanned and copied less than four times, and decoded once", (_, character) => {
    const decoder = ndjsonDecoder<string>({ maxItemBytes: 64 * 1024 * 1024 });
    const sink = emptySink<string>();
    const bytes = new TextEncoder().encode(character.repeat(chunkBytes)).subarray(0, chunkBytes);
    const quote = new TextEncoder().encode('"');
    decoder.push(quote, sink);
    let pushed = 0;
    for (; pushed < lineBytes; pushed += chunkBytes) decoder.push(bytes, sink);
    decoder.push(quote, sink);
    decoder.push(new Uint8Array([0x0a]), sink);
    expect(sink.items).toHaveLength(1);
    expect(work.scanned + work.copied).toBeGreaterThan(2 * pushed);
    expect(work.scanned + work.copied).toBeLessThan(4 * pushed);
    expect(work.decoded).toBe(pushed + 2);
  });
});

test("a chunk of nothing but bad rows is searched less than four times", () => {
  const decoder = ndjsonDecoder({ onBadItem: "skip" });
  const sink = emptySink();
  const chunk = new TextEncoder().encode("?\n".repeat(32_768));
  decoder.push(chunk, sink);
  expect(sink.marks).toHaveLength(32_768);
  expect(sink.marks.at(-1)).toMatchObject({ value: { line: 32_768, byteOffset: 65_534 } });
  expect(work.scanned + work.copied).toBeLessThan(4 * chunk.length);
});
