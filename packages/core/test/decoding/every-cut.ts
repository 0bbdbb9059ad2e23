import { type Decoder, emptySink, type EndOfBody, type Mark } from "../../src/frames/decoder.ts";
import type { Framing } from "../../src/transport/transport.ts";

/** The same bytes in every way a wire may cut them: whole, in two at each byte, byte by byte, with empty chunks between. */
export function everyCut(body: Uint8Array | string): { cut: string; chunks: Uint8Array[] }[] {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const single = Array.from(bytes, (_, at) => bytes.slice(at, at + 1));
  const cuts = [
    { cut: "whole", chunks: [bytes.slice()] },
    { cut: "byte by byte", chunks: single },
    { cut: "byte by byte with empty chunks", chunks: single.flatMap((chunk) => [new Uint8Array(0), chunk.slice()]) },
  ];
  for (let at = 0; at <= bytes.length; at++) {
    cuts.push({ cut: `at byte ${at}`, chunks: [bytes.slice(0, at), bytes.slice(at)] });
    cuts.push({
      cut: `at byte ${at}, empty chunk between`,
      chunks: [bytes.slice(0, at), new Uint8Array(0), bytes.slice(at)],
    });
  }
  return cuts;
}

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
