import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { WireSocket } from "@longwire/core";
import { type WebSocket, WebSocketServer } from "ws";
import { responseHeaders } from "../response-headers.ts";
import { mostOfWs } from "./most-of-ws.ts";
import type { PerMessageDeflate } from "./node-websocket.ts";
import { WsSocket } from "./ws-socket.ts";

/** How handshakes are answered. */
export interface WebSocketAcceptorOptions {
  /** Subprotocols that are spoken here, the dearest first: the first that a client offers is agreed to. Default: none. */
  readonly protocols?: readonly string[] | undefined;
  /** The most bytes of one message; a longer one ends the connection with 1009, as `limit`. */
  readonly maxMessageBytes: number;
  /** How long the close handshake may take before the connection is broken off, in ms; `0`: for ever. */
  readonly closeMs: number;
  /** Compression, permessage-deflate (RFC 7692), as `ws` takes it; `true` agrees to it. Default `false`. */
  readonly perMessageDeflate?: boolean | PerMessageDeflate | undefined;
}

/**
 * Answers the handshake of one upgrade, by `ws`, and gives the open socket, paused until it is listened to; `undefined`: it was none that RFC 6455
 * allows, and was refused with a 4xx.
 */
export type WebSocketAcceptor = (request: IncomingMessage, socket: Duplex, head: Buffer) => WireSocket | undefined;

/**
 * The server's side of {@link nodeWebSocket}: makes the sockets of contract 6 from what `node:http` gives to `server.on("upgrade", …)`. It asks
 * nobody who may come in; `webSocketHub` of `@longwire/server`, which is built on it, does.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { webSocketAcceptor } from "@longwire/node/websocket";
 * import { AcceptedWebSocket } from "@longwire/websocket";
 *
 * const accept = webSocketAcceptor({ maxMessageBytes: 65_536, closeMs: 5_000 });
 * createServer().on("upgrade", async (request, socket, head) => {
 *   const wire = accept(request, socket, head);
 *   if (!wire) return;
 *   await using client = new AcceptedWebSocket(wire);
 *   try {
 *     for await (const message of client) await client.send(message);
 *   } catch (error) {
 *     console.error(error); // it was cut
 *   }
 * });
 * ```
 */
export function webSocketAcceptor(options: WebSocketAcceptorOptions): WebSocketAcceptor {
  const { protocols = [], maxMessageBytes, closeMs, perMessageDeflate = false } = options;
  const made = {
    noServer: true,
    clientTracking: false,
    autoPong: false,
    maxPayload: Math.min(maxMessageBytes, mostOfWs),
    closeTimeout: Math.min(closeMs === 0 ? mostOfWs : closeMs, mostOfWs),
    perMessageDeflate,
    handleProtocols: (offered: ReadonlySet<string>) => protocols.find((protocol) => offered.has(protocol)) ?? false,
  };
  const server = new WebSocketServer(made);
  return (request, socket, head) => {
    let wire: WireSocket | undefined;
    server.handleUpgrade(request, socket, head, (ws) => {
      wire = accepted(ws, request, socket as Socket, maxMessageBytes);
    });
    return wire;
  };
}

function accepted(ws: WebSocket, request: IncomingMessage, socket: Socket, maxMessageBytes: number): WireSocket {
  // Of who has gone without a word while nothing is read or sent, TCP alone can tell.
  socket.setKeepAlive?.(true, keepAliveMs);
  return new WsSocket(ws, socket, { url: urlOf(request), maxMessageBytes }, responseHeaders(request.headers));
}

/** As errors print it: nobody is asked by it. */
function urlOf({ headers, socket, url = "/" }: IncomingMessage): string {
  // The target may be a whole URL: RFC 9112 section 3.2.2.
  const path = url.replace(/^https?:\/\/[^/?]*/i, "");
  return `${(socket as TLSSocket).encrypted ? "wss" : "ws"}://${headers.host ?? "localhost"}${path}`;
}

const keepAliveMs = 60_000;
