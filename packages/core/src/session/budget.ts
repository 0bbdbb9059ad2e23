import type { Clock } from "../time/clock.ts";

/** How many attempts one client may make at one origin: a token bucket each, so that an outage is no stampede. */
export interface Budget {
  /** Takes one attempt, now or in the future; answers the milliseconds to wait before making it. */
  take(origin: string): number;
  /** Gives back an attempt that was taken and is not made. */
  giveBack(origin: string): void;
}

export interface BudgetOptions {
  /** Attempts per second and origin. Default 50. */
  readonly perSecond?: number | undefined;
  /** Attempts at once after a quiet time. Default 100. */
  readonly burst?: number | undefined;
}

/** @throws RangeError on a bad option */
export function createBudget(clock: Clock, { perSecond = 50, burst = 100 }: BudgetOptions = {}): Budget {
  if (!(perSecond > 0 && perSecond < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`budget.perSecond must be a number above 0, and finite, not ${String(perSecond)}`);
  }
  if (!(burst >= 0 && burst < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`budget.burst must be a number from 0 up, and finite, not ${String(burst)}`);
  }
  const everyMs = 1000 / perSecond;
  /** By origin, the time at which its bucket is full again. */
  const fullAt = new Map<string, number>();
  return {
    take(origin) {
      const now = clock.now();
      for (const [other, at] of fullAt) if (at <= now) fullAt.delete(other);
      const at = Math.max(now, fullAt.get(origin) ?? now) + everyMs;
      fullAt.set(origin, at);
      return Math.max(0, at - now - burst * everyMs);
    },
    giveBack(origin) {
      const at = fullAt.get(origin);
      if (at !== undefined) fullAt.set(origin, at - everyMs);
    },
  };
}
