import type { IncomingMessage } from "node:http";
import { type Clock, type Message, systemClock } from "@longwire/core";
import { type PerMessageDeflate, type WebSocketAcceptor, webSocketAcceptor } from "@longwire/node/websocket";
import { Admission, checkedOrigins } from "../admission.ts";
import { wholeFrom } from "../response-options.ts";
import { checkedPolicy, type SlowPolicy } from "../slow-policy.ts";
import { told } from "../told.ts";
import type { Unwelcome } from "./refuse-upgrade.ts";

/** What a hub of WebSockets takes, and from whom. Each may be `undefined`, which means its default. */
export interface HubOptions extends HandshakeOptions, SocketLimits {
  /**
   * What becomes of a client that is `capacity` broadcasts behind, at one more. `evict` (the default) drops what waits for it and closes it with 1013,
   * "try again later". `block` makes `broadcast` wait for it, up to `blockMs`, and then evicts it. `dropOldest` drops the oldest.
   * `latestBy(key)` keeps the latest message of each key.
   */
  policy?: SlowPolicy<Message> | undefined;
  /** Broadcasts that wait for one client at most, beside 64 KiB on their way, from 1. Default 256. */
  capacity?: number | undefined;
  /** Longest wait of `broadcast` for one client with `block`, in ms; `0`: none. Default 1_000. */
  blockMs?: number | undefined;
}

/** Who may come in, and how its handshake is answered. */
export interface HandshakeOptions {
  /**
   * Origins whose pages may come in, as `https://app.example`; `"*"`: all. Default: those of the host that is asked (by the `Host` field). Browsers
   * let any page open a WebSocket to any host, with the user's cookies: without this check every page could act as the user. Who sends no `Origin`
   * is no browser, and comes in. Another origin is refused with 403. A proxy in between has to pass `Host` on as it was, or the origins be named
   * here: nginx by default puts its upstream's there, as `relay` does.
   */
  origins?: readonly string[] | "*" | undefined;
  /**
   * Asked of each request that is welcome so far: `undefined` lets it in, anything else is the answer that refuses it. For credentials. What it
   * throws, and what is no such answer (`false`), is a 500, and told to `onError`.
   */
  admit?: ((request: IncomingMessage) => Unwelcome | undefined | PromiseLike<Unwelcome | undefined>) | undefined;
  /** Longest wait for `admit`, in ms; then it is a 503. `0`: for ever. Default 10_000. */
  admitMs?: number | undefined;
  /** Sockets at one time; one more is refused with 503. Default: no limit. */
  maxSockets?: number | undefined;
  /** Sockets at one time from one address; one more is refused with 429. Default: no limit. */
  maxPerAddress?: number | undefined;
  /** Where a request comes from, for `maxPerAddress`. Default: the socket's address. */
  address?: ((request: IncomingMessage) => string | undefined) | undefined;
  /** When one that is refused for now may ask again, in whole ms: `Retry-After`. Default 1_000. */
  retryMs?: number | undefined;
  /** Subprotocols that are spoken here, the dearest first: the first that a client offers is agreed to. Default: none. */
  protocols?: readonly string[] | undefined;
  /** Told what the handler or `admit` threw, while its client was there. What it throws is lost. */
  onError?: ((error: unknown, request: IncomingMessage) => void) | undefined;
}

/** How much a client may send, and how soon it has to answer. */
export interface SocketLimits {
  /** The most bytes of one message; a longer one closes the connection with 1009. Default 1 MiB. */
  maxItemBytes?: number | undefined;
  /** Bytes that may wait to be sent to one client, each message with 64 more; a `send` beyond that is refused. Default 16 MiB. */
  maxUnsentBytes?: number | undefined;
  /** From one ping to the next, in ms. `0`: none. Default 30_000. */
  pingMs?: number | undefined;
  /** How long a ping may go without a sign of life before the client is given up, in ms. `0`: for ever. Default 10_000. */
  pongMs?: number | undefined;
  /** How long the close handshake may take before the connection is broken off, in ms. `0`: for ever. Default 5_000. */
  closeMs?: number | undefined;
  /** Compression, permessage-deflate (RFC 7692), as `ws` takes it; `true` agrees to it. It costs memory for each client. Default `false`. */
  perMessageDeflate?: boolean | PerMessageDeflate | undefined;
  /** Measures the waits. Default: the system's. */
  clock?: Clock | undefined;
}

