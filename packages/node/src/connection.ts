import type { Socket } from "node:net";
import { type buildConnector, Client, type Dispatcher } from "undici";

/** What a connection and the exchange that it carries know of each other. */
export interface Carried extends Dispatcher.DispatchHandler {
  /** It must not meet a socket that was used before. */
  readonly fresh: boolean;
  /** The connection that carries it; set before any other call. */
  connection: Connection | undefined;
}

/**
 * One connection: an undici Client that tells what its socket does.
 *
 * undici's pool makes one of these per socket, and hands it one request at a time (pipelining 1), so whoever is dispatched here owns
 * the socket until its answer has ended. The same Connection may connect again later.
 */
export class Connection extends Client {
  readonly origin: string;
  /** Requests written to the present socket. */
  requests = 0;
  /** Why the last attempt to connect failed: by this an exchange knows such an error from one of a socket that was up. */
  connectFailure: unknown;
  #socket: Socket | undefined;
  #attempt: { readonly fail: (error: Error) => void } | undefined;

  /** `origin` is what it is called, `url` what undici makes of it. */
  constructor(
    url: URL,
    origin: string,
    options: Client.Options,
    connector: buildConnector.connector,
    onAttempt: (connection: Connection) => void,
  ) {
    super(url, {
      ...options,
      connect: (target, callback) => {
        onAttempt(this);
        this.#connect(connector, target, callback);
      },
    });
    this.origin = origin;
  }

  get socket(): Socket | undefined {
    return this.#socket;
  }

  get connecting(): boolean {
    return this.#attempt !== undefined;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const exchange = handler as Carried;
    exchange.connection = this;
    // undici connects again for the request when the socket is found destroyed.
    if (exchange.fresh && this.requests > 0) this.#socket?.destroy();
    return super.dispatch(options, handler);
  }

  /** The socket is gone, and undici has told whom it carried. */
  forgetSocket(): void {
    this.#socket = undefined;
    this.requests = 0;
  }

  /** Gives up connecting, if it is connecting: the socket is destroyed and the request that waits for it fails. */
  abandon(): void {
    this.#attempt?.fail(new Error("Connecting was given up"));
  }

  #connect(
    connector: buildConnector.connector,
    target: buildConnector.Options,
    callback: buildConnector.Callback,
  ): void {
    this.requests = 0;
    let connected: Socket | undefined;
    const attempt = {
      fail: (error: Error): void => {
        if (this.#attempt !== attempt) return;
        this.#attempt = undefined;
        this.connectFailure = error;
        connected?.destroy();
        callback(error, null);
      },
    };
    this.#attempt = attempt;
    this.connectFailure = undefined;
    try {
      // undici's own connector returns the socket at once, though its type does not say so; only so can an attempt be cut short.
      connected = connector(target, (error: Error | null, socket: Socket | null | undefined) => {
        if (!socket) return attempt.fail(error ?? new Error("The connector gave neither a socket nor an error"));
        if (this.#attempt !== attempt) {
          socket.destroy();
          return;
        }
        this.#attempt = undefined;
        this.#socket = socket;
        callback(null, socket);
      }) as unknown as Socket | undefined;
    } catch (error) {
      attempt.fail(error as Error);
    }
  }
}
