import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { type Clock, resolveUrl, type StreamRequest, systemClock } from "@longwire/core";
import { type NodeTransport, nodeTransport } from "@longwire/node";
import { told } from "../told.ts";

/** A request as `node:http` or `node:http2` (its compatibility API) hands it to a handler. */
export type AnyRequest = IncomingMessage | Http2ServerRequest;

/** Options of `relay`. Each may be `undefined`, which means its default. */
export interface RelayOptions {
  /**
   * What sends to the upstream, with its TLS, proxies and limits. Default: a `nodeTransport()` of the relay's own, which is closed with it;
   * one that is given stays open.
   */
  transport?: NodeTransport | undefined;
  /** The clocks of each exchange. */
  timeouts?: RelayTimeouts | undefined;
  /** The name that this relay has in `Via` and `Proxy-Status`: a token. Default `"longwire"`. */
  name?: string | undefined;
  /**
   * Whether what a client says of itself in `Forwarded` and `X-Forwarded-For`, `-Host` and `-Proto` goes on, with this relay's element behind
   * it. Only for a relay that stands behind another one: else a client names itself what it likes. Default `false`: they are left out.
   */
  trustForwarded?: boolean | undefined;
  /**
   * Changes what is sent to the upstream: another path, credentials, a `host` of its own. What it throws is a 502, and told to `onFailure`.
   * Default: nothing is changed.
   */
  rewrite?: ((request: StreamRequest, client: AnyRequest) => StreamRequest | Promise<StreamRequest>) | undefined;
  /**
   * Is told of each exchange that the upstream or a clock broke, with the error in full: a StreamError, or what `rewrite` threw. It is for a
   * log; clients are told far less, and what it throws is lost. A client that leaves is no failure.
   */
  onFailure?: ((error: unknown, client: AnyRequest) => void) | undefined;
  /** Measures the clocks. Default: the system's. */
  clock?: Clock | undefined;
}

/** The clocks of a relay, in ms; `0` waits for ever. */
export interface RelayTimeouts {
  /** To a connection with the upstream. Default 10_000. */
  connectMs?: number | undefined;
  /** From the connection, or the last chunk of the request's body, to the head of the answer. Default 60_000; 600_000 for unsafe methods. */
  headersMs?: number | undefined;
  /** The longest silence behind the head: no byte read or taken, on either side. Default 300_000. */
  idleMs?: number | undefined;
  /** The whole exchange. Default 0. */
  totalMs?: number | undefined;
}

/** Options, checked and filled. */
export interface RelaySettings {
  readonly upstream: string;
  readonly transport: NodeTransport;
  readonly ownsTransport: boolean;
  readonly timeouts: RelayTimeouts;
  readonly name: string;
  readonly trustForwarded: boolean;
  readonly rewrite: RelayOptions["rewrite"];
  readonly onFailure: (error: unknown, client: AnyRequest) => void;
  readonly clock: Clock;
}

/** @throws TypeError, RangeError on a bad option */
export function relaySettings(upstream: string | URL, options: RelayOptions): RelaySettings {
  const { transport, timeouts = {}, name = "longwire", trustForwarded = false, clock = systemClock } = options;
  const { url, basic } = resolveUrl(upstream);
  if (basic) throw new TypeError("The upstream of a relay has no userinfo; let rewrite add the credentials");
  if (/[?#]/.test(url)) throw new TypeError("The upstream of a relay has no query: each request brings its own");
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name)) {
    throw new TypeError(`name must be a token such as "longwire", not ${JSON.stringify(name)}`);
  }
  for (const [clockName, ms] of Object.entries(timeouts)) {
    if (ms === undefined || (typeof ms === "number" && ms >= 0 && Number.isFinite(ms))) continue;
    throw new RangeError(`timeouts.${clockName} must be a number of ms from 0 up; it is ${String(ms)}`);
  }
  const { rewrite, onFailure } = options;
  return {
    upstream: url,
    transport: transport ?? nodeTransport(),
    ownsTransport: transport === undefined,
    timeouts,
    name,
    trustForwarded,
    rewrite,
    onFailure: told(onFailure),
    clock,
  };
}
