/** What a response is made of: encoded pieces, pulled one by one. A body pulls it; whatever ends the body lets it go. */
export interface Feed {
  /** The next piece to send; `undefined` at the end. Rejects when the source broke. Never called while one is pending. */
  next(): Promise<Uint8Array | undefined>;
  /** What keeps a silent connection alive. */
  heartbeat(): Uint8Array;
  /** The response is over, well or not. May be called more than once, and while `next` is pending; waits for nothing. */
  leave(): void;
  /** Aborted when the response is to be cut though its client takes nothing. */
  readonly cut?: AbortSignal | undefined;
}
