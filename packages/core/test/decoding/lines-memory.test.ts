import { expect, test } from "vitest";
import { emptySink } from "../../src/frames/decoder.ts";
import { linesDecoder } from "../../src/frames/lines-decoder.ts";
import { retained } from "./retained.ts";

const MiB = 1024 * 1024;

const bytesOf = (text: string) => new TextEncoder().encode(text);

test("a kept line keeps its chunk not alive", async () => {
  const chunkText = "a line of some length, one of a thousand\n".repeat(1_000);
  const bytes = await retained(() => {
    const decoder = linesDecoder();
    const kept: (string | undefined)[] = [];
    for (let i = 0; i < 400; i++) {
      const sink = emptySink<string>();
      decoder.push(bytesOf(chunkText), sink);
      kept.push(sink.items[500]);
    }
    return kept;
  });
  expect(bytes).toBeLessThan(2 * MiB);
});

test("the memory of a huge line is let go when the line is done, and when the next one is under way", async () => {
  const decoder = linesDecoder();
  const huge = bytesOf("x".repeat(MiB));
  for (const after of ["\n", "\nnext"]) {
    const bytes = await retained(() => {
      for (let i = 0; i < 15; i++) decoder.push(huge, emptySink());
      decoder.push(bytesOf(after), emptySink());
      return decoder;
    });
    expect(bytes).toBeLessThan(MiB);
  }
});

test("a decoder between two lines holds no buffer and no chunk", async () => {
  const chunk = bytesOf(`${"x".repeat(1_000)}\n`);
  // So many that what the engine keeps for itself does not count.
  const count = 20_000;
  const bytes = await retained(() => {
    const decoders = Array.from({ length: count }, () => linesDecoder());
    for (const decoder of decoders) {
      decoder.push(chunk.slice(0, 500), emptySink());
      decoder.push(chunk.slice(500), emptySink());
      decoder.push(chunk.slice(), emptySink());
    }
    return decoders;
  });
  expect(bytes / count).toBeLessThan(2_000);
});

test("of a huge line that is passed over no more than its beginning is kept while it is under way", async () => {
  const decoder = linesDecoder({ maxLineBytes: 8 * MiB, onOversize: "skip" });
  const huge = bytesOf("x".repeat(MiB));
  const bytes = await retained(() => {
    for (let i = 0; i < 40; i++) decoder.push(huge, emptySink());
    return decoder;
  });
  expect(bytes).toBeLessThan(MiB / 4);
});
