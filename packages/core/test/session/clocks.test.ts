import { expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import type { ScriptStep } from "../../src/testing/index.ts";
import { openBytes, openLines, openStream } from "../../src/open.ts";
import type { Transport, TransportCall } from "../../src/transport/transport.ts";
import { fakeClock, scriptedTransport } from "../../src/testing/index.ts";
import { reading, type RigOptions, settled, streamOf, texts, type Tick, ticks } from "./stream-of.ts";

type Options = RigOptions<Tick> & { readonly endless?: boolean };
const once = { reconnect: false } as const;
const url = "https://a.example/ticks?key=***";

/** When the stream ended, and the error it ended with. */
async function ending(
  script: Parameters<typeof streamOf>[0],
  options: Options,
): Promise<[atMs: number, error: StreamError]> {
  const { stream, clock } = streamOf(script, { ...once, ...options });
  let endedAt = -1;
  void stream.outcome.then(() => {
    endedAt = clock.now();
  });
  reading(stream);
  await clock.advance(1_000_000);
  expect([stream.state.name, clock.pending]).toEqual(["closed", 0]);
  return [endedAt, (await stream.outcome).error as StreamError];
}

test.each<[string, Options, number, string]>([
  ["connectMs is 10 s", {}, 10_000, `Cannot reach ${url}: no connection after 10000 ms (connectMs)`],
  [
    "connectMs as given",
    { timeouts: { connectMs: 70 } },
    70,
    `Cannot reach ${url}: no connection after 70 ms (connectMs)`,
  ],
])("%s, from the attempt to the connection", async (_, options, atMs, message) => {
  expect(await ending([{ connectMs: 900_000 }], options)).toMatchObject([
    atMs,
    { code: "deadline", clock: "connectMs", message },
  ]);
});

test.each<[string, Options, number]>([
  ["60 s for a feed", { endless: false }, 60_000],
  ["600 s for an unsafe method", { method: "POST" }, 600_000],
  ["600 s for an unsafe method of a feed", { endless: false, method: "POST" }, 600_000],
  ["what is given, for safe SSE too", { timeouts: { headersMs: 80 } }, 80],
])("headersMs is %s, from the attempt to the headers", async (_, options, atMs) => {
  const message = `Cannot open ${url}: no answer after ${atMs} ms (headersMs)`;
  const [endedAt, error] = await ending([{ connectMs: 50, headersMs: 900_000 }], options);
  expect([endedAt, error]).toMatchObject([atMs, { code: "deadline", clock: "headersMs", message }]);
});

test("safe SSE has no headersMs: its idleMs runs from the attempt", async () => {
  const message = `Cannot keep reading ${url}: no byte for 300000 ms (idleMs)`;
  expect(await ending([{ headersMs: 900_000 }], {})).toMatchObject([
    300_000,
    { code: "idle", clock: "idleMs", message },
  ]);
});

test("connectMs and headersMs are retried", async () => {
  const { stream, clock, transport } = streamOf([{ connectMs: 20_000 }, { headersMs: 20_000 }, { status: 204 }], {
    timeouts: { headersMs: 15_000 },
  });
  reading(stream);
  await clock.advance(60_000);
  expect([transport.requests.length, await stream.outcome]).toMatchObject([3, { code: "complete" }]);
});

test("where the connection is hidden, connectMs and headersMs are one clock of their sum, and the error says so", async () => {
  const options = { hidden: true, timeouts: { connectMs: 1_000, headersMs: 2_000 } };
  const message = `Cannot open ${url}: no answer after 3000 ms (connectMs + headersMs: this transport does not show the connection)`;
  expect(await ending([{ connectMs: 1_500, headersMs: 1_000_000 }], options)).toMatchObject([
    3_000,
    { code: "deadline", clock: "headersMs", message },
  ]);
});

test("where the connection is hidden, safe SSE is left to idleMs", async () => {
  expect(await ending([{ headersMs: 1_000_000 }], { hidden: true })).toMatchObject([300_000, { clock: "idleMs" }]);
});

test("idleMs is 300 s for SSE, feeds and lines, and 60 s for bytes", async () => {
  expect((await ending([{ chunks: ["a\n", "stall"] }], {}))[0]).toBe(300_000);
  expect((await ending([{ chunks: ["a\n", "stall"] }], { endless: false }))[0]).toBe(300_000);
  for (const [open, atMs] of [
    [openLines, 300_000],
    [openBytes, 60_000],
  ] as const) {
    const clock = fakeClock();
    const stream = open("https://a.example/", {
      ...once,
      clock,
      transport: scriptedTransport([{ chunks: ["stall"] }]),
    });
    reading<unknown>(stream);
    await clock.advance(atMs - 1);
    expect(stream.state.name).toBe("open");
    await clock.advance(1);
    expect(await stream.outcome).toMatchObject({ code: "idle", error: { clock: "idleMs" } });
  }
});

test("idleMs runs from the headers where it does not run from the attempt", async () => {
  const script = [{ headersMs: 400, chunks: ["stall"] }] as const;
  expect((await ending(script, { endless: false, timeouts: { idleMs: 500 } }))[0]).toBe(900);
  expect((await ending([{ headersMs: 600, chunks: ["stall"] }], { timeouts: { idleMs: 500 } }))[0]).toBe(500);
});

test.each<[string, ScriptStep]>([
  ["an item", "a\n"],
  ["a comment", ":beat\n"],
  ["a part of an item", "a"],
])("idleMs begins anew with every byte: %s", async (_, byte) => {
  const chunks = [{ waitMs: 400 }, byte, { waitMs: 400 }, byte, "stall"] as const;
  expect((await ending([{ chunks }], { timeouts: { idleMs: 500 } }))[0]).toBe(1_300);
});

test("firstItemMs runs from each attempt to its first item, through headers and heartbeats", async () => {
  const silent = [{ headersMs: 300, chunks: [":beat\n", { waitMs: 100 }, ":beat\n", "stall"] }] as const;
  const message = `Cannot keep reading ${url}: no first item after 500 ms (firstItemMs)`;
  expect(await ending(silent, { timeouts: { firstItemMs: 500 } })).toMatchObject([
    500,
    { code: "idle", clock: "firstItemMs", message },
  ]);
});

test("firstItemMs is over with the first item", async () => {
  const [atMs, error] = await ending([{ chunks: ["a\n", "stall"] }], { timeouts: { firstItemMs: 500 } });
  expect([atMs, error.clock]).toEqual([300_000, "idleMs"]);
});

test("progressMs runs from the headers and from each item, and heartbeats do not reset it", async () => {
  const chunks = [{ waitMs: 400 }, "a\n", { waitMs: 300 }, ":beat\n\n", { waitMs: 100 }, ":beat\n", "stall"] as const;
  const message = `Cannot keep reading ${url}: no item for 500 ms (progressMs)`;
  expect(await ending([{ headersMs: 50, chunks }], { timeouts: { progressMs: 500 } })).toMatchObject([
    950,
    { code: "idle", clock: "progressMs", message },
  ]);
});

test("firstItemMs and progressMs are off by default, and 0 turns every clock off", async () => {
  const { stream, clock } = streamOf([{ chunks: ["stall"] }], { timeouts: { idleMs: 0, connectMs: 0, headersMs: 0 } });
  reading(stream);
  await clock.advance(1e9);
  expect([stream.state.name, clock.pending]).toEqual(["open", 0]);
  await stream.close();
});

test("totalMs runs from the first pull over all attempts and waits, and is final", async () => {
  const { stream, clock, transport } = streamOf(() => ({ chunks: [{ waitMs: 100 }] }), {
    timeouts: { totalMs: 1_000 },
  });
  await clock.advance(5_000);
  const seen = reading(stream);
  await clock.advance(999);
  expect([stream.state.name, transport.requests.length]).toEqual(["waiting", 5]);
  await clock.advance(1);
  expect(await stream.outcome).toMatchObject({ code: "deadline", error: { clock: "totalMs" } });
  expect(seen.end).toMatchObject({ thrown: { message: `Cannot finish ${url}: 1000 ms are over (totalMs)` } });
  expect([clock.pending, transport.open]).toEqual([0, 0]);
});

test.each<[string, number]>([
  ["opening", 30],
  ["waiting", 60],
  ["open", 160],
])("totalMs settles a pull in the state %s", async (state, atMs) => {
  const { stream, clock, transport } = streamOf(
    [
      { headersMs: 50, status: 503 },
      { headersMs: 1, chunks: ["stall"] },
    ],
    { timeouts: { totalMs: atMs } },
  );
  const seen = reading(stream);
  await clock.advance(atMs - 1);
  expect(stream.state.name).toBe(state);
  await clock.advance(1);
  expect(seen.end).toMatchObject({ thrown: { clock: "totalMs" } });
  expect([clock.pending, transport.open]).toEqual([0, 0]);
});

test("no clock but totalMs runs while the consumer is busy", async () => {
  const timeouts = { connectMs: 100, headersMs: 100, firstItemMs: 100, idleMs: 100, progressMs: 100 };
  const { stream, clock } = streamOf([{ chunks: ["a\n", { waitMs: 60 }, "b\n", "stall"] }], { ...once, timeouts });
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  await clock.advance(1_000_000);
  expect(stream.state.name).toBe("open");
  const second = items.next();
  await clock.advance(60);
  expect(await second).toMatchObject({ value: { text: "b" } });
});

test("a clock goes on where it stood when the consumer asks again", async () => {
  const { stream, clock } = streamOf([{ chunks: ["a\n", { waitMs: 60 }, "b\n", "stall"] }], {
    ...once,
    timeouts: { progressMs: 100 },
  });
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  await clock.advance(5_000);
  const second = settled(items.next(), clock);
  await clock.advance(60);
  expect(await second).toBe("pending");
  const third = items.next();
  third.catch(() => {});
  await clock.advance(99);
  expect(stream.state.name).toBe("open");
  await clock.advance(1);
  await expect(third).rejects.toMatchObject({ clock: "progressMs" });
});

test("totalMs that runs out while the consumer is busy lets the wire go, and is thrown at the next pull", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["a\n", "b\n"] }], { timeouts: { totalMs: 100 } });
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  await clock.advance(99);
  expect(stream.state.name).toBe("open");
  await clock.advance(1);
  expect([stream.state.name, transport.open]).toEqual(["closed", 0]);
  await expect(items.next()).rejects.toMatchObject({ clock: "totalMs" });
  expect([clock.pending, transport.open]).toEqual([0, 0]);
});

