import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "@longwire/core";
import { endGently } from "./end-gently.ts";

/** An answer that refuses. */
export interface Unwelcome {
  /** 400 to 599. */
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Default: none. */
  readonly text?: string | undefined;
}

/**
 * Refuses an upgrade in words, and ends its connection.
 *
 * @throws TypeError, RangeError for what cannot be sent; nothing is sent then
 */
export function refuseUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  { status, headers, text = "" }: Unwelcome,
  clock: Clock,
): void {
  const answer = new ServerResponse(request);
  answer.shouldKeepAlive = false;
  answer.writeHead(status, { ...headers, "content-length": Buffer.byteLength(text) });
  answer.assignSocket(socket as Socket);
  answer.end(text, () => endGently(socket, clock));
}
