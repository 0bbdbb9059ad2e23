import type { Socket } from "node:net";
import { type Lane as LaneName, StreamError, systemClock, unixUrl } from "@longwire/core";
import type { buildConnector } from "undici";
import type { Connection, ConnectionOwner } from "./connection.ts";
import type { Connectors } from "./connector.ts";
import type { Way } from "./dial.ts";
import { H1Connection } from "./h1-connection.ts";
import { H2Connection, isH2 } from "./h2-connection.ts";
import { defaultMaxInflateRatio } from "./inflate.ts";
import { Lane } from "./lane.ts";
import type { LaneStats } from "./lane-stats.ts";
import { percentDecoded } from "./percent-decoded.ts";
import type { NodeTransportOptions } from "./transport-options.ts";
import { WireFailure } from "./wire-failure.ts";

/** One socket of a transport. */
export interface SocketStats {
  /** Scheme, host and port, or `unix:` and the path of the socket. */
  readonly origin: string;
  /** Whose it is; `undefined` for one outside of the lanes: of a duplex call over HTTP/1.1, or one that was or will be taken over. */
  readonly lane: LaneName | undefined;
  /** What it speaks; `undefined` until it is connected, and when it was taken over. */
  readonly protocol: "h1" | "h2" | undefined;
  /** `busy`: it carries a request; `idle`: it waits for the next one; `taken`: it was taken over. */
  readonly state: "connecting" | "busy" | "idle" | "taken";
  /** Requests written to it. */
  readonly requests: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** A connection outside of the lanes: one of a duplex call, one that is asked for by a handshake, or was taken over. */
export interface OwnConnection {
  readonly origin: string;
  readonly state: "connecting" | "busy" | "taken";
  readonly socket: Socket | undefined;
  /** Resolves when no socket is left. */
  readonly gone: Promise<void>;
  /** Ends it for a reason. */
  end(reason: unknown): void;
}

/** The sockets of one transport: lanes by origin, and connections outside of them. */
export class SocketPool {
  readonly #options: NodeTransportOptions;
  readonly #connectors: Connectors;
  readonly #lanes = new Map<string, Lane>();
  readonly #own = new Set<OwnConnection>();
  #serial = 0;
  #closing = false;
  #onEmpty: (() => void)[] = [];

  constructor(options: NodeTransportOptions, connectors: Connectors) {
    this.#options = options;
    this.#connectors = connectors;
  }

  /** How many times its encoded bytes a body may be; `0`: any number. */
  get maxInflateRatio(): number {
    return this.#options.maxInflateRatio ?? defaultMaxInflateRatio;
  }

  get closed(): boolean {
    return this.#closing;
  }

  /** The number of the newest connection. */
  get lastSerial(): number {
    return this.#serial;
  }

