import { copyBytes } from "@longwire/core/bytes";

/** The bytes of a line that is not finished, copied out of their chunks. */
export interface ByteTail {
  /** Memory; the first `length` bytes are the line's. */
  bytes: Uint8Array;
  length: number;
}

/** A tail without bytes, which holds no memory. */
export function emptyTail(): ByteTail {
  return { bytes: noBytes, length: 0 };
}

/**
 * Adds `source[from, to)`. Memory grows eightfold, so that all growing together copies each byte little more than once; beyond
 * `usualBytes` it grows no more than it must.
 */
export function appendBytes(tail: ByteTail, source: Uint8Array, from: number, to: number, usualBytes: number): void {
  const length = tail.length + to - from;
  if (length > tail.bytes.length) {
    let capacity = Math.max(tail.bytes.length, leastBytes);
    while (capacity < length) capacity *= 8;
    capacity = Math.max(length, Math.min(capacity, usualBytes));
    const grown = new Uint8Array(capacity);
    copyBytes(tail.bytes, 0, tail.length, grown, 0);
    tail.bytes = grown;
  }
  copyBytes(source, from, to, tail.bytes, tail.length);
  tail.length = length;
}

/** Forgets the bytes; keeps memory of a common size for the next line. */
export function clearTail(tail: ByteTail): void {
  tail.length = 0;
  if (tail.bytes.length > mostKeptBytes) tail.bytes = noBytes;
}

/** Lets the memory go while no line is unfinished: most of many open streams are between two events. */
export function restTail(tail: ByteTail): void {
  if (tail.length === 0) tail.bytes = noBytes;
}

const leastBytes = 256;
const mostKeptBytes = 256 * 1024;
const noBytes: Uint8Array = new Uint8Array(0);
