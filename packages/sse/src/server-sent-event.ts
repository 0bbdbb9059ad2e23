/**
 * One Server-Sent Event. A plain object, always of this shape.
 *
 * Its texts may be slices of the text they arrived in: an event that is kept may keep up to 80 KiB of its neighbours alive (160 KiB where
 * that text is not Latin-1). Where many are kept for long, keep copies: `structuredClone(event)`.
 */
export interface ServerSentEvent {
  /** The event's name; `"message"` where the server gave none. */
  readonly type: string;
  /** The data lines, joined by LF. */
  readonly data: string;
  /** The id in force: the last one that the stream gave, in this event or before it; `""` for none. */
  readonly lastEventId: string;
  /** The id that this event itself carried; `undefined` where it carried none. */
  readonly id: string | undefined;
}