test("totalMs that ran out ends a batch that is not yet taken", async () => {
  const { stream, clock } = streamOf([{ chunks: ["a\nb\nc\n", "stall"] }], { timeouts: { totalMs: 100 } });
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  await clock.advance(1_000);
  await expect(items.next()).rejects.toMatchObject({ clock: "totalMs" });
  expect(await stream.outcome).toMatchObject({ code: "deadline", items: 1 });
});

test("no clock runs between open() and the first pull", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["a\n", "stall"] }], { ...once, timeouts: { idleMs: 100 } });
  await stream.open();
  await clock.advance(1_000_000);
  expect([stream.state.name, transport.pulled]).toEqual(["open", 0]);
  const seen = reading(stream);
  await clock.advance(99);
  expect([texts(seen.items), stream.state.name]).toEqual([["a"], "open"]);
  await clock.advance(1);
  expect(await stream.outcome).toMatchObject({ code: "idle" });
});

test("a stream has one timer for all its clocks", async () => {
  const timeouts = {
    connectMs: 1_000,
    headersMs: 2_000,
    firstItemMs: 3_000,
    idleMs: 4_000,
    progressMs: 5_000,
    totalMs: 6_000,
  };
  const { stream, clock } = streamOf([{ headersMs: 100, chunks: ["a\n", "stall"] }], { timeouts });
  const seen = reading(stream);
  await clock.advance(50);
  expect(clock.pending).toBe(1 + 1 /* the script's own */);
  await clock.advance(100);
  expect([texts(seen.items), clock.pending]).toEqual([["a"], 1]);
  await stream.close();
  expect(clock.pending).toBe(0);
});

