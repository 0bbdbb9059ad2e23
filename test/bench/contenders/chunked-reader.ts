/**
 * A hand-written reader of `Transfer-Encoding: chunked` with the answer's head before it: the least that a socket needs to
 * speak HTTP. Pieces are views of what was pushed. Knows no trailers. Answers `true` when the body has ended.
 */
export function chunkedReader(receive: (piece: Uint8Array) => void): (bytes: Uint8Array) => boolean {
  let state: State = inHead;
  let blankBytes = 0;
  let left = 0;
  return (bytes) => {
    for (let at = 0; at < bytes.length; ) {
      if (state === inData) {
        const end = Math.min(at + left, bytes.length);
        receive(bytes.subarray(at, end));
        left -= end - at;
        at = end;
        if (left === 0) state = afterData;
        continue;
      }
      const byte = bytes[at++] as number;
      if (state === inHead) {
        // CR LF CR LF, counted: any other byte begins again.
        blankBytes = byte === (blankBytes % 2 === 0 ? carriageReturn : lineFeed) ? blankBytes + 1 : 0;
        if (blankBytes === 4) state = inSize;
      } else if (state === afterData) {
        if (byte === lineFeed) state = inSize;
      } else if (byte === lineFeed) {
        if (left === 0) return true;
        state = inData;
      } else if (byte !== carriageReturn) {
        left = left * 16 + (byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57);
      }
    }
    return false;
  };
}

type State = typeof inHead | typeof inSize | typeof inData | typeof afterData;
const inHead = 0;
const inSize = 1;
const inData = 2;
const afterData = 3;
const carriageReturn = 13;
const lineFeed = 10;
