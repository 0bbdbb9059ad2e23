/** Bytes that the primitives scanned, copied and decoded. A test that counts mocks `#native` with {@link counting}. */
export const work = { scanned: 0, copied: 0, decoded: 0 };

type Native = typeof import("../../src/bytes/native.ts");

export function noWork(): void {
  work.scanned = work.copied = work.decoded = 0;
}

/** The same primitives, counted. */
export function counting(native: Native): Native {
  const scanned = (found: number, from: number, to: number) => {
    work.scanned += (found < 0 ? to : found + 1) - from;
    return found;
  };
  return {
    ...native,
    indexOfByte: (bytes, byte, from) => scanned(native.indexOfByte(bytes, byte, from), from, bytes.length),
    indexOfLineEnd: (bytes, from) => scanned(native.indexOfLineEnd(bytes, from), from, bytes.length),
    lastIndexOfByte(bytes, byte, from = bytes.length - 1) {
      const found = native.lastIndexOfByte(bytes, byte, from);
      work.scanned += from - found;
      return found;
    },
    isAscii(bytes) {
      work.scanned += bytes.length;
      return native.isAscii(bytes);
    },
    isUtf8(bytes) {
      work.scanned += bytes.length;
      return native.isUtf8(bytes);
    },
    copyBytes(source, from, to, target, at) {
      work.copied += to - from;
      native.copyBytes(source, from, to, target, at);
    },
    decodeUtf8(bytes, from, to) {
      work.decoded += to - from;
      return native.decodeUtf8(bytes, from, to);
    },
    decodeAscii(bytes, from, to) {
      work.decoded += to - from;
      return native.decodeAscii(bytes, from, to);
    },
  };
}
