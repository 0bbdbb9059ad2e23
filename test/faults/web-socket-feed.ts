// A feed over a WebSocket that resumes: what the server sends, byte by byte, and what a client must make of it, whatever is cut off.

import { setImmediate as turn } from "node:timers/promises";
import type { Message } from "@longwire/core";
import type { WebSocket } from "ws";
import { startWs, type WsServer } from "../interop/ws-server.ts";

/** How a client says where to go on. */
export type Asking = "by the query" | "by a first message";

/** The messages of the whole feed, in order; number n, from 1, is the one with cursor n. */
export const feed: readonly Message[] = Array.from({ length: 24 }, (_, index) => message(index + 1));

/** Number of a message, which it begins with. */
export function numberOf(message: Message): number {
  return typeof message === "string" ? Number.parseInt(message, 10) : (message[0] as number);
}

/** Whether these are the first messages of the feed. */
export function isBeginning(seen: readonly Message[]): boolean {
  return seen.every((message, index) => printed(message) === printed(feed[index] as Message));
}

/** What went wrong, by the byte behind which the wire was cut, for a test to show. */
export function report(wrong: ReadonlyMap<number, string>): string {
  const lines = [...wrong].slice(0, 10).map(([after, why]) => `behind byte ${after}: ${why}`);
  return wrong.size === 0 ? "" : `${wrong.size} cuts went wrong: ${[...wrong.keys()].join()}\n${lines.join("\n")}`;
}

function printed(message: Message): string {
  return typeof message === "string" ? message : Buffer.from(message).toString("hex");
}

/** Sends the feed from the one behind the cursor, and closes with 1000. Of what clients send beside, `still here?` is sent back. */
export function startFeed(asking: Asking): Promise<WsServer> {
  return startWs((socket, request) => {
    socket.on("message", (data) => {
      if (String(data) === "still here?") socket.send("still here?");
    });
    if (asking === "by a first message") socket.once("message", (first) => void send(socket, Number(String(first))));
    else void send(socket, Number(new URL(request.url ?? "/", "http://a").searchParams.get("since") ?? 0));
  });
}

/** Lengths on both sides of where a frame needs more bytes for it, text of several bytes a character, and bytes. */
function message(n: number): Message {
  if (n % 4 === 0) return Uint8Array.from({ length: n === 16 ? 125 : n }, (_, index) => (index === 0 ? n : index));
  const text = `${n} ${["plain", "Zeile – mit Länge", "深い 🧵"][n % 3]}`;
  return n === 6 ? text.padEnd(126, "x") : text;
}

/**
 * Nothing behind a cursor that is none. In frames of one, some in fragments, with pings in and between them; not all in one turn, so
 * that a break is met in mid-sending.
 */
async function send(socket: WebSocket, since: number): Promise<void> {
  if (Number.isNaN(since)) return;
  for (const message of feed.slice(since)) {
    const n = numberOf(message);
    if (n % 5 === 0) socket.ping("still here?");
    if (n % 6 === 1) await turn();
    if (n % 7 !== 0 || typeof message !== "string") {
      socket.send(message);
      continue;
    }
    socket.send(message.slice(0, 3), { fin: false });
    socket.ping();
    socket.send(message.slice(3), { fin: true });
  }
  socket.close(1000, "that is all");
}
