import type { Sink } from "@longwire/core";
import type { ServerSentEvent } from "./server-sent-event.ts";

// The interpretation of an event stream, line by line.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

/** The event under construction: what the lines since the last blank line said. */
export interface Block {
  type: string;
  /** `undefined` until the first data line. */
  data: string | undefined;
  /** The id that this block gave. */
  id: string | undefined;
  /** The id in force, over all blocks. */
  lastEventId: string;
}

/** A block without a line. */
export function emptyBlock(lastEventId: string): Block {
  return { type: "", data: undefined, id: undefined, lastEventId };
}

/** Reads `text`, which is whole lines and ends with a line feed. */
export function readLines(block: Block, text: string, sink: Sink<ServerSentEvent>): void {
  if (text.includes("\r")) return readMixedLines(block, text, sink);
  for (let from = 0; from < text.length; ) {
    if (text.charCodeAt(from) === LF) {
      dispatch(block, sink);
      from++;
      continue;
    }
    const lf = text.indexOf("\n", from);
    if (block.data === undefined && isDataLine(text, from)) {
      block.data = text.slice(text.charCodeAt(from + 5) === SPACE ? from + 6 : from + 5, lf);
    } else readLine(block, text, from, lf, sink);
    from = lf + 1;
  }
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

function readMixedLines(block: Block, text: string, sink: Sink<ServerSentEvent>): void {
  let cr = text.indexOf("\r");
  for (let from = 0; from < text.length; ) {
    const lf = text.indexOf("\n", from);
    if (cr < 0 || cr > lf) {
      readLine(block, text, from, lf, sink);
      from = lf + 1;
    } else {
      readLine(block, text, from, cr, sink);
      from = cr + 1 === lf ? lf + 1 : cr + 1;
      cr = text.indexOf("\r", from);
    }
  }
}

/** Reads the line `text[from, to)`. `true` when it was a field of the event, not a comment, a wait, a blank or an unknown line. */
export function readLine(block: Block, text: string, from: number, to: number, sink: Sink<ServerSentEvent>): boolean {
  if (from === to) {
    dispatch(block, sink);
    return false;
  }
  switch (text.charCodeAt(from)) {
    case D:
      if (!isField(text, from, to, "data")) return false;
      block.data = block.data === undefined ? valueOf(text, from + 4, to) : `${block.data}\n${valueOf(text, from + 4, to)}`;
      return true;
    case E:
      if (!isField(text, from, to, "event")) return false;
      block.type = valueOf(text, from + 5, to);
      return true;
    case I: {
      if (!isField(text, from, to, "id")) return false;
      const id = valueOf(text, from + 2, to);
      // An id with NUL is ignored, not an error.
      if (!id.includes("\0")) block.id = block.lastEventId = id;
      return true;
    }
    case R: {
      const value = isField(text, from, to, "retry") ? valueOf(text, from + 5, to) : "";
      if (/^[0-9]+$/.test(value)) sink.marks.push({ at: sink.items.length, kind: "retry", value: Number(value) });
      return false;
    }
    case COLON:
      sink.marks.push({ at: sink.items.length, kind: "comment", value: valueOf(text, from, to) });
      return false;
    default:
      return false;
  }
}

function dispatch(block: Block, sink: Sink<ServerSentEvent>): void {
  const { type, data, id, lastEventId } = block;
  if (data !== undefined) {
    sink.items[sink.items.length] = { type: type === "" ? "message" : type, data, lastEventId, id };
    block.data = undefined;
  } else if (id !== undefined) {
    sink.marks.push({ at: sink.items.length, kind: "cursor", value: id });
  } else if (type !== "") {
    sink.marks.push({ at: sink.items.length, kind: "heartbeat" });
  }
  block.type = "";
  block.id = undefined;
}

/** Whether `name` is all of the line or stands before its first colon. */
function isField(text: string, from: number, to: number, name: string): boolean {
  const end = from + name.length;
  return text.startsWith(name, from) && (end === to || text.charCodeAt(end) === COLON);
}

/** What stands after the colon at `colon`, without one leading space; nothing where the line ends there. */
function valueOf(text: string, colon: number, to: number): string {
  if (colon >= to) return "";
  return text.slice(text.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1, to);
}

const LF = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;
const D = 0x64;
const E = 0x65;
const I = 0x69;
const R = 0x72;
