import type { EndOfBody, Mark } from "@longwire/core";
import type { ServerSentEvent } from "../../src/server-sent-event.ts";

/** What a whole body means, written down as plainly as the standard does it. It knows no chunks. */
export function modelled(body: Uint8Array, cursor = "") {
  const text = new TextDecoder().decode(body);
  const items: ServerSentEvent[] = [];
  const marks: Mark<ServerSentEvent>[] = [];
  const lines = text.split(/\r\n|\n|\r/);
  const unfinishedLine = lines.pop() as string;
  let lastEventId = cursor;
  let type = "";
  let data: string[] = [];
  let id: string | undefined;

  const field = (line: string): void => {
    const [, name, value = ""] = /^([^:]*)(?:: ?([\s\S]*))?$/.exec(line) as unknown as [
      string,
      string,
      string | undefined,
    ];
    if (name === "data") data.push(value);
    else if (name === "event") type = value;
    else if (name === "id" && !value.includes("\0")) lastEventId = id = value;
    else if (name === "retry" && /^[0-9]+$/.test(value))
      marks.push({ at: items.length, kind: "retry", value: Number(value) });
    else if (line.startsWith(":")) marks.push({ at: items.length, kind: "comment", value });
  };
  const event = (): ServerSentEvent => ({ type: type || "message", data: data.join("\n"), lastEventId, id });

  for (const line of lines) {
    if (line !== "") {
      field(line);
      continue;
    }
    if (data.length > 0) items.push(event());
    else if (id !== undefined) marks.push({ at: items.length, kind: "cursor", value: id });
    else if (type !== "") marks.push({ at: items.length, kind: "heartbeat" });
    [type, data, id] = ["", [], undefined];
  }

  const marksBefore = marks.length;
  if (unfinishedLine !== "") field(unfinishedLine);
  marks.length = marksBefore;
  const pending = data.length > 0 || id !== undefined || type !== "";
  if (data.length > 0) marks.push({ at: items.length, kind: "unfinished", value: event() });
  const end: EndOfBody = pending || unfinishedLine !== "" ? "truncated" : "ended";
  return { items, marks, end };
}

/** The same where an event may have `maxItemBytes` and is else passed over, and with the place where each event began. */
export function modelledUpTo(body: Uint8Array, maxItemBytes: number) {
  const items: ServerSentEvent[] = [];
  const places: { line: number; byteOffset: number }[] = [];
  const marks: Mark<ServerSentEvent>[] = [];
  const lines = linesOf(body);
  let begun = { line: 1, byteOffset: 0 };
  let kept: string[] = [];
  let bytes = 0;
  let over = false;
  let lastEnd = 0;
  let lastEventId = "";
  for (const [i, { text, length, end, next }] of lines.entries()) {
    const isLast = i === lines.length - 1;
    if (!over && bytes + length > maxItemBytes) {
      over = true;
      kept = kept.filter((line) => !/^(data|event)(:|$)/.test(line));
    }
    if (isLast) break;
    if (length > 0) {
      lastEnd = end;
      const field = /^(data|event|id)(:|$)/.exec(text)?.[1];
      if (field !== undefined) bytes += length;
      if (!over || (length <= maxItemBytes && field !== "data" && field !== "event")) kept.push(text);
      continue;
    }
    // A blank line first, so that no U+FEFF in the block is taken for a BOM.
    const block = modelled(bytesOf("\n", ...kept.map((line) => `${line}\n`), "\n"), lastEventId);
    for (const line of kept) {
      const id = /^id(?:: ?(.*))?$/s.exec(line);
      if (id && !id[1]?.includes("\0")) lastEventId = id[1] ?? "";
    }
    const told = block.marks.filter(({ kind }) => !over || kind === "comment" || kind === "retry");
    marks.push(...told.map((mark) => ({ ...mark, at: items.length })));
    if (over) {
      const raw = body.slice(begun.byteOffset, Math.min(lastEnd, begun.byteOffset + 1_024));
      const reason = `it has ${lastEnd - begun.byteOffset} bytes, more than maxItemBytes, ${maxItemBytes} bytes`;
      marks.push({ at: items.length, kind: "bad", value: { ...begun, raw, reason } });
    } else {
      items.push(...block.items);
      if (block.items.length > 0) places.push(begun);
    }
    begun = { line: i + 2, byteOffset: next };
    [kept, bytes, over] = [[], 0, false];
  }
  return { items, places, marks, over, kept };
}

/** The lines of a body; the last one has no end. A BOM counts to the place of the first, and not to its length. */
function linesOf(body: Uint8Array) {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  const hasBom = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
  const lines: { text: string; length: number; end: number; next: number }[] = [];
  for (let start = hasBom ? 3 : 0; ; ) {
    let end = start;
    while (end < body.length && body[end] !== 0x0a && body[end] !== 0x0d) end++;
    const next = body[end] === 0x0d && body[end + 1] === 0x0a ? end + 2 : end + 1;
    lines.push({ text: utf8.decode(body.slice(start, end)), length: end - start, end, next });
    if (end === body.length) return lines;
    start = next;
  }
}

/** Bodies that are mostly event streams, with all that makes them hard: every line end, invalid UTF-8, BOMs, NULs, odd fields. */
export const streamPieces: readonly (string | Uint8Array)[] = [
  ...["\n", "\n", "\n\n", "\n\n", "\r", "\r\n", "\r\n\r\n", "\r\r", "\n\r", "\r\n\n"],
  ...["data: ", "data:", "data", 'data: {"t":1}', "data:  two", "Data: x", " data: x", "datax: y", "data : z"],
  ...["id: ", "id", "id:7", "id: 8\n", "id: \0", "idx: 1", "event: ", "event", "event:add\n", "eventual: 1"],
  ...["retry: 10", "retry: 10x", "retry", "retry: 0", "retry:007\n", ":", ": note", ":note\n", "noise", "a:b:c", "0"],
  ...["\ufeff", "é", "豆腐", "😀", "\0", "\u2028", "\ufffd", " ", ":", "x".repeat(40), "ф".repeat(40)],
  ...[[0xc3], [0xff], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0x80]].map((bytes) =>
    Uint8Array.from(bytes),
  ),
];

/** Whole events, to mix with them. */
export const eventPieces: readonly string[] = [
  ...["data: a\n\n", "data: é豆\r\n\r\n", "data:\r\r", 'data: {"p":1}\n\n', "id: 9\ndata: a long one, é\n\n"],
  ...[": é\nevent: e\ndata: b\ndata: c\n\n", "\r\n: note\r\n\r\n", "id: 7\n\n", "data: \ufffd\n\n", "\n"],
];

export function bytesOf(...pieces: readonly (string | Uint8Array)[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece))));
}

/** `body` cut at the given places, which are taken modulo its length. */
export function cutAt(body: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = places.map((place) => place % (body.length + 1)).sort((a, b) => a - b);
  return [0, ...sorted].map((from, i) => body.slice(from, sorted[i] ?? body.length));
}
