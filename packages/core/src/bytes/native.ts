// The byte primitives, portable. `native.node.ts` is the same list on Node's Buffer methods, many times faster there;
// the package's `imports` map picks one as `#native`. Every decoder test runs on both. All scanning, copying and decoding
// of bytes in a decoder goes through these, which is what lets a test count the work.

/** Index of the first `byte` at or after `from`, or -1. */
export function indexOfByte(bytes: Uint8Array, byte: number, from: number): number {
  return bytes.indexOf(byte, from);
}

/** Index of the last `byte` at or before `from` (default: the end), or -1. */
export function lastIndexOfByte(bytes: Uint8Array, byte: number, from: number = bytes.length - 1): number {
  return bytes.lastIndexOf(byte, from);
}

/** Index of the first line feed or carriage return at or after `from`, or -1. */
export function indexOfLineEnd(bytes: Uint8Array, from: number): number {
  for (let i = from; i < bytes.length; i++) if (isLineEnd(bytes[i] as number)) return i;
  return -1;
}

/** Index of the last line feed or carriage return, or -1. */
export function lastIndexOfLineEnd(bytes: Uint8Array): number {
  let i = bytes.length - 1;
  while (i >= 0 && !isLineEnd(bytes[i] as number)) i--;
  return i;
}

/** UTF-8 text of `bytes[from, to)`; what is no UTF-8 becomes U+FFFD, a BOM is kept. */
export function decodeUtf8(bytes: Uint8Array, from: number, to: number): string {
  return utf8.decode(bytes.subarray(from, to));
}

/** Text of `bytes[from, to)`, which are known to be ASCII. */
export function decodeAscii(bytes: Uint8Array, from: number, to: number): string {
  return utf8.decode(bytes.subarray(from, to));
}

/** Whether every one of `bytes` is ASCII. */
export function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if ((bytes[i] as number) > 0x7f) return false;
  return true;
}

/** Whether `bytes` are well-formed UTF-8. */
export function isUtf8(bytes: Uint8Array): boolean {
  try {
    strictUtf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Copies `source[from, to)` into `target` at `at`. */
export function copyBytes(source: Uint8Array, from: number, to: number, target: Uint8Array, at: number): void {
  target.set(source.subarray(from, to), at);
}

/** Bytes that well-formed `text` takes in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // Four bytes for a surrogate pair: two for each half.
    if (code > 0x7f) bytes += code < 0x800 || (code & 0xf800) === 0xd800 ? 1 : 2;
  }
  return bytes;
}

/** The same text in memory of its own, so that it keeps no larger text alive. */
export function flat(text: string): string {
  // Cutting a joined text makes the engine write it out first: 40 ns, where a round trip through JSON or bytes takes 100 to 270.
  return ` ${text}`.slice(1);
}

// Nearly all bytes are told by the first comparison.
function isLineEnd(byte: number): boolean {
  return byte <= CR && (byte === LF || byte === CR);
}

const LF = 0x0a;
const CR = 0x0d;
const utf8: TextDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strictUtf8: TextDecoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
