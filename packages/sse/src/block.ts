import type { Sink } from "@longwire/core";
import { flat, utf8Length } from "@longwire/core/bytes";
import type { ServerSentEvent } from "./server-sent-event.ts";

// The interpretation of an event stream, line by line:
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
//
// - Lines are read as slices of the text they came in, which is fast, and keeps the whole text alive as long as the slice.
// - What stays in the block when a text is done with is therefore copied, where the text is much longer.
// - The block's bytes are counted in UTF-16 units while a text is read; at its end, what the units of the block that is not
//   finished take beyond one byte each is added at one stroke.

/** What is known of the event under construction, and the id in force. */
export interface Block {
  /** The event's name; `""` while there is none. */
  type: string;
  /** The data lines that were found in the text at hand; `undefined` for none. */
  data: string | undefined;
  /** Those of earlier texts. */
  earlierData: string | undefined;
  /** Whether `lastEventId` was given in this block. */
  hasOwnId: boolean;
  newId: boolean;
  /** The id in force, from block to block. */
  lastEventId: string;
  /** UTF-8 bytes of the block's `data`, `event` and `id` lines, without line ends. */
  bytes: number;
}

/** A block that goes on after an id. */
export function emptyBlock(lastEventId: string): Block {
  return { type: "", data: undefined, earlierData: undefined, hasOwnId: false, newId: false, lastEventId, bytes: 0 };
}

/** Whether a field of an event was read since the last blank line. */
export function readLine(_b: Block, _t: string, _f: number, _to: number, _s: Sink<ServerSentEvent>): void {}
export function eventOf(_b: Block): undefined {}

export function isPending(block: Block): boolean {
  return block.data !== undefined || block.earlierData !== undefined || block.hasOwnId || block.type !== "";
}

/** Reads whole lines: `text` ends with a line end. */
export function readLines(block: Block, text: string, textBytes: number, sink: Sink<ServerSentEvent>): void {
  const { items, marks } = sink;
  const hasCr = text.includes("\r");
  let { type, data, earlierData, hasOwnId, lastEventId, bytes } = block;
  let begun = 0;
  let ignored = "";
  let lf = -2;
  let cr = -2;
  for (let from = 0; from < text.length; ) {
    const first = text.charCodeAt(from);
    if (first === LF || first === CR) {
      if (earlierData !== undefined) {
        data = data === undefined ? earlierData : `${earlierData}\n${data}`;
        earlierData = undefined;
      }
      if (data !== undefined) {
        items[items.length] = { type: type === "" ? "message" : type, data, lastEventId, id: hasOwnId ? lastEventId : undefined };
        data = undefined;
      } else if (hasOwnId) marks.push({ at: items.length, kind: "cursor", value: lastEventId });
      else if (type !== "") marks.push({ at: items.length, kind: "heartbeat" });
      type = "";
      hasOwnId = false;
      bytes = 0;
      ignored = "";
      from += first === CR && text.charCodeAt(from + 1) === LF ? 2 : 1;
      begun = from;
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
    if (first === D && isField(text, from, to, "data")) {
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
        hasOwnId = true;
      }
      bytes += to - from;
    } else {
      if (first === COLON) marks.push({ at: items.length, kind: "comment", value: valueOf(text, from, to) });
      else if (first === R && isField(text, from, to, "retry")) {
        const value = valueOf(text, from + 5, to);
        if (/^[0-9]+$/.test(value)) marks.push({ at: items.length, kind: "retry", value: Number(value) });
      }
      ignored += text.slice(from, to);
    }
    from = next;
  }
  if (begun < text.length) {
    if (text.length !== textBytes || text.includes("\ufffd")) bytes += excess(text.slice(begun)) - excess(ignored);
    type = detached(type, text);
    if (data !== undefined) {
      data = detached(data, text);
      earlierData = earlierData === undefined ? data : `${earlierData}\n${data}`;
    }
  }
  block.type = type;
  block.earlierData = earlierData;
  block.hasOwnId = hasOwnId;
  block.lastEventId = detached(lastEventId, text);
  block.bytes = bytes;
}

/** `kept` in memory of its own, where it would keep alive a text many times as long. */
function detached(kept: string, text: string): string {
  return text.length > Math.max(2048, 4 * kept.length) ? flat(kept) : kept;
}

/** What a text takes in UTF-8 beyond one byte a unit. */
function excess(text: string): number {
  return utf8Length(text) - text.length;
}

/** Whether `name` is all of the line `text[from, to)`, or all before its first colon. */
function isField(text: string, from: number, to: number, name: string): boolean {
  const end = from + name.length;
  return text.startsWith(name, from) && (end === to || text.charCodeAt(end) === COLON);
}

function isDataLine(text: string, from: number): boolean {
  return (
    text.charCodeAt(from) === D &&
    text.charCodeAt(from + 1) === 0x61 &&
    text.charCodeAt(from + 2) === 0x74 &&
    text.charCodeAt(from + 3) === 0x61 &&
    text.charCodeAt(from + 4) === COLON
  );
}

/** What stands after the colon at `colon`, without one leading space; nothing where the line ends there. */
function valueOf(text: string, colon: number, to: number): string {
  if (colon === to) return "";
  return text.slice(text.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1, to);
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const D = 0x64;
const E = 0x65;
const I = 0x69;
const R = 0x72;
