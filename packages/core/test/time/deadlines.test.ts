import { expect, test } from "vitest";
import type { ClockName } from "../../src/errors.ts";
import { fakeClock } from "../../src/testing/index.ts";
import type { Clock } from "../../src/time/clock.ts";
import { Deadlines } from "../../src/time/deadlines.ts";

/** Deadlines, what ran out and when, and how many timers were set for it. */
function rig() {
  const clock = fakeClock();
  const expired: [ClockName, atMs: number][] = [];
  let set = 0;
  const counted: Clock = {
    ...clock,
    timer: (ms, callback) => {
      set++;
      return clock.timer(ms, callback);
    },
  };
  const deadlines = new Deadlines(counted, { ranOut: (name) => void expired.push([name, clock.now()]) });
  return { clock, deadlines, expired, timersSet: () => set };
}

test("a clock runs out after its time, once", async () => {
  const { clock, deadlines, expired } = rig();
  deadlines.start("idleMs", 100);
  await clock.advance(99);
  expect(expired).toEqual([]);
  await clock.advance(10_000);
  expect(expired).toEqual([["idleMs", 100]]);
  expect(clock.pending).toBe(0);
});

test("0 waits for ever, and takes back what was started", async () => {
  const { clock, deadlines, expired } = rig();
  deadlines.start("idleMs", 100);
  deadlines.start("idleMs", 0);
  await clock.advance(1e12);
  expect([expired, clock.pending]).toEqual([[], 0]);
});

test("several clocks share one timer and run out each in its time", async () => {
  const { clock, deadlines, expired } = rig();
  deadlines.start("totalMs", 300);
  deadlines.start("idleMs", 100);
  deadlines.start("progressMs", 200);
  expect(clock.pending).toBe(1);
  await clock.advance(1_000);
  expect(expired).toEqual([
    ["idleMs", 100],
    ["progressMs", 200],
    ["totalMs", 300],
  ]);
});

test("clocks that run out together do so in one moment", async () => {
  const { clock, deadlines, expired } = rig();
  for (const name of ["totalMs", "idleMs", "connectMs"] as const) deadlines.start(name, 100);
  await clock.advance(100);
  expect(expired.map(([name, atMs]) => `${name} ${atMs}`)).toEqual(["connectMs 100", "idleMs 100", "totalMs 100"]);
});

test("moving a clock on touches no timer: a byte costs a store", async () => {
  const { clock, deadlines, expired, timersSet } = rig();
  deadlines.start("idleMs", 100);
  for (let byte = 0; byte < 99; byte++) {
    await clock.advance(1);
    deadlines.start("idleMs", 100);
  }
  expect(timersSet()).toBe(1);
  await clock.advance(99);
  expect([expired, timersSet()]).toEqual([[], 2]);
  await clock.advance(1);
  expect(expired).toEqual([["idleMs", 199]]);
});

test("a clock that is stopped does not run out", async () => {
  const { clock, deadlines, expired } = rig();
  deadlines.start("connectMs", 100);
  deadlines.stop("connectMs");
  await clock.advance(1_000);
  expect([expired, clock.pending]).toEqual([[], 0]);
});

test("the end of an attempt stops every clock but totalMs", async () => {
  const { clock, deadlines, expired } = rig();
  for (const name of ["connectMs", "headersMs", "firstItemMs", "idleMs", "progressMs", "totalMs"] as const)
    deadlines.start(name, 100);
  deadlines.stopAttempt();
  await clock.advance(1_000);
  expect(expired).toEqual([["totalMs", 100]]);
});

test("time stands still while it is held, for all but totalMs", async () => {
  const { clock, deadlines, expired } = rig();
  deadlines.start("idleMs", 100);
  deadlines.start("totalMs", 500);
  await clock.advance(60);
  deadlines.hold();
  deadlines.hold();
  await clock.advance(1_000);
  expect(expired).toEqual([["totalMs", 500]]);
  deadlines.resume();
  await clock.advance(39);
  expect(expired.length).toBe(1);
  await clock.advance(1);
  expect(expired[1]).toEqual(["idleMs", 1_100]);
});

test("going on that was never held changes nothing", async () => {
  const { clock, deadlines, expired } = rig();
  deadlines.start("idleMs", 100);
  await clock.advance(50);
  deadlines.resume();
  await clock.advance(50);
  expect(expired).toEqual([["idleMs", 100]]);
});

test("a short hold arms no second timer", async () => {
  const { clock, deadlines, expired, timersSet } = rig();
  deadlines.start("idleMs", 100);
  for (let i = 0; i < 9; i++) {
    deadlines.hold();
    await clock.advance(10);
    deadlines.resume();
  }
  expect(timersSet()).toBe(1);
  await clock.advance(99);
  expect(expired).toEqual([]);
  await clock.advance(1);
  expect(expired).toEqual([["idleMs", 190]]);
});

test("closed, it has no timer and nothing runs out", async () => {
  const { clock, deadlines, expired } = rig();
  deadlines.start("idleMs", 100);
  deadlines.close();
  expect(clock.pending).toBe(0);
  deadlines.resume();
  await clock.advance(1_000);
  expect(expired).toEqual([]);
});

test("it may be closed out of what ran out", async () => {
  const clock = fakeClock();
  const deadlines: Deadlines = new Deadlines(clock, { ranOut: () => deadlines.close() });
  deadlines.start("idleMs", 100);
  deadlines.start("totalMs", 200);
  await clock.advance(100);
  expect(clock.pending).toBe(0);
});
