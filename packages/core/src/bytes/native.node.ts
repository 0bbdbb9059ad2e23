// The byte primitives on Node's Buffer methods, called on plain Uint8Arrays. See native.ts for what each one means.

import { Buffer, isAscii as nodeIsAscii, isUtf8 as nodeIsUtf8 } from "node:buffer";

export function indexOfByte(bytes: Uint8Array, byte: number, from: number): number {
  return bufferIndexOf.call(bytes, byte, from);
}

export function lastIndexOfByte(bytes: Uint8Array, byte: number, from: number = bytes.length - 1): number {
  return bufferLastIndexOf.call(bytes, byte, from);
}

// Here and below: two searches at the speed of memory, the second one only as far as the first one got.
export function indexOfLineEnd(bytes: Uint8Array, from: number): number {
  const lf: number = bufferIndexOf.call(bytes, LF, from);
  const cr: number = bufferIndexOf.call(lf < 0 ? bytes : bytes.subarray(0, lf), CR, from);
  return cr < 0 ? lf : cr;
}

export function lastIndexOfLineEnd(bytes: Uint8Array): number {
  // A call into native code costs as much as looking at 50 bytes here.
  if (bytes.length <= 128) {
    for (let i = bytes.length - 1; i >= 0; i--) {
      const byte = bytes[i] as number;
      if (byte <= CR && (byte === LF || byte === CR)) return i;
    }
    return -1;
  }
  const lf: number = bufferLastIndexOf.call(bytes, LF, bytes.length - 1);
  if (lf === bytes.length - 1 || bufferIndexOf.call(bytes, CR, lf + 1) < 0) return lf;
  return bufferLastIndexOf.call(bytes, CR, bytes.length - 1);
}

export function decodeUtf8(bytes: Uint8Array, from: number, to: number): string {
  // Long ASCII is checked and copied in half the time that decoding takes; what is not ASCII is found out at once.
  if (to - from >= 4_096 && nodeIsAscii(bytes.subarray(from, to))) return bufferLatin1Slice.call(bytes, from, to);
  return bufferUtf8Slice.call(bytes, from, to);
}

export function decodeAscii(bytes: Uint8Array, from: number, to: number): string {
  return bufferLatin1Slice.call(bytes, from, to);
}

export function isAscii(bytes: Uint8Array): boolean {
  return nodeIsAscii(bytes);
}

export function isUtf8(bytes: Uint8Array): boolean {
  return nodeIsUtf8(bytes);
}

export function copyBytes(source: Uint8Array, from: number, to: number, target: Uint8Array, at: number): void {
  bufferCopy.call(source, target, at, from, to);
}

export function utf8Length(text: string): number {
  return Buffer.byteLength(text);
}

export function flat(text: string): string {
  return ` ${text}`.slice(1);
}

const LF = 0x0a;
const CR = 0x0d;
const {
  indexOf: bufferIndexOf,
  lastIndexOf: bufferLastIndexOf,
  utf8Slice: bufferUtf8Slice,
  latin1Slice: bufferLatin1Slice,
  copy: bufferCopy,
} = Buffer.prototype;
