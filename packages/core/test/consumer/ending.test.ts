import { describe, expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { HttpOpener } from "../../src/events/http-opener.ts";
import type { Batch } from "../../src/events/opener.ts";
import { openBytes, openStream } from "../../src/open.ts";
import { StreamRequest } from "../../src/request/stream-request.ts";
import { createBudget } from "../../src/session/budget.ts";
import {
  type FakeClock,
  fakeClock,
  type ScriptedAnswer,
  type ScriptedTransport,
  scriptedTransport,
} from "../../src/testing/index.ts";
import type { Transport } from "../../src/transport/transport.ts";
import type { StreamOptions } from "../../src/options.ts";
import type { CursorStore } from "../../src/session/cursor-store.ts";
import { memoryCursorStore } from "../../src/session/cursor-store.ts";
import type { EventStream } from "../../src/consumer/event-stream.ts";
import { shared } from "../../src/consumer/shared.ts";
import { left, nothingLeft, reading, streamOf, texts, ticks, type Tick } from "../session/stream-of.ts";

/** A signal that counts the listeners it has. */
function countedSignal(): { controller: AbortController; listeners: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (type: string, listener: EventListener, options?: AddEventListenerOptions) => {
    listeners.add(listener);
    add(type, listener, options);
  };
  signal.removeEventListener = (type: string, listener: EventListener) => {
    listeners.delete(listener);
    remove(type, listener);
  };
  return { controller, listeners: () => listeners.size };
}

interface Scene {
  readonly stream: EventStream<Tick>;
  readonly items: AsyncIterator<unknown, undefined>;
  readonly clock: FakeClock;
  readonly transport: ScriptedTransport;
  readonly pending: Promise<unknown>[];
  readonly controller: AbortController;
  readonly listeners: () => number;
}

const hangingStore: CursorStore = { load: () => new Promise(() => {}), save: () => {} };

const scenes: [
  state: string,
  answer: ScriptedAnswer,
  pulls: number,
  advanceMs: number,
  options?: StreamOptions<Tick>,
][] = [
  ["idle", {}, 0, 0],
  ["opening", { connectMs: 1_000 }, 1, 10],
  ["opening", { headersMs: 1_000 }, 3, 10],
  ["waiting", { status: 503 }, 1, 10],
  ["waiting for the budget", {}, 2, 10],
  ["open, with one pull pending", { chunks: ["stall"] }, 1, 10],
  ["open, with three pulls pending", { chunks: ["stall"] }, 3, 10],
  ["open, with a busy consumer", { chunks: ["1=a\n2=b\n", "stall"] }, 1, 10],
  ["idle, while the stored cursor is loaded", {}, 2, 10, { cursorStore: hangingStore }],
];

const modes: [mode: string, options: StreamOptions<Tick>, consume: (stream: EventStream<Tick>) => Scene["items"]][] = [
  ["item by item", {}, (stream) => stream[Symbol.asyncIterator]()],
  ["in batches", {}, (stream) => stream.batches()],
  ["out of a buffer", { policy: "dropOldest", capacity: 9 }, (stream) => stream[Symbol.asyncIterator]()],
  ["in batches out of a buffer", { policy: "error", capacity: 9 }, (stream) => stream.batches()],
  ["with a cursor store", { cursorStore: memoryCursorStore() }, (stream) => stream[Symbol.asyncIterator]()],
  ["with a cursor store and saveMs: 0", { cursorStore: memoryCursorStore(), saveMs: 0 }, (stream) => stream.batches()],
  [
    "out of a buffer with a cursor store",
    { cursorStore: memoryCursorStore(), saveMs: 0, policy: "dropNewest", capacity: 9 },
    (stream) => stream[Symbol.asyncIterator](),
  ],
  ["as one of two readers", {}, (stream) => twoReaders(stream, "pull")],
  ["as one of two readers with a buffer", {}, (stream) => twoReaders(stream, "dropOldest")],
];

/** The first of two readers; the second has left, so that its end is the stream's. */
function twoReaders(stream: EventStream<Tick>, policy: "pull" | "dropOldest"): Scene["items"] {
  const both = shared(stream, { capacity: 9, policy });
  const reader = both.read();
  void both.read().return();
  return reader;
}

async function scene(
  [state, answer, pulls, advanceMs, own]: (typeof scenes)[number],
  [, options, consume]: (typeof modes)[number],
): Promise<Scene> {
  const clock = fakeClock();
  const transport = scriptedTransport([answer], { clock });
  const { controller, listeners } = countedSignal();
  const budget = createBudget(clock, state.endsWith("budget") ? { perSecond: 0.1, burst: 0 } : {});
  const stream = openStream("https://a.example/ticks", ticks(), {
    clock,
    transport,
    random: () => 0.5,
    signal: controller.signal,
    budget,
    timeouts: { totalMs: 1e6, firstItemMs: 1e6, progressMs: 1e6 },
    ...options,
    ...own,
  });
  const items = consume(stream);
  const pending = Array.from({ length: pulls }, () => items.next());
  await clock.advance(advanceMs);
  expect(stream.state.name).toBe(state.split(/[, ]/)[0]);
  return {
    stream,
    items,
    clock,
    transport,
    pending: state.endsWith("busy consumer") ? [] : pending,
    controller,
    listeners,
  };
}

const done = { value: undefined, done: true } as const;
const cut = new StreamError("reset", "The wire was cut");

describe.each(scenes.flatMap((given) => modes.map((mode) => [given[0], mode[0], given, mode] as const)))(
  "%s, %s",
  (...[, , given, mode]) => {
    test.each<[string, (scene: Scene) => Promise<unknown> | undefined]>([
      ["return()", ({ items }) => items.return?.()],
      ["close()", ({ stream }) => stream.close()],
      ["await using", ({ stream }) => stream[Symbol.asyncDispose]()],
    ])("%s settles every pending next() with done at once, and leaves nothing", async (_, end) => {
      const made = await scene(given, mode);
      const { stream, clock, pending, listeners } = made;
      const ended = end(made);
      expect([stream.state.name, clock.pending, listeners()]).toEqual(["closed", 0, 0]);
      expect(await Promise.all(pending)).toEqual(pending.map(() => done));
      await ended;
      expect(await stream.outcome).toMatchObject({ code: "closed" });
      expect(await made.items.next()).toEqual(done);
      await clock.advance(1e7);
      expect([left(made), made.transport.requests.length <= 1]).toEqual([nothingLeft, true]);
    });

    test("an abort settles the first pending next() with its reason, the others with done, and leaves nothing", async () => {
      const made = await scene(given, mode);
      const { stream, items, clock, pending, controller, listeners } = made;
      const reason = { why: "enough" };
      controller.abort(reason);
      const results = await Promise.allSettled(
        pending.length > 0 || stream.state.name === "idle" ? pending : [items.next()],
      );
      expect(results.map(({ status }) => status)).toEqual(
        results.map((_, index) => (index === 0 ? "rejected" : "fulfilled")),
      );
      if (results[0]) expect((results[0] as PromiseRejectedResult).reason).toBe(reason);
      await items.next().catch(() => {});
      expect((await stream.outcome).error).toBe(reason);
      expect([left(made), listeners()]).toEqual([nothingLeft, 0]);
      await clock.advance(1e7);
      expect(left(made)).toEqual(nothingLeft);
    });
  },
);

test("an abort before the first pull sends nothing, and the first pull throws the reason", async () => {
  const { controller, listeners } = countedSignal();
  const { stream, clock, transport } = streamOf([], { signal: controller.signal });
  controller.abort("too late");
  await expect(stream[Symbol.asyncIterator]().next()).rejects.toBe("too late");
  expect(await stream.outcome).toMatchObject({ code: "aborted", attempts: 0, error: "too late" });
  expect([transport.requests.length, left({ clock, transport }), listeners()]).toEqual([0, nothingLeft, 0]);
});

test("an abort settles the outcome of a stream that was never pulled", async () => {
  const { controller, listeners } = countedSignal();
  const { stream } = streamOf([], { signal: controller.signal });
  const { outcome } = stream;
  controller.abort("enough");
  expect(await outcome).toMatchObject({ code: "aborted", attempts: 0, error: "enough" });
  expect([stream.state.name, listeners()]).toEqual(["closed", 0]);
});

test("an abort settles the outcome of a stream with a buffer that was never pulled", async () => {
  const { controller, listeners } = countedSignal();
  const { stream } = streamOf([], { signal: controller.signal, policy: "error", capacity: 1 });
  const { outcome } = stream;
  controller.abort("enough");
  expect(await outcome).toMatchObject({ code: "aborted", attempts: 0, error: "enough" });
  expect([stream.state.name, listeners()]).toEqual(["closed", 0]);
});

test("an abort drops what waits in a buffer", async () => {
  const { controller, listeners } = countedSignal();
  const { stream, clock } = streamOf([{ chunks: ["a\n", "b\n", "stall"] }], {
    signal: controller.signal,
    policy: "error",
    capacity: 9,
  });
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  await clock.advance(0);
  controller.abort("enough");
  expect(stream.state.name).toBe("closed");
  await expect(items.next()).rejects.toBe("enough");
  expect(await stream.outcome).toMatchObject({ code: "aborted", items: 1 });
  expect(listeners()).toBe(0);
});

test("a buffer whose items wait behind the end listens for an abort until they are taken, and no longer", async () => {
  for (const how of ["taken", "closed"] as const) {
    const { controller, listeners } = countedSignal();
    const { stream, clock } = streamOf([{ chunks: ["a\n", "b\n"] }], {
      signal: controller.signal,
      policy: "error",
      capacity: 9,
      reconnect: false,
    });
    const items = stream[Symbol.asyncIterator]();
    await items.next();
    await clock.advance(0);
    expect([how, listeners()]).toEqual([how, 1]);
    if (how === "taken") expect([(await items.next()).done, await items.next()]).toEqual([false, done]);
    else await stream.close();
    expect([how, listeners()]).toEqual([how, 0]);
  }
});

test.each<[string, unknown]>([
  ["a string", "enough"],
  ["a number", 0],
  ["null", null],
  ["false", false],
  ["an empty string", ""],
  ["an object", { code: 7 }],
  ["an Error", new RangeError("mine")],
  ["what cannot be made a string", Object.create(null)],
])("the abort reason is thrown as it is: %s", async (_, reason) => {
  const controller = new AbortController();
  const { stream, clock } = streamOf([{ chunks: ["a\n", "stall"] }], { signal: controller.signal });
  const seen = reading(stream);
  await clock.advance(0);
  controller.abort(reason);
  await clock.advance(0);
  expect(seen.end).toEqual({ thrown: reason });
  expect((seen.end as { thrown: unknown }).thrown).toBe(reason);
  const outcome = await stream.outcome;
  expect([outcome.code, outcome.error]).toEqual(["aborted", reason]);
});

test("an abort without a reason throws the signal's own AbortError", async () => {
  const controller = new AbortController();
  const { stream, clock } = streamOf([{ chunks: ["stall"] }], { signal: controller.signal });
  const seen = reading(stream);
  await clock.advance(0);
  controller.abort(undefined);
  await clock.advance(0);
  expect((seen.end as { thrown: unknown }).thrown).toBe(controller.signal.reason);
});

test("an abort drops what the consumer has not asked for yet", async () => {
  const controller = new AbortController();
  const { stream } = streamOf([{ chunks: ["a\nb\n", "stall"] }], { signal: controller.signal });
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  controller.abort("enough");
  await expect(items.next()).rejects.toBe("enough");
  expect(await items.next()).toEqual(done);
  expect(await stream.outcome).toMatchObject({ code: "aborted", items: 1 });
});

// A promise is handed on over many jobs between the wire and the loop; an end may come between any two of them.
const answers: [string, ScriptedAnswer][] = [
  ["an item", { chunks: ["a\n", "stall"] }],
  ["a refusal", { status: 404 }],
  ["a redirect", { status: 302, headers: { location: "/elsewhere" } }],
  ["an answer to be tried again", { status: 503 }],
];

async function afterJobs(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await null;
}

describe.each(answers)("an end in any moment before %s", (_, answer) => {
  test("an abort is never a normal end and leaves nothing", async () => {
    for (let jobs = 0; jobs < 80; jobs++) {
      const { controller, listeners } = countedSignal();
      const { stream, clock, transport } = streamOf((_, index) => (index === 0 ? answer : { chunks: ["stall"] }), {
        signal: controller.signal,
        reconnect: { retries: 1 },
      });
      const seen = reading(stream);
      await afterJobs(jobs);
      controller.abort("enough");
      await clock.advance(1e6);
      const { code } = await stream.outcome;
      if (code === "aborted") expect([jobs, seen.end]).toEqual([jobs, { thrown: "enough" }]);
      else expect([jobs, code]).toEqual([jobs, "refused"]);
      expect([jobs, left({ clock, transport }), listeners()]).toEqual([jobs, nothingLeft, 0]);
    }
  });

  test("a close leaves nothing", async () => {
    for (let jobs = 0; jobs < 80; jobs++) {
      const { stream, clock, transport } = streamOf((_, index) => (index === 0 ? answer : { chunks: ["stall"] }), {
        reconnect: { retries: 1 },
      });
      const seen = reading(stream);
      await afterJobs(jobs);
      await stream.close();
      expect([jobs, clock.pending]).toEqual([jobs, 0]);
      await clock.advance(1e6);
      expect([jobs, left({ clock, transport })]).toEqual([jobs, nothingLeft]);
      if ((await stream.outcome).code === "closed") expect([jobs, seen.end]).toEqual([jobs, "done"]);
    }
  });
});

test("an answer that comes after the stream was closed is let go", async () => {
  let answer: (response: Awaited<ReturnType<Transport>>) => void = () => {};
  const deaf: Transport = () => new Promise((resolve) => (answer = resolve));
  const clock = fakeClock();
  const stream = openBytes("https://a.example/", { transport: deaf, clock });
  const next = stream[Symbol.asyncIterator]().next();
  await clock.advance(0);
  await stream.close();
  expect(await next).toEqual(done);
  const late = scriptedTransport([{}]);
  answer(await late(new StreamRequest({ url: "https://a.example/" }), { signal: new AbortController().signal }));
  await clock.advance(0);
  expect(late.released).toBe(1);
});

test("an answer that comes after a clock gave the attempt up is let go, and the next attempt is read", async () => {
  const late = scriptedTransport([{ chunks: ["late\n"] }, { chunks: ["a\n", "stall"] }]);
  const answered: (() => void)[] = [];
  const slow: Transport = async (request, { on }) => {
    const response = await late(request, { signal: new AbortController().signal, on });
    if (late.requests.length === 1) await new Promise<void>((resolve) => answered.push(resolve));
    return response;
  };
  const { stream, clock } = streamOf([], { transport: slow, timeouts: { idleMs: 500 } });
  const seen = reading(stream);
  await clock.advance(700);
  expect([texts(seen.items), late.open]).toEqual([["a"], 2]);
  answered[0]?.();
  await clock.advance(0);
  expect([late.released, late.open]).toEqual([1, 1]);
  await stream.close();
});

/** A transport whose body does what it likes. */
function bodyOf(body: AsyncIterable<Uint8Array>): Transport {
  return async ({ url }, { on }) => {
    on?.sent();
    return { url, status: 200, headers: new Headers(), framing: "chunked", body, release: () => {} };
  };
}

function sourceOf(source: Partial<AsyncIterator<Uint8Array>>): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), ...source }) };
}