test("connectMs is over with the headers at the latest, also where the transport does not tell of a connection", async () => {
  const silent = scriptedTransport([{ chunks: ["a\n", "stall"] }]);
  const { stream, clock } = streamOf([], { ...once, transport: (request, { signal }) => silent(request, { signal }) });
  reading(stream);
  await clock.advance(299_999);
  expect(stream.state.name).toBe("open");
  await stream.close();
});

test("the clocks of an attempt end with it: none runs through the wait into the next one", async () => {
  const { stream, clock, transport } = streamOf(
    [
      { chunks: ["1=a\n", { error: new StreamError("reset", "cut") }] },
      { headersMs: 200, chunks: [{ waitMs: 100 }, "2=b\n", "stall"] },
    ],
    { endless: false, timeouts: { progressMs: 500, idleMs: 500 }, reconnect: { floorMs: 450 } },
  );
  const seen = reading(stream);
  await clock.advance(800);
  expect([texts(seen.items), transport.requests.length, stream.state.name]).toEqual([["a", "b"], 2, "open"]);
  await stream.close();
});

test("a transport that is late with a word on an attempt that was given up does not stop the clock of the next", async () => {
  const clock = fakeClock();
  const calls: TransportCall[] = [];
  const transport: Transport = (_, call) => {
    calls.push(call);
    return new Promise((_resolve, reject) => call.signal.addEventListener("abort", () => reject(call.signal.reason)));
  };
  const timeouts = { connectMs: 100, headersMs: 10_000, idleMs: 10_000 };
  const stream = openStream("https://a.example/", ticks(), { clock, random: () => 0, transport, timeouts });
  reading(stream);
  await clock.advance(250);
  expect(calls.length).toBe(2);
  calls[0]?.on?.connected({ reused: false });
  await clock.advance(150);
  expect(calls.length).toBe(3);
  await stream.close();
});