/** Options, checked and filled. */
export interface HubSettings {
  readonly admission: Admission;
  readonly accept: WebSocketAcceptor;
  readonly isOriginAllowed: (request: IncomingMessage) => boolean;
  readonly admit: HubOptions["admit"];
  readonly admitMs: number;
  /** Asked last, in the turn in which the handler is called. */
  readonly lastLook?: ((request: IncomingMessage) => Unwelcome | undefined) | undefined;
  readonly addressOf: (request: IncomingMessage) => string | undefined;
  readonly onError: (error: unknown, request: IncomingMessage) => void;
  readonly socket: Readonly<Record<"pingMs" | "pongMs" | "closeMs" | "maxUnsentBytes", number>>;
  readonly policy: SlowPolicy<Message>;
  readonly capacity: number;
  readonly blockMs: number;
  readonly clock: Clock;
}

/** @throws TypeError, RangeError on a bad option */
export function hubSettings(options: HubOptions): HubSettings {
  const { origins, admit, protocols = [], perMessageDeflate, onError, clock = systemClock } = options;
  const number = <Name extends keyof HubOptions>(least: number, name: Name, byDefault: number): number =>
    wholeFrom(least, name, (options[name] ?? byDefault) as number);
  const allowed = origins === undefined || origins === "*" ? undefined : checkedOrigins(origins);
  const socket = {
    pingMs: number(0, "pingMs", 30_000),
    pongMs: number(0, "pongMs", 10_000),
    closeMs: number(0, "closeMs", 5_000),
    maxUnsentBytes: number(1, "maxUnsentBytes", 16 * mebibyte),
  };
  return {
    admission: new Admission({
      what: "sockets",
      most: options.maxSockets,
      maxPerAddress: options.maxPerAddress,
      retryMs: number(0, "retryMs", 1_000),
    }),
    accept: webSocketAcceptor({
      protocols: checkedProtocols(protocols),
      maxMessageBytes: number(1, "maxItemBytes", mebibyte),
      closeMs: socket.closeMs,
      perMessageDeflate,
    }),
    isOriginAllowed({ headers: { origin, host } }) {
      if (origins === "*" || origin === undefined) return true;
      return allowed ? allowed.has(origin) : isOfHost(origin, host);
    },
    admit,
    admitMs: number(0, "admitMs", 10_000),
    addressOf: options.address ?? ((request) => request.socket.remoteAddress),
    onError: told(onError),
    socket,
    policy: checkedPolicy(options.policy ?? "evict"),
    capacity: number(1, "capacity", 256),
    blockMs: number(0, "blockMs", 1_000),
    clock,
  };
}

/** Whether a page of this origin is one of the host that was asked; which scheme it was asked by is not known behind a proxy. */
function isOfHost(origin: string, host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(origin)) return false;
  const { protocol, host: its } = new URL(origin);
  // The port that goes without saying is that of the page's scheme.
  const asked = `${protocol}//${host}`;
  return its !== "" && URL.canParse(asked) && new URL(asked).host === its;
}

function checkedProtocols(protocols: readonly string[]): readonly string[] {
  // RFC 6455 section 4.1: tokens of RFC 9110.
  const bad = protocols.find((protocol) => !/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(protocol));
  if (bad === undefined) return protocols;
  throw new TypeError(`protocols must be tokens such as "chat.v2", got ${JSON.stringify(bad)}`);
}

const mebibyte = 1_048_576;
