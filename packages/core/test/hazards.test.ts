// What clients in the field get wrong about aborts, iterators and retries, by name.

import { expect, test, vi } from "vitest";
import { StreamError } from "../src/errors.ts";
import { openLines } from "../src/open.ts";
import { type ScriptedAnswer, scriptedTransport } from "../src/testing/index.ts";
import { left, nothingLeft, reading, streamOf, texts } from "./session/stream-of.ts";

const cut = { error: new StreamError("reset", "The wire was cut") } as const;
const hour = 3_600_000;

test("no idle clock: a quiet stream does not hang for ever, and heartbeats keep it", async () => {
  const beats = Array.from({ length: 10 }, () => [{ waitMs: 299_999 }, ":beat\n"]).flat();
  const { stream, clock } = streamOf([{ chunks: [...beats, "stall"] }], { reconnect: false });
  const seen = reading(stream);
  await clock.advance(10 * 299_999 + 299_999);
  expect(stream.state.name).toBe("open");
  await clock.advance(1);
  expect(seen.end).toMatchObject({ thrown: { code: "idle", clock: "idleMs" } });
});

test("truncation looks like completion: a body without its end is never complete", async () => {
  const ends: [ScriptedAnswer, object][] = [
    [{ chunks: ["a\n", { error: new StreamError("truncated", "short") }] }, {}],
    [{ chunks: ["a\nb"], framing: "close" }, {}],
    [{ chunks: ["a\n"] }, { until: "[DONE]" }],
    [{ chunks: ["a\n"], framing: "close" }, { until: "[DONE]" }],
  ];
  for (const [answer, options] of ends) {
    const { stream, clock } = streamOf([answer], { endless: false, reconnect: false, ...options });
    const seen = reading(stream);
    await clock.advance(0);
    expect([texts(seen.items), seen.end]).toMatchObject([["a"], { thrown: { code: "truncated" } }]);
  }
});

test("counter reset on open: a server that opens and closes is not hammered", async () => {
  const { stream, clock, transport } = streamOf(() => ({}), { random: () => 0.5 });
  reading(stream);
  await clock.advance(hour);
  expect(transport.requests.length).toBeLessThan(hour / 15_000 + 20);
  await stream.close();
});

test("retry: 0 is no thousand requests in 1.5 s", async () => {
  const { stream, clock, transport } = streamOf(() => ({ chunks: ["~0\n", "1=a\n"] }));
  reading(stream);
  await clock.advance(1_500);
  expect(transport.requests.length).toBeLessThanOrEqual(16);
  await stream.close();
});

test("unref'd reconnect timers: the timer of a stream that waits keeps the process alive", async () => {
  const spied = vi.spyOn(globalThis, "setTimeout");
  const stream = openLines("https://a.example/", {
    transport: scriptedTransport([{ status: 503 }]),
    reconnect: { floorMs: 1e6 },
  });
  const next = stream[Symbol.asyncIterator]().next();
  for (let jobs = 0; jobs < 500; jobs++) await null;
  expect(stream.state.name).toBe("waiting");
  const waits = spied.mock.results.filter((_, index) => (spied.mock.calls[index]?.[1] ?? 0) >= 1e6);
  expect(waits.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([true]);
  spied.mockRestore();
  await stream.close();
  await next;
});

test.each([500, 401, 302])("a page of status %d is no stream, whatever its type says", async (status) => {
  const page = { status, headers: { "content-type": "text/tick" }, chunks: ["1=not an event\n"] };
  const { stream, clock } = streamOf([page], { reconnect: false });
  const seen = reading(stream);
  await clock.advance(0);
  expect([seen.items, seen.end]).toMatchObject([
    [],
    { thrown: { code: "refused", status, excerpt: "1=not an event\n" } },
  ]);
});

test("a page of status 200 and another type is no stream", async () => {
  const { stream, clock } = streamOf([{ headers: { "content-type": "text/html" }, chunks: ["<html>\n"] }]);
  const seen = reading(stream);
  await clock.advance(0);
  expect([seen.items, seen.end]).toMatchObject([[], { thrown: { code: "refused", excerpt: "<html>\n" } }]);
});

test("re-POST after a cut: it is not sent again", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["1=a\n", cut] }, {}], { method: "POST", body: "{}" });
  reading(stream);
  await clock.advance(hour);
  expect([transport.requests.length, (await stream.outcome).code]).toEqual([1, "reset"]);
});

