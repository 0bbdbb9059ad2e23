// The interpretation of an event stream:
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//
// - A value is a slice of the text it came in, which is fast and keeps the whole text alive. What stays in the block when a
//   text is done with is copied where the text is much longer.
// - While a text is read, a block's bytes are counted in UTF-16 units. At its end, what the units of the block that is not
//   finished took beyond one byte each is added at one stroke. So it is known where that block began in the bytes; where each event
//   began is looked for in them, always forwards, and only when asked.

import type { Sink } from "@longwire/core";
import { decodeUtf8, flat, indexOfLineEnd, utf8Length } from "@longwire/core/bytes";
import { canTravel } from "./event-id.ts";
import { lineAfter, LineFinder, type Places } from "./places.ts";
import type { ServerSentEvent } from "./server-sent-event.ts";

/** The event under construction, and the id in force. */
export interface Block {
  /** The event's name; `""` while there is none. */
  type: string;
  /** Its data lines, joined; `undefined` while there is none. */
  data: string | undefined;
  /** Whether `lastEventId` was given in this block. */
  hasOwnId: boolean;
  /** The id in force, from block to block. */
  lastEventId: string;
  /** Bytes of its `data`, `event` and `id` lines, without line ends. */
  bytes: number;
  /** The line that it began on, straight after a blank one, from 1. */
  line: number;
  /** Where that line begins, in bytes of the body. */
  byteOffset: number;
  /** The line that is read next. */
  nextLine: number;
  /** Where the blocks of events began, for who asks. */
  readonly places: Places | undefined;
}

/** A block at the start of a body, which goes on after an id. */
export function emptyBlock(lastEventId: string, places?: Places): Block {
  return {
    type: "",
    data: undefined,
    hasOwnId: false,
    lastEventId,
    bytes: 0,
    line: 1,
    byteOffset: 0,
    nextLine: 1,
    places,
  };
}

/** Forgets what the block had so far, but for its ids. */
export function forgetFields(block: Block): void {
  block.type = "";
  block.data = undefined;
  block.bytes = 0;
}

/** Whether a field was read since the last blank line. */
export function isPending(block: Block): boolean {
  return block.data !== undefined || block.hasOwnId || block.type !== "";
}

/** The event that the block makes; without data it makes none. */
export function eventOf({ type, data, hasOwnId, lastEventId }: Block): ServerSentEvent | undefined {
  return data === undefined ? undefined : serverSentEvent(type, data, hasOwnId, lastEventId);
}

/** What ends the lines of a text: LF, CR and CRLF, or nothing but LF, or nothing: it is one line without its end. */
export type LineEnds = "any" | "LF" | "none";

