import { expect, test } from "vitest";
import { left, nothingLeft, settled, streamOf, texts, type Tick } from "../session/stream-of.ts";

test("a web stream hands out the items and closes behind the last", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["a\nb\n", "c\n"], framing: "length" }], { endless: false });
  const items: Tick[] = [];
  for await (const item of stream.toReadableStream()) items.push(item);
  expect(texts(items)).toEqual(["a", "b", "c"]);
  expect(await stream.outcome).toMatchObject({ code: "complete", items: 3 });
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("a web stream has a high-water mark of 0: it pulls when it is read, and reading acknowledges the item before", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["1=a\n", "2=b\n", "3=c\n", "stall"] }]);
  const reader = stream.toReadableStream().getReader();
  await reader.read();
  await clock.advance(1_000);
  expect([transport.pulled, stream.cursor]).toEqual([1, undefined]);
  await reader.read();
  await clock.advance(1_000);
  expect([transport.pulled, stream.cursor]).toEqual([2, "1"]);
  await reader.cancel();
});

test("a web stream breaks with the error that ended the stream", async () => {
  const { stream } = streamOf([{ status: 404 }]);
  const reader = stream.toReadableStream().getReader();
  await expect(reader.read()).rejects.toMatchObject({ code: "refused", status: 404 });
  await expect(reader.closed).rejects.toMatchObject({ code: "refused" });
});

test("an abort breaks it with the caller's reason as it is", async () => {
  const controller = new AbortController();
  const { stream, clock } = streamOf([{ chunks: ["stall"] }], { signal: controller.signal });
  const reader = stream.toReadableStream().getReader();
  reader.closed.catch(() => {});
  const read = settled(reader.read(), clock);
  await clock.advance(0);
  expect(await read).toBe("pending");
  const next = reader.read();
  controller.abort("enough");
  await expect(next).rejects.toBe("enough");
});

test("cancelling it closes the stream, also under a pending read", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["stall"] }]);
  const reader = stream.toReadableStream().getReader();
  const read = reader.read();
  await clock.advance(0);
  await reader.cancel("no more");
  expect(await read).toEqual({ value: undefined, done: true });
  await clock.advance(0);
  expect((await stream.outcome).code).toBe("closed");
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("closing the stream closes it", async () => {
  const { stream, clock } = streamOf([{ chunks: ["stall"] }]);
  const reader = stream.toReadableStream().getReader();
  const read = reader.read();
  await clock.advance(0);
  await stream.close();
  expect(await read).toEqual({ value: undefined, done: true });
});
