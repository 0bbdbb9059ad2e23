/**
 * What a response is made of: encoded pieces, taken one by one, by one reader. Nothing in it is a promise, and a reader is no function of its own: a
 * piece for many readers costs each of them a few calls.
 */
export interface Feed {
  /**
   * What there is now; `undefined`: nothing yet, or, where it `isOver`, nothing more. To take is to have room for a piece: where nothing is there a
   * source is asked. @throws what broke it
   */
  take(): Uint8Array | undefined;
  readonly isOver: boolean;
  /** After a `take` that gave nothing: the reader is told, once. Never at once. */
  wait(reader: FeedReader): void;
  /** What keeps a silent connection alive. */
  heartbeat(): Uint8Array;
  /** The response is over, well or not. May be called more than once, and while somebody waits; waits for nothing. */
  leave(): void;
  /** Aborted when the response is to be cut though its client takes nothing. */
  readonly cut?: AbortSignal | undefined;
}

/** Who waits for a piece. */
export interface FeedReader {
  /** There may be something to take: a piece, the end, or what broke. */
  more(): void;
}
