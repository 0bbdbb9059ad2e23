import { type IncomingMessage, request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import {
  type ResponseHeaders,
  shownUrl,
  StreamError,
  type StreamRequest,
  type StreamResponse,
  type Transport,
} from "@longwire/core";
import { asked } from "./asked.ts";
import { dechunked } from "./dechunked.ts";
import { dial, type Way } from "./dial.ts";
import { framingOf, responseHeaders } from "./response-headers.ts";
import { TakenSocket, type TakenSocketSettings } from "./taken-socket.ts";
import { wireError } from "./wire-error.ts";

/** The answer to a handshake; `taken` when the connection has left HTTP. */
export interface HandshakeResponse extends StreamResponse {
  readonly taken?: TakenSocket;
}

/** What a handshake is made with. */
export interface HandshakeSettings extends TakenSocketSettings {
  readonly way: Way;
  /** The token to ask for in `Upgrade`; `undefined` for CONNECT. */
  readonly protocol: string | undefined;
  /** The request target: a path, or for CONNECT `host:port`. */
  readonly target: string;
  readonly onSocket: (socket: Socket) => void;
}

/**
 * A transport of requests that ask for the connection itself: `Upgrade` (RFC 9110 section 7.8) or CONNECT (section 9.3.6). Each has
 * a connection of its own, HTTP/1.1, by `node:http`: undici loses the answer of a refused upgrade.
 *
 * It answers with a {@link HandshakeResponse}.
 */
export function handshake(settings: HandshakeSettings): Transport {
  return async (request, { signal, on }) => {
    signal.throwIfAborted();
    const socket = await dial(settings.way, request.url, signal, settings.onSocket);
    on?.connected({ reused: false });
    on?.sent();
    return exchange(socket, request, signal, settings);
  };
}

function exchange(
  socket: Socket,
  request: StreamRequest,
  signal: AbortSignal,
  settings: HandshakeSettings,
): Promise<HandshakeResponse> {
  const { url, method } = request;
  const { protocol, target } = settings;
  return asked(socket, signal, (resolve, fail) => {
    const answer = (head: IncomingMessage, body: AsyncIterable<Uint8Array>, taken?: TakenSocket): void => {
      const status = head.statusCode as number;
      const headers = responseHeaders(head.headers);
      const framing = framingOf("GET", status, head.headers);
      const release = (): void => void (taken ?? socket).destroy();
      resolve({ url, status, headers, framing, body, release, ...(taken && { taken }) });
    };
    const take = (head: IncomingMessage, early: Buffer): void =>
      answer(head, nothing(), new TakenSocket(socket, early, settings));

    const body = request.body as string | Uint8Array | undefined;
    const sent = httpRequest({
      createConnection: () => socket,
      setHost: false,
      method,
      path: target,
      headers: headersOf(request, settings, body),
    });
    // Stays: what breaks once the promise is settled is told by the body, or by the socket that was taken.
    sent.on("error", (error) => fail(wireError(error, url, undefined)));
    sent.once("upgrade", (head, _socket, early) => {
      const got = responseHeaders(head.headers);
      if (protocol !== undefined && isNamed(protocol, got)) return take(head, early);
      fail(notAsked(url, got));
    });
    sent.once("connect", (head, _socket, early) => {
      const status = head.statusCode as number;
      if (status >= 200 && status <= 299) return take(head, early);
      if (early.length > 0) socket.unshift(early);
      answer(head, bodyOfRefusedConnect(socket, head));
    });
    sent.once("response", (head) => {
      if (head.statusCode === 101) fail(notAsked(url, responseHeaders(head.headers)));
      else answer(head, head);
    });
    sent.end(body);
  });
}

function headersOf(
  { headers }: StreamRequest,
  { protocol, target, way }: HandshakeSettings,
  body: string | Uint8Array | undefined,
): Record<string, string> {
  return {
    host: protocol === undefined ? target : way.url.host,
    ...headers,
    // node:http gives a GET no length of its own.
    ...(body !== undefined && { "content-length": String(Buffer.byteLength(body)) }),
    ...(protocol !== undefined && { connection: "Upgrade", upgrade: protocol }),
  };
}

/** Whether a server switches to this: to what was asked for and to nothing else. */
export function isNamed(protocol: string, headers: ResponseHeaders): boolean {
  const named = (headers.get("upgrade") ?? "").toLowerCase().split(",");
  return named.some((token) => token.trim() === protocol.toLowerCase());
}

function notAsked(url: string, headers: ResponseHeaders): StreamError {
  const named = headers.get("upgrade");
  const why = named === null ? "and names no protocol" : `to "${named}", which was not asked for`;
  return new StreamError("protocol", `Cannot take over ${shownUrl(url)}: the server switches ${why}`);
}

/** node:http takes all behind the head of an answer to CONNECT for the tunnel's. Of a refusal it is the body, as long as it says. */
async function* bodyOfRefusedConnect(socket: Socket, head: IncomingMessage): AsyncGenerator<Uint8Array> {
  if (head.headers["transfer-encoding"] !== undefined) return yield* dechunked(socket as AsyncIterable<Uint8Array>);
  let left = Number(head.headers["content-length"] ?? Number.POSITIVE_INFINITY);
  if (left === 0) return;
  for await (const chunk of socket as AsyncIterable<Uint8Array>) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
