import { beforeEach, describe, expect, test, vi } from "vitest";
import { emptySink } from "../../src/frames/decoder.ts";
import { linesDecoder } from "../../src/frames/lines-decoder.ts";
import { noWork, work } from "./counted-work.ts";

vi.mock("#native", async (original) => (await import("./counted-work.ts")).counting(await original()));
beforeEach(noWork);

const lineBytes = 32 * 1024 * 1024;

describe.each([1_460, 64])("in chunks of %d bytes", (chunkBytes) => {
  test.each([
    ["ASCII", "a"],
    ["multi-byte", "é"],
  ])("a 32 MiB line of %s text is scanned and copied less than four times, and decoded once", (_, character) => {
    const decoder = linesDecoder({ maxLineBytes: 64 * 1024 * 1024 });
    const sink = emptySink<string>();
    const bytes = new TextEncoder().encode(character.repeat(chunkBytes)).subarray(0, lineBytes);
    let pushed = 0;
    for (; pushed < lineBytes; pushed += chunkBytes) decoder.push(bytes.subarray(0, chunkBytes), sink);
    expect(sink.items).toEqual([]);
    decoder.push(new Uint8Array([0x0a]), sink);
    expect(sink.items).toHaveLength(1);
    expect(work.scanned + work.copied).toBeGreaterThan(2 * pushed);
    expect(work.scanned + work.copied).toBeLessThan(4 * pushed);
    expect(work.decoded).toBe(pushed);
  });
});

test("short lines in whole chunks are neither scanned twice nor copied", () => {
  const decoder = linesDecoder();
  const chunk = new TextEncoder().encode("a line of text\n".repeat(4_000));
  for (let i = 0; i < 10; i++) decoder.push(chunk, emptySink());
  expect(work.copied).toBe(0);
  expect(work.scanned).toBeLessThanOrEqual(10 * chunk.length);
  expect(work.decoded).toBeLessThanOrEqual(10 * chunk.length);
});

test("nothing over the limit is kept: a line that cannot fit is refused before it is copied", () => {
  const decoder = linesDecoder({ maxLineBytes: 1_000 });
  decoder.push(new Uint8Array(600), emptySink());
  expect(() => decoder.push(new Uint8Array(64 * 1024), emptySink())).toThrow("maxLineBytes");
  expect(work.copied).toBe(600);
});

test("of a line that is passed over its first 1,024 bytes are copied, each byte is scanned less than four times", () => {
  const decoder = linesDecoder({ maxLineBytes: 1_000, onOversize: "skip" });
  const sink = emptySink<string>();
  const chunk = new Uint8Array(1_460);
  for (let i = 0; i < 10_000; i++) decoder.push(chunk, sink);
  decoder.push(new TextEncoder().encode(`\n${"x".repeat(5_000)}\nnext\n`), sink);
  expect(sink.items).toEqual(["next"]);
  expect(sink.marks.map(({ value }) => (value as { reason: string }).reason)).toEqual([
    "it has 14600000 bytes, more than maxLineBytes, 1000 bytes",
    "it has 5000 bytes, more than maxLineBytes, 1000 bytes",
  ]);
  expect(work.copied).toBe(2 * 1_024);
  expect(work.decoded).toBe(4);
  expect(work.scanned).toBeLessThan(4 * 14_605_006);
});

test("a chunk of nothing but lines over the limit is scanned less than four times", () => {
  const decoder = linesDecoder({ maxLineBytes: 10, onOversize: "skip" });
  const sink = emptySink<string>();
  const chunk = new TextEncoder().encode("12345678901\n".repeat(5_000));
  decoder.push(chunk, sink);
  expect(sink.marks).toHaveLength(5_000);
  expect(work.scanned).toBeLessThan(4 * chunk.length);
});
