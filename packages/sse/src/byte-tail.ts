import { copyBytes } from "@longwire/core/bytes";

/** The bytes of a line that is not finished, copied out of their chunks: `bytes[from, to)`; `to` is 0 while there are none. */
export interface ByteTail {
  bytes: Uint8Array;
  from: number;
  to: number;
}

/** A tail without bytes, which holds no memory. */
export function emptyTail(): ByteTail {
  return { bytes: noBytes, from: 0, to: 0 };
}

/**
 * Adds `source[from, to)`. Memory grows eightfold, so that all growing together copies each byte little more than once, and
 * beyond `usualBytes` no more than it must.
 */
export function appendBytes(tail: ByteTail, source: Uint8Array, from: number, to: number, usualBytes: number): void {
  const added = to - from;
  if (tail.to + added > tail.bytes.length) makeRoom(tail, added, usualBytes);
  copyBytes(source, from, to, tail.bytes, tail.to);
  tail.to += added;
}

/** Forgets the bytes before `from`. Without bytes, memory of a common size is kept for the next line. */
export function dropBytes(tail: ByteTail, from: number): void {
  tail.from = from;
  if (from < tail.to) return;
  tail.from = tail.to = 0;
  if (tail.bytes.length > mostKeptBytes) tail.bytes = noBytes;
}

/** Gives memory without bytes back: most of many open streams wait between two lines. */
export function restTail(tail: ByteTail): void {
  if (tail.to === 0) tail.bytes = noBytes;
}

function makeRoom(tail: ByteTail, added: number, usualBytes: number): void {
  const kept = tail.to - tail.from;
  let { bytes } = tail;
  if (kept + added > bytes.length) {
    let capacity = Math.max(bytes.length, leastBytes);
    while (capacity < kept + added) capacity *= 8;
    bytes = new Uint8Array(Math.max(kept + added, Math.min(capacity, usualBytes)));
  }
  copyBytes(tail.bytes, tail.from, tail.to, bytes, 0);
  tail.bytes = bytes;
  tail.from = 0;
  tail.to = kept;
}

const leastBytes = 256;
const mostKeptBytes = 1024 * 1024;
const noBytes: Uint8Array = new Uint8Array(0);
