// Bytes to events. Whole lines are decoded together as one text; only the line that a chunk leaves unfinished is copied.
//
// - A line ends at its CR, in this chunk; the LF that may begin the next one is then dropped. So no event waits for a byte.
// - A CR or LF byte is never part of a longer UTF-8 sequence: text decoded up to one is the same wherever the chunks were cut.

import type { Cursor, Decoder, EndOfBody, Framing, Sink } from "@longwire/core";
import { byteLimit, emptySink, StreamError } from "@longwire/core";
import { decodeUtf8, indexOfByte, indexOfLineEnd, lastIndexOfLineEnd, utf8Length } from "@longwire/core/bytes";
import { emptyBlock, eventOf, isPending, readLines } from "./block.ts";
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
  // In bytes of the body: where what is read next begins, and where the block does.
  let offset = 0;
  let blockOffset = 0;

  function push(chunk: Uint8Array, sink: Sink<ServerSentEvent>): void {
    let from = bomBytes < bom.length ? skipBom(chunk) : 0;
    if (afterCr && from < chunk.length) {
      afterCr = false;
      if (chunk[from] === LF) {
        from++;
        if (blockOffset === offset) blockOffset++;
        offset++;
      }
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
      appendBytes(tail, chunk, from, chunk.length);
    } else {
      restTail(tail);
    }
  }

  /** Finishes the tail's line, alone or, in small chunks, together with all lines that end in this chunk. */
  function pushTail(chunk: Uint8Array, from: number, last: number, sink: Sink<ServerSentEvent>): number {
    let to = last + 1;
    if (tail.length + to - from > mostJoinedBytes || nearLimit(tail.length + to - from)) {
      const end = indexOfLineEnd(chunk, from);
      limit(tail.length + end - from);
      to = chunk[end] === CR && chunk[end + 1] === LF ? end + 2 : end + 1;
    }
    appendBytes(tail, chunk, from, to);
    read(tail.bytes, 0, tail.length, sink);
    clearTail(tail);
    return to;
  }

  /** Reads whole lines, in texts of some 64 KiB: so much is what a kept slice may keep alive. */
  function read(bytes: Uint8Array, from: number, to: number, sink: Sink<ServerSentEvent>): void {
    while (from < to) {
      let next = to;
      const oneByOne = nearLimit(to - from);
      if (oneByOne) {
        const end = indexOfLineEnd(bytes, from);
        next = bytes[end] === CR && bytes[end + 1] === LF && end + 1 < to ? end + 2 : end + 1;
      } else if (to - from > mostTextBytes) {
        const lf = indexOfByte(bytes, LF, from + mostTextBytes);
        if (lf >= 0 && lf < to) next = lf + 1;
      }
      const text = decodeUtf8(bytes, from, next);
      if (oneByOne) limit(utf8Length(text) - lineEndLength(text));
      const restBytes = readLines(block, text, next - from, sink);
      offset += next - from;
      if (restBytes >= 0) blockOffset = offset - restBytes;
      from = next;
    }
  }

  /** Whether so many bytes more may make an item too long; what is no UTF-8 counts up to three times its bytes. */
  function nearLimit(moreBytes: number): boolean {
    return block.bytes + 3 * moreBytes > maxItemBytes;
  }

  function limit(lineBytes: number): void {
    if (block.bytes + lineBytes <= maxItemBytes) return;
    const message =
      `Cannot read the event that begins at byte ${blockOffset}: it is longer than maxItemBytes, ${maxItemBytes} bytes; ` +
      "raise the limit or have the server send smaller events";
    throw new StreamError("limit", message, { limit: "maxItemBytes", byteOffset: blockOffset });
  }

  /** Where the chunk goes on after its part of a BOM at the start of the body. */
  function skipBom(chunk: Uint8Array): number {
    let from = 0;
    while (from < chunk.length && bomBytes < bom.length) {
      if (chunk[from] === bom[bomBytes]) {
        from++;
        bomBytes++;
      } else {
        appendBytes(tail, bom, 0, bomBytes);
        bomBytes = bom.length;
      }
    }
    return from;
  }

  function end(_framing: Framing, sink: Sink<ServerSentEvent>): EndOfBody {
    const cutBom = bomBytes > 0 && bomBytes < bom.length;
    if (tail.length > 0) readLines(block, `${decodeUtf8(tail.bytes, 0, tail.length)}\n`, tail.length + 1, emptySink());
    else if (!isPending(block)) return cutBom ? "truncated" : "ended";
    const event = eventOf(block);
    if (event !== undefined) sink.marks.push({ at: sink.items.length, kind: "unfinished", value: event });
    return "truncated";
  }

  return { push, end };
}

function lineEndLength(text: string): number {
  return text.endsWith("\r\n") ? 2 : 1;
}

const LF = 0x0a;
const CR = 0x0d;
const bom: Uint8Array = Uint8Array.of(0xef, 0xbb, 0xbf);
/** Up to here it is cheaper to copy a chunk to its tail than to decode twice. */
const mostJoinedBytes = 4 * 1024;
const mostTextBytes = 64 * 1024;
