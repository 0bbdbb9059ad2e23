import { byteLimit, StreamError } from "@longwire/core";
import type { Cursor, Decoder, EndOfBody, Framing, Sink } from "@longwire/core";
import { decodeUtf8, indexOfByte, indexOfLineEnd, lastIndexOfLineEnd, utf8Length } from "@longwire/core/bytes";
import { emptyBlock, eventOf, isPending, readLine, readLines } from "./block.ts";
import { appendBytes, clearTail, emptyTail, restTail } from "./byte-tail.ts";
import type { ServerSentEvent } from "./server-sent-event.ts";

export interface SseDecoderOptions {
  /** The id that the stream goes on after: `lastEventId` of its items until it gives another. Default: none. */
  readonly cursor?: Cursor | undefined;
  /**
   * Longest event, in bytes: the sum of its `data`, `event` and `id` lines without line ends. A line that is not finished counts
   * whatever it is, a comment too; what is no UTF-8 counts as the U+FFFD that it becomes. Default 16 MiB.
   */
  readonly maxItemBytes?: number | undefined;
}

export function sseDecoder(options: SseDecoderOptions = {}): Decoder<ServerSentEvent> {
  const maxItemBytes = byteLimit("maxItemBytes", options.maxItemBytes);
  const block = emptyBlock(String(options.cursor ?? ""));
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
      if (tail.length > 0) {
        const joined = tail.length + last - from < 4096;
        let to = joined ? last + 1 : indexOfLineEnd(chunk, from) + 1;
        if (!joined && chunk[to - 1] === CR && chunk[to] === LF) to++;
        check(tail.length);
        appendBytes(tail, chunk, from, to);
        read(tail.bytes, 0, tail.length, sink);
        clearTail(tail);
        from = to;
      }
      if (from <= last) read(chunk, from, last + 1, sink);
      afterCr = chunk[last] === CR && last + 1 === chunk.length;
      from = last + 1;
    }
    if (from < chunk.length) {
      check(tail.length + chunk.length - from);
      appendBytes(tail, chunk, from, chunk.length);
    } else restTail(tail);
  }

  function read(bytes: Uint8Array, from: number, to: number, sink: Sink<ServerSentEvent>): void {
    if (block.bytes + 3 * (to - from) > maxItemBytes) throw new Error("todo");
    while (to - from > PIECE) {
      const lf = indexOfByte(bytes, LF, from + PIECE);
      const cut = lf < 0 || lf >= to ? to : lf + 1;
      readLines(block, decodeUtf8(bytes, from, cut), cut - from, sink);
      from = cut;
    }
    if (from < to) readLines(block, decodeUtf8(bytes, from, to), to - from, sink);
  }

  function check(unfinishedBytes: number): void {
    if (block.bytes + unfinishedBytes > maxItemBytes) throw new StreamError("limit", "todo");
  }

  function skipBom(chunk: Uint8Array): number {
    let from = 0;
    while (from < chunk.length && bomBytes < bom.length) {
      if (chunk[from] === bom[bomBytes]) { from++; bomBytes++; }
      else { appendBytes(tail, bom, 0, bomBytes); bomBytes = bom.length; }
    }
    return from;
  }

  function end(_framing: Framing, sink: Sink<ServerSentEvent>): EndOfBody {
    return "ended";
  }

  return { push, end };
}

const PIECE = 4096;
const LF = 0x0a;
const CR = 0x0d;
const bom: Uint8Array = Uint8Array.of(0xef, 0xbb, 0xbf);
