/** How far a JSON text has come: as much as tells whether its top level is closed. */
export interface JsonOutline {
  begun: boolean;
  depth: number;
  inString: boolean;
  escaped: boolean;
}

/** That of a text before its first byte. */
export function newOutline(): JsonOutline {
  return { begun: false, depth: 0, inString: false, escaped: false };
}

/**
 * Follows a text through `bytes[from, to)`, which end at a LF. Answers whether its top level is closed there: then what stands so
 * far is a whole JSON text, or will never be the beginning of one.
 */
export function closesAt(outline: JsonOutline, bytes: Uint8Array, from: number, to: number): boolean {
  let { begun, depth, inString, escaped } = outline;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    if (inString) {
      if (escaped) escaped = false;
      else if (byte === backslash) escaped = true;
      else if (byte === quote) inString = false;
    } else if (byte > space) {
      begun = true;
      if (byte === quote) inString = true;
      else if (opens(byte)) depth++;
      else if ((byte | 0x20) === closeBrace) depth--;
    }
  }
  outline.begun = begun;
  outline.depth = depth;
  outline.inString = inString;
  outline.escaped = escaped;
  return begun && depth <= 0 && !inString;
}

/** Whether a byte is a bracket or a brace that opens; the two differ in one bit. */
export function opens(byte: number): boolean {
  return (byte | 0x20) === openBrace;
}

const space = 0x20;
const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
