import { expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { createBudget } from "../../src/session/budget.ts";
import { fakeClock, type ScriptStep } from "../../src/testing/index.ts";
import { left, nothingLeft, reading, streamOf, texts } from "./stream-of.ts";

const cut = { error: new StreamError("reset", "the connection broke") };
const old = { timeouts: { maxAgeMs: 60_000 } } as const;

test("no connection grows old between open() and the first pull", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["7=a\n", "stall"] }, { chunks: ["8=b\n", "stall"] }], old);
  await stream.open();
  await clock.advance(500_000);
  const seen = reading(stream);
  await clock.advance(59_999);
  expect([texts(seen.items), transport.requests.length]).toEqual([["a"], 1]);
  await clock.advance(1);
  expect([texts(seen.items), transport.requests.length]).toEqual([["a", "b"], 2]);
  await stream.close();
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test.each<[string, readonly ScriptStep[], readonly string[], string]>([
  ["an item", ["8=b\n", "stall"], ["a", "b", "c"], "8"],
  ["a clean end", [], ["a", "c"], "7"],
  ["a cut", [cut], ["a", "c"], "7"],
])("an age that comes in one moment with %s loses nothing and opens one connection", async (_, last, items, cursor) => {
  const { stream, clock, transport } = streamOf(
    [{ chunks: ["7=a\n", { waitMs: 60_000 }, ...last] }, { chunks: ["9=c\n", "stall"] }],
    old,
  );
  const seen = reading(stream);
  await clock.advance(61_000);
  expect(texts(seen.items)).toEqual(items);
  expect(transport.requests.map(({ headers }) => headers["last-id"])).toEqual([undefined, cursor]);
  await stream.close();
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("a connection that is changed for its age waits for the budget of its origin, which no retryNow() ends", async () => {
  const clock = fakeClock();
  const budget = createBudget(clock, { perSecond: 0.01, burst: 1 });
  const script = [{ chunks: ["7=a\n", "stall"] }, { chunks: ["8=b\n", "stall"] }] as const;
  const { stream, transport } = streamOf(script, { ...old, clock, budget });
  const seen = reading(stream);
  await clock.advance(60_000);
  expect(stream.state).toMatchObject({ name: "waiting", cause: "budget", waitMs: 40_000 });
  expect([stream.retryNow(), transport.open]).toEqual([false, 0]);
  await clock.advance(40_000);
  expect([texts(seen.items), stream.state.tally.retries]).toEqual([["a", "b"], 0]);
  await stream.close();
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("a new connection that is refused is retried by the rules, and the policy may give up", async () => {
  const { stream, clock, transport } = streamOf(
    (_, index) => (index === 0 ? { chunks: ["7=a\n", "stall"] } : { status: 503 }),
    { ...old, reconnect: { retries: 1 } },
  );
  const seen = reading(stream);
  await clock.advance(120_000);
  expect([seen.end, transport.requests.length]).toMatchObject([{ thrown: { code: "exhausted" } }, 3]);
  expect(left({ clock, transport })).toEqual(nothingLeft);
});
