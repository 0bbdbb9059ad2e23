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

export function bytesOf(...pieces: readonly (string | Uint8Array)[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece))));
}

/** `body` cut at the given places, which are taken modulo its length. */
export function cutAt(body: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = places.map((place) => place % (body.length + 1)).sort((a, b) => a - b);
  return [0, ...sorted].map((from, i) => body.slice(from, sorted[i] ?? body.length));
}