test("a source that never settles is not waited for", async () => {
  const clock = fakeClock();
  let returned = 0;
  const body = sourceOf({
    return: () => {
      returned++;
      return new Promise(() => {});
    },
  });
  const stream = openBytes("https://a.example/", { transport: bodyOf(body), clock });
  const items = stream[Symbol.asyncIterator]();
  const next = items.next();
  await clock.advance(0);
  expect(await items.return?.()).toEqual(done);
  expect(await next).toEqual(done);
  expect([returned, clock.pending]).toEqual([1, 0]);
});

test.each<[string, () => Promise<never>]>([
  ["rejects", () => Promise.reject(new Error("I will not"))],
  [
    "throws",
    () => {
      throw new Error("I will not");
    },
  ],
])("a source whose return() %s does not spoil the end", async (_, leave) => {
  const clock = fakeClock();
  const stream = openBytes("https://a.example/", { transport: bodyOf(sourceOf({ return: leave })), clock });
  const seen = reading(stream);
  await clock.advance(0);
  await stream.close();
  await clock.advance(0);
  expect([seen.end, (await stream.outcome).code]).toEqual(["done", "closed"]);
});

test("a source that goes on after its end is not heard", async () => {
  const clock = fakeClock();
  let push: (step: IteratorResult<Uint8Array>) => void = () => {};
  const body = sourceOf({ next: () => new Promise((resolve) => (push = resolve)) });
  const stream = openBytes("https://a.example/", { transport: bodyOf(body), clock });
  const seen = reading(stream);
  await clock.advance(0);
  await stream.close();
  push({ done: false, value: new Uint8Array([1]) });
  await clock.advance(0);
  expect([seen.items, seen.end, stream.stats.bytes]).toEqual([[], "done", 0]);
});

