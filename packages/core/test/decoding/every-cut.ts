import { type Decoder, emptySink, type EndOfBody, type Mark } from "../../src/frames/decoder.ts";
import type { Framing } from "../../src/transport/transport.ts";

export { everyCut } from "../../src/testing/every-cut.ts";

/** What a decoder made of a body. */
export interface Decoded<T> {
  readonly items: T[];
  readonly marks: Mark<T>[];
  readonly end?: EndOfBody;
  readonly error?: unknown;
}

/** Decodes a body; each chunk is overwritten when it was pushed, for a decoder owns no chunk. */
export function decoded<T>(
  decoder: Decoder<T>,
  chunks: readonly Uint8Array[],
  framing: Framing = "chunked",
): Decoded<T> {
  const { items, marks } = emptySink<T>();
  try {
    for (const chunk of chunks) {
      decoder.push(chunk, { items, marks });
      chunk.fill(0x23);
    }
    return { items, marks, end: decoder.end(framing, { items, marks }) };
  } catch (error) {
    return { items, marks, error };
  }
}
