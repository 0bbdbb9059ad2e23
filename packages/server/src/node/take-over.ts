import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { answerOn, isAwaited } from "./answer-on.ts";

/**
 * Takes the connection of a request from `node:http`, which neither reads nor writes it any more: the server's side of Go's
 * `http.Hijacker`. What is read and written are the bytes of the wire, and each side ends by itself; nothing is answered yet, and the socket is
 * the caller's to destroy. HTTP/1.1 alone.
 *
 * A request that asks for an upgrade comes to `server.on("upgrade", (request, socket, head) => …)`: its early bytes, which came along with the
 * head, are read first. A plain request must have no body, and is to be taken in the turn in which its handler was called. Its client has
 * to wait for the first byte of the answer: what it sends behind the request before that is read by Node as its next request, and never
 * answered. Listeners for `data`, `end`, `error` and `timeout` that its socket had are gone then, and so is its timeout.
 *
 * @throws TypeError, which a client can bring about, for HTTP/2, a request with a body, an answer that has begun, a connection that is gone, or
 * one on which an answer to a request before is yet to be sent
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { takeOver } from "@longwire/server";
 *
 * createServer((request, response) => {
 *   if (request.method !== "GET") return void response.writeHead(405).end();
 *   try {
 *     const socket = takeOver(request, response);
 *     socket.write("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n");
 *     socket.pipe(socket);
 *   } catch {
 *     response.destroy();
 *   }
 * }).listen(8080);
 * ```
 */
export function takeOver(request: IncomingMessage, response: ServerResponse): Duplex;
export function takeOver(request: IncomingMessage, socket: Duplex, head: Uint8Array): Duplex;
export function takeOver(request: IncomingMessage, from: ServerResponse | Duplex, head?: Uint8Array): Duplex {
  if (request.httpVersionMajor !== 1) throw new TypeError("Cannot take over: a stream of HTTP/2 is no connection");
  const socket = head === undefined ? detached(request, from as ServerResponse) : switched(request, from as Duplex);
  // Who does not listen must not be brought down by a reset: a reader and `finished()` tell it all the same.
  socket.on("error", () => {});
  if (head !== undefined && head.length > 0) socket.unshift(head);
  return socket;
}

function switched(request: IncomingMessage, socket: Duplex): Duplex {
  if (isAwaited(request, socket)) {
    throw new TypeError("Cannot take over: an answer to a request before is yet to be sent");
  }
  return socket;
}

function detached(request: IncomingMessage, response: ServerResponse): Duplex {
  const { socket } = response;
  if (response.headersSent) throw new TypeError("Cannot take over: the answer has begun");
  if (!socket || socket.destroyed) {
    throw new TypeError("Cannot take over: the connection is gone, or an answer to a request before is yet to be sent");
  }
  if (request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0) {
    throw new TypeError("Cannot take over: the request has a body, which would be read as what comes behind it");
  }
  response.detachSocket(socket);
  // Else a request behind this one would be answered on it, and a server that closes would take it for idle.
  answerOn(request, socket);
  // Those of node:http, which would parse what comes, and end this side when the other one does. Its `close` lets its parser go.
  for (const event of ["data", "end", "error", "timeout"]) socket.removeAllListeners(event);
  socket.setTimeout(0);
  // Asked to be readable it gives up the short way from the system to the parser.
  socket.once("readable", () => {}).removeAllListeners("readable");
  return socket;
}