  lane(origin: string, name: LaneName): Lane {
    const key = `${name} ${origin}`;
    const known = this.#lanes.get(key);
    if (known) return known;
    const { lanes, allowH2 = true } = this.#options;
    const { connections = name === "call" ? 256 : Number.POSITIVE_INFINITY, maxConcurrentStreams = 100 } =
      lanes?.[name] ?? {};
    const way = reaching(origin, this.#connectors.any);
    const lane = new Lane({
      origin,
      name,
      way,
      connections,
      maxConcurrentStreams,
      mayMultiplex: allowH2 && origin.startsWith("https:"),
      made: (socket, owner) => this.#connection(way.url, socket, maxConcurrentStreams, owner),
      empty: () => {
        if (this.#lanes.get(key) === lane) this.#lanes.delete(key);
        this.#checkEmpty();
      },
    });
    this.#lanes.set(key, lane);
    return lane;
  }

  /**
   * How the origin is connected to for what is no request to a proxy: https through the tunnel of one, http straight, for a proxy
   * reads requests and knows nothing of what is taken over.
   */
  wayTo(origin: string): Way {
    return reaching(origin, origin.startsWith("https:") ? this.#connectors.tunnel : this.#connectors.straight);
  }

  /** Whether streams to the origin have a connection that speaks HTTP/2. */
  speaksH2(origin: string): boolean {
    return this.#lanes.get(`stream ${origin}`)?.protocol === "h2";
  }

  /** Gives a socket that was connected for a stream to the lane of these. */
  welcome(origin: string, socket: Socket): void {
    this.lane(origin, "stream").welcome(socket);
  }

  /** How the origin is connected to for requests: as those of the pool are. */
  wayOf(origin: string): Way {
    return reaching(origin, this.#connectors.any);
  }

  /** How the origin is connected to for what is no HTTP soon: a proxy opens a tunnel for it, for http too. */
  tunnelTo(origin: string): Way {
    return reaching(origin, this.#connectors.tunnel);
  }

  /** Counts a connection among those of the pool, which waits for it and ends it as its own, until it is gone. */
  adopt(connection: OwnConnection): void {
    this.#own.add(connection);
    void connection.gone.then(() => {
      this.#own.delete(connection);
      this.#checkEmpty();
    });
  }

  stats(): SocketStats[] {
    const pooled = Array.from(this.#lanes.values(), (lane) => {
      const { origin, name } = lane;
      const { open, connecting } = lane.sockets;
      return [
        ...Array.from(connecting, ({ socket }) => shown(origin, name, undefined, "connecting", 0, socket)),
        ...Array.from(open, ({ protocol, carried, requests, socket }) =>
          shown(origin, name, protocol, carried > 0 ? "busy" : "idle", requests, socket),
        ),
      ];
    });
    const own = Array.from(this.#own, ({ origin, state, socket }) =>
      shown(origin, undefined, state === "busy" ? "h1" : undefined, state, state === "connecting" ? 0 : 1, socket),
    );
    return [...pooled.flat(), ...own];
  }

  lanes(): LaneStats[] {
    return Array.from(this.#lanes.values(), (lane) => lane.stats());
  }

  close(): Promise<void> {
    this.#closing = true;
    for (const lane of [...this.#lanes.values()]) lane.close();
    return this.#emptied();
  }

  destroy(): Promise<void> {
    this.#closing = true;
    const why = "the transport was destroyed";
    for (const lane of [...this.#lanes.values()]) lane.destroy(new WireFailure("reset", why));
    for (const own of this.#own) {
      own.end(new StreamError("reset", `Cannot keep ${own.origin} open: ${why}`));
    }
    return this.#emptied();
  }

  #connection(url: URL, socket: Socket, maxConcurrentStreams: number, owner: ConnectionOwner): Connection {
    const { keepAliveMs = 4_000, keepAliveMaxMs = 600_000, clock = systemClock } = this.#options;
    this.#serial += 1;
    if (isH2(socket)) {
      return new H2Connection(url, this.#serial, socket, { keepAliveMs, maxConcurrentStreams, clock }, owner);
    }
    return new H1Connection(url, this.#serial, socket, { keepAliveMs, keepAliveMaxMs }, owner);
  }

  #emptied(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty.push(resolve);
      this.#checkEmpty();
    });
  }

  #checkEmpty(): void {
    if (this.#lanes.size + this.#own.size > 0) return;
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }
}

function shown(
  origin: string,
  lane: LaneName | undefined,
  protocol: SocketStats["protocol"],
  state: SocketStats["state"],
  requests: number,
  socket: Socket | undefined,
): SocketStats {
  const { bytesRead = 0, bytesWritten = 0 } = socket ?? {};
  return { origin, lane, protocol, state, requests, bytesRead, bytesWritten };
}

function reaching(origin: string, connect: buildConnector.connector): Way {
  const unix = unixUrl(origin);
  if (!unix) return { url: new URL(origin), connect };
  const socketPath = percentDecoded(unix.socketPath);
  return { url: unix.within, connect: (target, callback) => connect({ ...target, socketPath }, callback) };
}
