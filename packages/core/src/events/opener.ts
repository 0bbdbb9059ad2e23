import type { Cursor, StreamError } from "../errors.ts";
import type { EndOfBody, Mark } from "../frames/decoder.ts";
import type { ResponseHeaders, TransportEvents } from "../transport/transport.ts";

/**
 * Contract 5: makes one attempt. Over HTTP it is transport, decoder and dialect; over a WebSocket it is a socket. The session
 * knows no more than this.
 *
 * Rejects with a StreamError, or with the signal's reason as it is. The signal is obeyed until the promise settles.
 */
export type Opener<T> = (call: OpenerCall) => Promise<Attempt<T>>;

export interface OpenerCall {
  readonly signal: AbortSignal;
  /** Where to go on; `undefined`: from the start. */
  readonly cursor: Cursor | undefined;
  readonly on: TransportEvents;
}

/** One connection that answered, as batches to pull. */
export interface Attempt<T> {
  readonly head: Head;
  /**
   * What arrived next. Rejects with a StreamError when the connection broke. It settles at once, with `reason`, when
   * `release` is called under it, whatever the source does.
   */
  next(): Promise<Batch<T>>;
  /** Ends it, in any state; again is nothing. Never throws, never waits. */
  release(reason: unknown): void;
}

/** What a good answer said before its body. */
export interface Head {
  readonly url: string;
  readonly status: number;
  readonly headers: ResponseHeaders;
}

/** What one chunk of the wire became. After `end` or `error` there is no more. */
export interface Batch<T> {
  readonly items: readonly T[];
  readonly marks: readonly Mark<T>[];
  /** Bytes of body that it was made from. */
  readonly bytes: number;
  /** The body is over, and what that means. */
  readonly end?: EndOfBody | undefined;
  /** Nothing can be read after these items. */
  readonly error?: StreamError | undefined;
}
