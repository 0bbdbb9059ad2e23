/** Time, as an argument. All waiting and all reading of the time goes through one of these. */
export interface Clock {
  /** Monotonic milliseconds, for durations. */
  now(): number;
  /** Milliseconds since 1970, for dates that a server sends. */
  date(): number;
  /** Calls back once after `ms`; the answer cancels it. Any length is right, above 2^31-1 ms too. */
  timer(ms: number, callback: () => void): () => void;
}

/** The real clock. Its timers keep the process alive: a stream that waits is not done. */
export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  timer(ms, callback) {
    if (ms > longestTimerMs) return inSteps(ms, callback);
    const handle = setTimeout(callback, ms);
    return () => clearTimeout(handle);
  },
};

// setTimeout takes a signed 32-bit count and fires at once above it.
const longestTimerMs = 2 ** 31 - 1;

function inSteps(ms: number, callback: () => void): () => void {
  let left = ms;
  let handle: ReturnType<typeof setTimeout>;
  const arm = (): void => {
    const step = Math.min(left, longestTimerMs);
    left -= step;
    handle = setTimeout(left > 0 ? arm : callback, step);
  };
  arm();
  return () => clearTimeout(handle);
}
