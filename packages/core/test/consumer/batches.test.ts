import { expect, test } from "vitest";
import { reading, streamOf, texts } from "../session/stream-of.ts";

test("batches() hands out the items as they arrive, array by array, and never an empty one", async () => {
  const { stream, clock } = streamOf([{ chunks: ["a\nb\n", ":beat\n", "c", "\n", "d\n", "stall"] }]);
  const seen = reading(stream.batches());
  await clock.advance(0);
  expect(seen.items.map(texts)).toEqual([["a", "b"], ["c"], ["d"]]);
  expect(stream.stats.items).toBe(4);
  await stream.close();
  await clock.advance(0);
  expect(seen.end).toBe("done");
});

test("leaving the loop over batches releases the connection", async () => {
  const { stream, transport } = streamOf([{ chunks: ["a\nb\n", "stall"] }]);
  for await (const _ of stream.batches()) break;
  expect([transport.open, (await stream.outcome).items]).toEqual([0, 2]);
});

test("what the consumer has not pulled stays on the wire", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["a\n", "b\n", "c\n"] }]);
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  await clock.advance(10_000);
  expect(transport.pulled).toBe(1);
  await items.next();
  await clock.advance(10_000);
  expect(transport.pulled).toBe(2);
  await stream.close();
});

test("while a batch lasts, next() is resolved already", async () => {
  const { stream } = streamOf([{ chunks: ["a\nb\n", "stall"] }]);
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  let value: unknown;
  void items.next().then((result) => {
    value = result.value?.text;
  });
  await null;
  expect(value).toBe("b");
  await stream.close();
});
