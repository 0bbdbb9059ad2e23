// Bytes to lines: the one splitter under `lines` and NDJSON.
//
// - LF ends a line; one CR before it is dropped. So is a BOM at the start of the body.
// - A line is as long as its bytes before the LF. They are counted before they are decoded: the cuts make no difference.
// - The whole lines of a chunk are decoded at one stroke and cut as text; the partial line at its end is copied. Where a line
//   stands in the bytes is looked for when asked, always forwards, so that all asking together stays linear.

import { decodeUtf8, indexOfByte, isUtf8, lastIndexOfByte } from "#native";
import type { BadItem } from "./decoder.ts";
import { type ByteLimit, PartialItem } from "./partial-item.ts";

export interface LineSplitter<Target> {
  /**
   * Hands out each line that ends in this chunk.
   *
   * @throws StreamError `limit`, when the lines before the one that is too long were handed out; never with `skip`
   */
  push(chunk: Uint8Array, target: Target): void;
  /** At the end of the body: the text after the last LF, `""` when there is none. It is the current line then. */
  rest(): string;
  /** At the end of the body: what is after the last LF, when it is over the limit. It has no `rest` then. */
  oversizeRest(): BadItem | undefined;
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
 * the text of the whole chunk alive. A line over the limit is an error; with `skip` it is counted to its end and told there.
 */
export function lineSplitter<Target>(
  limit: ByteLimit,
  take: (text: string, target: Target) => void,
  skip?: (oversize: BadItem, target: Target) => void,
): LineSplitter<Target> {
  // The current line, or the next one; and the bytes of the body before what is decoded, or before that line.
  let line = 1;
  let offset = 0;

  // The partial line.
  const tail = new PartialItem(limit, skip ? "skip" : "throw");

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
    if (tail.length > 0) {
      // To copy a few short lines more costs less than to decode twice.
      const oneStroke = tail.length + lastEnd <= Math.min(oneStrokeBytes, limit.bytes);
      const end = oneStroke ? lastEnd : indexOfByte(chunk, LF, 0);
      keep(chunk, 0, end);
      if (tail.isOversize) skipTail(target);
      else handOut(tail.bytes, 0, tail.length, target);
      tail.length = 0;
      from = end + 1;
    }
    if (lastEnd - from > limit.bytes) from = handOutWithin(chunk, from, lastEnd, target);
    if (from <= lastEnd) {
      handOut(chunk, from, lastEnd, target);
      from = lastEnd + 1;
    }
    tail.drop(from === chunk.length);
    if (from < chunk.length) keep(chunk, from, chunk.length);
  }

  function rest(): string {
    return tail.isOversize ? "" : decode(tail.bytes, 0, tail.length);
  }

  function oversizeRest(): BadItem | undefined {
    if (!tail.isOversize) return undefined;
    const told = tail.told(line, offset);
    return told.raw.length === tail.length ? { ...told, raw: withoutCr(told.raw) } : told;
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

  /**
   * Hands out the lines in `chunk[from, to)`, which has a LF at `to`, up to the last one that is over the limit. Answers where
   * the lines after it begin.
   */
  function handOutWithin(chunk: Uint8Array, from: number, to: number, target: Target): number {
    while (to - from > limit.bytes) {
      const start = startOfLonger(limit.bytes, chunk, from, to);
      if (start < 0) break;
      if (start > from) handOut(chunk, from, start - 1, target);
      const end = indexOfByte(chunk, LF, start);
      keep(chunk, start, end);
      skipTail(target);
      from = end + 1;
    }
    return from;
  }

  function skipTail(target: Target): void {
    skip?.(oversizeRest() as BadItem, target);
    line++;
    offset += tail.length + 1;
    tail.length = 0;
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
    tail.keep(bytes, from, to, line, offset);
  }

  function lineBytes(): Uint8Array {
    const searched = decoded.subarray(0, decodedTo);
    for (; foundLine < line; foundLine++) {
      foundStart = foundEnd + 1;
      const found = indexOfByte(searched, LF, foundStart);
      foundEnd = found < 0 ? decodedTo : found;
    }
    return withoutCr(searched.subarray(foundStart, foundEnd));
  }

  return { push, rest, oversizeRest, malformed, place };
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

function withoutCr(line: Uint8Array): Uint8Array {
  return line[line.length - 1] === CR ? line.subarray(0, -1) : line;
}

const LF = 0x0a;
const CR = 0x0d;
const oneStrokeBytes = 4 * 1024;
const nothing: Uint8Array = new Uint8Array(0);
