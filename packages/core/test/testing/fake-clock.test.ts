import pRetry from "p-retry";
import { expect, test } from "vitest";
import { fakeClock } from "../../src/testing/index.ts";

test("time stands still until it is told to move", async () => {
  const clock = fakeClock(1_000);
  expect([clock.now(), clock.date()]).toEqual([0, 1_000]);
  await clock.advance(250);
  expect([clock.now(), clock.date()]).toEqual([250, 1_250]);
});

test("timers fire in the order they fall due, each at its own time, and those due together in the order they were set", async () => {
  const clock = fakeClock();
  const fired: string[] = [];
  clock.timer(30, () => fired.push(`c ${clock.now()}`));
  clock.timer(10, () => fired.push(`a ${clock.now()}`));
  clock.timer(10, () => fired.push(`b ${clock.now()}`));
  clock.timer(31, () => fired.push("too late"));
  await clock.advance(30);
  expect(fired).toEqual(["a 10", "b 10", "c 30"]);
  expect(clock.pending).toBe(1);
});

test("a cancelled timer does not fire and is not pending", async () => {
  const clock = fakeClock();
  let fired = false;
  const cancel = clock.timer(10, () => {
    fired = true;
  });
  cancel();
  cancel();
  expect(clock.pending).toBe(0);
  await clock.advance(20);
  expect(fired).toBe(false);
});

test("a timer set by a promise job after another timer fires within the same advance", async () => {
  const clock = fakeClock();
  const wait = (ms: number) => new Promise<void>((resolve) => void clock.timer(ms, resolve));
  let at = 0;
  const work = (async () => {
    for (let i = 0; i < 5; i++) await wait(100);
    at = clock.now();
  })();
  await clock.advance(1_000);
  await work;
  expect(at).toBe(500);
});

test("the promise chains of p-retry settle between timers", async () => {
  const clock = fakeClock();
  const tries: number[] = [];
  const work = pRetry(
    async () => {
      await new Promise<void>((resolve) => void clock.timer(100, resolve));
      tries.push(clock.now());
      if (tries.length < 4) throw new Error("again");
    },
    { retries: 9, minTimeout: 0 },
  );
  await clock.advance(1_000);
  await work;
  expect(tries).toEqual([100, 200, 300, 400]);
});

test("a timer that sets itself again without a wait is told instead of hanging the test", async () => {
  const clock = fakeClock();
  const spin = (): void => void clock.timer(0, spin);
  spin();
  await expect(clock.advance(1)).rejects.toThrow("cannot move past 0 ms");
});
