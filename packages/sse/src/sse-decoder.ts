// Bytes to events. Whole lines are decoded together as one text; only the line that a chunk leaves unfinished is copied.
//
// - A line ends at its CR, in this chunk; the LF that may begin the next one is then dropped. So no event waits for a byte.
// - A CR or LF byte is never part of a longer UTF-8 sequence: text decoded up to one is the same wherever the chunks were cut.

import type { Cursor, Decoder, EndOfBody, Framing, Sink } from "@longwire/core";
import { byteLimit, emptySink, StreamError } from "@longwire/core";
import { indexOfByte, indexOfLineEnd, lastIndexOfByte, lastIndexOfLineEnd } from "@longwire/core/bytes";
import { type Block, emptyBlock, eventOf, isPending, type LineEnds, readLines } from "./block.ts";
import { appendBytes, type ByteTail, dropBytes, emptyTail, restTail } from "./byte-tail.ts";
import { eventId } from "./event-id.ts";
import type { ServerSentEvent } from "./server-sent-event.ts";

/** Options of {@link sseDecoder}. */
export interface SseDecoderOptions {
  /** The id that the stream goes on after: the `lastEventId` of its events until it gives another. Default: none. */
  readonly cursor?: Cursor | undefined;
  /**
   * Longest event, in bytes: the sum of its `data`, `event` and `id` lines without line ends. A line that is not finished counts
   * whatever it is, a comment too. Default 16 MiB.
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
  return new SseDecoder(options);
}

// A class, for its memory: of 10,000 streams each has one.
class SseDecoder implements Decoder<ServerSentEvent> {
  readonly #maxItemBytes: number;
  readonly #block: Block;
  readonly #tail: ByteTail = emptyTail();
  #bomBytes = 0;
  #afterCr = false;

  constructor({ cursor, maxItemBytes }: SseDecoderOptions) {
    this.#maxItemBytes = byteLimit("maxItemBytes", maxItemBytes);
    this.#block = emptyBlock(eventId(cursor ?? ""));
  }

  push(chunk: Uint8Array, sink: Sink<ServerSentEvent>): void {
    let from = this.#bomBytes < bom.length ? this.#skipBom(chunk) : 0;
    if (this.#afterCr && from < chunk.length) {
      this.#afterCr = false;
      if (chunk[from] === LF) from++;
    }
    // In a small chunk it is cheaper to look at the bytes one by one.
    const ends = chunk.length > 128 && indexOfByte(chunk, CR, from) < 0 ? "LF" : "any";
    const last = ends === "LF" ? lastIndexOfByte(chunk, LF) : lastIndexOfLineEnd(chunk);
    if (last >= from) {
      this.#afterCr = chunk[last] === CR && last + 1 === chunk.length;
      if (this.#tail.to > 0) from = this.#pushTail(chunk, from, last, ends, sink);
      if (from <= last) this.#read(chunk, from, last + 1, ends, sink);
      from = Math.max(from, last + 1);
    }
    if (from < chunk.length) {
      this.#limit(this.#tail.to - this.#tail.from + chunk.length - from);
      this.#keep(chunk, from, chunk.length);
    } else {
      restTail(this.#tail);
    }
  }

  #keep(chunk: Uint8Array, from: number, to: number): void {
    appendBytes(this.#tail, chunk, from, to, this.#maxItemBytes);
  }

  /**
   * Finishes the tail's line, together with all the lines that end in this chunk: copying them is cheaper than a text more, and
   * decoding them out of memory that is at hand makes up for it.
   */
  #pushTail(chunk: Uint8Array, from: number, last: number, ends: LineEnds, sink: Sink<ServerSentEvent>): number {
    const tail = this.#tail;
    const bytes = tail.to - tail.from + chunk.length - from;
    if (bytes <= mostTextBytes && this.#fits(bytes)) {
      this.#keep(chunk, from, chunk.length);
      const to = tail.to - (chunk.length - last - 1);
      this.#read(tail.bytes, tail.from, to, ends, sink);
      dropBytes(tail, to);
      return chunk.length;
    }
    const end = indexOfLineEnd(chunk, from);
    this.#limit(tail.to - tail.from + end - from);
    this.#keep(chunk, from, end);
    readLines(this.#block, tail.bytes, tail.from, tail.to, "none", sink);
    dropBytes(tail, tail.to);
    return lineAfter(chunk, end);
  }

  /** Reads whole lines. */
  #read(bytes: Uint8Array, from: number, to: number, ends: LineEnds, sink: Sink<ServerSentEvent>): void {
    if (!this.#fits(to - from)) return this.#readOneByOne(bytes, from, to, ends, sink);
    while (from < to) {
      const lf = to - from > mostTextBytes ? indexOfByte(bytes, LF, from + mostTextBytes) : -1;
      const next = lf < 0 || lf >= to ? to : lf + 1;
      readLines(this.#block, bytes, from, next, ends, sink);
      from = next;
    }
  }

  #readOneByOne(bytes: Uint8Array, from: number, to: number, ends: LineEnds, sink: Sink<ServerSentEvent>): void {
    while (from < to) {
      const end = indexOfLineEnd(bytes, from);
      this.#limit(end - from);
      const next = Math.min(lineAfter(bytes, end), to);
      readLines(this.#block, bytes, from, next, ends, sink);
      from = next;
    }
  }

  #fits(moreBytes: number): boolean {
    return this.#block.bytes + moreBytes <= this.#maxItemBytes;
  }

  #limit(lineBytes: number): void {
    if (this.#fits(lineBytes)) return;
    const message =
      `Cannot read an event that is longer than maxItemBytes, ${this.#maxItemBytes} bytes; ` +
      "raise the limit or have the server send smaller events";
    throw new StreamError("limit", message, { limit: "maxItemBytes" });
  }

  /** Where the chunk goes on after its part of a BOM at the start of the body. */
  #skipBom(chunk: Uint8Array): number {
    let from = 0;
    while (from < chunk.length && this.#bomBytes < bom.length) {
      if (chunk[from] === bom[this.#bomBytes]) {
        from++;
        this.#bomBytes++;
      } else {
        this.#keep(bom, 0, this.#bomBytes);
        this.#bomBytes = bom.length;
      }
    }
    return from;
  }

  end(_framing: Framing, sink: Sink<ServerSentEvent>): EndOfBody {
    const cutBom = this.#bomBytes > 0 && this.#bomBytes < bom.length;
    if (this.#tail.to > 0)
      readLines(this.#block, this.#tail.bytes, this.#tail.from, this.#tail.to, "none", emptySink());
    else if (!isPending(this.#block)) return cutBom ? "truncated" : "ended";
    const event = eventOf(this.#block);
    if (event !== undefined) sink.marks.push({ at: sink.items.length, kind: "unfinished", value: event });
    return "truncated";
  }
}

/** Where the line after the line end at `end` begins. */
function lineAfter(bytes: Uint8Array, end: number): number {
  return bytes[end] === CR && bytes[end + 1] === LF ? end + 2 : end + 1;
}

const LF = 0x0a;
const CR = 0x0d;
const bom: Uint8Array = Uint8Array.of(0xef, 0xbb, 0xbf);
/** The longest text, but for one line more: a 64 KiB chunk and the line it goes on with. So much a kept slice may keep alive. */
const mostTextBytes = 80 * 1024;
