import { expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { left, nothingLeft, reading, settled, streamOf, texts } from "../session/stream-of.ts";

const down = { error: new StreamError("unreachable", "Nobody is there", { phase: "connect" }) } as const;

test("nothing is sent before the first pull: outcome, state, stats, cursor, notices and iterators open nothing", async () => {
  const { stream, clock, transport } = streamOf([]);
  void stream.outcome;
  void stream.cursor;
  void stream.stats;
  void stream.notices().next();
  stream[Symbol.asyncIterator]();
  await clock.advance(10_000);
  expect([transport.requests.length, clock.pending, stream.state.name]).toEqual([0, 0, "idle"]);
});

test("the first next(), the first pull of batches() and open() open it", async () => {
  const begin = [
    (stream: ReturnType<typeof streamOf>["stream"]) => stream[Symbol.asyncIterator]().next(),
    (stream: ReturnType<typeof streamOf>["stream"]) => stream.batches().next(),
    (stream: ReturnType<typeof streamOf>["stream"]) => stream.open(),
    (stream: ReturnType<typeof streamOf>["stream"]) => stream.toReadableStream().getReader().read(),
  ];
  for (const pull of begin) {
    const { stream, transport } = streamOf([{ chunks: ["a\n", "stall"] }]);
    await pull(stream);
    expect([transport.requests.length, stream.state.name]).toEqual([1, "open"]);
    await stream.close();
  }
});

test("a web stream reads ahead of nobody: made but not read, it opens nothing", async () => {
  const { stream, clock, transport } = streamOf([]);
  stream.toReadableStream();
  await clock.advance(1_000);
  expect(transport.requests.length).toBe(0);
});

test("open() resolves with status, url and headers of the first good answer and reads no item", async () => {
  const { stream, clock, transport } = streamOf([{ headers: { "x-one": "1" }, chunks: ["a\n", "stall"] }]);
  const head = await stream.open();
  expect([head.status, head.url, head.headers.get("x-one")]).toEqual([200, "https://a.example/ticks?key=secret", "1"]);
  expect([transport.pulled, stream.stats.items, stream.state.name]).toEqual([0, 0, "open"]);
  const seen = reading(stream);
  await clock.advance(0);
  expect([texts(seen.items), transport.requests.length]).toEqual([["a"], 1]);
  await stream.close();
});

test("open() follows the same retries as reading", async () => {
  const { stream, clock, transport } = streamOf([down, { status: 503 }, { chunks: ["a\n", "stall"] }]);
  const opened = stream.open();
  await clock.advance(1_000);
  expect([(await opened).status, transport.requests.length]).toEqual([200, 3]);
  await stream.close();
});

test("open() rejects with the StreamError that ends the stream", async () => {
  const { stream } = streamOf([{ status: 404 }]);
  const failed = await stream.open().catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: "refused", status: 404 });
  expect(await stream.outcome).toMatchObject({ code: "refused", error: failed });
  await expect(stream.open()).rejects.toBe(failed);
  await expect(stream[Symbol.asyncIterator]().next()).rejects.toBe(failed);
});

test("open() again, at any time, answers with the same head", async () => {
  const { stream, clock } = streamOf([{ headersMs: 100, headers: { "x-one": "1" }, chunks: ["stall"] }]);
  const first = stream.open();
  const twin = stream.open();
  await clock.advance(50);
  const later = stream.open();
  await clock.advance(50);
  const last = await stream.open();
  expect([await first, await twin, await later]).toEqual([last, last, last]);
  expect(await first).toBe(last);
  await stream.close();
});

test("open() while a pull is opening the stream, or waiting to, answers with the head it gets", async () => {
  const { stream, clock, transport } = streamOf([down, { headersMs: 100, chunks: ["a\n", "stall"] }]);
  const seen = reading(stream);
  await clock.advance(50);
  expect(stream.state.name).toBe("waiting");
  const waiting = stream.open();
  await clock.advance(100);
  expect(stream.state.name).toBe("opening");
  const opening = stream.open();
  await clock.advance(100);
  expect([(await waiting).status, (await opening).status, transport.requests.length]).toEqual([200, 200, 2]);
  expect(texts(seen.items)).toEqual(["a"]);
  await stream.close();
});

