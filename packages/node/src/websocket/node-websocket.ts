import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import {
  type Clock,
  refusal,
  type SocketOpener,
  type SocketRequest,
  shownUrl,
  StreamError,
  type StreamResponse,
  systemClock,
  unixUrl,
  type WireSocket,
} from "@longwire/core";
import { WebSocket } from "ws";
import { asked } from "../asked.ts";
import type { NodeTransport } from "../node-transport.ts";
import { responseHeaders } from "../response-headers.ts";
import { wireError } from "../wire-error.ts";
import { mostOfWs } from "./most-of-ws.ts";
import { WsSocket } from "./ws-socket.ts";

export interface NodeWebSocketOptions {
  /**
   * Compression, permessage-deflate (RFC 7692), as `ws` takes it; `true` offers it. It costs memory and time for each message, and what a message
   * grows to is held to `maxItemBytes`. Default `false`.
   */
  readonly perMessageDeflate?: boolean | PerMessageDeflate | undefined;
  /** Measures how long the body of a refusal is read. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** Options of permessage-deflate, as `ws` has them. */
export type PerMessageDeflate = Readonly<Record<string, unknown>>;

/**
 * WebSockets by `ws` over the connections of a transport: its `tls`, `proxy` (always by a tunnel), `socketPath` and `lookup` hold for them, `stats`
 * has them as `taken`, `close` waits for them and `destroy` ends them as `reset`. HTTP/1.1; a redirect is a refusal.
 *
 * @example
 * ```ts
 * import { nodeTransport } from "@longwire/node";
 * import { nodeWebSocket } from "@longwire/node/websocket";
 * import { openWebSocket } from "@longwire/websocket";
 *
 * await using transport = nodeTransport({ proxy: "http://proxy.example:3128" });
 * const opener = nodeWebSocket(transport, { perMessageDeflate: true });
 * await using chat = openWebSocket("wss://a.example/chat", { opener, headers: { "x-team": "ops" } });
 * for await (const message of chat) console.log(message);
 * ```
 */
export function nodeWebSocket(
  transport: Pick<NodeTransport, "dial">,
  options: NodeWebSocketOptions = {},
): SocketOpener {
  return async (request, { signal, on }) => {
    const socket = await transport.dial(request.url, { signal });
    on?.connected({ reused: false });
    on?.sent();
    return shaken(socket, request, signal, options);
  };
}

function shaken(
  socket: Socket,
  request: SocketRequest,
  signal: AbortSignal,
  { perMessageDeflate = false, clock = systemClock }: NodeWebSocketOptions,
): Promise<WireSocket> {
  const { url, protocols, headers, maxMessageBytes, closeMs } = request;
  const shown = shownUrl(url);
  return asked<WireSocket>(socket, signal, (resolve, fail) => {
    let answer: IncomingMessage | undefined;
    const address = unixUrl(url)?.within ?? new URL(url);
    const made = {
      headers: definedHeaders(headers),
      createConnection: () => socket,
      perMessageDeflate,
      maxPayload: Math.min(maxMessageBytes, mostOfWs),
      autoPong: false,
      closeTimeout: Math.min(closeMs === 0 ? mostOfWs : closeMs, mostOfWs),
    };
    let ws: WebSocket;
    try {
      ws = new WebSocket(address, [...protocols], made);
    } catch (error) {
      return fail(error);
    }
    ws.once("upgrade", (response) => {
      answer = response;
    });
    const onError = (error: Error): void => fail(handshakeError(error, socket.errored, url));
    ws.on("error", onError);
    ws.once("open", () => {
      // What an open socket does not need, it does not hold.
      ws.off("error", onError);
      ws.off("unexpected-response", onRefused);
      resolve(new WsSocket(ws, socket, request, responseHeaders((answer as IncomingMessage).headers)));
    });
    const onRefused = (_asked: unknown, response: IncomingMessage): void => {
      if (response.statusCode === 101) return fail(broken(shown, "the server switches and names no protocol"));
      const refused = refusedAnswer(url, response, socket);
      const why = `the server answered ${refused.status} to the handshake of a WebSocket`;
      refusal(refused, why, clock, signal).then(fail, fail);
    };
    ws.on("unexpected-response", onRefused);
  });
}

function refusedAnswer(url: string, response: IncomingMessage, socket: Socket): StreamResponse {
  return {
    url,
    status: response.statusCode as number,
    headers: responseHeaders(response.headers),
    framing: "unknown",
    body: response,
    release: () => void socket.destroy(),
  };
}

/** `ws` says by messages alone what it takes for no handshake; what has a code broke below it. */
function handshakeError(error: Error & { code?: unknown }, cause: Error | null, url: string): Error {
  if (cause instanceof StreamError) return cause;
  if (error.code === undefined) return broken(shownUrl(url), error.message, error);
  return wireError(error, url, undefined);
}

function broken(shown: string, why: string, cause?: unknown): StreamError {
  return new StreamError("protocol", `Cannot open ${shown}: the handshake failed: ${why}`, { cause });
}

function definedHeaders(headers: SocketRequest["headers"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
