import type { Socket } from "node:net";
import { originOf, shownUrl } from "@longwire/core";
import { dial } from "./dial.ts";
import type { OwnConnection, SocketPool } from "./socket-pool.ts";

/** A connection of the pool's to where `url` leads, with nothing sent on it. See `NodeTransport.dial`. */
export async function dialed(pool: SocketPool, url: string, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const origin = originOf(url);
  if (pool.closed) throw new TypeError(`Cannot dial ${shownUrl(url)}: the transport was closed`);
  const giveUp = new AbortController();
  const connection = new DialedConnection(origin, giveUp);
  pool.adopt(connection);
  try {
    const either = AbortSignal.any([signal, giveUp.signal]);
    const socket = await dial(pool.tunnelTo(origin), url, either, (made) => connection.made(made));
    connection.taken();
    return socket;
  } catch (error) {
    connection.failed();
    throw error;
  }
}

class DialedConnection implements OwnConnection {
  readonly origin: string;
  state: OwnConnection["state"] = "connecting";
  socket: Socket | undefined;
  readonly gone: Promise<void>;
  #onGone = (): void => {};
  /** Until it is connected. */
  #giveUp: AbortController | undefined;

  constructor(origin: string, giveUp: AbortController) {
    this.origin = origin;
    this.#giveUp = giveUp;
    this.gone = new Promise((resolve) => {
      this.#onGone = resolve;
    });
  }

  /** A tunnel comes on one socket, and TLS in it on another: the last one counts. */
  made(socket: Socket): void {
    if (this.socket === socket) return;
    this.socket = socket;
    socket.once("close", () => this.socket === socket && this.#onGone());
    // Whoever has it is told by its end; without a listener it would bring the process down.
    socket.on("error", () => {});
  }

  taken(): void {
    this.state = "taken";
    this.#giveUp = undefined;
  }

  failed(): void {
    if (this.socket === undefined || this.socket.closed) this.#onGone();
  }

  end(reason: unknown): void {
    if (this.#giveUp) this.#giveUp.abort(reason);
    else this.socket?.destroy(reason as Error);
  }
}
