import type { Random } from "./random.ts";

/** How long to wait before a retry. All in milliseconds. */
export interface BackoffPolicy {
  /** The least wait, before any jitter. Default 100. */
  readonly floorMs: number;
  /** Span of the jitter of the first retry; it doubles with every further one. Default 500. */
  readonly firstMs: number;
  /** The most that the span grows to. Default 30_000. */
  readonly maxMs: number;
}

/**
 * Milliseconds to wait before retry number `retry`, the first being 1: a floor that the server may raise, plus full jitter
 * over a span that doubles up to a cap.
 */
export function backoff(retry: number, policy: BackoffPolicy, serverFloorMs: number, random: Random): number {
  // One more doubling would be Infinity, and no wait times that is not a number.
  const spanMs = Math.min(policy.maxMs, policy.firstMs * 2 ** Math.min(retry - 1, 1_023));
  return Math.max(policy.floorMs, serverFloorMs) + random() * spanMs;
}
