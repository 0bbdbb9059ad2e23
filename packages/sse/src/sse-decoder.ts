// Bytes to events. Whole lines are decoded together as one text; only the line that a chunk leaves unfinished is copied.
//
// - A line ends at its CR, in this chunk; the LF that may begin the next one is then dropped. So no event waits for a byte.
// - A CR or LF byte is never part of a longer UTF-8 sequence: text decoded up to one is the same wherever the chunks were cut.

import type { Cursor, Decoder, EndOfBody, Framing, OnOversize, Sink } from "@longwire/core";
import { byteLimit, checkedOnOversize, emptySink, StreamError } from "@longwire/core";
import { indexOfByte, indexOfLineEnd, lastIndexOfByte, lastIndexOfLineEnd } from "@longwire/core/bytes";
import { type Block, emptyBlock, eventOf, forgetFields, isPending, type LineEnds, readLines } from "./block.ts";
import { appendBytes, type ByteTail, dropBytes, emptyTail, restTail } from "./byte-tail.ts";
import { checkedDecoder, type CheckedEvent, type NoSchema, type SchemaOptions } from "./checked-decoder.ts";
import { eventId } from "./event-id.ts";
import { PassedBlock } from "./passed-block.ts";
import { lineAfter, Places } from "./places.ts";
import type { ServerSentEvent } from "./server-sent-event.ts";

/** Options of {@link sseDecoder}. */
export interface SseDecoderOptions {
  /** The id that the stream goes on after: the `lastEventId` of its events until it gives another. Default: none. */
  readonly cursor?: Cursor | undefined;
  /**
   * Longest event, in bytes: the sum of its `data`, `event` and `id` lines without line ends. Any one line counts on top of them
   * while it is read, a comment too. Default 16 MiB.
   */
  readonly maxItemBytes?: number | undefined;
  /**
   * What becomes of an event over `maxItemBytes`: `throw` ends the stream with `limit`; `skip` passes over it up to its blank line,
   * keeps nothing of it in memory, and tells it by a mark `bad` with its first 1,024 bytes. Ids in it are in force for the events
   * after it, and so its resume point counts with the next event. Default `throw`.
   */
  readonly onOversize?: OnOversize | undefined;
}

