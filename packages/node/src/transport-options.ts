import type { LookupFunction } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { Clock, Lane } from "@longwire/core";
import type { buildConnector, Dispatcher } from "undici";

/** Options of `nodeTransport`: what its sockets are made with, how many there may be, and what may come of them. */
export interface NodeTransportOptions {
  /** How long an idle socket is kept when the server does not say, in ms. `0` uses each socket once. Default 4_000. */
  keepAliveMs?: number | undefined;
  /** Longest time an idle socket is kept, whatever the server says, in ms. Default 600_000. */
  keepAliveMaxMs?: number | undefined;
  /** Silence on a socket after which the system probes the peer (TCP keep-alive), in ms. `0` never probes. Default 60_000. */
  tcpKeepAliveMs?: number | undefined;
  /**
   * How much each origin may be asked at once, for streams and for calls (`client.request`): each lane has connections of its own, so
   * that neither can starve the other. A request beyond that waits for a connection, as long as `timeouts.connectMs` allows.
   */
  lanes?: LanesOption | undefined;
  /** Whether HTTP/2 is spoken with servers that choose it in the TLS handshake (ALPN, RFC 7301). Default `true`. */
  allowH2?: boolean | undefined;
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
  /**
   * A dispatcher of undici's to send everything with, an `Agent` that others use too or a `MockAgent`: it is borrowed, and never closed
   * here. Its connections, proxies and waits are its own: `stats()` does not see them, a request that meets a dead socket fails, and
   * neither `duplex` nor `takeOver` has a socket. With it, none of the options of sockets counts.
   */
  dispatcher?: Dispatcher | undefined;
  /** Measures how long a connection may leave a PING of HTTP/2 unanswered: 5_000 ms. Default: the system's clock. */
  clock?: Clock | undefined;
}

/** What each lane may have; see `NodeTransportOptions.lanes`. */
export type LanesOption = { readonly [Name in Lane]?: LaneOption | undefined };

/** What one lane may have to each origin. */
export interface LaneOption {
  /** The most connections. A whole number from 1 up, or Infinity. Default Infinity for streams, 256 for calls. */
  readonly connections?: number | undefined;
  /** The most requests at once on a connection of HTTP/2; less where the server says less. A whole number from 1 up. Default 100. */
  readonly maxConcurrentStreams?: number | undefined;
}
