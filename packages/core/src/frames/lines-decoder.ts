import { flat } from "#native";
import type { Decoder } from "./decoder.ts";
import { byteLimit } from "./byte-limit.ts";
import { framed } from "./framed.ts";
import { lineSplitter } from "./lines.ts";

export interface LinesOptions {
  /** Longest line in bytes: all before its LF. From 1 to 268_435_456; default 16_777_216 (16 MiB). */
  maxLineBytes?: number | undefined;
}

/**
 * Decodes lines of UTF-8 text.
 *
 * LF ends a line and one CR before it is dropped; a BOM at the start of the body is dropped; what is no UTF-8 becomes U+FFFD. A
 * last line without LF is an item at a framed end. At an unframed end it may be cut: it is a mark `unfinished`, and the body
 * is `truncated`. A line keeps nothing but itself alive.
 *
 * @throws TypeError, RangeError for a bad option; `push` throws StreamError `limit`
 *
 * @example
 * ```ts
 * import { emptySink, linesDecoder } from "@longwire/core";
 *
 * const decoder = linesDecoder({ maxLineBytes: 1_000 });
 * const sink = emptySink<string>();
 * decoder.push(new TextEncoder().encode("one\r\ntwo\nthr"), sink);
 * console.log(sink.items, decoder.end("chunked", sink), sink.items); // ["one", "two"] "complete" ["one", "two", "thr"]
 * ```
 */
export function linesDecoder(options: LinesOptions = {}): Decoder<string> {
  const limit = { name: "maxLineBytes", bytes: byteLimit("maxLineBytes", options.maxLineBytes) } as const;
  const lines = lineSplitter<{ items: string[] }>(limit, (text, sink) => {
    sink.items.push(flat(text));
  });
  return {
    push: lines.push,
    end(framing, sink) {
      const rest = lines.rest();
      if (framed(framing)) {
        if (rest !== "") sink.items.push(rest);
        return "complete";
      }
      if (rest === "") return "ended";
      sink.marks.push({ at: sink.items.length, kind: "unfinished", value: rest });
      return "truncated";
    },
  };
}
