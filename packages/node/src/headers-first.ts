import { type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import {
  shownUrl,
  StreamError,
  type StreamRequest,
  type StreamResponse,
  systemClock,
  type TransportCall,
} from "@longwire/core";
import { aimed } from "./aimed.ts";
import { answerOf, type HeldResponse } from "./answer.ts";
import { Body, type Wire } from "./body.ts";
import { dial } from "./dial.ts";
import { isH2 } from "./h2-connection.ts";
import { isNamed } from "./handshake.ts";
import { leased } from "./leased.ts";
import type { ProxyOf } from "./proxy.ts";
import { bodyToSend, SourceBody } from "./request-body.ts";
import { framingOf, responseHeaders } from "./response-headers.ts";
import type { SocketPool } from "./socket-pool.ts";

import { TakenSocket } from "./taken-socket.ts";
import { wireError } from "./wire-error.ts";

/** An answer; `socket` when the connection has left HTTP. */
export interface OwnResponse extends HeldResponse {
  readonly socket?: TakenSocket;
}

/**
 * A transport that sends the head of a request at once: HTTP/1.1 by `node:http`, each request on a connection of its own, which counts in
 * `pool`. undici holds the head back until the first chunk of the body: from a server that speaks first nothing would ever come. Where
 * the server chooses HTTP/2, whose heads leave at once, the connection goes to the lane of streams, and the request through `send`.
 *
 * A body is sent chunk by chunk, the next one asked for when the system took the one before, with a length when the request has the
 * header, else in chunks (RFC 9112 section 7.1). An answer that ends before the body ends the exchange: the body's source is let go.
 *
 * Where the request has an `upgrade` header, HTTP/1.1 is spoken whatever the server would choose, and a server that switches gives its
 * socket away. With `decode: false` bodies are left in the content coding that they come in.
 */
export function headersFirst<Response extends StreamResponse>(
  pool: SocketPool,
  proxyOf: ProxyOf,
  send: (request: StreamRequest, call: TransportCall) => Promise<Response>,
  { decode = true, ownsReads = false }: { readonly decode?: boolean; readonly ownsReads?: boolean } = {},
): (request: StreamRequest, call: TransportCall) => Promise<Response | OwnResponse> {
  return async (request, call) => {
    const { signal, on } = call;
    signal.throwIfAborted();
    if (pool.closed) throw new TypeError(`Cannot send to ${shownUrl(request.url)}: the transport was closed`);
    const upgrades = request.headers["upgrade"] !== undefined;
    const accepted = decode ? undefined : "";
    const { origin, path, headers } = aimed(request, upgrades ? () => undefined : proxyOf, accepted);
    if (!upgrades && pool.speaksH2(origin)) return send(request, call);
    const way = upgrades ? pool.wayTo(origin) : pool.wayOf(origin);
    const body = bodyToSend(request.body);
    try {
      const response = await leased(pool, origin, signal, async (lease) => {
        const socket = await dial(way, request.url, lease.opening, (dialed) => lease.connecting(dialed));
        if (pool.closed) {
          socket.destroy();
          throw new TypeError(`Cannot send to ${shownUrl(request.url)}: the transport was closed`);
        }
        if (isH2(socket)) {
          lease.socket = undefined;
          // Calls that came at once each asked which protocol it is: the first connection does for all.
          if (pool.speaksH2(origin)) socket.destroy();
          else pool.welcome(origin, socket);
          return undefined;
        }
        on?.connected({ reused: false });
        lease.asking();
        on?.sent();
        const exchange = new OwnExchange(socket, request, body, decode ? pool.maxInflateRatio : undefined, ownsReads);
        const answer = await exchange.open(lease.opening, path, { host: way.url.host, ...headers });
        lease.hold(answer.release);
        if (answer.socket) lease.state = "taken";
        return answer;
      });
      return response ?? (await send(request.withBody(body), call));
    } catch (error) {
      if (body instanceof SourceBody) body.release(error);
      throw error;
    }
  };
}

/** One request and its answer, on a socket that serves nothing else. */
class OwnExchange implements Wire {
  readonly #socket: Socket;
  readonly #request: StreamRequest;
  readonly #toSend: ToSend;
  readonly #maxInflateRatio: number | undefined;
  readonly #ownsReads: boolean;
  #head: IncomingMessage | undefined;
  #body: Body | undefined;
  #bytes = 0;
  /** Nothing more goes either way; what has come may still be read. */
  #over = false;
  #released = false;
  /** Until the answer is there. */
  #reject: ((reason: unknown) => void) | undefined;

  constructor(
    socket: Socket,
    request: StreamRequest,
    toSend: ToSend,
    maxInflateRatio: number | undefined,
    ownsReads: boolean,
  ) {
    this.#socket = socket;
    this.#request = request;
    this.#toSend = toSend;
    this.#maxInflateRatio = maxInflateRatio;
    this.#ownsReads = ownsReads;
  }

  /** Sends the request and waits for its answer. */
  open(signal: AbortSignal, path: string, headers: Record<string, string>): Promise<OwnResponse> {
    const { method } = this.#request;
    return new Promise<OwnResponse>((resolve, reject) => {
      const giveUp = (): void => this.release(signal.reason);
      const settled = (): void => signal.removeEventListener("abort", giveUp);
      this.#reject = (reason) => {
        settled();
        reject(reason);
      };
      if (signal.aborted) return giveUp();
      signal.addEventListener("abort", giveUp);
      try {
        const sent = httpRequest({
          createConnection: () => this.#socket,
          setHost: false,
          method,
          path,
          headers: { ...framingHeaders(this.#toSend, headers), ...headers },
        });
        // Stays, for what breaks once the answer is there.
        sent.on("error", (error) => this.#break(error));
        sent.once("upgrade", (head, _socket, early) => {
          if (!isAsked(this.#request, head)) return this.#switched(head);
          this.#reject = undefined;
          settled();
          resolve(this.#taken(head, early));
        });
        sent.once("response", (head) => {
          if (head.statusCode === 101) return this.#switched(head);
          const response = this.#answer(head);
          if (response === undefined) return;
          this.#reject = undefined;
          settled();
          resolve(response);
        });
        this.#send(sent);
      } catch (error) {
        this.release(error);
      }
    });
  }

  pause(): void {
    this.#head?.pause();
  }

  resume(): void {
    this.#head?.resume();
  }

  release(reason?: unknown): void {
    if (this.#released) return;
    this.#released = true;
    this.#body?.cut(reason);
    this.#finish(reason);
  }

  #send(sent: ClientRequest): void {
    // Of a body that is shorter or longer than it was said to be neither end could tell where it ends.
    Object.assign(sent, { strictContentLength: true });
    const body = this.#toSend;
    // Fields are latin1; in front of a text, or alone, Node would write the head as UTF-8.
    if (!(body instanceof SourceBody)) return void sent.end(typeof body === "string" ? Buffer.from(body) : body);
    sent.write("", "latin1");
    void this.#pump(sent, body);
  }

  async #pump(sent: ClientRequest, source: SourceBody): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await source.next();
        if (done) break;
        await written(sent, value);
      }
      sent.end();
    } catch (error) {
      if (source.failure) return this.#fail(source.failure.error);
      // A wire that broke tells so by itself.
      const refused = error instanceof TypeError ? error : wireError(error, this.#request.url, undefined);
      if (refused instanceof TypeError) this.#fail(refused);
    }
  }

  #taken(head: IncomingMessage, early: Buffer): OwnResponse {
    const { url } = this.#request;
    const socket = new TakenSocket(this.#socket, early, { url: shownUrl(url), idleMs: 0, clock: systemClock });
    const { statusCode: status = 101, headers: fields } = head;
    const headers = responseHeaders(fields);
    const body: AsyncIterable<Uint8Array> = (async function* () {})();
    const release = (reason?: unknown): void => void socket.destroy(reason as Error | undefined);
    return { url, status, headers, fields, framing: framingOf("GET", status, fields), body, release, socket };
  }

  #answer(head: IncomingMessage): HeldResponse | undefined {
    const body = new Body(this, this.#ownsReads);
    const release = (reason?: unknown): void => this.release(reason);
    try {
      const status = head.statusCode as number;
      const response = answerOf(this.#request, { status, record: head.headers }, body, this.#maxInflateRatio, release);
      this.#head = head;
      this.#body = body;
      head.on("data", (chunk: Buffer) => {
        this.#bytes += chunk.length;
        body.push(chunk);
      });
      head.on("end", () => {
        body.end();
        this.#finish(undefined);
      });
      head.on("error", (error) => this.#break(error));
      return response;
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  #switched({ headers }: IncomingMessage): void {
    const why = `the server switches to "${headers.upgrade ?? "no protocol"}", which was not asked for`;
    this.#fail(new StreamError("protocol", `Cannot read ${shownUrl(this.#request.url)}: ${why}`));
  }

  #break(error: Error): void {
    // The answer is whole, only not read yet.
    if (this.#head?.complete) return this.#letGo(undefined);
    this.#fail(wireError(error, this.#request.url, this.#body && this.#bytes, this.#socket.errored));
  }

  #fail(error: unknown): void {
    this.#body?.fail(error);
    this.#finish(error);
  }

  #finish(reason: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#reject?.(reason);
    this.#letGo(reason);
    this.#socket.destroy();
  }

  /** The body is sent no further; without a reason, because the answer has ended. */
  #letGo(reason: unknown): void {
    if (this.#toSend instanceof SourceBody) this.#toSend.release(reason);
  }
}

function isAsked({ headers: { upgrade = "" } }: StreamRequest, head: IncomingMessage): boolean {
  const headers = responseHeaders(head.headers);
  return upgrade.split(",").some((protocol) => protocol.trim() !== "" && isNamed(protocol.trim(), headers));
}

type ToSend = ReturnType<typeof bodyToSend>;

/** How the other side will know where the body ends. */
function framingHeaders(body: ToSend, headers: Record<string, string>): Record<string, string> {
  if (body === undefined || headers["content-length"] !== undefined) return {};
  if (body instanceof SourceBody) return { "transfer-encoding": "chunked" };
  return { "content-length": String(Buffer.byteLength(body)) };
}

/** Resolves when the system has taken the chunk. */
function written(sent: ClientRequest, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    sent.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}
