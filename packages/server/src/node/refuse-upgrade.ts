import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "@longwire/core";

/** An answer that refuses. */
export interface Unwelcome {
  /** 400 to 599. */
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Default: none. */
  readonly text?: string | undefined;
}

/**
 * Refuses an upgrade in words, and ends its connection: a client that does not end its own side has a second.
 *
 * @throws TypeError, RangeError for what cannot be sent; nothing is sent then
 */
export function refuseUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  { status, headers, text = "" }: Unwelcome,
  clock: Clock,
): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(text) });
  response.assignSocket(socket as Socket);
  response.end(text, () => {
    // What it has sent and nobody reads would make a reset of the close, which could take the answer from it.
    socket.resume();
    socket.end();
  });
  const cancel = clock.timer(lingerMs, () => socket.destroy());
  socket.once("close", cancel);
}

const lingerMs = 1_000;
