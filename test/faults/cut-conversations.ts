// What servers of three protocols write, byte by byte, and what a client must make of it, whatever is cut off.

import { createHash } from "node:crypto";
import { type EventStream, openBytes, type StreamOptions } from "@longwire/core";
import { openNdjson } from "@longwire/ndjson";
import { openSse, type ServerSentEvent } from "@longwire/sse";
import type { WireAnswer } from "./cut-wire.ts";

/** One protocol in one framing. */
export interface Conversation {
  readonly name: string;
  /** All that the client must receive, in pieces to compare: an item each, or 16 bytes. */
  readonly sent: readonly string[];
  /** The server: what it writes to a request. */
  answer(request: AskedFor): WireAnswer;
  /** The client: its stream, and what it makes of an item. */
  open(url: string, options: CommonOptions): EventStream<unknown>;
  received(items: readonly unknown[]): readonly string[];
}

/** Options that depend on no item. */
export type CommonOptions = Pick<
  StreamOptions<unknown>,
  "transport" | "clock" | "random" | "budget" | "reconnect" | "timeouts"
>;

/** The part of a request that an answer depends on. */
export interface AskedFor {
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/**
 * Server-Sent Events with ids. An id without data, comments, each line end, text of several lines and of several bytes a character.
 * It is over with a 204 to the last id, or with `until`.
 */
export function sseConversation(framing: WireAnswer["framing"], end: "204" | "until" = "204"): Conversation {
  const blocks = fill((n) => sseBlock(n));
  const last = end === "until" ? Buffer.from("data: [DONE]\n\n") : Buffer.alloc(0);
  const events = blocks.map((_, n) => sseEvent(n)).filter((event) => event.data !== undefined);
  return {
    name: `SSE, ${framing}${end === "until" ? ", until" : ""}`,
    sent: events.map(eventText),
    answer({ headers }) {
      const from = Number(headers["last-event-id"] ?? -1) + 1;
      if (from > blocks.length) return unknown;
      if (from === blocks.length && end === "204") return nothing;
      return ok("text/event-stream", framing, Buffer.concat([...blocks.slice(from), last]));
    },
    open: (url, options) => openSse(url, { ...options, ...(end === "until" && { until: "[DONE]" }) }),
    received: (items) => (items as ServerSentEvent[]).map(eventText),
  };
}

type SentEvent = Pick<ServerSentEvent, "type" | "lastEventId">;

function eventText({ type, lastEventId, data }: SentEvent & { readonly data?: string | undefined }): string {
  return `${lastEventId} ${type}: ${data}`;
}

/** One in seven is an id alone. */
function sseEvent(n: number): SentEvent & { readonly data: string | undefined } {
  const data = n % 7 === 5 ? undefined : `${text(n)}${n % 3 === 1 ? "\nsecond line" : ""}`;
  return { type: n % 5 === 0 ? "change" : "message", lastEventId: String(n), data };
}

function sseBlock(n: number): string {
  const { type, lastEventId, data } = sseEvent(n);
  const lines = [
    ...(n % 4 === 0 ? [`: comment ${n}`] : []),
    ...(type === "message" ? [] : [`event: ${type}`]),
    `id: ${lastEventId}`,
    ...(n === 3 ? ["retry: 0"] : []),
    ...(data?.split("\n").map((line) => `data: ${line}`) ?? []),
  ];
  return [...lines, "", ""].join(["\n", "\r\n", "\r"][n % 3]);
}

/** NDJSON with a cursor in each row. Without framing it is over with a 204 to the last one, or with `until`. */
export function ndjsonConversation(framing: WireAnswer["framing"], end: "204" | "until" = "204"): Conversation {
  const rows = fill(
    (n) => `${JSON.stringify({ seq: n, text: text(n), of: [n, null, { n }] })}${n % 3 === 1 ? "\r\n" : "\n"}`,
  );
  const last = Buffer.from(end === "until" ? '"end"\n' : "");
  return {
    name: `NDJSON, ${framing}${end === "until" ? ", until" : ""}`,
    sent: rows.map((row) => row.toString().trim()),
    answer({ query }) {
      const from = Number(query.get("since") ?? -1) + 1;
      if (from > rows.length) return unknown;
      if (from === rows.length && end === "204" && framing === "close") return nothing;
      return ok("application/x-ndjson", framing, Buffer.concat([...rows.slice(from), last]));
    },
    open: (url, options) =>
      openNdjson<{ seq: number }>(url, {
        ...options,
        resume: { cursor: ({ seq }) => seq, apply: (request, since) => request.withQuery({ since }) },
        ...(end === "until" && { until: '"end"' }),
      }),
    received: (items) => items.map((item) => JSON.stringify(item)),
  };
}

/** Bytes in ranges. Without framing they are asked for from 0 on, so that the first answer too tells how many there are. */
export function bytesConversation(framing: WireAnswer["framing"]): Conversation {
  const bytes = recorded();
  const total = bytes.length;
  return {
    name: `bytes, ${framing}`,
    sent: linesOf(bytes),
    answer({ headers: { range, "if-range": ifRange } }) {
      const [, digits] = /^bytes=(\d+)-$/.exec(range ?? "") ?? [];
      const about = { etag, "accept-ranges": "bytes" };
      const all = ok("image/x-raw", framing, bytes, about);
      if (digits === undefined || (ifRange !== undefined && ifRange !== etag)) return all;
      const from = Number(digits);
      const place = from < total ? `bytes ${from}-${total - 1}/${total}` : `bytes */${total}`;
      const headers = { ...all.headers, "content-range": place };
      if (from >= total) return { ...all, status: 416, headers, body: Buffer.from("no more") };
      return { ...all, status: 206, headers, body: bytes.subarray(from) };
    },
    open: (url, options) => openBytes(url, { ...options, ...(framing === "close" && { resume: { from: 0 } }) }),
    received: (items) => linesOf(Buffer.concat(items as Uint8Array[])),
  };
}

const etag = '"recorded"';
/** To a resume point that never was. */
const unknown: WireAnswer = { status: 404, headers: {}, framing: "length", body: Buffer.alloc(0) };
const nothing: WireAnswer = { status: 204, headers: {}, framing: "length", body: Buffer.alloc(0) };

function ok(
  type: string,
  framing: WireAnswer["framing"],
  body: Uint8Array,
  headers: Record<string, string> = {},
): WireAnswer {
  return { status: 200, headers: { "content-type": type, ...headers }, framing, body };
}

/** Items up to 4 KiB. */
function fill(item: (n: number) => string): Buffer[] {
  const items: Buffer[] = [];
  for (let bytes = 0; bytes < conversationBytes; bytes += (items.at(-1) as Buffer).length)
    items.push(Buffer.from(item(items.length)));
  return items;
}

/** Bytes of each kind, the same each time. */
function recorded(): Buffer {
  const blocks = Array.from({ length: conversationBytes / 32 }, (_, n) => createHash("sha256").update(`${n}`).digest());
  return Buffer.concat(blocks);
}

/** 16 bytes a line: so a report can show where they differ. */
function linesOf(bytes: Buffer): string[] {
  return bytes.toString("hex").match(/.{1,32}/g) ?? [];
}

function text(n: number): string {
  return ["plain", "Zeile – mit Länge", "深い 水", "🧵".repeat((n % 4) + 1), "x".repeat(n)][n % 5] as string;
}

const conversationBytes = 4096;