test("cursor lost when a resumed stream drops before a new id", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["7=a\n", cut] }, {}, cut, { status: 204 }]);
  reading(stream);
  await clock.advance(hour);
  expect(transport.requests.map(({ headers }) => headers["last-id"])).toEqual([undefined, "7", "7", "7"]);
});

test("unbounded iterator queues: one item taken, one chunk read", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: Array.from({ length: 10_000 }, () => "a\n") }]);
  await stream[Symbol.asyncIterator]().next();
  await clock.advance(hour);
  expect(transport.pulled).toBe(1);
  await stream.close();
});

test("abort that looks like a normal end, or is a different error every time: it is thrown as it is, in every state", async () => {
  const answers: ScriptedAnswer[] = [
    { connectMs: hour },
    { headersMs: hour },
    { chunks: ["stall"] },
    { status: 503 },
    { chunks: ["a", "stall"] },
  ];
  for (const answer of answers) {
    const reason = Symbol("mine");
    const controller = new AbortController();
    const { stream, clock } = streamOf([answer], { signal: controller.signal });
    const seen = reading(stream);
    await clock.advance(50);
    controller.abort(reason);
    await clock.advance(0);
    expect(seen.end).toEqual({ thrown: reason });
    expect((await stream.outcome).code).toBe("aborted");
  }
});

test("break that throws: leaving the loop never does, not under a broken wire either", async () => {
  for (const chunks of [["a\n", "stall"], ["a\n", cut], ["a\n"]] as const) {
    const { stream } = streamOf([{ chunks }]);
    for await (const _ of stream) break;
    expect((await stream.outcome).code).toBe("closed");
  }
});

test("a second pending next() that never settles after close()", async () => {
  const { stream, clock } = streamOf([{ chunks: ["stall"] }]);
  const items = stream[Symbol.asyncIterator]();
  const pending = [items.next(), items.next(), items.next()];
  await clock.advance(0);
  await stream.close();
  expect(await Promise.all(pending)).toEqual(pending.map(() => ({ value: undefined, done: true })));
});

test("listeners left on a long-lived signal: a stream has one, through all its attempts, and takes it away", async () => {
  const { signal } = new AbortController();
  const add = vi.spyOn(signal, "addEventListener");
  const remove = vi.spyOn(signal, "removeEventListener");
  for (let i = 0; i < 20; i++) {
    const { stream, clock } = streamOf(
      (_, index) => (index < 20 ? { chunks: [`${index}=a\n`, cut] } : { status: 204 }),
      { signal },
    );
    void stream.outcome;
    reading(stream);
    await clock.advance(hour);
    expect(await stream.outcome).toMatchObject({ code: "complete", attempts: 21 });
  }
  expect([add.mock.calls.length, remove.mock.calls.length]).toEqual([20, 20]);
});

test("unhandled rejections: none, whatever is dropped", async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  try {
    const answers: ScriptedAnswer[] = [
      cut,
      { status: 404 },
      { chunks: ["a\n", cut] },
      { chunks: ["stall"] },
      { headersMs: hour },
      { error: "odd" },
    ];
    for (const answer of answers) {
      for (const end of ["close", "abort", "nothing"]) {
        const controller = new AbortController();
        const { stream, clock, transport } = streamOf(() => answer, {
          signal: controller.signal,
          reconnect: { retries: 1 },
        });
        const items = stream[Symbol.asyncIterator]();
        void items.next();
        void items.next();
        void stream.notices().next();
        void stream.outcome;
        await clock.advance(10);
        if (end === "close") void stream.close();
        if (end === "abort") controller.abort("enough");
        await clock.advance(2 * hour);
        await stream.close();
        await clock.advance(0);
        expect(left({ clock, transport })).toEqual(nothingLeft);
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  } finally {
    process.off("unhandledRejection", note);
  }
});

test("credentials sent on to another origin after a redirect", async () => {
  const away = { status: 302, headers: { location: "https://b.example/" } };
  const { stream, clock, transport } = streamOf([away, { status: 204 }], {
    auth: () => "Bearer t",
    headers: { cookie: "id=1" },
  });
  reading(stream);
  await clock.advance(0);
  expect(transport.requests.map(({ headers }) => [headers.authorization, headers.cookie])).toEqual([
    ["Bearer t", "id=1"],
    [undefined, undefined],
  ]);
});
