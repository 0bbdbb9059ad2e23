import { type Decoder, type Dialect, emptySink, lineSplitter, type Sink } from "@longwire/core";
import { ndjsonDialect } from "@longwire/ndjson";

/** A record of NDJSON as it came: its line, which is one JSON text. Numbers too long for a double stay whole in it. */
export interface JsonLine {
  readonly json: string;
}

/** NDJSON, read by its own dialect, of which the lines are kept and not the values. `marker`: a line that ends the stream. */
export function jsonLineDialect(marker: string | undefined): Dialect<JsonLine> {
  const { name, accept, accepts, decoder } = ndjsonDialect({ marker });
  return {
    name,
    accept,
    accepts,
    decoder: (response, cursor) => keepingLines(decoder(response, cursor), marker),
    textOf: ({ json }) => json,
  };
}

/** Which lines are records is for `values` to say; the splitter beside it sees the same lines, and has their text. */
function keepingLines(values: Decoder<unknown>, marker: string | undefined): Decoder<JsonLine> {
  const keep = (text: string, records: string[]): void => {
    if (text !== marker && !blank.test(text)) records.push(text);
  };
  // `values` has the limit; what is too long never comes to be kept.
  const lines = lineSplitter({ name: "maxItemBytes", bytes: Number.POSITIVE_INFINITY }, keep);

  function read<Result>(
    step: (sink: Sink<unknown>) => Result,
    texts: (records: string[]) => void,
    sink: Sink<JsonLine>,
  ): Result {
    const found = emptySink<unknown>();
    const records: string[] = [];
    try {
      return step(found);
    } finally {
      texts(records);
      for (const mark of found.marks)
        if (mark.kind !== "unfinished") sink.marks.push({ ...mark, at: mark.at + sink.items.length });
      for (let i = 0; i < found.items.length; i++) sink.items.push({ json: records[i] as string });
    }
  }

  return {
    push: (chunk, sink) => {
      read(
        (found) => values.push(chunk, found),
        (records) => lines.push(chunk, records),
        sink,
      );
    },
    end: (framing, sink) =>
      read(
        (found) => values.end(framing, found),
        (records) => keep(lines.rest(), records),
        sink,
      ),
  };
}

const blank = /^[ \t\r]*$/;
