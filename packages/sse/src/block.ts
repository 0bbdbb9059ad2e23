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
export function isPending(block: Block): boolean {
  return block.data !== undefined || block.earlierData !== undefined || block.hasOwnId || block.type !== "";
}

/** Reads whole lines: `text` ends with a line end. */
export function readLines(block: Block, text: string, textBytes: number, sink: Sink<ServerSentEvent>): void {
  const begun = text.includes("\r") ? readAnyLines(block, text, sink) : readLfLines(block, text, sink);
  if (begun < text.length) leaveText(block, text, textBytes, begun);
  if (block.newId) {
    block.lastEventId = detached(block.lastEventId, text);
    block.newId = false;
  }
}

/** Lines that all end with LF: the common case. Answers where the block that is not finished begins. */
function readLfLines(block: Block, text: string, sink: Sink<ServerSentEvent>): number {
  let begun = 0;
  for (let from = 0; from < text.length; ) {
    if (text.charCodeAt(from) === LF) {
      dispatch(block, sink);
      begun = ++from;
      continue;
    }
    const to = text.indexOf("\n", from);
    if (block.data === undefined && isDataLine(text, from)) {
      block.data = text.slice(text.charCodeAt(from + 5) === SPACE ? from + 6 : from + 5, to);
      block.bytes += to - from;
    } else {
      readLine(block, text, from, to, sink);
    }
    from = to + 1;
  }
  return begun;
}

/** Lines that end with LF, CR or CRLF. Answers where the block that is not finished begins. */
function readAnyLines(block: Block, text: string, sink: Sink<ServerSentEvent>): number {
  let begun = 0;
  let lf = -2;
  let cr = -2;
  for (let from = 0; from < text.length; ) {
    const first = text.charCodeAt(from);
    if (first === LF || first === CR) {
      dispatch(block, sink);
      begun = from = afterLineEnd(text, from);
      continue;
    }
    if (lf < from && lf !== -1) lf = text.indexOf("\n", from);
    if (cr < from && cr !== -1) cr = text.indexOf("\r", from);
    const to = cr < 0 || (lf >= 0 && lf < cr) ? lf : cr;
    if (block.data === undefined && isDataLine(text, from)) {
      block.data = text.slice(text.charCodeAt(from + 5) === SPACE ? from + 6 : from + 5, to);
      block.bytes += to - from;
    } else {
      readLine(block, text, from, to, sink);
    }
    from = to === lf ? to + 1 : afterLineEnd(text, to);
  }
  return begun;
}

function afterLineEnd(text: string, at: number): number {
  return text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF ? at + 2 : at + 1;
}

/** Reads the line `text[from, to)`, which is not blank. */
export function readLine(block: Block, text: string, from: number, to: number, sink: Sink<ServerSentEvent>): void {
  switch (text.charCodeAt(from)) {
    case D:
      if (!isField(text, from, to, "data")) break;
      block.data = block.data === undefined ? valueOf(text, from + 4, to) : `${block.data}\n${valueOf(text, from + 4, to)}`;
      block.bytes += to - from;
      return;
    case E:
      if (!isField(text, from, to, "event")) break;
      block.type = valueOf(text, from + 5, to);
      block.bytes += to - from;
      return;
    case I: {
      if (!isField(text, from, to, "id")) break;
      const id = valueOf(text, from + 2, to);
      block.bytes += to - from;
      // An id with NUL is ignored, not an error.
      if (id.includes("\0")) return;
      block.lastEventId = id;
      block.hasOwnId = block.newId = true;
      return;
    }
    case R: {
      if (!isField(text, from, to, "retry")) break;
      const value = valueOf(text, from + 5, to);
      if (/^[0-9]+$/.test(value)) sink.marks.push({ at: sink.items.length, kind: "retry", value: Number(value) });
      break;
    }
    case COLON:
      sink.marks.push({ at: sink.items.length, kind: "comment", value: valueOf(text, from, to) });
      break;
  }
  // No field of the event: it is left out of what `leaveText` adds.
  block.bytes -= excess(text.slice(from, to));
}

/** The blank line: the block becomes an event, a bookmark, a sign of life, or nothing. */
function dispatch(block: Block, sink: Sink<ServerSentEvent>): void {
  const event = eventOf(block);
  if (event !== undefined) sink.items[sink.items.length] = event;
  else if (block.hasOwnId) sink.marks.push({ at: sink.items.length, kind: "cursor", value: block.lastEventId });
  else if (block.type !== "") sink.marks.push({ at: sink.items.length, kind: "heartbeat" });
  block.type = "";
  block.data = undefined;
  block.earlierData = undefined;
  block.hasOwnId = false;
  block.bytes = 0;
}

/** The event that the block makes; without data it makes none. */
export function eventOf(block: Block): ServerSentEvent | undefined {
  const { type, earlierData, lastEventId, hasOwnId } = block;
  let data = block.data;
  if (earlierData !== undefined) data = data === undefined ? earlierData : `${earlierData}\n${data}`;
  if (data === undefined) return undefined;
  return { type: type === "" ? "message" : type, data, lastEventId, id: hasOwnId ? lastEventId : undefined };
}

/** Takes leave of a text in which the block that is not finished begins at `begun`. */
function leaveText(block: Block, text: string, textBytes: number, begun: number): void {
  if (text.length !== textBytes || text.includes("\ufffd")) block.bytes += excess(text.slice(begun));
  block.type = detached(block.type, text);
  if (block.data === undefined) return;
  const data = detached(block.data, text);
  block.earlierData = block.earlierData === undefined ? data : `${block.earlierData}\n${data}`;
  block.data = undefined;
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
