import { eventId } from "./event-id.ts";

/** What one block of an event stream can say. A {@link ServerSentEvent} is one; its `lastEventId` is not sent, its own `id` is. */
export interface SseBlock {
  /** The event's name. Default, and for `"message"` and `""`: none, which means `"message"`. */
  readonly type?: string | undefined;
  /** Any text. CRLF, CR and LF in it each make a line break, which arrives as LF. Without data no event arrives. */
  readonly data?: string | undefined;
  /** The id of this event and of the ones that follow; `""` takes it back. */
  readonly id?: string | undefined;
  /** How long the client is to wait before it reconnects, in whole ms. */
  readonly retry?: number | undefined;
  /** A comment, which clients ignore; several lines make several comments. */
  readonly comment?: string | undefined;
}

/**
 * One block of an event stream, as text to send in UTF-8, with the blank line that ends it.
 *
 * The format has no escape: a CR in `data` cannot be carried and becomes LF. A surrogate without its other half becomes U+FFFD in UTF-8.
 *
 * @throws TypeError when `type` has a line break, `id` a line break or a NUL; RangeError when `retry` is no whole number from 0
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 *
 * @example
 * ```ts
 * import { encodeSse } from "@longwire/sse";
 *
 * console.log(encodeSse({ id: "7", data: "two\nlines" })); // id: 7, data: two, data: lines, and a blank line
 * ```
 */
export function encodeSse(block: SseBlock): string {
  const { type = "", data, id, retry, comment } = block;
  let text = "";
  if (comment !== undefined) text += lines(":", comment);
  if (retry !== undefined) text += `retry: ${wholeMs(retry)}\n`;
  if (id !== undefined) text += `id: ${eventId(id)}\n`;
  if (type !== "" && type !== "message") text += `event: ${oneLine(type)}\n`;
  if (data !== undefined) text += lines("data:", data);
  return `${text}\n`;
}

function lines(name: string, text: string): string {
  return text.split(/\r\n|\r|\n/).reduce((all, line) => `${all}${name} ${line}\n`, "");
}

function oneLine(type: string): string {
  if (/[\r\n]/.test(type))
    throw new TypeError(`An event type cannot have a line break in it, got ${JSON.stringify(type)}`);
  return type;
}

function wholeMs(retry: number): number {
  if (!Number.isSafeInteger(retry) || retry < 0) {
    throw new RangeError(`retry must be a whole number of milliseconds from 0, got ${String(retry)}`);
  }
  return retry;
}