test("a pull while open() is under way shares its attempt", async () => {
  const { stream, clock, transport } = streamOf([{ headersMs: 100, chunks: ["a\n", "stall"] }]);
  const opened = stream.open();
  const seen = reading(stream);
  await clock.advance(100);
  expect([(await opened).status, texts(seen.items), transport.requests.length]).toEqual([200, ["a"], 1]);
  await stream.close();
});

test("open() that is closed before there was an answer rejects with an AbortError", async () => {
  const { stream, clock, transport } = streamOf([{ headersMs: 100 }]);
  const opened = settled(stream.open(), clock);
  await stream.close();
  expect(await opened).toMatchObject({ thrown: { name: "AbortError" } });
  await expect(stream.open()).rejects.toMatchObject({ name: "AbortError" });
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("open() that is aborted rejects with the caller's reason as it is", async () => {
  const controller = new AbortController();
  const { stream, clock, transport } = streamOf([{ headersMs: 100 }], { signal: controller.signal });
  const opened = settled(stream.open(), clock);
  controller.abort("enough");
  expect(await opened).toEqual({ thrown: "enough" });
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("a second consumer of items is a TypeError, of any two kinds", async () => {
  const kinds = [
    (stream: ReturnType<typeof streamOf>["stream"]) => stream[Symbol.asyncIterator](),
    (stream: ReturnType<typeof streamOf>["stream"]) => stream.batches(),
    (stream: ReturnType<typeof streamOf>["stream"]) => stream.toReadableStream(),
  ];
  for (const first of kinds) {
    for (const second of kinds) {
      const { stream } = streamOf([]);
      first(stream);
      expect(() => second(stream)).toThrow(new TypeError("This stream has a consumer already: a stream is read once"));
    }
  }
});

test("stats count attempts, bytes, items, heartbeats and reconnects, with times since 1970", async () => {
  const { stream, clock } = streamOf([
    { chunks: [{ waitMs: 10 }, "1=a\n:beat\n\n", { error: new StreamError("reset", "cut") }] },
    { chunks: [{ waitMs: 20 }, "2=b\n", { waitMs: 30 }, ":beat\n", "stall"] },
  ]);
  const begin = clock.date();
  reading(stream);
  await clock.advance(1_000);
  expect(stream.stats).toEqual({
    attempts: 2,
    bytes: 21,
    items: 2,
    dropped: 0,
    heartbeats: 3,
    reconnects: 1,
    lastItemAt: begin + 10 + 100 + 20,
    lastByteAt: begin + 10 + 100 + 20 + 30,
  });
  await stream.close();
});

test("open() rejects with protocol when a function of the caller throws on the way", async () => {
  const { stream, clock } = streamOf([{ status: 503 }], {
    retryOn: () => {
      throw new Error("no idea");
    },
  });
  await expect(stream.open()).rejects.toMatchObject({ code: "protocol", cause: { message: "no idea" } });
  expect(await stream.outcome).toMatchObject({ code: "protocol" });
  expect(clock.pending).toBe(0);
});

test("open() after the stream failed rejects with what it ended with, though it was open once", async () => {
  const { stream, clock } = streamOf([{ chunks: ["a\n", { error: new StreamError("protocol", "odd") }] }]);
  reading(stream);
  await clock.advance(0);
  await expect(stream.open()).rejects.toMatchObject({ code: "protocol" });
});

test("what open() answers is the head and nothing that holds the connection", async () => {
  const { stream } = streamOf([{ chunks: ["a\n", "stall"] }]);
  expect(Object.keys(await stream.open())).toEqual(["url", "status", "headers"]);
  await stream.close();
});

test("an open() that nobody waits for is no unhandled rejection", async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  const { stream, clock } = streamOf([{ status: 404 }]);
  void stream.open();
  await clock.advance(0);
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});
