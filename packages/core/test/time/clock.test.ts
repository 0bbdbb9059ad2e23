import { afterEach, expect, test, vi } from "vitest";
import { systemClock } from "../../src/time/clock.ts";

const longestMs = 2 ** 31 - 1;

afterEach(() => void vi.unstubAllGlobals());

/** Timers of the runtime that fire when told to. */
function runtimeTimers() {
  const set: { ms: number; fire: () => void; cleared: boolean }[] = [];
  vi.stubGlobal("setTimeout", (fire: () => void, ms: number) => set.push({ ms, fire, cleared: false }) - 1);
  vi.stubGlobal("clearTimeout", (handle: number) => {
    const timer = set[handle];
    if (timer) timer.cleared = true;
  });
  return set;
}

test("a timer above 2^31-1 ms is made of several and fires once, when all are over", () => {
  const timers = runtimeTimers();
  const fired = vi.fn();
  systemClock.timer(2 * longestMs + 5, fired);
  for (let i = 0; i < 3; i++) {
    expect(fired).not.toHaveBeenCalled();
    timers[i]?.fire();
  }
  expect(fired).toHaveBeenCalledTimes(1);
  expect(timers.map(({ ms }) => ms)).toEqual([longestMs, longestMs, 5]);
});

test("a timer of 2^31-1 ms is one of the runtime's", () => {
  const timers = runtimeTimers();
  const fired = vi.fn();
  systemClock.timer(longestMs, fired);
  timers[0]?.fire();
  expect([timers.length, fired.mock.calls.length]).toEqual([1, 1]);
});

test("cancelling reaches the timer that runs now", () => {
  const timers = runtimeTimers();
  const cancel = systemClock.timer(longestMs + 5, () => {});
  timers[0]?.fire();
  cancel();
  expect(timers.map(({ cleared }) => cleared)).toEqual([false, true]);
});

test("a timer keeps the process alive: it is not unref'd", () => {
  const spied = vi.spyOn(globalThis, "setTimeout");
  const cancel = systemClock.timer(1e6, () => {});
  expect(spied.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([true]);
  cancel();
  spied.mockRestore();
});

test("now() never goes back, and date() is the date", () => {
  const before = systemClock.now();
  expect(systemClock.now()).toBeGreaterThanOrEqual(before);
  vi.useFakeTimers({ toFake: ["Date"], now: 1_234 });
  expect(systemClock.date()).toBe(1_234);
  vi.useRealTimers();
});
