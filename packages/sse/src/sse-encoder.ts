/** What an SSE block is made of; an empty one is only the blank line. */
export interface SseBlock {
  /** The event's name. Default: none, which a reader takes for `message`. */
  readonly type?: string | undefined;
  /** The payload; each of its lines becomes a `data` line. CR and CRLF come out as LF: the format cannot carry them. */
  readonly data?: string | undefined;
  /** `""` takes the last id back. */
  readonly id?: string | undefined;
  /** The wait before a reconnect, in whole ms. */
  readonly retryMs?: number | undefined;
  /** A comment; each of its lines becomes one. */
  readonly comment?: string | undefined;
}

/**
 * One block of an event stream, with its blank line.
 *
 * @throws TypeError for a `type` or `id` with a line break, an `id` with NUL; RangeError for a `retryMs` that is no whole number
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 *
 * @example
 * ```ts
 * import { encodeSse } from "@longwire/sse";
 *
 * console.log(encodeSse({ id: "7", type: "price", data: "12.5\n13" })); // id: 7, event: price, two data lines, a blank one
 * ```
 */
export function encodeSse({ type, data, id, retryMs, comment }: SseBlock): string {
  let block = "";
  if (comment !== undefined) for (const line of linesOf(comment)) block += `: ${line}\n`;
  if (retryMs !== undefined) block += `retry: ${wholeMs(retryMs)}\n`;
  if (id !== undefined) block += `id: ${oneLine("id", id)}\n`;
  if (type !== undefined) block += `event: ${oneLine("type", type)}\n`;
  if (data !== undefined) for (const line of linesOf(data)) block += `data: ${line}\n`;
  return `${block}\n`;
}

function linesOf(text: string): string[] {
  return text.split(/\r\n|\r|\n/);
}

// A line break in these would begin another field: the way events are forged.
function oneLine(name: "id" | "type", text: string): string {
  if (/[\r\n]/.test(text)) throw new TypeError(`${name} must be one line, got ${JSON.stringify(text)}`);
  if (name === "id" && text.includes("\0")) throw new TypeError(`id must not hold NUL, which readers ignore, got ${JSON.stringify(text)}`);
  return text;
}

function wholeMs(ms: number): number {
  if (Number.isSafeInteger(ms) && ms >= 0) return ms;
  throw new RangeError(`retryMs must be a whole number from 0 up, got ${ms}`);
}
