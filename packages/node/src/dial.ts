import type { Socket } from "node:net";
import type { buildConnector } from "undici";
import { connectError } from "./wire-error.ts";

/** How an origin is connected to. */
export interface Way {
  /** Its URL; of what is reached over a Unix socket the one within. */
  readonly url: URL;
  readonly connect: buildConnector.connector;
}

/** One attempt to connect, TLS included. */
export class Connecting {
  /** The socket, as soon as there is one. */
  socket: Socket | undefined;
  readonly #done: (error: unknown, socket: Socket | undefined) => void;
  #state: "new" | "begun" | "over" = "new";

  /** `done` is called once, with a socket that is connected or why there is none; never after {@link giveUp}. */
  constructor(done: (error: unknown, socket: Socket | undefined) => void) {
    this.#done = done;
  }

  /** Again is nothing. */
  start({ url, connect }: Way): void {
    if (this.#state !== "new") return;
    this.#state = "begun";
    const { hostname, host, protocol, port } = url;
    const address = hostname.replace(/^\[|\]$/g, "");
    try {
      // undici's own connector returns the socket at once, though its type does not say so; only so can an attempt be cut short.
      this.socket = connect({ hostname: address, host, protocol, port }, (error, socket) =>
        this.#settle(error, socket ?? undefined),
      ) as unknown as Socket | undefined;
    } catch (error) {
      this.#settle(error, undefined);
    }
  }

  /** Destroys what there is. */
  giveUp(): void {
    this.#state = "over";
    this.socket?.destroy();
  }

  #settle(error: unknown, socket: Socket | undefined): void {
    if (this.#state === "over") return void socket?.destroy();
    this.#state = "over";
    if (!socket) this.socket?.destroy();
    this.#done(error ?? new Error("The connector gave neither a socket nor an error"), socket);
  }
}

/**
 * A connection of one's own; errors call it `url`. `onSocket` is told the socket as soon as there is one. When `signal` is aborted before it is
 * connected, it is destroyed.
 *
 * @throws StreamError `unreachable`, `refused` by a proxy; or the signal's reason
 */
export function dial(way: Way, url: string, signal: AbortSignal, onSocket: (socket: Socket) => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const connecting = new Connecting((error, socket) => {
      signal.removeEventListener("abort", giveUp);
      if (!socket) return reject(connectError(error, url));
      onSocket(socket);
      resolve(socket);
    });
    const giveUp = (): void => {
      connecting.giveUp();
      reject(signal.reason);
    };
    signal.addEventListener("abort", giveUp);
    connecting.start(way);
    if (connecting.socket) onSocket(connecting.socket);
  });
}
