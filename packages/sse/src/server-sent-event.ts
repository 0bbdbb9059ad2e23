/** One Server-Sent Event, as the decoder makes it. */
export interface ServerSentEvent {
  /** The event's name; `"message"` where the block gave none. */
  readonly type: string;
  readonly data: string;
  /** The id in force: the last one the stream gave, in this block or an earlier one; `""` for none. */
  readonly lastEventId: string;
  /** The id that this block itself gave; `undefined` where it gave none. */
  readonly id: string | undefined;
}
