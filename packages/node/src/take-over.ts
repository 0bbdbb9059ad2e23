import { Duplex } from "node:stream";
import {
  type Auth,
  authLayer,
  basic,
  checkedMethod,
  checkOptions,
  Deadlines,
  headersOf,
  isSafe,
  layered,
  originOf,
  refusal,
  type ResponseHeaders,
  resolveUrl,
  type RunningStream,
  shownUrl,
  StreamError,
  type StreamOptions,
  StreamRequest,
  systemClock,
  type TimeoutOptions,
  unixUrl,
} from "@longwire/core";
import { handshake, type HandshakeResponse } from "./handshake.ts";
import { Lease } from "./lease.ts";
import type { SocketPool } from "./socket-pool.ts";

/** Options of `takeOver`: either `protocol` or `connect`, and what a request has. Each may be `undefined`, which means its default. */
export interface TakeOverOptions
  extends Pick<
    StreamOptions<never>,
    "signal" | "method" | "headers" | "query" | "json" | "auth" | "baseUrl" | "running" | "clock"
  > {
  /** The protocol to change to, as in `Upgrade`: any token, such as `tcp` or `SPDY/3.1`. */
  protocol?: string | undefined;
  /** `host:port` to be connected with by CONNECT; the URL is then the proxy's, and credentials go as `Proxy-Authorization`. */
  connect?: string | undefined;
  /** Text or bytes to send with the request. */
  body?: string | Uint8Array | undefined;
  /**
   * `connectMs` (default 10_000), `headersMs` (60_000; 600_000 for unsafe methods) and `totalMs` (0) until the connection is taken over,
   * then `idleMs` (300_000): the longest silence, no byte either way. `0` waits for ever. The other clocks have nothing to measure here.
   */
  timeouts?: TimeoutOptions | undefined;
}

/** A connection that is the caller's. */
export interface Takeover {
  /**
   * The bytes of the connection, those that came along with the head first. Each side ends by itself: `end()` sends a FIN and goes on
   * reading. It ends with an error `idle` or `reset` (StreamError), with the signal's reason, or, closed by its client or transport,
   * with none. Destroy it when you leave it.
   */
  readonly socket: Duplex;
  /** 101, or for CONNECT 2xx. */
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** The same connection as a pair of web streams, in place of `socket`. */
  web(): { readonly readable: ReadableStream<Uint8Array>; readonly writable: WritableStream<Uint8Array> };
}

/** Asks for the connection itself, on one of its own. See `NodeTransport.takeOver`. */
export async function takeOver(pool: SocketPool, url: string, options: TakeOverOptions): Promise<Takeover> {
  const { request, protocol, target, auth } = handshakeRequest(url, options);
  if (pool.closed) throw new TypeError(`Cannot take over ${shownUrl(request.url)}: the transport was closed`);
  const { clock = systemClock, signal, running } = options;
  signal?.throwIfAborted();
  const shown = shownUrl(request.url);
  const origin = originOf(request.url);
  const { idleMs, ...timeouts } = options.timeouts ?? {};
  const { connectMs = 10_000, headersMs = isSafe(request.method) ? 60_000 : 600_000, totalMs = 0 } = timeouts;

  const lease = new Lease(origin);
  const deadlines = new Deadlines(clock, {
    ranOut(name) {
      const [what, ms] =
        name === "connectMs" ? ["connection", connectMs] : ["answer", name === "headersMs" ? headersMs : totalMs];
      const why = `Cannot take over ${shown}: no ${what} after ${ms} ms (${name})`;
      lease.end(new StreamError("deadline", why, { clock: name }));
    },
  });
  const listed: RunningStream = {
    close: () =>
      lease.end(lease.held ? undefined : new DOMException("Closed before the connection was taken over", "AbortError")),
    retryNow: () => false,
  };
  const onAbort = (): void => lease.end(signal?.reason);
  signal?.addEventListener("abort", onAbort);
  void lease.gone.then(() => {
    signal?.removeEventListener("abort", onAbort);
    running?.delete(listed);
  });
  pool.adopt(lease);
  running?.add(listed);
  deadlines.start("connectMs", connectMs);
  deadlines.start("headersMs", headersMs);
  deadlines.start("totalMs", totalMs);

  const transport = handshake({
    way: pool.wayTo(origin),
    protocol,
    target,
    url: shown,
    idleMs: typeof idleMs === "number" ? idleMs : 300_000,
    clock,
    onSocket: (socket) => lease.connecting(socket),
  });
  const on = {
    hidden: (): void => {},
    connected: (): void => deadlines.stop("connectMs"),
    sent: (): void => lease.asking(),
  };
  try {
    // The layer hands on what it was given.
    const send = layered(transport, auth ? [authLayer(auth, origin, clock)] : []);
    const answer: HandshakeResponse = await send(request, { signal: lease.opening, on });
    const { taken, status, headers } = answer;
    if (taken === undefined) {
      deadlines.close();
      const asked = protocol === undefined ? `CONNECT ${target}` : `Upgrade: ${protocol}`;
      throw await refusal(answer, `the server answered ${status} to ${asked}`, clock, lease.opening);
    }
    lease.hold((reason) => void taken.destroy(reason as Error));
    lease.state = "taken";
    lease.leave(taken);
    let pair: ReturnType<Takeover["web"]> | undefined;
    const web = (): ReturnType<Takeover["web"]> => {
      pair ??= Duplex.toWeb(taken) as ReturnType<Takeover["web"]>;
      return pair;
    };
    return { socket: taken, status, headers, web };
  } catch (error) {
    lease.leave();
    throw error;
  } finally {
    deadlines.close();
  }
}

