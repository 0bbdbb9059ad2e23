import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Duplex } from "node:stream";
import { answerOn } from "./answer-on.ts";
import { endGently } from "./end-gently.ts";
import { type RelayOptions, relaySettings } from "./relay-options.ts";
import { RelayedExchange } from "./relayed-exchange.ts";

/** A streaming reverse proxy, as a handler of requests; `upgrade` handles those that leave HTTP. */
export interface Relay extends AsyncDisposable {
  (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse): void;
  /** For `server.on("upgrade", …)`: passes WebSocket and every other protocol through, early bytes and half-closes too. HTTP/1.1. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /**
   * Closes the relay's own transport: new requests are a 502, and it resolves when those that run are over. One that was given stays open, and is
   * its owner's to close.
   */
  close(): Promise<void>;
  /** Destroys the relay's own transport: what runs is broken. With one that was given it does nothing. */
  destroy(): Promise<void>;
}

/**
 * A streaming reverse proxy for `node:http`, `node:https` and `node:http2`: what Go writes with `httputil.ReverseProxy`. Each request goes to
 * the path of `upstream` and its own behind it, and the answer comes back, chunk by chunk as it is read: nothing is gathered, so memory is constant
 * and an event is there when it was sent.
 *
 * - Method, path, query, status, fields, content codings and bodies are passed on as they are; hop-by-hop fields, those that `Connection`
 *   names, trailers and interim answers are not (RFC 9110 section 7.6.1). No `Content-Length` is made up. `Host` is the upstream's.
 * - `Via` and `Forwarded` (RFC 7239) tell of the hop. What clients say of themselves in these is not believed (`trustForwarded`).
 * - The request's body is sent while it comes, its head before it, or with its first chunk where its length is said. Backpressure and
 *   disconnects cross both ways.
 * - An upstream that breaks off is passed on as a cut, never as an end: HTTP/1.1 the connection, HTTP/2 RST_STREAM.
 * - Before the head a failure is a 502, or a 504 when a clock ran out, with a reason that names nothing of the upstream, and `Proxy-Status`
 *   (RFC 9209); the whole of it goes to `onFailure`. A path that leads out of the upstream's, also once `%2f` is a slash, is a 400.
 *
 * Slow heads and the size of heads are the server's to limit: `headersTimeout`, `maxHeaderSize` of `node:http`.
 *
 * @throws TypeError, RangeError on a bad option
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { relay } from "@longwire/server";
 *
 * await using toBackend = relay("http://127.0.0.1:9000/v1", {
 *   timeouts: { idleMs: 60_000 },
 *   rewrite: (request) => request.withHeader("authorization", "Bearer of-the-backend"),
 *   onFailure: (error) => console.error(error),
 * });
 * createServer(toBackend).on("upgrade", toBackend.upgrade).listen(8080);
 * ```
 */
export function relay(upstream: string | URL, options: RelayOptions = {}): Relay {
  const settings = relaySettings(upstream, options);
  const { transport, ownsTransport } = settings;
  const close = async (): Promise<void> => {
    if (ownsTransport) await transport.close();
  };
  const handle = (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ): void => void new RelayedExchange(settings, request, response).run();
  return Object.assign(handle, {
    upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
      socket.on("error", () => {});
      const response = answerOn(request, socket);
      if (!response) return void socket.destroy();
      // Read on, as far as it buffers: else nobody would see a client leave that waits for the answer.
      socket.on("readable", () => {
        if (socket.readableLength === 0) socket.read();
      });
      socket.once("end", () => {
        if (response.socket) socket.destroy();
      });
      const protocol = protocolsOf(request);
      const exchange = new RelayedExchange(settings, request, response);
      void exchange.run({ protocol, socket, early: head }).then(() => {
        if (response.writableEnded) endGently(socket, settings.clock);
      });
    },
    close,
    async destroy(): Promise<void> {
      if (ownsTransport) await transport.destroy();
    },
    [Symbol.asyncDispose]: close,
  });
}

/**
 * What is asked for, as far as it passes: not HTTP/2, which would be a way around all that is decided by requests, and of whose request the
 * settings belong to this hop (RFC 7540 section 3.2.1); and nothing of HTTP/1.0 (RFC 9110 section 7.8).
 */
function protocolsOf({ httpVersion, headers }: IncomingMessage): string | undefined {
  if (httpVersion === "1.0") return undefined;
  const asked = (headers.upgrade ?? "").split(",").map((protocol) => protocol.trim());
  return asked.filter((protocol) => protocol !== "" && !/^h2c?$/i.test(protocol)).join(", ") || undefined;
}
