import type { Socket } from "node:net";
import type { StreamRequest, Transport, TransportCall } from "@longwire/core";
import { aimed } from "./aimed.ts";
import type { HeldResponse } from "./answer.ts";
import { borrowed } from "./borrowed.ts";
import { checkedSockets } from "./checked-sockets.ts";
import { connectorsOf } from "./connector.ts";
import { dialed } from "./dialed.ts";
import { duplex, type DuplexOptions } from "./duplex.ts";
import type { DuplexCall } from "./duplex-call.ts";
import { type Again, Exchange } from "./exchange.ts";
import { type ForwardedResponse, forwarding } from "./forward.ts";
import { headersFirst } from "./headers-first.ts";
import { proxiesOf, type ProxyOf } from "./proxy.ts";
import type { LaneStats } from "./lane-stats.ts";
import type { Berths } from "./ticket.ts";
import { bodyToSend } from "./request-body.ts";
import { SocketPool, type SocketStats } from "./socket-pool.ts";
import { type Takeover, takeOver, type TakeOverOptions } from "./take-over.ts";
import type { NodeTransportOptions } from "./transport-options.ts";

/** A transport with sockets of its own. */
export interface NodeTransport extends Transport, AsyncDisposable {
  /**
   * Asks a server for the connection itself, by `Upgrade` or CONNECT, and resolves with its bytes once the server agrees: the client's side
   * of Go's `http.Hijacker`. Always HTTP/1.1, and a connection of its own; redirects are refusals. The socket stays the transport's:
   * `signal` ends it, silence (`timeouts.idleMs`, default 300_000 ms) does, `close` waits for it, `destroy` ends it as `reset`, and `stats`
   * has it as `taken`. After a 401 (CONNECT: 407) the credentials are asked for once more. RFC 9110 sections 7.8 and 9.3.6.
   *
   * @throws StreamError `refused` for any status but 101 (CONNECT: 2xx), with status, headers and up to 2 KiB of the body; `deadline`
   * (`connectMs`, `headersMs`), `unreachable`, `reset`, `truncated`, `protocol`; the signal's reason; TypeError, RangeError on a bad
   * option, or when the transport is closed
   *
   * @example
   * ```ts
   * import { nodeTransport } from "@longwire/node";
   *
   * await using transport = nodeTransport();
   * const { socket } = await transport.takeOver("http://127.0.0.1:2375/containers/web/attach?stream=1&stdout=1", {
   *   protocol: "tcp",
   *   method: "POST",
   * });
   * for await (const chunk of socket) process.stdout.write(chunk);
   * ```
   */
  takeOver(url: string, options: TakeOverOptions): Promise<Takeover>;
  /**
   * Sends a request and reads its answer at the same time: over HTTP/1.1 on a connection of its own, where the server chooses HTTP/2 as
   * one stream of its lane. The head of the request leaves at once, before the first chunk, so that a server may speak first; the promise
   * resolves then, the answer's head is in `head`.
   *
   * It is one attempt: no redirect is followed, nothing is sent again, credentials go along and are not asked for once more. An answer
   * that ends before the request does ends the call. `signal`, the clocks, `close` and leaving the loop let everything go, the source in `body`
   * too. The connection is the transport's: `close` waits for it, `destroy` ends it as `reset`, `stats` has it as `busy`. RFC 9112, each side framed
   * in chunks unless the headers have a `content-length`. `accept-encoding` is `identity` unless the headers say otherwise.
   *
   * @throws StreamError `deadline` (`connectMs`), `unreachable`, `refused` by a proxy; what `auth` or a `body` function threw; the
   * signal's reason; TypeError, RangeError on a bad option, or when the transport is closed. Later, by `head`, `write`, `end` and the loop: `refused`
   * for a status that is not 2xx, `reset`, `truncated`, `protocol`, `idle`, `deadline`, `limit`; the signal's reason; what the source in
   * `body` threw, as it is
   *
   * @example
   * ```ts
   * import { nodeTransport } from "@longwire/node";
   *
   * await using transport = nodeTransport();
   * await using wire = await transport.duplex("http://127.0.0.1:2379/v3/watch");
   * await wire.write('{"create_request":{"key":"Zm9v"}}');
   * setTimeout(() => void wire.write('{"cancel_request":{"watch_id":"0"}}'), 60_000);
   * for await (const chunk of wire) process.stdout.write(chunk);
   * ```
   */
  duplex(url: string, options?: DuplexOptions): Promise<DuplexCall>;
  /**
   * A connection to where a URL of http, https, ws, wss or `unix:` leads, TLS included, with nothing sent on it: for a protocol with a handshake of its own. It
   * goes through a proxy by a tunnel, and offers HTTP/1.1 alone. The socket stays the transport's: `close` waits for it, `destroy` ends it as `reset`,
   * and `stats` has it as `taken`. `signal` is let go of once it is connected.
   *
   * @throws StreamError `unreachable`, `refused` by a proxy; the signal's reason; TypeError when the transport is closed
   *
   * @example
   * ```ts
   * import { nodeTransport } from "@longwire/node";
   *
   * await using transport = nodeTransport({ proxy: "http://proxy.example:3128" });
   * const socket = await transport.dial("https://a.example", { signal: AbortSignal.timeout(10_000) });
   * socket.end("GET / HTTP/1.1\r\nhost: a.example\r\n\r\n");
   * ```
   */
  dial(url: string, call: { readonly signal: AbortSignal }): Promise<Socket>;
  /**
   * Sends for somebody else: the same transport for who passes on what comes, such as a relay. No `accept-encoding` is added, and bodies stay
   * in the content coding that they come in. The head of a request with a source as its body leaves before the first chunk, on a connection
   * of its own over HTTP/1.1, unless its length is known. A request with an `upgrade` header (RFC 9110 section 7.8) is answered with the
   * `socket` where the server switches; over HTTP/1.1, in every case.
   *
   * @throws what the transport itself throws; TypeError for an upgrade through a borrowed dispatcher
   *
   * @example
   * ```ts
   * import { StreamRequest } from "@longwire/core";
   * import { nodeTransport } from "@longwire/node";
   *
   * await using transport = nodeTransport();
   * const request = new StreamRequest({ url: "http://127.0.0.1:8080/logo.svgz", headers: { "accept-encoding": "gzip" } });
   * const { fields, body } = await transport.forward(request, { signal: AbortSignal.timeout(10_000) });
   * console.log(fields["content-encoding"], fields["set-cookie"]); // gzip [ "a=1", "b=2" ]
   * for await (const gzipped of body) process.stdout.write(gzipped);
   * ```
   */
  forward(request: StreamRequest, call: TransportCall): Promise<ForwardedResponse>;
  /** The sockets that are open or being opened. */
  stats(): SocketStats[];
  /** The lanes that have connections or requests. A borrowed dispatcher has none. */
  lanes(): LaneStats[];
  /**
   * Takes no new requests, closes idle sockets, and resolves when the answers that are being read have ended. A stream that never ends
   * keeps it waiting: release it first, or call `destroy`.
   */
  close(): Promise<void>;
  /** Breaks every connection now; what is being read ends with `reset`. Resolves when the sockets are gone. */
  destroy(): Promise<void>;
}

