import { expect, test } from "vitest";
import { createBudget } from "../../src/session/budget.ts";
import { fakeClock } from "../../src/testing/index.ts";
import { reading, streamOf } from "./stream-of.ts";

const many = (count: number, take: () => number) => Array.from({ length: count }, take);

test("a hundred attempts at once are free, then there are fifty a second", () => {
  const budget = createBudget(fakeClock());
  const waits = many(150, () => budget.take("https://a.example"));
  expect(waits.slice(0, 100).every((ms) => ms === 0)).toBe(true);
  expect(waits.slice(100)).toEqual(many(50, () => 0).map((_, i) => (i + 1) * 20));
});

test("each origin has its own", () => {
  const budget = createBudget(fakeClock(), { perSecond: 1, burst: 1 });
  expect(["a", "a", "b"].map((host) => budget.take(host))).toEqual([0, 1_000, 0]);
});

test("time fills it again, up to the burst", async () => {
  const clock = fakeClock();
  const budget = createBudget(clock, { perSecond: 10, burst: 2 });
  many(4, () => budget.take("a"));
  await clock.advance(60_000);
  expect(many(4, () => budget.take("a"))).toEqual([0, 0, 100, 200]);
});

test("an attempt that is given back is there for the next", () => {
  const budget = createBudget(fakeClock(), { perSecond: 1, burst: 1 });
  expect([budget.take("a"), budget.take("a")]).toEqual([0, 1_000]);
  budget.giveBack("a");
  budget.giveBack("b");
  expect([budget.take("a"), budget.take("b")]).toEqual([1_000, 0]);
});

test("a stream that is closed while it waits for the budget gives its attempt back", async () => {
  const clock = fakeClock();
  const budget = createBudget(clock, { perSecond: 1, burst: 1 });
  const first = streamOf([{ chunks: ["stall"] }], { clock, budget });
  reading(first.stream);
  await clock.advance(0);
  for (let i = 0; i < 10; i++) {
    const { stream } = streamOf([], { clock, budget });
    reading(stream);
    await clock.advance(0);
    expect(stream.state).toMatchObject({ name: "waiting", cause: "budget", waitMs: 1_000 });
    await stream.close();
    await clock.advance(0);
  }
  await first.stream.close();
});

test.each([
  [{ perSecond: 0 }, "budget.perSecond must be a number above 0, and finite, not 0"],
  [{ perSecond: Number.NaN }, "budget.perSecond must be a number above 0, and finite, not NaN"],
  [{ burst: -1 }, "budget.burst must be a number from 0 up, and finite, not -1"],
  [{ burst: Number.POSITIVE_INFINITY }, "budget.burst must be a number from 0 up, and finite, not Infinity"],
])("a bad budget is a RangeError that prints it: %o", (options, message) => {
  expect(() => createBudget(fakeClock(), options)).toThrow(new RangeError(message));
});
