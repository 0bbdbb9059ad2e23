import { expect, test } from "vitest";
import { createBudget } from "../../src/session/budget.ts";
import { fakeClock } from "../../src/testing/index.ts";

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

test.each([
  [{ perSecond: 0 }, "budget.perSecond must be a number above 0, and finite, not 0"],
  [{ perSecond: Number.NaN }, "budget.perSecond must be a number above 0, and finite, not NaN"],
  [{ burst: -1 }, "budget.burst must be a number from 0 up, and finite, not -1"],
  [{ burst: Number.POSITIVE_INFINITY }, "budget.burst must be a number from 0 up, and finite, not Infinity"],
])("a bad budget is a RangeError that prints it: %o", (options, message) => {
  expect(() => createBudget(fakeClock(), options)).toThrow(new RangeError(message));
});
