// Bytes to JSON texts, of which each begins with an RS. The loop goes from stop to stop: from LF or RS to the next.
//
// - A text ends at the first LF at which it is whole, so that none waits for the RS of the next one; or else at that RS.
// - At its first LF a text is parsed at once: most are whole there. One that is not is followed byte by byte, and parsed where its
//   top level closes: what it costs does not depend on how many lines it has.
// - A text that stands in one chunk is read there. Only one that a chunk leaves unfinished is copied.

import { type Decoder, type EndOfBody, type Framing, framed, PartialItem, type Sink } from "@longwire/core";
import { decodeUtf8, indexOfByte, isUtf8 } from "@longwire/core/bytes";
import { type JsonText, jsonItems } from "./json-items.ts";
import { checkedJsonOptions, type JsonOptions } from "./json-options.ts";
import { closesAt, type JsonOutline, newOutline, opens } from "./json-outline.ts";
import { isBlank, isDelimited } from "./json-text.ts";

/**
 * Decodes JSON text sequences (RFC 7464): RS (0x1E), one JSON text, LF.
 *
 * - Every JSON value is an item. A text may have several lines. It is handed out at the LF that ends it, or else at the next RS.
 * - A text equal to `marker`, white space around it not counted, is a mark `marker`. RS after RS, and RS with nothing but white
 *   space after it, are ignored.
 * - A text that is no JSON, or no UTF-8, or that the schema refuses, is a bad item: see `onBadItem`. So are a top-level number,
 *   `true`, `false` and `null` that no white space follows, for they may be cut (section 2.4), and anything that no RS stands before.
 *   Reading goes on at the next RS; what comes before that is not told again.
 * - With `onOversize: "skip"` a text over its limit is a bad item too, and told at the next RS.
 * - At a framed end the last text ends as at an RS, and the body is `complete`. At an unframed one it may be cut: the body has
 *   `ended` if the last text was handed out at its LF, or shows its own end (an object, an array, a string, or white space after
 *   it) and is an item then; if not, also when nothing stands after the last RS, it is no item and the body is `truncated`.
 *
 * An item keeps nothing but itself alive. Without a schema, that it is a `T` is the caller's word.
 *
 * @throws TypeError, RangeError for a bad option; `push` throws StreamError `protocol` and `limit`, `end` throws `protocol`; both
 *   throw what the schema or `onBadItem` throws, and a TypeError when the schema answers with a promise
 *
 * @see RFC 7464 section 2
 *
 * @example
 * ```ts
 * import { emptySink } from "@longwire/core";
 * import { jsonSeqDecoder } from "@longwire/ndjson";
 *
 * const decoder = jsonSeqDecoder<{ id: number }>({ onBadItem: (bad) => console.warn(bad.byteOffset, bad.reason) });
 * const sink = emptySink<{ id: number }>();
 * decoder.push(new TextEncoder().encode('\x1e{"id":1}\n\x1e{"id":\x1e{"id":2}\n'), sink);
 * console.log(sink.items); // [{ id: 1 }, { id: 2 }]
 * ```
 */
