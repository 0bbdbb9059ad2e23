import type { LookupFunction } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { unixUrl } from "@longwire/core";
import { Agent, type buildConnector, type Client, type Dispatcher, errors, Pool } from "undici";
import { type Carried, Connection } from "./connection.ts";
import { percentDecoded } from "./percent-decoded.ts";

/** Options of `nodeTransport`: what its sockets are made with. */
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
  /** `busy`: it carries a request; `idle`: it waits for the next one. */
  readonly state: "connecting" | "busy" | "idle";
  /** Requests written to it. */
  readonly requests: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** The sockets of one transport: an undici Agent, whose every client is a {@link Connection}. */
export class SocketPool {
  readonly #agent: Agent;
  readonly #connections = new Set<Connection>();
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
    { keepAliveMs = 4_000, keepAliveMaxMs = 600_000 }: NodeTransportOptions,
    connector: buildConnector.connector,
  ) {
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

  /** Resolves when the sockets whose answers have ended can be used again; `undefined` when there are none to wait for. */
  settled(): Promise<void> | undefined {
    return this.#returning === 0 ? undefined : new Promise((resolve) => setImmediate(resolve));
  }

  stats(): SocketStats[] {
    return Array.from(this.#connections, (connection) => ({
      origin: connection.origin,
      state: connection.connecting
        ? "connecting"
        : connection.stats.running + connection.stats.pending > 0
          ? "busy"
          : "idle",
      requests: connection.requests,
      bytesRead: connection.connecting ? 0 : (connection.socket?.bytesRead ?? 0),
      bytesWritten: connection.connecting ? 0 : (connection.socket?.bytesWritten ?? 0),
    }));
  }

  close(): Promise<void> {
    this.#closing ??= this.#agent.close();
    return this.#closing;
  }

  destroy(): Promise<void> {
    const error = new errors.ClientDestroyedError("The transport was destroyed");
    // An agent that is closing has forgotten its pools, and an attempt to connect outlives its client: both are ended here.
    const connections = [...this.#connections];
    this.#connections.clear();
    const ended = connections.map((connection) => connection.destroy(error));
    for (const connection of connections) connection.abandon();
    const destroyed = Promise.all([this.#agent.destroy(error), ...ended]).then(() => {});
    this.#closing ??= destroyed;
    return destroyed;
  }
}

/** What undici takes for an origin, and how it is connected to. */
function reaching(
  origin: string,
  connect: buildConnector.connector,
): { readonly url: URL; readonly connect: buildConnector.connector } {
  const unix = unixUrl(origin);
  if (!unix) return { url: new URL(origin), connect };
  const socketPath = percentDecoded(unix.socketPath);
  return { url: unix.within, connect: (target, callback) => connect({ ...target, socketPath }, callback) };
}
