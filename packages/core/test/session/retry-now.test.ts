import { expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { openStream } from "../../src/open.ts";
import { createBudget } from "../../src/session/budget.ts";
import { fakeClock, scriptedTransport } from "../../src/testing/index.ts";
import { left, nothingLeft, reading, streamOf, texts, ticks } from "./stream-of.ts";

const cut = { error: new StreamError("reset", "the connection broke") };
const down = { status: 503, headers: { "retry-after": "600" } };

test("retryNow() ends the wait, also one that the server asked for; the retry counts as the one that was waited for", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["1=a\n", cut] }, down, { chunks: ["2=b\n", "stall"] }]);
  const seen = reading(stream);
  await clock.advance(1_000);
  expect(stream.state).toMatchObject({ name: "waiting", waitMs: 600_000 });
  expect(stream.retryNow()).toBe(true);
  await clock.advance(0);
  expect([texts(seen.items), transport.requests.length, clock.now()]).toEqual([["a", "b"], 3, 1_000]);
  await stream.close();
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("retryNow() is nothing, and says so, in every other state", async () => {
  const { stream, clock } = streamOf([{ headersMs: 50, chunks: ["1=a\n", "stall"] }]);
  expect([stream.state.name, stream.retryNow()]).toEqual(["idle", false]);
  reading(stream);
  await clock.advance(0);
  expect([stream.state.name, stream.retryNow()]).toEqual(["opening", false]);
  await clock.advance(50);
  expect([stream.state.name, stream.retryNow()]).toEqual(["open", false]);
  await stream.close();
  expect([stream.state.name, stream.retryNow()]).toEqual(["closed", false]);
});

test("a reader of notices may answer a wait with retryNow(), as soon as it is told of it", async () => {
  const { stream, clock, transport } = streamOf([down, down, { chunks: ["1=a\n", "stall"] }]);
  void (async () => {
    for await (const notice of stream.notices()) if (notice.type === "waiting") expect(stream.retryNow()).toBe(true);
  })();
  const seen = reading(stream);
  await clock.advance(0);
  expect([texts(seen.items), transport.requests.length, clock.now()]).toEqual([["a"], 3, 0]);
  await stream.close();
});

test("retryNow() twice is one retry", async () => {
  const { stream, clock, transport } = streamOf([cut, { headersMs: 10, chunks: ["stall"] }]);
  reading(stream);
  await clock.advance(0);
  expect([stream.retryNow(), stream.retryNow()]).toEqual([true, false]);
  await clock.advance(5);
  expect([transport.requests.length, stream.state.name]).toEqual([2, "opening"]);
  await stream.close();
});

test("the budget of the origin is waited for all the same", async () => {
  const clock = fakeClock();
  const transport = scriptedTransport([cut, { chunks: ["stall"] }], { clock });
  const budget = createBudget(clock, { perSecond: 1, burst: 0 });
  const stream = openStream("https://a.example/", ticks(), { clock, transport, budget, random: () => 0 });
  reading(stream);
  await clock.advance(1_000);
  expect([stream.state.name, transport.requests.length]).toEqual(["waiting", 1]);
  stream.retryNow();
  await clock.advance(999);
  expect([stream.state, stream.retryNow(), transport.requests.length]).toMatchObject([{ cause: "budget" }, false, 1]);
  await clock.advance(1);
  expect(transport.requests.length).toBe(2);
  await stream.close();
});

test("a transport that wakes up makes a waiting stream try now, and hears nothing of one that does not wait", async () => {
  const clock = fakeClock();
  const listeners = new Set<() => void>();
  const scripted = scriptedTransport([down, { chunks: ["1=a\n", "stall"] }], { clock });
  const transport = Object.assign(scripted.bind(null) as typeof scripted, {
    onWake(listener: () => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  });
  const stream = openStream("https://a.example/", ticks(), { clock, transport, random: () => 0 });
  const seen = reading(stream);
  expect(listeners.size).toBe(0);
  await clock.advance(0);
  expect([stream.state.name, listeners.size]).toEqual(["waiting", 1]);
  for (const wake of listeners) wake();
  await clock.advance(0);
  expect([texts(seen.items), listeners.size]).toEqual([["a"], 0]);
  await stream.close();
});

test("a stream that is closed while it waits hears its transport no more", async () => {
  const clock = fakeClock();
  const listeners = new Set<() => void>();
  const transport = Object.assign(scriptedTransport([down], { clock }).bind(null), {
    onWake(listener: () => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  });
  const stream = openStream("https://a.example/", ticks(), { clock, transport });
  reading(stream);
  await clock.advance(0);
  await stream.close();
  await clock.advance(0);
  expect([listeners.size, clock.pending]).toEqual([0, 0]);
});