/** Reads the whole lines in `source[start, end)`. `base` is where `source` begins in the body. */
export function readLines(
  block: Block,
  source: Uint8Array,
  start: number,
  end: number,
  base: number,
  ends: LineEnds,
  sink: Sink<ServerSentEvent>,
): void {
  const text = decodeUtf8(source, start, end);
  const { items, marks } = sink;
  // Not indexOf: V8 would do that search anew for each line, as its answer is the same each time.
  const hasCr = ends === "any" && text.includes("\r");
  // Locals: an assignment to the block costs a write barrier. Data of earlier texts stays apart, so that it is copied once.
  let earlierData = block.data;
  let data: string | undefined;
  let { type, hasOwnId, lastEventId, bytes } = block;
  let newId = false;
  let ignored = "";
  let begun = 0;
  let line = block.nextLine;
  let begunLine = block.line;
  let lf = ends === "none" ? text.length : -2;
  let cr = -2;
  for (let from = 0; from < text.length; ) {
    const first = text.charCodeAt(from);
    if (first === LF || first === CR) {
      if (earlierData !== undefined) {
        data = joined(earlierData, data);
        earlierData = undefined;
      }
      if (data !== undefined) {
        items[items.length] = serverSentEvent(type, data, hasOwnId, lastEventId);
        data = undefined;
        if (block.places !== undefined) block.places.add(begunLine, block, source, start, base);
      } else if (hasOwnId && canTravel(lastEventId)) {
        marks.push({ at: items.length, kind: "cursor", value: lastEventId });
      } else if (hasOwnId || type !== "") {
        marks.push({ at: items.length, kind: "heartbeat" });
      }
      type = "";
      hasOwnId = false;
      bytes = 0;
      ignored = "";
      from += first === CR && text.charCodeAt(from + 1) === LF ? 2 : 1;
      begun = from;
      begunLine = ++line;
      continue;
    }

    if (lf < from && lf !== -1) lf = text.indexOf("\n", from);
    let to = lf;
    let next = lf + 1;
    if (hasCr) {
      if (cr < from && cr !== -1) cr = text.indexOf("\r", from);
      if (cr !== -1 && (cr < lf || lf === -1)) {
        to = cr;
        next = cr + 1 === lf ? cr + 2 : cr + 1;
      }
    }

    if (first === D && isData(text, from, to)) {
      const value = valueOf(text, from + 4, to);
      data = data === undefined ? value : `${data}\n${value}`;
      bytes += to - from;
    } else if (first === E && isField(text, from, to, "event")) {
      type = valueOf(text, from + 5, to);
      bytes += to - from;
    } else if (first === I && isField(text, from, to, "id")) {
      const id = valueOf(text, from + 2, to);
      // An id with NUL is ignored, not an error.
      if (id.indexOf("\0") < 0) {
        lastEventId = id;
        hasOwnId = newId = true;
      }
      bytes += to - from;
    } else {
      if (first === COLON) {
        marks.push({ at: items.length, kind: "comment", value: valueOf(text, from, to) });
      } else if (first === R && isField(text, from, to, "retry")) {
        const value = valueOf(text, from + 5, to);
        if (/^[0-9]+$/.test(value)) marks.push({ at: items.length, kind: "retry", value: Number(value) });
      }
      ignored += text.slice(from, to);
    }
    from = next;
    line++;
  }

  if (newId) block.lastEventId = detached(lastEventId, text, 4_096);
  block.type = detached(type, text, 4_096);
  block.data = data === undefined ? earlierData : joined(earlierData, detached(data, text, 256));
  block.hasOwnId = hasOwnId;
  let begunAt = end - text.length + begun;
  if (text.length !== end - start && begun < text.length) {
    const rest = text.slice(begun);
    // U+FFFD stands for one to three bytes, when they are no UTF-8.
    if (rest.includes("\ufffd")) {
      bytes = fieldBytes(source, start, end, block.bytes);
      begunAt = new LineFinder(source, start, block.nextLine).startOf(begunLine);
    } else {
      const more = excess(rest);
      bytes += more - excess(ignored);
      begunAt -= more;
    }
  }
  block.bytes = bytes;
  block.nextLine = line;
  if (begun === 0) return;
  block.line = begunLine;
  block.byteOffset = base + begunAt;
}

/** The bytes of the fields of the block that is not finished, counted line by line. `before` is what the block had so far. */
function fieldBytes(source: Uint8Array, start: number, end: number, before: number): number {
  let bytes = before;
  for (let from = start; from < end; ) {
    const found = indexOfLineEnd(source, from);
    const to = found < 0 || found > end ? end : found;
    if (to === from) bytes = 0;
    else if (/^(?:data|event|id)(?::|$)/.test(decodeUtf8(source, from, Math.min(to, from + 6)))) bytes += to - from;
    from = lineAfter(source, to);
  }
  return bytes;
}

function serverSentEvent(type: string, data: string, hasOwnId: boolean, lastEventId: string): ServerSentEvent {
  return { type: type === "" ? "message" : type, data, lastEventId, id: hasOwnId ? lastEventId : undefined };
}

function joined(earlier: string | undefined, data: string | undefined): string | undefined {
  return earlier === undefined ? data : data === undefined ? earlier : `${earlier}\n${data}`;
}

/** Whether `name` is all of the line `text[from, to)`, or all before its first colon. */
function isField(text: string, from: number, to: number, name: string): boolean {
  const end = from + name.length;
  return text.startsWith(name, from) && (end === to || text.charCodeAt(end) === COLON);
}

/** The same for `data`, of which a stream consists: reading characters is faster than `startsWith`. */
function isData(text: string, from: number, to: number): boolean {
  const isName = text.charCodeAt(from + 1) === A && text.charCodeAt(from + 2) === T && text.charCodeAt(from + 3) === A;
  return isName && (from + 4 === to || text.charCodeAt(from + 4) === COLON);
}

/** What stands after the colon at `colon`, without one leading space; nothing where the line ends there. */
function valueOf(text: string, colon: number, to: number): string {
  if (colon === to) return "";
  return text.slice(text.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1, to);
}

/** `kept` in memory of its own, where it would keep alive a text longer than `length` and many times as long as itself. */
function detached(kept: string, text: string, length: number): string {
  return text.length > Math.max(length, 4 * kept.length) ? flat(kept) : kept;
}

/** What a text takes in UTF-8 beyond one byte a unit. */
function excess(text: string): number {
  return utf8Length(text) - text.length;
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const A = 0x61;
const D = 0x64;
const E = 0x65;
const I = 0x69;
const R = 0x72;
const T = 0x74;
