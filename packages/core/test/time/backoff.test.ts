import { expect, test } from "vitest";
import { backoff } from "../../src/time/backoff.ts";

const policy = { floorMs: 100, firstMs: 500, maxMs: 30_000 };

test.each([
  [1, 0, 100],
  [1, 0.5, 350],
  [2, 0.5, 600],
  [3, 0.5, 1_100],
  [6, 0.5, 8_100],
  [7, 0.5, 15_100],
  [8, 0.5, 15_100],
  [5_000, 0.5, 15_100],
])("retry %d with dice of %d waits %d ms", (retry, dice, ms) => {
  expect(backoff(retry, policy, 0, () => dice)).toBe(ms);
});

test("the server raises the floor and cannot lower it; jitter comes on top", () => {
  expect(backoff(1, policy, 2_000, () => 0.5)).toBe(2_250);
  expect(backoff(1, policy, 50, () => 0.5)).toBe(350);
});

test("without jitter every wait is the floor, however many retries there were", () => {
  for (const retry of [1, 1_024, 1_025, 1e9]) expect(backoff(retry, { ...policy, firstMs: 0 }, 0, () => 0.5)).toBe(100);
});