/**
 * The transport for Node: undici's HTTP/1.1, and HTTP/2 where a server chooses it, on keep-alive connections of its own, closed with it;
 * straight, over a Unix socket, or through a proxy. Streams and calls to one origin have connections apart (`lanes`).
 *
 * Bodies come straight from the parser, with real backpressure. A request that met a connection which the server had just closed goes
 * out again on a new one, when it may be replayed or the server did nothing with it. gzip, deflate and br bodies are decoded, flush by flush; headers that
 * speak of the coded body are then left out, and one that grows over `maxInflateRatio` ends as `limit`. It has no clocks: abort the signal.
 *
 * @throws TypeError, RangeError on a bad option. By the promise: StreamError `unreachable` (with `certificate` when it is the
 * certificate), `refused` (by a proxy, with the status it answered CONNECT with), `reset`, `truncated`, `protocol`, or the signal's reason;
 * what the source of a request body threw, as it is; TypeError for a request that cannot be sent, or when the transport is closed.
 *
 * @example
 * ```ts
 * import { StreamRequest } from "@longwire/core";
 * import { nodeTransport } from "@longwire/node";
 *
 * await using transport = nodeTransport();
 * const request = new StreamRequest({ url: "https://a.example/log" });
 * const response = await transport(request, { signal: AbortSignal.timeout(10_000) });
 * for await (const chunk of response.body) process.stdout.write(chunk);
 *
 * await using docker = nodeTransport();
 * const version = new StreamRequest({ url: "unix:/run/docker.sock:/version" });
 * console.log((await docker(version, { signal: AbortSignal.timeout(10_000) })).status);
 *
 * await using proxied = nodeTransport({ proxy: "http://ann:secret@proxy.example:3128" });
 * console.log((await proxied(request, { signal: AbortSignal.timeout(10_000) })).status);
 * ```
 */
