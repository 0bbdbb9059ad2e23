// Bytes to events. Whole lines are decoded together as one text; only the line that a chunk leaves unfinished is copied.
//
// - A line ends at its CR, in this chunk; the LF that may begin the next one is then dropped. So no event waits for a byte.
// - A CR or LF byte is never part of a longer UTF-8 sequence: text decoded up to one is the same wherever the chunks were cut.

import type { Cursor, Decoder, EndOfBody, Framing, Sink } from "@longwire/core";
import { byteLimit, emptySink, StreamError } from "@longwire/core";
import { decodeUtf8, indexOfByte, indexOfLineEnd, lastIndexOfLineEnd, utf8Length } from "@longwire/core/bytes";
import { emptyBlock, eventOf, isAscii, isPending, readLines } from "./block.ts";
import { appendBytes, clearTail, emptyTail, restTail } from "./byte-tail.ts";
import { eventId } from "./event-id.ts";
import type { ServerSentEvent } from "./server-sent-event.ts";

/** Options of {@link sseDecoder}. */
export interface SseDecoderOptions {
  /** The id that the stream goes on after: the `lastEventId` of its events until it gives another. Default: none. */
  readonly cursor?: Cursor | undefined;
  /**
   * Longest event, in bytes: the sum of its `data`, `event` and `id` lines without line ends. A line that is not finished counts
   * whatever it is, a comment too; what is no UTF-8 counts as the U+FFFD that it becomes. Default 16 MiB.
   */
  readonly maxItemBytes?: number | undefined;
}

/**
 * A decoder of `text/event-stream`, by the rules of the WHATWG.
 *
 * Beside its items, in order, it marks comments (without one leading space), `retry` waits, ids without data (`cursor`; `""` takes the
 * id back) and named blocks without data or id (`heartbeat`). At the end of the body, `truncated` says that it fell inside an event or a
 * line; what would have been the event is then marked `unfinished`. `complete` is never said: no end of a body proves that.
 *
 * @throws TypeError, RangeError on a bad option
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 *
 * @example
 * ```ts
 * import { emptySink } from "@longwire/core";
 * import { sseDecoder, type ServerSentEvent } from "@longwire/sse";
 *
 * const sink = emptySink<ServerSentEvent>();
 * sseDecoder().push(new TextEncoder().encode("id: 7\ndata: hello\n\n"), sink);
 * console.log(sink.items); // [{ type: "message", data: "hello", lastEventId: "7", id: "7" }]
 * ```
 */
