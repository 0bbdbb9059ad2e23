import type { LookupFunction, Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { StreamError, unixUrl } from "@longwire/core";
import { Agent, type buildConnector, type Client, type Dispatcher, errors, Pool } from "undici";
import { type Carried, Connection } from "./connection.ts";
import { defaultMaxInflateRatio } from "./inflate.ts";
import { percentDecoded } from "./percent-decoded.ts";

/** Options of `nodeTransport`: what its sockets are made with, and what may come of them. */
export interface NodeTransportOptions {
  /** How long an idle socket is kept when the server does not say, in ms. `0` uses each socket once. Default 4_000. */
  keepAliveMs?: number | undefined;
  /** Longest time an idle socket is kept, whatever the server says, in ms. Default 600_000. */
  keepAliveMaxMs?: number | undefined;
  /** Silence on a socket after which the system probes the peer (TCP keep-alive), in ms. `0` never probes. Default 60_000. */
  tcpKeepAliveMs?: number | undefined;
  /**
   * Options of `node:tls` for https: `ca` (who is trusted in place of the system's authorities), `cert` and `key` (the client's own),
   * `servername`, … Certificates are verified, whatever the environment says; only `rejectUnauthorized: false` turns that off, and a
   * process warning `LONGWIRE_UNVERIFIED` tells. A proxy gets `ca` alone.
   */
  tls?: ConnectionOptions | undefined;
  /**
   * How many times the bytes on the wire a gzip, deflate or br body may be when it is decoded; checked behind its first MiB, over all of
   * it so far. More ends it as `limit`: it is a bomb. `0` lets everything grow; else 1 or more. Default 200.
   */
  maxInflateRatio?: number | undefined;
  /** Path of a Unix socket that every request goes to, whatever host its URL names. One URL alone: `unix:/run/a.sock:/path`. */
  socketPath?: string | undefined;
  /**
   * A proxy for every request but those over Unix sockets, `http://user:password@host:port` or https: https through a CONNECT tunnel,
   * http in absolute form (RFC 9112 section 3.2.2). `false`: none. Default: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` of the environment, as
   * they are when the transport is made; never for localhost.
   */
  proxy?: string | URL | false | undefined;
  /** Resolves names, a proxy's too; asked for every connection. Default: the system's, `dns.lookup`. */
  lookup?: LookupFunction | undefined;
  /** Makes the sockets. Default: undici's connector, without a timeout of its own. With it, none of the options of sockets above counts. */
  connect?: buildConnector.connector | undefined;
}

/** One socket of a transport. */
export interface SocketStats {
  /** Scheme, host and port, or `unix:` and the path of the socket. */
  readonly origin: string;
  /** `busy`: it carries a request; `idle`: it waits for the next one; `taken`: it was taken over. */
  readonly state: "connecting" | "busy" | "idle" | "taken";
  /** Requests written to it. */
  readonly requests: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** A connection that undici knows nothing of: one of a duplex call, one that is asked for by a handshake, or was taken over. */
export interface OwnConnection {
  readonly origin: string;
  readonly state: "connecting" | "busy" | "taken";
  readonly socket: Socket | undefined;
  /** Resolves when no socket is left. */
  readonly gone: Promise<void>;
  /** Ends it for a reason. */
  end(reason: unknown): void;
}

/** The sockets of one transport: an undici Agent, whose every client is a {@link Connection}. */
export class SocketPool {
  readonly maxInflateRatio: number;
  readonly #agent: Agent;
  readonly #connections = new Set<Connection>();
  readonly #own = new Set<OwnConnection>();
  readonly #connector: buildConnector.connector;
  /** Goes through no proxy. */
  readonly #straight: buildConnector.connector;
  #returning = 0;
  #closing: Promise<void> | undefined;
  /**
   * To be called when an answer has ended. undici puts the socket back one turn of the event loop later; a request that comes
   * before would open another one, so {@link settled} lets it wait for that turn.
   */
  readonly onEnded = (): void => {
    this.#returning += 1;
    setImmediate(this.#onReturned);
  };
  readonly #onReturned = (): void => {
    this.#returning -= 1;
  };

  constructor(
    { keepAliveMs = 4_000, keepAliveMaxMs = 600_000, maxInflateRatio = defaultMaxInflateRatio }: NodeTransportOptions,
    connector: buildConnector.connector,
    straight: buildConnector.connector,
  ) {
    this.maxInflateRatio = maxInflateRatio;
    this.#connector = connector;
    this.#straight = straight;
    const clientOptions: Client.Options = {
      allowH2: false,
      useMilo: false,
      // One request at a time on a socket; with 0 it is the only one.
      pipelining: keepAliveMs === 0 ? 0 : 1,
      // The clocks of a stream are the session's.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: keepAliveMs || 1,
      keepAliveMaxTimeout: keepAliveMaxMs || 1,
    };
    const onAttempt = (connection: Connection): void => void this.#connections.add(connection);
    this.#agent = new Agent({
      allowH2: false,
      factory: (key) => {
        const origin = String(key);
        const { url, connect } = reaching(origin, connector);
        return new Pool(url, {
          allowH2: false,
          connect,
          factory: () => new Connection(url, origin, clientOptions, connect, onAttempt),
        });
      },
    });
    const gone = (_origin: URL, targets: readonly Dispatcher[]): void => {
      const connection = targets[targets.length - 1] as Connection;
      this.#connections.delete(connection);
      connection.forgetSocket();
    };
    this.#agent.on("disconnect", gone).on("connectionError", gone);
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  dispatch(options: Dispatcher.DispatchOptions, exchange: Carried): void {
    this.#agent.dispatch(options, exchange);
  }

  /**
   * How the origin is connected to for what is no request to a proxy: https through the tunnel of one, http straight, for a proxy
   * reads requests and knows nothing of what is taken over.
   */
  wayTo(origin: string): Way {
    return reaching(origin, origin.startsWith("https:") ? this.#connector : this.#straight);
  }

  /** How the origin is connected to for requests: as those of the pool are. */
  wayOf(origin: string): Way {
    return reaching(origin, this.#connector);
  }

  /** Counts a connection among those of the pool, which waits for it and ends it as its own, until it is gone. */
  adopt(connection: OwnConnection): void {
    this.#own.add(connection);
    void connection.gone.then(() => this.#own.delete(connection));
  }

  /** Resolves when the sockets whose answers have ended can be used again; `undefined` when there are none to wait for. */
  settled(): Promise<void> | undefined {
    return this.#returning === 0 ? undefined : new Promise((resolve) => setImmediate(resolve));
  }

  stats(): SocketStats[] {
    const pooled = Array.from(
      this.#connections,
      (connection): SocketStats => ({
        origin: connection.origin,
        state: connection.connecting
          ? "connecting"
          : connection.stats.running + connection.stats.pending > 0
            ? "busy"
            : "idle",
        requests: connection.requests,
        bytesRead: connection.connecting ? 0 : (connection.socket?.bytesRead ?? 0),
        bytesWritten: connection.connecting ? 0 : (connection.socket?.bytesWritten ?? 0),
      }),
    );
    const own = Array.from(this.#own, ({ origin, state, socket }): SocketStats => {
      const { bytesRead = 0, bytesWritten = 0 } = socket ?? {};
      return { origin, state, requests: state === "connecting" ? 0 : 1, bytesRead, bytesWritten };
    });
    return [...pooled, ...own];
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#agent.close(), this.#ownGone()]).then(() => {});
    return this.#closing;
  }

  destroy(): Promise<void> {
    const error = new errors.ClientDestroyedError("The transport was destroyed");
    // An agent that is closing has forgotten its pools, and an attempt to connect outlives its client: both are ended here.
    const connections = [...this.#connections];
    this.#connections.clear();
    const ended = connections.map((connection) => connection.destroy(error));
    for (const connection of connections) connection.abandon();
    for (const own of this.#own) {
      own.end(new StreamError("reset", `Cannot keep ${own.origin} open: the transport was destroyed`));
    }
    const destroyed = Promise.all([this.#agent.destroy(error), ...ended, this.#ownGone()]).then(() => {});
    this.#closing ??= destroyed;
    return destroyed;
  }

  #ownGone(): Promise<unknown> {
    return Promise.all(Array.from(this.#own, ({ gone }) => gone));
  }
}

/** What undici takes for an origin, and how it is connected to. */
export interface Way {
  readonly url: URL;
  readonly connect: buildConnector.connector;
}

function reaching(origin: string, connect: buildConnector.connector): Way {
  const unix = unixUrl(origin);
  if (!unix) return { url: new URL(origin), connect };
  const socketPath = percentDecoded(unix.socketPath);
  return { url: unix.within, connect: (target, callback) => connect({ ...target, socketPath }, callback) };
}
