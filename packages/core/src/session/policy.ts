// When a stream is opened again. Pure: the end of an attempt and what is known go in, a verdict comes out.

import type { StreamError } from "../errors.ts";
import type { AttemptEnd } from "../events/opener.ts";
import type { BackoffPolicy } from "../time/backoff.ts";
import type { Tally } from "./state.ts";

/** How attempts are repeated. */
export interface ReconnectPolicy extends BackoffPolicy {
  /** Retries in a row since the last healthy moment; 3 means at most 4 attempts. Default Infinity. */
  readonly retries: number;
  /** New items after which an attempt is healthy. Default 1. */
  readonly healthyAfterItems: number;
  /** Milliseconds open after which an attempt is healthy. Default 10_000. */
  readonly healthyAfterMs: number;
  /** Milliseconds from the first failure in a row after which no retry is made. Default 0: no limit. */
  readonly maxElapsedMs: number;
  /** Opens a stream again that cannot say where to go on; a `gap` notice tells. Default false. */
  readonly withoutCursor: boolean;
}

/** Answers whether an error is worth a retry; `undefined` leaves it to the default. */
export type RetryOn = (error: StreamError) => boolean | undefined;

/** What the verdict depends on, beside the end and the policy. */
export interface Situation {
  readonly tally: Tally;
  readonly nowMs: number;
  /** The wait before the retry, should there be one. */
  readonly waitMs: number;
  /** The attempt proved itself before it ended. */
  readonly healthy: boolean;
  /** A clean end of the body is no end of the stream. */
  readonly endless: boolean;
  /** The protocol, or the caller, knows how to go on after an item. */
  readonly resumable: boolean;
  /** The caller wants a complete answer followed by the next one. */
  readonly forever: boolean;
  /** At least one item was handed on, over all attempts. */
  readonly delivered: boolean;
  /** Nothing of the request was sent, or it may be sent once more. */
  readonly repeatable: boolean;
}

/** `reopen` is not counted as a retry. `exhausted`: it would be retried, but the policy gives up. */
export type Verdict = "final" | "exhausted" | "retry" | "reopen";

export function verdict(
  end: AttemptEnd,
  situation: Situation,
  policy: ReconnectPolicy | false,
  retryOn: RetryOn | undefined,
): Verdict {
  if (policy === false || !situation.repeatable || !isWanted(end, situation, policy, retryOn)) return "final";
  const { tally, nowMs, waitMs, healthy } = situation;
  if (healthy) return typeof end === "string" ? "reopen" : policy.retries > 0 ? "retry" : "final";
  const { retries, failingSinceMs = nowMs } = tally;
  const late = policy.maxElapsedMs > 0 && nowMs + waitMs - failingSinceMs > policy.maxElapsedMs;
  if (retries < policy.retries && !late) return "retry";
  return retries > 0 ? "exhausted" : "final";
}

function isWanted(
  end: AttemptEnd,
  situation: Situation,
  policy: ReconnectPolicy,
  retryOn: RetryOn | undefined,
): boolean {
  const { endless, resumable, forever, delivered } = situation;
  if (end === "complete") return forever;
  const knowsWhere = endless || resumable || policy.withoutCursor;
  if (end === "ended") return knowsWhere;
  return (knowsWhere || !delivered) && isRetried(end, retryOn);
}

/** The table of errors: what can never help, then the caller's word, then the default. */
function isRetried(error: StreamError, retryOn: RetryOn | undefined): boolean {
  return !isHopeless(error) && (retryOn?.(error) ?? isRetriedByDefault(error));
}

function isHopeless(error: StreamError): boolean {
  return error.code === "protocol" || error.code === "limit" || error.phase === "tls" || error.clock === "totalMs";
}

/** Network errors, truncation, silence, and the statuses that say "later": 408, 425, 429 and 5xx but 501 and 505. */
export function isRetriedByDefault(error: StreamError): boolean {
  return error.code !== "refused" || (error.status !== undefined && isTransient(error.status));
}

export function isTransient(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}