export function jsonSeqDecoder<T = unknown>(options: JsonOptions<T> = {}): Decoder<T> {
  const checked = checkedJsonOptions(options);
  const { limit, marker } = checked;
  const items = jsonItems(checked);

  // The line in hand; the bytes of the body before this chunk; whether a LF is the last byte there was.
  let line = 1;
  let offset = 0;
  let afterLf = false;

  // The text under way, or the one to come: where it begins, whether an RS stands before it, what is kept of it, and its outline,
  // once it has a LF, with how many of its bytes that has followed. While `passing`, what comes belongs to a bad one.
  let textLine = 1;
  let textOffset = 0;
  let begun = false;
  let passing = false;
  const kept = new PartialItem(limit, checked.onOversize);
  let outline: JsonOutline | undefined;
  let followed = 0;

  // The text in hand, `bytes[from, to)`: in its chunk, or in what is kept.
  let bytes = kept.bytes;
  let from = 0;
  let to = 0;
  let replaced = false;
  const inHand: JsonText = {
    malformed: () => replaced && !isUtf8(bytes.subarray(from, to)),
    place: () => ({ line: textLine, byteOffset: textOffset, raw: bytes.slice(from, to) }),
  };

  function push(chunk: Uint8Array, sink: Sink<T>): void {
    let lf = -1;
    let rs = -1;
    for (let at = 0, stop = 0; at < chunk.length; at = stop + 1) {
      if (lf < at) lf = stopAt(chunk, LF, at);
      if (rs < at) rs = stopAt(chunk, RS, at);
      stop = Math.min(lf, rs);
      if (stop > at) afterLf = false;
      if (stop === rs) {
        if (stop < chunk.length) separate(chunk, at, stop, sink);
        else if (!passing) keep(chunk, at, stop);
      } else {
        if (!passing) endLine(chunk, at, stop, sink);
        afterLf = true;
        line++;
      }
    }
    offset += chunk.length;
    if (kept.length === 0) kept.drop(true);
    bytes = kept.bytes;
  }

  function endLine(chunk: Uint8Array, at: number, lf: number, sink: Sink<T>): void {
    takeInHand(chunk, at, lf);
    if (!kept.isOversize && read("LF", sink)) begin(false, line + 1, offset + lf + 1);
    else keep(chunk, bytes === chunk ? at : lf, lf + 1);
  }

  function separate(chunk: Uint8Array, at: number, rs: number, sink: Sink<T>): void {
    if (!passing) {
      takeInHand(chunk, at, rs);
      if (kept.isOversize) skip(sink);
      else read("RS", sink);
    }
    afterLf = false;
    passing = false;
    begin(true, line, offset + rs + 1);
  }

  function end(framing: Framing, sink: Sink<T>): EndOfBody {
    const whole = framed(framing);
    takeInHand(kept.bytes, 0, 0);
    if (passing) return whole ? "complete" : "ended";
    if (kept.isOversize) {
      if (!whole && !afterLf) return "truncated";
      skip(sink);
    } else if (begun || kept.length > 0) {
      if (!read(whole ? "RS" : "cut", sink)) return "truncated";
    }
    return whole ? "complete" : "ended";
  }

  /** Reads the text in hand, which a LF, an RS or the cut of the body comes after. Answers false when it does not end there. */
  function read(next: "LF" | "RS" | "cut", sink: Sink<T>): boolean {
    // A text on many lines opens something at the end of its first: to try to parse that takes longer than the whole text.
    const follow = outline !== undefined || opens(bytes[to - 1] as number);
    if (begun && next === "LF" && follow && !closes()) return false;
    const text = decodeUtf8(bytes, from, to);
    replaced = text.includes("\ufffd");
    if ((!begun || next === "RS") && isBlank(text)) return true;
    if (!begun) return refuse("no RS (0x1E) stands before it", sink);
    if (marker !== undefined && text.trim() === marker) {
      sink.marks.push({ at: sink.items.length, kind: "marker" });
      return true;
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      if (next === "cut" || (next === "LF" && !follow && !closes())) return false;
      return refuse((error as SyntaxError).message, sink, error);
    }
    if (next === "LF" || isDelimited(value) || blankAtEnd.test(text)) {
      items.accept(value, inHand, sink);
      return true;
    }
    return next === "RS" && refuse("it may be cut: no white space follows it (RFC 7464 section 2.4)", sink);
  }

  function refuse(reason: string, sink: Sink<T>, cause?: unknown): true {
    items.refuse(reason, inHand, sink, cause);
    passing = true;
    return true;
  }

  function begin(separated: boolean, atLine: number, atByte: number): void {
    begun = separated;
    textLine = atLine;
    textOffset = atByte;
    outline = undefined;
    followed = 0;
    kept.drop(false);
  }

  /** The text in hand is what is kept and `chunk[at, stop)`; it is put in one piece, unless it is over its limit. */
  function takeInHand(chunk: Uint8Array, at: number, stop: number): void {
    const apart = kept.length > 0 || stop - at > limit.bytes;
    if (apart) keep(chunk, at, stop);
    bytes = apart ? kept.bytes : chunk;
    from = apart ? 0 : at;
    to = apart ? kept.length : stop;
  }

  function keep(chunk: Uint8Array, at: number, stop: number): void {
    kept.keep(chunk, at, stop, textLine, textOffset);
  }

  function skip(sink: Sink<T>): void {
    items.skip(kept.told(textLine, textOffset, kept.length - (afterLf ? 1 : 0)), sink);
  }

  /** Follows what is new of the text in hand. */
  function closes(): boolean {
    outline ??= newOutline();
    const closed = closesAt(outline, bytes, from + followed, to);
    followed = to - from;
    return closed;
  }

  return { push, end };
}

/** Index of the first `byte` at or after `from`; without one, the end of the chunk. */
function stopAt(chunk: Uint8Array, byte: number, from: number): number {
  const found = indexOfByte(chunk, byte, from);
  return found < 0 ? chunk.length : found;
}

const LF = 0x0a;
const RS = 0x1e;
const blankAtEnd = /[ \t\r\n]$/;
