import { StreamError } from "@longwire/core";
import type { Decoder, Sink } from "@longwire/core";
import { decodeUtf8, indexOfLineEnd, lastIndexOfByte } from "@longwire/core/bytes";
import { emptyBlock, readLine, readLines } from "./block.ts";
import { appendBytes, byteTail, clearBytes, releaseBytes } from "./byte-tail.ts";
import type { ServerSentEvent } from "./server-sent-event.ts";

export interface SseDecoderOptions {
  readonly cursor?: string | undefined;
  readonly maxItemBytes?: number | undefined;
}

export function sseDecoder(options: SseDecoderOptions = {}): Decoder<ServerSentEvent> {
  const maxItemBytes = options.maxItemBytes ?? 16 * 1024 * 1024;
  const block = emptyBlock(options.cursor ?? "");
  const tail = byteTail();
  let itemBytes = 0;
  let afterCr = false;

  function push(chunk: Uint8Array, sink: Sink<ServerSentEvent>): void {
    let from = 0;
    if (afterCr && chunk.length > 0) {
      afterCr = false;
      if (chunk[0] === LF) from = 1;
    }
    if (tail.length > 0) from = pushLine(chunk, from, sink);
    if (chunk.length - from > 100) {
      const to = afterLastBlock(chunk, from);
      if (to > from && itemBytes + to - from <= maxItemBytes) {
        readLines(block, decodeUtf8(chunk, from, to), sink);
        itemBytes = 0;
        from = to;
      }
    }
    while (from < chunk.length) from = pushLine(chunk, from, sink);
    releaseBytes(tail);
  }

  function pushLine(chunk: Uint8Array, from: number, sink: Sink<ServerSentEvent>): number {
    const first = chunk[from];
    const end = first === LF || first === CR ? from : indexOfLineEnd(chunk, from);
    const to = end < 0 ? chunk.length : end;
    const lineBytes = tail.length + to - from;
    if (itemBytes + lineBytes > maxItemBytes) throw new StreamError("limit", "limit");
    if (end < 0) {
      appendBytes(tail, chunk, from, to);
      return to;
    }
    let text = "";
    if (tail.length > 0) {
      appendBytes(tail, chunk, from, to);
      text = decodeUtf8(tail.bytes, 0, tail.length);
      clearBytes(tail);
    } else if (to > from) {
      text = decodeUtf8(chunk, from, to);
    }
    if (readLine(block, text, 0, text.length, sink)) itemBytes += lineBytes;
    else if (lineBytes === 0) itemBytes = 0;
    if (chunk[end] === CR) {
      if (end + 1 === chunk.length) afterCr = true;
      else if (chunk[end + 1] === LF) return end + 2;
    }
    return end + 1;
  }

  return { push, end: () => "ended" };
}

/** Where the last block before the end of the chunk ends, by LF LF or LF CR LF; -1 or less than from when unknown. */
function afterLastBlock(chunk: Uint8Array, from: number): number {
  let lf = lastIndexOfByte(chunk, LF, chunk.length - 1);
  while (lf > from) {
    const before = chunk[lf - 1];
    if (before === LF || (before === CR && chunk[lf - 2] === LF)) return lf + 1;
    lf = lastIndexOfByte(chunk, LF, lf - 1);
  }
  return -1;
}

const LF = 0x0a;
const CR = 0x0d;
