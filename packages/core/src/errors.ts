// How streams end, and the one error that says so.

/** How a stream ended. Every stream ends in exactly one of these. */
export type OutcomeCode = "complete" | "ended" | "closed" | "aborted" | ErrorCode;

/** The endings that a `for await` sees as a thrown {@link StreamError}. */
export type ErrorCode =
  | "truncated"
  | "reset"
  | "unreachable"
  | "refused"
  | "idle"
  | "deadline"
  | "limit"
  | "protocol"
  | "exhausted";

/** The clocks of a stream; `error.clock` names the one that ran out. */
export type ClockName = "connectMs" | "headersMs" | "firstItemMs" | "idleMs" | "progressMs" | "maxAgeMs" | "totalMs";

/** The options that set a limit; `error.limit` names the one that was met. */
export type LimitName =
  | "maxItemBytes"
  | "maxLineBytes"
  | "maxBytes"
  | "maxInflateRatio"
  | "capacity"
  | "maxUnreadBytes"
  | "maxUnsentBytes"
  | "sendCapacity";

/** What is wrong with a server's certificate: it is another's, out of its time, or signed by nobody who is trusted here. */
export type CertificateFault = "wrongName" | "expired" | "notYetValid" | "unknownAuthority";

/** What an error can tell beside its code and message. Every field is there only when it is known. */
export interface StreamErrorDetails {
  /** The error below this one. */
  cause?: unknown;
  /** `unreachable`: how far the attempt came. `refused`: `connect` when a proxy opened no way, so that no server was asked. */
  phase?: "name" | "connect" | "tls";
  /** `unreachable` in phase `tls`: what is wrong with the certificate, when it is the certificate. */
  certificate?: CertificateFault;
  /** `idle`, `deadline`: the clock that ran out; `pongMs` is that of a WebSocket's heartbeat. */
  clock?: ClockName | "pongMs";
  /** `refused`: the status of the answer. */
  status?: number;
  /** `refused`: the headers of the answer, names in lower case. */
  headers?: Readonly<Record<string, string>>;
  /** `refused`: up to 2 KiB of the body, as text. */
  excerpt?: string;
  /** `refused`: what `Retry-After` asked for, in milliseconds. */
  retryAfterMs?: number;
  /** The code that a WebSocket was closed with: RFC 6455 section 7.4. */
  closeCode?: number;
  /** What the peer gave as its reason, beside `closeCode`. */
  closeReason?: string;
  /** `limit`: the option that set the limit. */
  limit?: LimitName;
  /** `protocol`, `limit`: the line the item began on, from 1. */
  line?: number;
  /** `protocol`, `limit`: where the item began, in bytes of the decoded body, from 0. */
  byteOffset?: number;
  /** `protocol`: the bytes of the bad item. */
  raw?: Uint8Array;
  /** Items are missing, and where: the server said so, or the stream cannot say where to go on. */
  gap?: GapEnds;
}

/**
 * Why a stream ended, when it did not end well.
 *
 * `code` is the outcome, the message says what, why and how much, `cause` is the error below.
 *
 * @example
 * ```ts
 * import { StreamError } from "@longwire/core";
 *
 * const error = new StreamError("idle", "Cannot keep reading https://a.example/: no byte for 300 ms", {
 *   clock: "idleMs",
 * });
 * if (error.code === "idle") console.error(error.clock, error.message);
 * ```
 */
export class StreamError extends Error {
  readonly code: ErrorCode;
  declare readonly phase?: "name" | "connect" | "tls";
  declare readonly certificate?: CertificateFault;
  declare readonly clock?: ClockName | "pongMs";
  declare readonly status?: number;
  declare readonly headers?: Readonly<Record<string, string>>;
  declare readonly excerpt?: string;
  declare readonly retryAfterMs?: number;
  declare readonly closeCode?: number;
  declare readonly closeReason?: string;
  declare readonly limit?: LimitName;
  declare readonly line?: number;
  declare readonly byteOffset?: number;
  declare readonly raw?: Uint8Array;
  declare readonly gap?: GapEnds;

  constructor(code: ErrorCode, message: string, details: StreamErrorDetails = {}) {
    const { cause, ...known } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.name = "StreamError";
    this.code = code;
    Object.assign(this, known);
  }
}

/**
 * A StreamError as it is; anything else came out of a caller's own function (an option, a callback) and ends the stream as
 * `protocol`, with what was thrown as its cause.
 */
export function asStreamError(error: unknown, what: string): StreamError {
  if (error instanceof StreamError) return error;
  // Not every object can be made a string.
  const thrown = error instanceof Error ? error.message : typeof error === "object" ? "an object" : String(error);
  return new StreamError("protocol", `Cannot go on with ${what}: ${thrown}`, { cause: error });
}

/** The one typed ending of a stream, as `stream.outcome` resolves with it. */
export interface Outcome {
  readonly code: OutcomeCode;
  /** Items handed to the consumer. */
  readonly items: number;
  /** Bytes of body read, over all attempts, after content decoding. */
  readonly bytes: number;
  /** Attempts made, the first one included. */
  readonly attempts: number;
  /** The resume point of the last item that the consumer finished with. */
  readonly cursor: Cursor | undefined;
  /** What a `for await` threw: a {@link StreamError}, or for `aborted` the caller's own reason. */
  readonly error?: unknown;
}

/** Where items are missing: after one resume point, before another; `undefined` where there is none to tell. */
export interface GapEnds {
  readonly from: Cursor | undefined;
  readonly to: Cursor | undefined;
}

/** A resume point: an SSE id, a sequence number of a feed, an offset. */
export type Cursor = string | number;
