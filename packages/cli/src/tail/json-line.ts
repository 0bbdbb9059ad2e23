import {
  type Decoder,
  type Dialect,
  type EndOfBody,
  emptySink,
  type Framing,
  PartialItem,
  type Sink,
} from "@longwire/core";
import { decodeUtf8 } from "@longwire/core/bytes";

/** A record of JSON as it came, on one line. Numbers too long for a double stay whole in it. */
export interface JsonLine {
  readonly json: string;
}

/** NDJSON or JSON text sequences, read by their own dialect, of which the texts are kept and not the values. */
export function jsonLineDialect({ name, accept, accepts, decoder }: Dialect<unknown>): Dialect<JsonLine> {
  return {
    name,
    accept,
    accepts,
    decoder: (response, cursor) => keepingTexts(decoder(response, cursor)),
    textOf: ({ json }) => json,
  };
}

/**
 * What is a record is for `values` to say. It hands one out at the LF or the RS that ends it, or at the end of the body, so it is given
 * no more than one of these at a time: the text of a record is what came since the one before.
 */
function keepingTexts(values: Decoder<unknown>): Decoder<JsonLine> {
  // `values` has the limit; what is too long never comes to be kept.
  const kept = new PartialItem({ name: "maxItemBytes", bytes: Number.POSITIVE_INFINITY }, "throw");
  const found = emptySink<unknown>();

  function push(chunk: Uint8Array, sink: Sink<JsonLine>): void {
    for (let from = 0, to = 0; from < chunk.length; from = to) {
      const stop = stopAt(chunk, from);
      to = Math.min(stop + 1, chunk.length);
      values.push(chunk.subarray(from, to), found);
      if (take(chunk, from, stop, sink) || chunk[stop] === RS) kept.drop(false);
      else if (kept.length > 0 || !isBlank(chunk, from, to)) kept.keep(chunk, from, to, 0, 0);
    }
  }

  /** Takes over what was found where `chunk[from, to)` came behind what is kept. Answers whether there was any. */
  function take(chunk: Uint8Array, from: number, to: number, sink: Sink<JsonLine>): boolean {
    const { items, marks } = found;
    if (items.length + marks.length === 0) return false;
    const before = sink.items.length;
    for (const mark of marks) if (mark.kind !== "unfinished") sink.marks.push({ ...mark, at: before + mark.at });
    if (items.length > 0) {
      if (kept.length > 0) kept.keep(chunk, from, to, 0, 0);
      const text = kept.length > 0 ? decodeUtf8(kept.bytes, 0, kept.length) : decodeUtf8(chunk, from, to);
      sink.items.push({ json: text.replace(lineEnds, " ").trim() });
    }
    items.length = marks.length = 0;
    return true;
  }

  function end(framing: Framing, sink: Sink<JsonLine>): EndOfBody {
    const end = values.end(framing, found);
    take(kept.bytes, 0, 0, sink);
    return end;
  }

  return { push, end };
}

/** Index of the next LF or RS; without one, the end of the chunk. */
function stopAt(chunk: Uint8Array, from: number): number {
  let at = from;
  while (at < chunk.length && chunk[at] !== LF && chunk[at] !== RS) at++;
  return at;
}

function isBlank(chunk: Uint8Array, from: number, to: number): boolean {
  let at = from;
  while (at < to && blank.has(chunk[at] as number)) at++;
  return at === to;
}

const LF = 0x0a;
const RS = 0x1e;
/** Tab, LF, CR and space: https://www.rfc-editor.org/rfc/rfc8259#section-2 */
const blank: ReadonlySet<number> = new Set([0x09, LF, 0x0d, 0x20]);
/** Between the tokens of a JSON text; in its strings there are none. */
const lineEnds = /[\r\n]+/g;
