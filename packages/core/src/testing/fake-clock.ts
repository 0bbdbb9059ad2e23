import type { Clock } from "../time/clock.ts";

/** A {@link Clock} that stands still until it is told to move. It has no timer of the runtime behind it. */
export interface FakeClock extends Clock {
  /** Timers that were set and have neither fired nor been cancelled: 0 when nothing leaks. */
  readonly pending: number;
  /**
   * Moves on by `ms`: fires what falls due in that time, in order, and lets all promise jobs settle before, between and after.
   * `advance(0)` only lets them settle.
   *
   * @throws what a timer's callback throws; RangeError when timers keep falling due and the time cannot move.
   */
  advance(ms: number): Promise<void>;
}

/**
 * A clock for tests. `now()` starts at 0, `date()` at `startDateMs` (default: the first of January 2026, UTC).
 *
 * @example
 * ```ts
 * import { fakeClock } from "@longwire/core/testing";
 *
 * const clock = fakeClock();
 * clock.timer(500, () => console.log("half a second")); // printed within `advance`
 * await clock.advance(1_000);
 * console.log(clock.now(), clock.pending); // 1000 0
 * ```
 */
export function fakeClock(startDateMs: number = Date.UTC(2026, 0, 1)): FakeClock {
  const timers = new Set<Timer>();
  let now = 0;
  return {
    now: () => now,
    date: () => startDateMs + now,
    timer(ms, callback) {
      const timer = { dueMs: now + Math.max(0, ms), callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    get pending() {
      return timers.size;
    },
    async advance(ms) {
      const end = now + ms;
      await settled();
      let firedAtOneMoment = 0;
      for (let timer = next(timers, end); timer; timer = next(timers, end)) {
        firedAtOneMoment = timer.dueMs > now ? 0 : firedAtOneMoment + 1;
        if (firedAtOneMoment > mostAtOneMoment) {
          throw new RangeError(
            `The fake clock cannot move past ${now} ms: more than ${mostAtOneMoment} timers fell due there`,
          );
        }
        now = timer.dueMs;
        timers.delete(timer);
        timer.callback();
        await settled();
      }
      now = end;
    },
  };
}

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

// A set keeps its order, so of timers that are due together the first one set comes first.
function next(timers: Iterable<Timer>, end: number): Timer | undefined {
  let first: Timer | undefined;
  for (const timer of timers) if (timer.dueMs <= end && (!first || timer.dueMs < first.dueMs)) first = timer;
  return first;
}

// Whether promise jobs are left cannot be asked. A retry through p-retry takes about 20 turns; this is many times that.
async function settled(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await null;
}

// A loop of empty waits would starve the test runner's own time limit; it is told instead.
const mostAtOneMoment = 10_000;
