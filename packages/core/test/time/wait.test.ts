import { expect, test } from "vitest";
import { fakeClock } from "../../src/testing/index.ts";
import { wait } from "../../src/time/wait.ts";

test("resolves when the time is over", async () => {
  const clock = fakeClock();
  let over = false;
  void wait(100, clock, new AbortController().signal).then(() => {
    over = true;
  });
  await clock.advance(99);
  expect(over).toBe(false);
  await clock.advance(1);
  expect(over).toBe(true);
});

test("an abort rejects with its reason as it is, and drops the timer", async () => {
  const clock = fakeClock();
  const controller = new AbortController();
  const waiting = wait(100, clock, controller.signal);
  controller.abort("enough");
  expect(clock.pending).toBe(0);
  await expect(waiting).rejects.toBe("enough");
});

test("a signal that is aborted already sets no timer", async () => {
  const clock = fakeClock();
  await expect(wait(100, clock, AbortSignal.abort("before"))).rejects.toBe("before");
  expect(clock.pending).toBe(0);
});