export function nodeTransport(options: NodeTransportOptions = {}): NodeTransport {
  const { connect, tls, dispatcher } = checkedSockets(options);
  const direct = connect !== undefined || dispatcher !== undefined || options.socketPath !== undefined;
  const proxyOf = proxiesOf(direct ? false : options.proxy, process.env);
  const pool = new SocketPool(options, connectorsOf(options, proxyOf));
  if (tls?.rejectUnauthorized === false) {
    const risk = "whoever is on the way can read and change everything";
    const warning = `Certificates are not verified (tls.rejectUnauthorized is false): ${risk}; give tls.ca instead`;
    process.emitWarning(warning, { code: "LONGWIRE_UNVERIFIED" });
  }
  const lent = dispatcher && borrowed(dispatcher);
  const send = sending(pool, proxyOf, lent);
  const passing = { decode: false, ownsReads: !lent && !connect };
  const unchanged = sending(pool, proxyOf, lent, passing);
  return Object.assign(send, {
    takeOver: async (url: string, call: TakeOverOptions) => {
      if (lent) throw new TypeError("Cannot take over: a borrowed dispatcher has no socket to take");
      return takeOver(pool, url, call);
    },
    duplex: async (url: string, call?: DuplexOptions) => {
      if (lent)
        throw new TypeError("Cannot send while receiving: a borrowed dispatcher sends no head before the first chunk");
      return duplex(headersFirst(pool, proxyOf, send), url, call);
    },
    dial: async (url: string, { signal }: { readonly signal: AbortSignal }) => {
      if (lent) throw new TypeError("Cannot dial: a borrowed dispatcher has no socket to give");
      return dialed(pool, url, signal);
    },
    forward: forwarding(lent ? undefined : headersFirst(pool, proxyOf, unchanged, passing), unchanged),
    stats: () => pool.stats(),
    lanes: () => pool.lanes(),
    close: () => pool.close(),
    destroy: () => pool.destroy(),
    [Symbol.asyncDispose]: () => pool.close(),
  });
}

/** Sends each request on a connection of its lane, or to a dispatcher that was lent; once more where that is safe. */
function sending(
  pool: SocketPool,
  proxyOf: ProxyOf,
  lent: Berths | undefined,
  { decode = true, ownsReads = false }: { readonly decode?: boolean; readonly ownsReads?: boolean } = {},
): (request: StreamRequest, call: TransportCall) => Promise<HeldResponse> {
  const maxInflateRatio = decode ? pool.maxInflateRatio : undefined;
  const accepted = decode ? undefined : "";
  return async (request, { signal, on, lane = "stream" }) => {
    const head = { ...aimed(request, proxyOf, accepted), method: request.method };
    if (lent && head.origin.startsWith("unix:")) {
      throw new TypeError(`Cannot send to ${head.origin}: a borrowed dispatcher knows no Unix sockets`);
    }
    let bornAfter = 0;
    let before: Exchange | undefined;
    for (let tries = 0; ; tries++) {
      if (pool.closed) throw new TypeError("Cannot send a request: the transport was closed");
      signal.throwIfAborted();
      const berths: Berths = lent ?? pool.lane(head.origin, lane);
      const response = await new Promise<HeldResponse | Again>((resolve, reject) => {
        const outgoing = { ...head, body: bodyToSend(request.body) };
        const told = before?.started ? undefined : on;
        const sent = { request, outgoing, berths, bornAfter, tries, maxInflateRatio, ownsReads };
        before = new Exchange({ ...sent, signal, on: told, resolve, reject });
        berths.take(before);
      });
      if (typeof response === "object") return response;
      if (response === "dead") bornAfter = pool.lastSerial;
    }
  };
}
