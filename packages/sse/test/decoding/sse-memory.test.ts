import { emptySink } from "@longwire/core";
import { describe, expect, test } from "vitest";
import { retained } from "../../../core/test/decoding/retained.ts";
import type { ServerSentEvent } from "../../src/server-sent-event.ts";
import { sseDecoder } from "../../src/sse-decoder.ts";
import { bytesOf } from "./model.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** One event out of the middle of each of 200 chunks. */
function oneOfEach(chunkText: string, keep: (event: ServerSentEvent) => unknown): unknown[] {
  const decoder = sseDecoder();
  return Array.from({ length: 200 }, () => {
    const sink = emptySink<ServerSentEvent>();
    decoder.push(bytesOf(chunkText), sink);
    return keep(sink.items[sink.items.length >> 1] as ServerSentEvent);
  });
}

const event = `id: ${"7".repeat(30)}\nevent: ${"e".repeat(30)}\ndata: ${"x".repeat(200)}\n\n`;
const chunk64KiB = event.repeat((64 * KiB) / event.length);

describe("a kept event", () => {
  test("keeps at most 80 KiB of its neighbours alive, also out of a chunk of 512 KiB", async () => {
    expect(await retained(() => oneOfEach(chunk64KiB, (kept) => kept))).toBeLessThan(200 * 85 * KiB);
    expect(await retained(() => oneOfEach(chunk64KiB.repeat(8), (kept) => kept))).toBeLessThan(200 * 85 * KiB);
  });

  test("keeps at most 160 KiB alive where the text is not Latin-1", async () => {
    const text = `data: ${"ж".repeat(200)}\n\n`;
    const chunk = text.repeat((64 * KiB) / bytesOf(text).length);
    expect(await retained(() => oneOfEach(chunk, (kept) => kept))).toBeLessThan(200 * 165 * KiB);
  });

  test("keeps nothing but itself alive as a structured clone", async () => {
    expect(await retained(() => oneOfEach(chunk64KiB, (kept) => structuredClone(kept)))).toBeLessThan(200 * 2 * KiB);
  });
});

describe("a decoder", () => {
  const decodersAfter = (...chunks: string[]) =>
    retained(() =>
      Array.from({ length: 200 }, () => {
        const decoder = sseDecoder();
        for (const chunk of chunks) decoder.push(bytesOf(chunk), emptySink());
        return decoder;
      }),
    );

  test("between two events holds no buffer, no chunk and no text, whatever came before", async () => {
    expect(await decodersAfter("data: a\n\n")).toBeLessThan(200 * 4 * KiB);
    expect(await decodersAfter(chunk64KiB)).toBeLessThan(200 * 4 * KiB);
    expect(await decodersAfter("data: abc", "def\n", "\n")).toBeLessThan(200 * 4 * KiB);
    expect(await decodersAfter(`data: ${"x".repeat(300 * KiB)}`, "\n\n")).toBeLessThan(200 * 4 * KiB);
  });

  test("in an event that is not finished holds what the limit counts, not the chunks it came in", async () => {
    const noise = `: ${"-".repeat(60 * KiB)}\n`;
    expect(
      await decodersAfter(`data: ${"x".repeat(100)}\n${noise}`, `${noise}data: ${"y".repeat(100)}\n`),
    ).toBeLessThan(200 * 5 * KiB);
    expect(await decodersAfter(`event: ${"x".repeat(100)}\nid: ${"y".repeat(100)}\n${noise}`)).toBeLessThan(
      200 * 5 * KiB,
    );
  });

  test("lets the memory of a huge line go when the line is done, also while the next one is under way", async () => {
    const huge = "x".repeat(MiB);
    const decoder = sseDecoder();
    for (const after of ["\n\n", "\n\ndata: next"]) {
      const bytes = await retained(() => {
        decoder.push(bytesOf("data: "), emptySink());
        for (let i = 0; i < 14; i++) decoder.push(bytesOf(huge), emptySink());
        decoder.push(bytesOf(after), emptySink());
        return decoder;
      });
      expect(bytes).toBeLessThan(3 * MiB);
    }
  });

  test("that passes over an event of 8 MiB, in one line or in many, does not hold it", async () => {
    for (const chunk of ["x".repeat(64 * KiB), `data: ${"x".repeat(1_018)}\n`.repeat(64)]) {
      const bytes = await retained(() => {
        const decoder = sseDecoder({ maxItemBytes: 128 * KiB, onOversize: "skip" });
        decoder.push(bytesOf("data: "), emptySink());
        for (let i = 0; i < 128; i++) decoder.push(bytesOf(chunk), emptySink());
        return decoder;
      });
      expect(bytes).toBeLessThan(512 * KiB);
    }
  });
});