test("the response is released once, however the stream ends", async () => {
  const clock = fakeClock();
  for (const end of ["close", "error", "done"]) {
    let released = 0;
    const body = sourceOf({
      next: () =>
        end === "close" ? new Promise(() => {}) : end === "error" ? Promise.reject(cut) : Promise.resolve(done),
    });
    const transport: Transport = async (request, call) => ({
      ...(await bodyOf(body)(request, call)),
      release: () => void released++,
    });
    const stream = openBytes("https://a.example/", { transport, clock, reconnect: false });
    const seen = reading(stream);
    await clock.advance(0);
    await stream.close();
    await clock.advance(0);
    expect([released, seen.end === "reading"]).toEqual([1, false]);
  }
});

test("a generator as a body is told to finish, and its finally runs", async () => {
  const clock = fakeClock();
  let finished = false;
  async function* body() {
    try {
      yield new Uint8Array([1]);
      yield new Uint8Array([2]);
    } finally {
      finished = true;
    }
  }
  const stream = openBytes("https://a.example/", { transport: bodyOf(body()), clock });
  for await (const _ of stream) break;
  await clock.advance(0);
  expect(finished).toBe(true);
});

test("nexts that were asked for at once come in order", async () => {
  const { stream, clock } = streamOf([{ chunks: ["a\nb\n", "c\n", "stall"] }]);
  const items = stream[Symbol.asyncIterator]();
  const results = Promise.all([items.next(), items.next(), items.next()]);
  await clock.advance(0);
  expect((await results).map(({ value }) => value?.text)).toEqual(["a", "b", "c"]);
  await stream.close();
});

