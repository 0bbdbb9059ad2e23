// Bytes to lines: the one splitter under `lines` and NDJSON.
//
// - LF ends a line; one CR before it is dropped. So is a BOM at the start of the body.
// - A line is as long as its bytes before the LF. They are counted before they are decoded: the cuts make no difference.
// - The whole lines of a chunk are decoded at one stroke and cut as text; the partial line at its end is copied. Where a line
//   stands in the bytes is looked for when asked, always forwards, so that all asking together stays linear.

import { copyBytes, decodeUtf8, indexOfByte, isUtf8, lastIndexOfByte } from "#native";
import { type LimitName, StreamError } from "../errors.ts";

export interface LineSplitter<Target> {
  /**
   * Hands out each line that ends in this chunk.
   *
   * @throws StreamError `limit`, when the lines before the one that is too long were handed out
   */
  push(chunk: Uint8Array, target: Target): void;
  /** At the end of the body: the text after the last LF, `""` when there is none. It is the current line then. */
  rest(): string;
  /** Whether the current line is no UTF-8; its text has U+FFFD in the place of what is none. */
  malformed(): boolean;
  /** Where the current line stands. */
  place(): LinePlace;
}

/** A line in its body. */
export interface LinePlace {
  /** From 1. */
  readonly line: number;
  /** Where it begins, in bytes of the body, from 0. */
  readonly byteOffset: number;
  /** A copy of its bytes, without the line end. */
  readonly raw: Uint8Array;
}

/**
 * Splits a body into lines: calls `take` with the text of each, and with the target that `push` was given.
 *
 * While `take` runs, its line is the current one, of which `malformed` and `place` speak. The text may be a slice that keeps
 * the text of the whole chunk alive.
 */
export function lineSplitter<Target>(
  limit: { readonly name: LimitName; readonly bytes: number },
  take: (text: string, target: Target) => void,
): LineSplitter<Target> {
  // The current line, or the next one; and the bytes of the body before what is decoded, or before that line.
  let line = 1;
  let offset = 0;

  // The partial line.
  let tail = nothing;
  let tailBytes = 0;

  // What is decoded, `[from, to)` of some bytes; and how far it was searched: up to the end of `foundLine`.
  let decoded = nothing;
  let decodedFrom = 0;
  let decodedTo = 0;
  let replaced = false;
  let foundLine = 0;
  let foundStart = 0;
  let foundEnd = 0;

  function push(chunk: Uint8Array, target: Target): void {
    const lastEnd = lastIndexOfByte(chunk, LF);
    if (lastEnd < 0) return keep(chunk, 0, chunk.length);
    let from = 0;
    if (tailBytes > 0) {
      // To copy a few short lines more costs less than to decode twice.
      const oneStroke = tailBytes + lastEnd <= Math.min(oneStrokeBytes, limit.bytes);
      const end = oneStroke ? lastEnd : indexOfByte(chunk, LF, 0);
      keep(chunk, 0, end);
      handOut(tail, 0, tailBytes, target);
      tailBytes = 0;
      from = end + 1;
    }
    if (from <= lastEnd) {
      handOut(chunk, from, lastEnd, target);
      from = lastEnd + 1;
    }
    if (from === chunk.length || tail.length > keptTailBytes) tail = nothing;
    if (from < chunk.length) keep(chunk, from, chunk.length);
  }

  function rest(): string {
    return decode(tail, 0, tailBytes);
  }

  function malformed(): boolean {
    return replaced && !isUtf8(lineBytes());
  }

  function place(): LinePlace {
    const raw = lineBytes().slice();
    return { line, byteOffset: offset + foundStart - decodedFrom, raw };
  }

  /** Hands out the lines in `bytes[from, to)`: all but the last one have their LF there, the last one has it at `to`. */
  function handOut(bytes: Uint8Array, from: number, to: number, target: Target): void {
    if (to - from > limit.bytes) {
      const tooLong = startOfLonger(limit.bytes, bytes, from, to);
      if (tooLong > from) handOut(bytes, from, tooLong - 1, target);
      if (tooLong >= 0) throw limitExceeded();
    }
    const text = decode(bytes, from, to);
    for (let start = 0; start <= text.length; line++) {
      const found = text.indexOf("\n", start);
      const end = found < 0 ? text.length : found;
      take(text.slice(start, text.charCodeAt(end - 1) === CR ? end - 1 : end), target);
      start = end + 1;
    }
    offset += to - from + 1;
    decoded = nothing;
  }

  function decode(bytes: Uint8Array, from: number, to: number): string {
    const text = decodeUtf8(bytes, from, to);
    decoded = bytes;
    decodedFrom = from;
    decodedTo = to;
    foundLine = line - 1;
    foundEnd = from - 1;
    replaced = text.includes("\ufffd");
    return offset === 0 && text.startsWith("\ufeff") ? text.slice(1) : text;
  }

  function keep(bytes: Uint8Array, from: number, to: number): void {
    const length = tailBytes + to - from;
    if (length > limit.bytes) throw limitExceeded();
    if (length > tail.length) {
      const longer = new Uint8Array(Math.min(limit.bytes, Math.max(length, 2 * tail.length, leastTailBytes)));
      copyBytes(tail, 0, tailBytes, longer, 0);
      tail = longer;
    }
    copyBytes(bytes, from, to, tail, tailBytes);
    tailBytes = length;
  }

  function lineBytes(): Uint8Array {
    const searched = decoded.subarray(0, decodedTo);
    for (; foundLine < line; foundLine++) {
      foundStart = foundEnd + 1;
      const found = indexOfByte(searched, LF, foundStart);
      foundEnd = found < 0 ? decodedTo : found;
    }
    const withCr = foundEnd > foundStart && searched[foundEnd - 1] === CR;
    return searched.subarray(foundStart, withCr ? foundEnd - 1 : foundEnd);
  }

  function limitExceeded(): StreamError {
    const message =
      `Cannot read line ${line}, from byte ${offset} on: it is longer than ${limit.name}, ${limit.bytes} bytes; ` +
      "raise the limit or have the server send shorter lines";
    return new StreamError("limit", message, { limit: limit.name, line, byteOffset: offset });
  }

  return { push, rest, malformed, place };
}

/** Where the first line longer than `limit` begins among the lines of `bytes[from, to)`, or -1. */
function startOfLonger(limit: number, bytes: Uint8Array, from: number, to: number): number {
  for (let start = from; start <= to; ) {
    const found = indexOfByte(bytes, LF, start);
    const end = found < 0 ? to : found;
    if (end - start > limit) return start;
    start = end + 1;
  }
  return -1;
}

const LF = 0x0a;
const CR = 0x0d;
const oneStrokeBytes = 4 * 1024;
const leastTailBytes = 256;
/** A longer tail is not used again for the next line. */
const keptTailBytes = 64 * 1024;
const nothing: Uint8Array = new Uint8Array(0);
