import { flat } from "#native";
import type { BadItem, Decoder, Sink } from "./decoder.ts";
import { byteLimit } from "./byte-limit.ts";
import { framed } from "./framed.ts";
import { lineSplitter } from "./lines.ts";
import { checkedOnOversize, type OnOversize } from "./partial-item.ts";

export interface LinesOptions {
  /** Longest line in bytes: all before its LF. From 1 to 268_435_456; default 16_777_216 (16 MiB). */
  maxLineBytes?: number | undefined;
  /**
   * What becomes of a line over `maxLineBytes`: `throw` ends the stream with `limit`; `skip` passes over it and tells it in a mark
   * `bad`, with its first 1,024 bytes, which is all that is kept of it. Default `throw`.
   */
  onOversize?: OnOversize | undefined;
}

/**
 * Decodes lines of UTF-8 text.
 *
 * LF ends a line and one CR before it is dropped; a BOM at the start of the body is dropped; what is no UTF-8 becomes U+FFFD. A
 * last line without LF is an item at a framed end. At an unframed end it may be cut: it is a mark `unfinished`, and the body
 * is `truncated`; one over the limit is not kept, and so is no mark there. A line keeps nothing but itself alive.
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
  const skips = checkedOnOversize(options.onOversize) === "skip";
  const lines = lineSplitter<Sink<string>>(limit, take, skips ? tell : undefined);
  return {
    push: lines.push,
    end(framing, sink) {
      const rest = lines.rest();
      const oversize = lines.oversizeRest();
      if (framed(framing)) {
        if (rest !== "") sink.items.push(rest);
        if (oversize) tell(oversize, sink);
        return "complete";
      }
      if (oversize) return "truncated";
      if (rest === "") return "ended";
      sink.marks.push({ at: sink.items.length, kind: "unfinished", value: rest });
      return "truncated";
    },
  };
}

function take(text: string, sink: Sink<string>): void {
  sink.items.push(flat(text));
}

function tell(oversize: BadItem, sink: Sink<string>): void {
  sink.marks.push({ at: sink.items.length, kind: "bad", value: oversize });
}