interface HandshakeRequest {
  readonly request: StreamRequest;
  readonly protocol: string | undefined;
  readonly target: string;
  readonly auth: Auth | undefined;
}

/** @throws TypeError, RangeError on a bad option */
function handshakeRequest(url: string, options: TakeOverOptions): HandshakeRequest {
  checkOptions<never>(options, { protocol: true, connect: true });
  const { protocol, connect, body, json, query } = options;
  if ((protocol === undefined) === (connect === undefined)) {
    throw new TypeError('Say what to take over: either protocol, such as "tcp", or connect, such as "host:22"');
  }
  if (protocol !== undefined && !isProtocol(protocol)) {
    throw new TypeError(`protocol must be a token such as "tcp", not ${JSON.stringify(protocol)}`);
  }
  if (connect !== undefined && !/^[^\s/?#@]+:\d{1,5}$/.test(connect)) {
    // What stands before an @ is a password.
    throw new TypeError(`connect must be "host:port", not ${JSON.stringify(String(connect).replace(/^.*@/s, "***@"))}`);
  }
  if (body !== undefined && typeof body !== "string" && !(body instanceof Uint8Array)) {
    throw new TypeError("body must be text or bytes: a connection that is taken over has no stream before it");
  }
  if (body !== undefined && json !== undefined) throw new TypeError("Give body or json, not both");
  const plain = body === undefined && json === undefined;
  if (connect !== undefined && !(plain && options.method === undefined)) {
    throw new TypeError("CONNECT has neither a method of its own nor a body");
  }
  const method = connect !== undefined ? "CONNECT" : checkedMethod(options.method ?? (plain ? "GET" : "POST"));
  if (connect === undefined && method === "CONNECT")
    throw new TypeError('Say what to CONNECT to: connect: "host:port"');
  const resolved = resolveUrl(url, options.baseUrl);
  let request = new StreamRequest({ url: resolved.url, method, headers: headersOf(options.headers), body });
  if (query !== undefined) request = request.withQuery(query);
  if (json !== undefined) request = request.withJson(json);
  const auth = options.auth ?? (resolved.basic && basic(resolved.basic.user, resolved.basic.password));
  if (connect !== undefined) return { request, protocol, target: connect, auth: auth && proxyAuth(auth) };
  const { pathname, search } = unixUrl(request.url)?.within ?? new URL(request.url);
  return { request, protocol, target: pathname + search, auth };
}

/** `protocol-name ["/" protocol-version]`, both tokens: RFC 9110 section 7.8. */
function isProtocol(protocol: unknown): boolean {
  return typeof protocol === "string" && /^[!#$%&'*+.^_`|~0-9a-z-]+(\/[!#$%&'*+.^_`|~0-9a-z-]+)?$/i.test(protocol);
}

/** A proxy reads its credentials from a header of their own: RFC 9110 section 11.7.2. */
function proxyAuth(auth: Auth): Auth {
  return async (call) => {
    const given = await auth(call);
    return typeof given === "string" ? { "proxy-authorization": given } : given;
  };
}
