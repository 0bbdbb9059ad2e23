import { emptySink } from "@longwire/core";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { noWork, work } from "../../../core/test/decoding/counted-work.ts";
import { retained } from "../../../core/test/decoding/retained.ts";
import { jsonSeqDecoder } from "../../src/json-seq-decoder.ts";

vi.mock("#native", async (original) => {
  const { counting } = await import("../../../core/test/decoding/counted-work.ts");
  return counting(await original());
});
beforeEach(noWork);

const bytesOf = (text: string) => new TextEncoder().encode(text);
const MiB = 1024 * 1024;

describe.each([1_460, 64])("in chunks of %d bytes", (chunkBytes) => {
  test.each([
    ["on one line", "1,", 1],
    ["on many lines", "1,\n", 2],
    ["on many lines, with strings that hold what would close it", '"]\\"",\n', 2],
  ])("an 8 MiB text %s is scanned and copied less than six times, and decoded at most twice", (_, unit, times) => {
    const decoder = jsonSeqDecoder<unknown[]>();
    const sink = emptySink<unknown[]>();
    const bytes = bytesOf(unit.repeat(chunkBytes));
    decoder.push(bytesOf("\x1e["), sink);
    let pushed = 0;
    for (; pushed < 8 * MiB; pushed += bytes.length) {
      for (let at = 0; at < bytes.length; at += chunkBytes) decoder.push(bytes.subarray(at, at + chunkBytes), sink);
    }
    expect(sink.items).toEqual([]);
    decoder.push(bytesOf("0]\n"), sink);
    expect(sink.items[0]).toHaveLength(pushed / unit.length + 1);
    expect(work.scanned + work.copied).toBeGreaterThan(2 * pushed);
    expect(work.scanned + work.copied).toBeLessThan(6 * pushed);
    expect(work.decoded).toBeLessThan(times * pushed + 100);
  });
});

test("short texts in whole chunks are scanned twice, for LF and RS, decoded once, and not copied", () => {
  const decoder = jsonSeqDecoder();
  const sink = emptySink<unknown>();
  const chunk = bytesOf('\x1e{"seq":123456,"text":"some"}\n'.repeat(2_000));
  for (let i = 0; i < 10; i++) decoder.push(chunk, sink);
  expect(sink.items).toHaveLength(20_000);
  expect(work.copied).toBe(0);
  expect(work.scanned).toBeLessThanOrEqual(20 * chunk.length);
  expect(work.decoded).toBeLessThanOrEqual(10 * chunk.length);
});

test.each([
  ["RS", "\x1e1 "],
  ["LF", "\n"],
  ["RS and blank lines", "\x1e\n\n\n"],
  ["bad texts", "\x1e?\n"],
])("a chunk of nothing but %s is searched less than five times", (_, unit) => {
  const decoder = jsonSeqDecoder({ onBadItem: "skip" });
  const chunk = bytesOf(unit.repeat(20_000));
  decoder.push(chunk, emptySink());
  expect(work.scanned + work.copied).toBeLessThan(5 * chunk.length);
});

test("of a text that is passed over its first 1,024 bytes are copied", () => {
  const decoder = jsonSeqDecoder({ maxItemBytes: 1_000, onOversize: "skip" });
  const sink = emptySink<unknown>();
  decoder.push(bytesOf("\x1e"), sink);
  for (let i = 0; i < 10_000; i++) decoder.push(new Uint8Array(1_460), sink);
  decoder.push(bytesOf("\x1e1\n"), sink);
  expect(sink.marks).toMatchObject([
    { value: { reason: "it has 14600000 bytes, more than maxItemBytes, 1000 bytes" } },
  ]);
  expect(sink.items).toEqual([1]);
  expect(work.copied).toBe(1_024);
});

test("a kept item keeps its chunk not alive, and a decoder between two texts holds no buffer", async () => {
  const chunkText = '\x1e{"text":"one of a thousand, and a text of some length"}\n'.repeat(1_000);
  const bytes = await retained(() => {
    const kept: unknown[] = [];
    for (let i = 0; i < 400; i++) {
      const decoder = jsonSeqDecoder();
      const sink = emptySink<unknown>();
      decoder.push(bytesOf(chunkText.slice(0, 100)), sink);
      decoder.push(bytesOf(chunkText.slice(100)), sink);
      kept.push(decoder, sink.items[500]);
    }
    return kept;
  });
  expect(bytes).toBeLessThan(3 * MiB);
});