export function sseDecoder(options: SseDecoderOptions = {}): Decoder<ServerSentEvent> {
  const maxItemBytes = byteLimit("maxItemBytes", options.maxItemBytes);
  const block = emptyBlock(eventId(options.cursor ?? ""));
  const tail = emptyTail();
  let bomBytes = 0;
  let afterCr = false;

  function push(chunk: Uint8Array, sink: Sink<ServerSentEvent>): void {
    let from = bomBytes < bom.length ? skipBom(chunk) : 0;
    if (afterCr && from < chunk.length) {
      afterCr = false;
      if (chunk[from] === LF) from++;
    }
    const last = lastIndexOfLineEnd(chunk);
    if (last >= from) {
      if (tail.length > 0) from = pushTail(chunk, from, last, sink);
      if (from <= last) read(chunk, from, last + 1, sink);
      from = last + 1;
      afterCr = chunk[last] === CR && from === chunk.length;
    }
    if (from < chunk.length) {
      limit(tail.length + chunk.length - from);
      keep(chunk, from, chunk.length);
    } else {
      restTail(tail);
    }
  }

  function keep(chunk: Uint8Array, from: number, to: number): void {
    appendBytes(tail, chunk, from, to, maxItemBytes);
  }

  /** Finishes the tail's line; in a small chunk, together with all the lines that end in it. */
  function pushTail(chunk: Uint8Array, from: number, last: number, sink: Sink<ServerSentEvent>): number {
    const bytes = tail.length + last + 1 - from;
    if (bytes <= mostJoinedBytes && !nearLimit(bytes)) {
      keep(chunk, from, last + 1);
      read(tail.bytes, 0, tail.length, sink);
      clearTail(tail);
      return last + 1;
    }
    const end = indexOfLineEnd(chunk, from);
    limit(tail.length + end - from);
    keep(chunk, from, end);
    readLine(tail.bytes, 0, tail.length, sink);
    clearTail(tail);
    return lineAfter(chunk, end);
  }

  /** Reads whole lines, in texts of some 64 KiB: so much is what a kept slice may keep alive. */
  function read(bytes: Uint8Array, from: number, to: number, sink: Sink<ServerSentEvent>): void {
    if (nearLimit(to - from)) return readOneByOne(bytes, from, to, sink);
    while (from < to) {
      const lf = to - from > mostTextBytes ? indexOfByte(bytes, LF, from + mostTextBytes) : -1;
      const next = lf < 0 || lf >= to ? to : lf + 1;
      readLines(block, decodeUtf8(bytes, from, next), next - from, sink);
      from = next;
    }
  }

  function readOneByOne(bytes: Uint8Array, from: number, to: number, sink: Sink<ServerSentEvent>): void {
    while (from < to) {
      const end = indexOfLineEnd(bytes, from);
      if (end > from) readLine(bytes, from, end, sink);
      else readLines(block, "\n", 1, sink);
      from = lineAfter(bytes, end);
    }
  }

  function readLine(bytes: Uint8Array, from: number, to: number, sink: Sink<ServerSentEvent>): void {
    const text = decodeUtf8(bytes, from, to);
    const textBytes = isAscii(text, to - from) ? text.length : utf8Length(text);
    limit(textBytes);
    readLines(block, text, textBytes, sink, true);
  }

  /** Whether so many bytes more may make an item too long; what is no UTF-8 counts up to three times its bytes. */
  function nearLimit(moreBytes: number): boolean {
    return block.bytes + 3 * moreBytes > maxItemBytes;
  }

  function limit(lineBytes: number): void {
    if (block.bytes + lineBytes <= maxItemBytes) return;
    const message =
      `Cannot read an event that is longer than maxItemBytes, ${maxItemBytes} bytes; ` +
      "raise the limit or have the server send smaller events";
    throw new StreamError("limit", message, { limit: "maxItemBytes" });
  }

  /** Where the chunk goes on after its part of a BOM at the start of the body. */
  function skipBom(chunk: Uint8Array): number {
    let from = 0;
    while (from < chunk.length && bomBytes < bom.length) {
      if (chunk[from] === bom[bomBytes]) {
        from++;
        bomBytes++;
      } else {
        keep(bom, 0, bomBytes);
        bomBytes = bom.length;
      }
    }
    return from;
  }

  function end(_framing: Framing, sink: Sink<ServerSentEvent>): EndOfBody {
    const cutBom = bomBytes > 0 && bomBytes < bom.length;
    if (tail.length > 0) readLines(block, decodeUtf8(tail.bytes, 0, tail.length), tail.length, emptySink(), true);
    else if (!isPending(block)) return cutBom ? "truncated" : "ended";
    const event = eventOf(block);
    if (event !== undefined) sink.marks.push({ at: sink.items.length, kind: "unfinished", value: event });
    return "truncated";
  }

  return { push, end };
}

/** Where the line after the line end at `end` begins. */
function lineAfter(bytes: Uint8Array, end: number): number {
  return bytes[end] === CR && bytes[end + 1] === LF ? end + 2 : end + 1;
}

const LF = 0x0a;
const CR = 0x0d;
const bom: Uint8Array = Uint8Array.of(0xef, 0xbb, 0xbf);
/** Up to here it is cheaper to copy a chunk to its tail than to decode twice. */
const mostJoinedBytes = 4 * 1024;
const mostTextBytes = 64 * 1024;