test("of nexts that were asked for at once the first behind the items throws, the others are done", async () => {
  const { stream } = streamOf([{ chunks: ["a\n"] }], { reconnect: false, until: "never" });
  const items = stream[Symbol.asyncIterator]();
  const results = await Promise.allSettled([items.next(), items.next(), items.next(), items.next()]);
  expect(results).toMatchObject([
    { value: { done: false } },
    { status: "rejected", reason: { code: "truncated" } },
    { value: done },
    { value: done },
  ]);
});

test("after it threw, the iterator is done", async () => {
  const { stream } = streamOf([{ status: 404 }]);
  const items = stream[Symbol.asyncIterator]();
  await expect(items.next()).rejects.toMatchObject({ code: "refused" });
  expect(await items.next()).toEqual(done);
});

test("a pull of a stream that was closed before starts nothing", async () => {
  const running = new Set<{ close(): void }>();
  const { stream, clock, transport } = streamOf([], { running, timeouts: { totalMs: 1_000 } });
  await stream.close();
  expect(await stream[Symbol.asyncIterator]().next()).toEqual(done);
  expect([transport.requests.length, clock.pending, running.size]).toEqual([0, 0, 0]);
});

test("close() again, and after the end, changes nothing", async () => {
  const { stream, clock } = streamOf([{ status: 204 }]);
  reading(stream);
  await clock.advance(0);
  await stream.close();
  await stream.close();
  expect(await stream.outcome).toMatchObject({ code: "complete" });
});

test("a stream is listed as running from its first pull to its end", async () => {
  const running = new Set<{ close(): void }>();
  const { stream } = streamOf([{ chunks: ["a\n", "stall"] }], { running });
  expect(running.size).toBe(0);
  await stream.open();
  expect(running.size).toBe(1);
  for (const each of running) each.close();
  expect([running.size, (await stream.outcome).code]).toEqual([0, "closed"]);
});

test("an attempt that is released answers its pending pull with the reason, whatever the source does", async () => {
  const opener = new HttpOpener(ticks(), bodyOf(sourceOf({})), () => new StreamRequest({ url: "https://a.example/" }));
  const on = { hidden() {}, connected() {}, sent() {} };
  const attempt = await opener.open({ signal: new AbortController().signal, cursor: undefined, on });
  const pulled = (): Promise<Batch<Tick>> => new Promise((resolve) => attempt.pull(resolve));
  const next = pulled();
  const over = new StreamError("idle", "over");
  attempt.release(over);
  attempt.release("again");
  expect((await next).error).toBe(over);
  expect((await pulled()).error).toBe(over);
});
