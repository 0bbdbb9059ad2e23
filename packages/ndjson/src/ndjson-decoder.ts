import { type Decoder, framed, lineSplitter, type Sink, StreamError } from "@longwire/core";
import { checkedNdjsonOptions, type NdjsonOptions } from "./ndjson-options.ts";

/**
 * Decodes NDJSON, also known as JSON Lines: one JSON text (RFC 8259) a line.
 *
 * - Every JSON value is an item, scalars and `null` too. Lines end with LF or CRLF; a BOM at the start of the body is dropped.
 * - A line of nothing but spaces and tabs is a mark `heartbeat`, a line equal to `marker` a mark `marker`.
 * - A line that is no JSON text, or no UTF-8, is a bad item: see `onBadItem`. One that is passed over is a mark `bad`.
 * - A last line without LF is a line like any other at a framed end. At an unframed one it may be cut: it is an item if it is
 *   an object, an array or a string, which show their own end; if not, the body is `truncated`.
 *
 * An item keeps nothing but itself alive. That it is a `T` is the caller's word; nothing checks it here.
 *
 * @throws TypeError, RangeError for a bad option; `push` throws StreamError `protocol` and `limit`, `end` throws `protocol`
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
export function ndjsonDecoder<T = unknown>(options: NdjsonOptions = {}): Decoder<T> {
  const { maxItemBytes, onBadItem, marker } = checkedNdjsonOptions(options);
  const lines = lineSplitter<Sink<T>>({ name: "maxItemBytes", bytes: maxItemBytes }, take);

  function take(text: string, sink: Sink<T>): void {
    if (text === marker) {
      sink.marks.push({ at: sink.items.length, kind: "marker" });
    } else if (isBlank(text)) {
      sink.marks.push({ at: sink.items.length, kind: "heartbeat" });
    } else if (lines.malformed()) {
      refuse("it is not UTF-8", text, sink);
    } else {
      let item: T;
      try {
        item = JSON.parse(text) as T;
      } catch (error) {
        return refuse((error as SyntaxError).message, text, sink, error);
      }
      sink.items.push(item);
    }
  }

  function refuse(reason: string, text: string, sink: Sink<T>, cause?: unknown): void {
    const { line, byteOffset, raw } = lines.place();
    if (onBadItem === "throw") {
      const message =
        `Cannot read line ${line}, ${raw.length} bytes from byte ${byteOffset} on, as JSON: ${reason}; it is ${excerpt(text)}. ` +
        "To pass over such lines, set onBadItem";
      throw new StreamError("protocol", message, { line, byteOffset, raw, cause });
    }
    const bad = { line, byteOffset, raw, reason };
    sink.marks.push({ at: sink.items.length, kind: "bad", value: bad });
    if (onBadItem !== "skip") onBadItem(bad);
  }

  return {
    push: lines.push,
    end(framing, sink) {
      const rest = lines.rest();
      const clean = framed(framing) ? "complete" : "ended";
      if (rest === "") return clean;
      if (clean === "ended" && rest !== marker && !isBlank(rest) && (lines.malformed() || !showsItsEnd(rest))) {
        return "truncated";
      }
      take(rest, sink);
      return clean;
    },
  };
}

function isBlank(text: string): boolean {
  // The first character settles it for nearly every line.
  return !(text.charCodeAt(0) > 0x20) && blank.test(text);
}

/** Whether this is a whole JSON text of a kind that no cut can leave whole: `12` may have been `123`, `[12]` was `[12]`. */
function showsItsEnd(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" || (typeof value === "object" && value !== null);
  } catch {
    return false;
  }
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > excerptLength ? `${text.slice(0, excerptLength)}…` : text);
}

const blank = /^[ \t\r]*$/;
const excerptLength = 80;
