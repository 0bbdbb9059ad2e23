import type { Cursor, StreamError } from "../errors.ts";
import type { ItemRules } from "./item-rules.ts";
import type { EndOfBody, Mark } from "../frames/decoder.ts";
import type { ResponseHeaders, TransportEvents } from "../transport/transport.ts";

/**
 * Contract 5: makes attempts, and knows what the protocol says about them. Over HTTP it is transport, decoder and dialect;
 * over a WebSocket it is a socket. The session knows no more than this.
 */
export interface Opener<T> {
  /**
   * One attempt. Rejects with a StreamError, or with the signal's reason as it is. The signal is obeyed until the promise
   * settles.
   */
  open(call: OpenerCall): Promise<Attempt<T>>;
  /** Whether the request of the last attempt, which may have been sent, may be sent once more after this end. */
  mayRepeat(end: AttemptEnd): boolean;
  /** A clean end is no end of the stream. Asked once an attempt was answered. */
  readonly endless: boolean;
  /** It is known how to go on after an item. Asked once an attempt was answered. */
  readonly resumable: boolean;
  readonly rules: ItemRules<T>;
  /** Calls when a new attempt is worth a try at once: the machine woke up, the network is back. The answer unsubscribes. */
  onWake?(listener: () => void): () => void;
}

export interface OpenerCall {
  readonly signal: AbortSignal;
  /** Where to go on; `undefined`: from the start. */
  readonly cursor: Cursor | undefined;
  readonly on: TransportEvents;
}

/** One connection that answered, as batches to pull. */
export interface Attempt<T> {
  readonly head: Head;
  /** The idle window that the answer sets by its head, in ms. */
  readonly idleMs?: number | undefined;
  /**
   * Calls back once, not before it returns, with what arrived next; what broke is in the batch. One at a time. When `release` is
   * called under it, whatever the source does, it calls back at once, with the reason as the batch's error.
   */
  pull(deliver: (batch: Batch<T>) => void): void;
  /** Ends it, in any state; again is nothing. Never throws, never waits. */
  release(reason: unknown): void;
}

/** How an attempt ended: cleanly, or with an error. */
export type AttemptEnd = "complete" | "ended" | StreamError;

/** What a good answer said before its body. */
export interface Head {
  readonly url: string;
  readonly status: number;
  readonly headers: ResponseHeaders;
}

/** Whether an answer says that there is nothing, and will be nothing: 204 No Content, 205 Reset Content. */
export function isEmpty({ status }: Head): boolean {
  return status === 204 || status === 205;
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
