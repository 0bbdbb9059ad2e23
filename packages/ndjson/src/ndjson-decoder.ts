import { type Decoder, framed, lineSplitter, type Sink } from "@longwire/core";
import { jsonItems } from "./json-items.ts";
import { checkedJsonOptions, type JsonOptions } from "./json-options.ts";
import { isBlank, showsItsEnd } from "./json-text.ts";

/**
 * Decodes NDJSON, also known as JSON Lines: one JSON text (RFC 8259) a line.
 *
 * - Every JSON value is an item, scalars and `null` too. Lines end with LF or CRLF; a BOM at the start of the body is dropped.
 * - A line of nothing but spaces and tabs is a mark `heartbeat`, a line equal to `marker` a mark `marker`.
 * - A line that is no JSON text, or no UTF-8, or that the schema refuses, is a bad item: see `onBadItem`. One that is passed over
 *   is a mark `bad`, and so is one over its limit with `onOversize: "skip"`.
 * - A last line without LF is a line like any other at a framed end. At an unframed one it may be cut: it is an item if it is
 *   an object, an array or a string, which show their own end; if not, the body is `truncated`.
 *
 * An item keeps nothing but itself alive. Without a schema, that it is a `T` is the caller's word.
 *
 * @throws TypeError, RangeError for a bad option; `push` throws StreamError `protocol` and `limit`, `end` throws `protocol`; both
 *   throw what the schema or `onBadItem` throws, and a TypeError when the schema answers with a promise
 *
 * @example
 * ```ts
 * import { emptySink } from "@longwire/core";
 * import { ndjsonDecoder } from "@longwire/ndjson";
 *
 * const decoder = ndjsonDecoder<{ id: number }>({ onBadItem: (bad) => console.warn(bad.line, bad.reason) });
 * const sink = emptySink<{ id: number }>();
 * decoder.push(new TextEncoder().encode('{"id":1}\n{oops\n{"id":2}\n'), sink);
 * console.log(sink.items); // [{ id: 1 }, { id: 2 }]
 * ```
 */
export function ndjsonDecoder<T = unknown>(options: JsonOptions<T> = {}): Decoder<T> {
  const checked = checkedJsonOptions(options);
  const { marker } = checked;
  const items = jsonItems(checked);
  const lines = lineSplitter<Sink<T>>(checked.limit, take, checked.onOversize === "skip" ? items.skip : undefined);

  function take(text: string, sink: Sink<T>): void {
    if (text === marker) {
      sink.marks.push({ at: sink.items.length, kind: "marker" });
    } else if (isBlank(text)) {
      sink.marks.push({ at: sink.items.length, kind: "heartbeat" });
    } else {
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch (error) {
        return items.refuse((error as SyntaxError).message, lines, sink, error);
      }
      items.accept(value, lines, sink);
    }
  }

  return {
    push: lines.push,
    end(framing, sink) {
      const whole = framed(framing);
      const rest = lines.rest();
      const oversize = lines.oversizeRest();
      if (oversize) {
        if (!whole) return "truncated";
        items.skip(oversize, sink);
      } else if (rest !== "") {
        const delimited = rest === marker || isBlank(rest) || (!lines.malformed() && showsItsEnd(rest));
        if (!whole && !delimited) return "truncated";
        take(rest, sink);
      }
      return whole ? "complete" : "ended";
    },
  };
}