/**
 * A decoder of `text/event-stream`, by the rules of the WHATWG.
 *
 * Beside its items, in order, it marks comments (without one leading space), `retry` waits, ids without data (`cursor`; `""` takes the
 * id back) and other blocks with a name or an id and no data (`heartbeat`). At the end of the body, `truncated` says that it fell inside an event or a
 * line; what would have been the event is then marked `unfinished`. `complete` is never said: no end of a body proves that.
 *
 * With a `schema` each event has `json`, see {@link SchemaOptions}.
 *
 * `push` throws StreamError `limit` for an event over `maxItemBytes`, with its line and byte offset; with a schema `protocol` too.
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
export function sseDecoder<Output>(options: SseDecoderOptions & SchemaOptions<Output>): Decoder<CheckedEvent<Output>>;
export function sseDecoder(options?: SseDecoderOptions & NoSchema): Decoder<ServerSentEvent>;
export function sseDecoder<Output>(
  options: SseDecoderOptions & (SchemaOptions<Output> | NoSchema) = {},
): Decoder<ServerSentEvent> | Decoder<CheckedEvent<Output>> {
  if (options.schema === undefined) return new SseDecoder(options);
  const places = new Places();
  return checkedDecoder(new SseDecoder(options, places), places, options);
}

// A class, for its memory: of 10,000 streams each has one.
class SseDecoder implements Decoder<ServerSentEvent> {
  readonly #maxItemBytes: number;
  readonly #block: Block;
  readonly #tail: ByteTail = emptyTail();
  /** Where events over the limit are passed over. */
  readonly #passed: PassedBlock | undefined;
  #bomBytes = 0;
  #afterCr = false;
  /** Bytes of the body before the chunk in hand. */
  #offset = 0;

  constructor({ cursor, maxItemBytes, onOversize }: SseDecoderOptions, places?: Places) {
    this.#maxItemBytes = byteLimit("maxItemBytes", maxItemBytes);
    this.#block = emptyBlock(eventId(cursor ?? ""), places);
    this.#passed = checkedOnOversize(onOversize) === "skip" ? new PassedBlock() : undefined;
  }

  push(chunk: Uint8Array, sink: Sink<ServerSentEvent>): void {
    let from = this.#bomBytes < bom.length ? this.#skipBom(chunk) : 0;
    if (this.#afterCr && from < chunk.length) {
      this.#afterCr = false;
      if (chunk[from] === LF) from = this.#skipLf(from);
    }
    // In a small chunk it is cheaper to look at the bytes one by one.
    const ends = chunk.length > 128 && indexOfByte(chunk, CR, from) < 0 ? "LF" : "any";
    const last = ends === "LF" ? lastIndexOfByte(chunk, LF) : lastIndexOfLineEnd(chunk);
    if (last >= from) {
      this.#afterCr = chunk[last] === CR && last + 1 === chunk.length;
      if (this.#tail.to > 0) from = this.#pushTail(chunk, from, last, ends, sink);
      if (from <= last) this.#read(chunk, from, last + 1, this.#offset, ends, sink);
      from = Math.max(from, last + 1);
    }
    const tail = this.#tail;
    if (from === chunk.length) restTail(tail);
    else if (this.#admits(tail.to - tail.from + chunk.length - from)) this.#keep(chunk, from, chunk.length);
    else this.#dropUnfinished();
    this.#passed?.remember(chunk, this.#offset, this.#block);
    this.#offset += chunk.length;
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
    if (bytes <= mostTextBytes && this.#fits(bytes) && !this.#passed?.active) {
      this.#keep(chunk, from, chunk.length);
      const to = tail.to - (chunk.length - last - 1);
      this.#read(tail.bytes, tail.from, to, this.#offset + chunk.length - tail.to, ends, sink);
      dropBytes(tail, to);
      return chunk.length;
    }
    const end = indexOfLineEnd(chunk, from);
    if (this.#admits(tail.to - tail.from + end - from)) {
      this.#keep(chunk, from, end);
      const base = this.#offset + end - tail.to;
      readLines(this.#block, tail.bytes, tail.from, tail.to, base, "none", sink);
    } else {
      this.#block.nextLine++;
    }
    this.#lineEnded(this.#offset + end);
    dropBytes(tail, tail.to);
    return lineAfter(chunk, end);
  }

  /** Reads whole lines of bytes that begin at `base` in the body. */
  #read(bytes: Uint8Array, from: number, to: number, base: number, ends: LineEnds, sink: Sink<ServerSentEvent>): void {
    if (!this.#fits(to - from) || this.#passed?.active) return this.#readOneByOne(bytes, from, to, base, ends, sink);
    while (from < to) {
      const lf = to - from > mostTextBytes ? indexOfByte(bytes, LF, from + mostTextBytes) : -1;
      const next = lf < 0 || lf >= to ? to : lf + 1;
      readLines(this.#block, bytes, from, next, base, ends, sink);
      from = next;
    }
  }

  #readOneByOne(
    bytes: Uint8Array,
    from: number,
    to: number,
    base: number,
    ends: LineEnds,
    sink: Sink<ServerSentEvent>,
  ): void {
    const block = this.#block;
    const passed = this.#passed;
    while (from < to) {
      const end = indexOfLineEnd(bytes, from);
      const next = Math.min(lineAfter(bytes, end), to);
      if (passed?.active && end === from && !passed.inLongLine) {
        // Its blank line: `bytes` are the chunk in hand, as no tail is read one by one.
        passed.remember(bytes, this.#offset, block);
        sink.marks.push({ at: sink.items.length, kind: "bad", value: passed.told(block, this.#maxItemBytes) });
        block.hasOwnId = false;
        readLines(block, bytes, from, next, base, ends, sink);
      } else if (this.#admits(end - from)) {
        readLines(block, bytes, from, next, base, ends, sink);
        this.#lineEnded(base + end);
      } else {
        block.nextLine++;
        this.#lineEnded(base + end);
      }
      from = next;
    }
  }

  /** A line ended there in the body. Of a block that is passed over, nothing is kept but ids. */
  #lineEnded(end: number): void {
    const passed = this.#passed;
    if (!passed?.active) return;
    passed.inLongLine = false;
    passed.end = end;
    forgetFields(this.#block);
  }

  /** Whether a line that has so many bytes, so far, is kept. */
  #admits(lineBytes: number): boolean {
    return this.#fits(lineBytes) ? !this.#passed?.inLongLine : this.#passOver(lineBytes);
  }

  #fits(moreBytes: number): boolean {
    return this.#block.bytes + moreBytes <= this.#maxItemBytes;
  }

  /** A line makes the block too long. Answers whether the line alone is not, so that it is read for an id. */
  #passOver(lineBytes: number): boolean {
    if (!this.#passed) throw this.#tooLong();
    this.#passed.active = true;
    forgetFields(this.#block);
    return this.#fits(lineBytes);
  }

  /** The line in hand is too long by itself: nothing of it is kept up to its end. */
  #dropUnfinished(): void {
    const tail = this.#tail;
    dropBytes(tail, tail.to);
    restTail(tail);
    if (this.#passed) this.#passed.inLongLine = true;
  }

  #tooLong(): StreamError {
    const { line, byteOffset } = this.#block;
    const message =
      `Cannot read the item on line ${line}, from byte ${byteOffset} on: it is longer than maxItemBytes, ${this.#maxItemBytes} bytes; ` +
      'raise the limit, have the server send smaller items, or set onOversize: "skip"';
    return new StreamError("limit", message, { limit: "maxItemBytes", line, byteOffset });
  }

  /** Past the LF of a line end whose CR closed the chunk before. */
  #skipLf(from: number): number {
    const block = this.#block;
    if (block.byteOffset === this.#offset + from) block.byteOffset++;
    return from + 1;
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
    if (this.#passed?.active) return "truncated";
    const cutBom = this.#bomBytes > 0 && this.#bomBytes < bom.length;
    if (this.#tail.to > 0)
      readLines(this.#block, this.#tail.bytes, this.#tail.from, this.#tail.to, 0, "none", emptySink());
    else if (!isPending(this.#block)) return cutBom ? "truncated" : "ended";
    const event = eventOf(this.#block);
    if (event !== undefined) sink.marks.push({ at: sink.items.length, kind: "unfinished", value: event });
    return "truncated";
  }
}

const LF = 0x0a;
const CR = 0x0d;
const bom: Uint8Array = Uint8Array.of(0xef, 0xbb, 0xbf);
/** The longest text, but for one line more: a 64 KiB chunk and the line it goes on with. So much a kept slice may keep alive. */
const mostTextBytes = 80 * 1024;
