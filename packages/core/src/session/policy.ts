// When a stream is opened again. Pure: the end of an attempt and what is known go in, a verdict comes out.

import type { ErrorCode, StreamError } from "../errors.ts";
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

/**
 * Which errors are retried: by status, by class of statuses, by the close code of a WebSocket, or by code. The closest word counts: `503`
 * before `"5xx"` before `refused`, `4001` before `refused`.
 */
export type RetryTable = { readonly [Name in RetriedCode | StatusClass | number]?: boolean | undefined };

/** The codes that a table may name: no retry can help against the others. */
export type RetriedCode = Exclude<ErrorCode, "limit" | "protocol" | "exhausted">;

export const retriedCodes: readonly RetriedCode[] = [
  "reset",
  "truncated",
  "unreachable",
  "idle",
  "deadline",
  "refused",
];

type StatusClass = `${1 | 2 | 3 | 4 | 5}xx`;

/** What is retried unless a caller's table says otherwise. */
export const defaultRetryTable: RetryTable = {
  reset: true,
  truncated: true,
  unreachable: true,
  idle: true,
  deadline: true,
  refused: false,
  408: true,
  425: true,
  429: true,
  "5xx": true,
  501: false,
  505: false,
  // Close codes of a WebSocket: internal error, try again later, bad gateway.
  1011: true,
  1013: true,
  1014: true,
};

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
  /** Items are missing, and the caller wants what comes after them. */
  readonly restarting: boolean;
}

/** `reopen` is not counted as a retry. `exhausted`: it would be retried, but the policy gives up. */
export type Verdict = "final" | "exhausted" | "retry" | "reopen";

export function verdict(
  end: AttemptEnd,
  situation: Situation,
  policy: ReconnectPolicy | false,
  retryOn: RetryTable | RetryOn | undefined,
): Verdict {
  if (policy === false || !situation.repeatable || !isWanted(end, situation, policy, retryOn)) return "final";
  const { tally, nowMs, waitMs, healthy } = situation;
  if (healthy && typeof end === "string") return "reopen";
  const { retries, failingSinceMs = nowMs } = healthy ? newRow : tally;
  const late = policy.maxElapsedMs > 0 && nowMs + waitMs - failingSinceMs > policy.maxElapsedMs;
  if (retries < policy.retries && !late) return "retry";
  return retries > 0 ? "exhausted" : "final";
}

function isWanted(
  end: AttemptEnd,
  situation: Situation,
  policy: ReconnectPolicy,
  retryOn: RetryTable | RetryOn | undefined,
): boolean {
  const { endless, resumable, forever, delivered, restarting } = situation;
  if (restarting) return true;
  if (end === "complete") return forever;
  const knowsWhere = endless || resumable || policy.withoutCursor;
  if (end === "ended") return knowsWhere;
  return (knowsWhere || !delivered) && isRetried(end, retryOn);
}

/** An attempt that proved itself ends the row of failures before it. */
const newRow: Pick<Tally, "retries" | "failingSinceMs"> = { retries: 0, failingSinceMs: undefined };

/** The table of errors: what can never help, then the caller's word, then the default. */
export function isRetried(error: StreamError, retryOn?: RetryTable | RetryOn): boolean {
  if (isHopeless(error)) return false;
  const own = typeof retryOn === "object" ? entryOf(retryOn, error) : retryOn?.(error);
  return own ?? entryOf(defaultRetryTable, error) ?? false;
}

function isHopeless(error: StreamError): boolean {
  return error.code === "protocol" || error.code === "limit" || error.phase === "tls" || error.clock === "totalMs";
}

/** The closest word of a table about an error. */
function entryOf(table: RetryTable, { code, status, closeCode }: StreamError): boolean | undefined {
  const byCode = table[code as RetriedCode];
  if (closeCode !== undefined) return table[closeCode] ?? byCode;
  if (status === undefined) return byCode;
  return table[status] ?? table[`${Math.floor(status / 100)}xx` as StatusClass] ?? byCode;
}
