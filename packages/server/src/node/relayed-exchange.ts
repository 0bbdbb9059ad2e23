import { ServerResponse } from "node:http";
import { constants, type Http2ServerResponse } from "node:http2";
import type { Socket } from "node:net";
import type { Duplex, Readable } from "node:stream";
import { type ClockName, Deadlines, isSafe, StreamError } from "@longwire/core";
import type { ForwardedResponse } from "@longwire/node";
import { cut } from "./cut.ts";
import { gatewayFailure } from "./gateway-failure.ts";
import { endToEnd } from "./hop-by-hop.ts";
import { onGone } from "./on-gone.ts";
import { requestRefusal } from "./refused-request.ts";
import { listed, relayedRequest } from "./relayed-request.ts";
import type { AnyRequest, RelaySettings } from "./relay-options.ts";
import { splice } from "./splice.ts";
import { isUnwrapped, writePiece } from "./write-piece.ts";

/** A response as a handler is given it. */
export type AnyResponse = ServerResponse | Http2ServerResponse;

/** A connection that a client asks to leave HTTP with, and what came behind the head. */
export interface Leaving {
  /** `undefined`: none that it may, so that it is a request like others. */
  readonly protocol: string | undefined;
  readonly socket: Duplex;
  readonly early: Uint8Array;
}

/** One request of a client and the upstream's answer to it, each passed on as it comes. */
export class RelayedExchange {
  readonly #settings: RelaySettings;
  readonly #client: AnyRequest;
  readonly #answer: AnyResponse;
  readonly #opening = new AbortController();
  readonly #deadlines: Deadlines;
  #response: ForwardedResponse | undefined;
  /** The client took a chunk, or is gone. */
  #taken: (() => void) | undefined;
  #clientGone = false;
  /** The system has taken the answer and its end. */
  #whole = false;
  /** Its connection leaves HTTP, or ends with the answer. */
  #leaves = false;

  constructor(settings: RelaySettings, client: AnyRequest, answer: AnyResponse) {
    this.#settings = settings;
    this.#client = client;
    this.#answer = answer;
    this.#deadlines = new Deadlines(settings.clock, { ranOut: (name) => this.#ranOut(name) });
    client.on("error", () => {});
    answer.on("error", () => {});
    onGone(client, answer, () => this.#closed());
  }

  /** Resolves when both sides are let go. Never rejects. */
  async run(leaving?: Leaving): Promise<void> {
    this.#leaves = leaving !== undefined;
    try {
      const response = await this.#open(leaving);
      if (response) await this.#passOn(response, leaving);
    } catch (error) {
      // Of a body that breaks off the reader is told before the answer is.
      const { destroyed, complete } = this.#client;
      if (!this.#clientGone && (complete || !destroyed)) await this.#fail(error);
    } finally {
      this.#deadlines.close();
      this.#response?.release();
    }
  }

  async #open(leaving: Leaving | undefined): Promise<ForwardedResponse | undefined> {
    const { transport, rewrite, timeouts } = this.#settings;
    const { connectMs = 10_000, totalMs = 0 } = timeouts;
    const refusal = requestRefusal(this.#client, this.#leaves);
    const relayed = refusal ? undefined : relayedRequest(this.#client, this.#settings, this.#body());
    if (relayed === undefined) {
      const { status, reason } = refusal ?? {
        status: 400,
        reason: "The target of the request is none that is served here",
      };
      await this.#refuse(status, reason);
      return undefined;
    }
    this.#deadlines.start("totalMs", totalMs);
    const protocol = leaving?.protocol;
    const upgraded =
      protocol === undefined ? relayed : relayed.withHeader("connection", "Upgrade").withHeader("upgrade", protocol);
    const request = rewrite ? await rewrite(upgraded, this.#client) : upgraded;
    this.#deadlines.start("connectMs", connectMs);
    const on = {
      hidden: (): void => {},
      connected: (): void => this.#deadlines.stop("connectMs"),
      sent: (): void => this.#awaitHead(),
    };
    const { signal } = this.#opening;
    const response = await transport.forward(request, { signal, on });
    this.#response = response;
    if (signal.aborted) throw signal.reason;
    this.#deadlines.stop("connectMs");
    this.#deadlines.stop("headersMs");
    return response;
  }

  async #passOn(response: ForwardedResponse, leaving: Leaving | undefined): Promise<void> {
    this.#moved();
    this.#head(response, leaving);
    if (leaving && response.socket) return this.#splice(leaving, response.socket);
    const { body } = response;
    const alone = isUnwrapped(this.#answer);
    for await (const chunk of body) {
      this.#moved();
      const taken = await this.#write(chunk);
      if (this.#clientGone) return;
      if (taken && alone) body.giveBack?.(chunk);
      this.#moved();
    }
    await this.#end();
  }

  /** Headers leave at once, and with the framing that follows from them: no length is made up. */
  #head({ status, fields, framing }: ForwardedResponse, leaving: Leaving | undefined): void {
    const answer = this.#answer as ServerResponse;
    const { name } = this.#settings;
    const kept = endToEnd(fields);
    // RFC 9110 section 8.6; HTTP/2 would be broken by one that is wrong.
    if (fields["transfer-encoding"] !== undefined || status === 204) delete kept["content-length"];
    kept["via"] = listed(
      [kept["via"] ?? []].flat().join(", ") || undefined,
      `${framing === "h2" ? "2" : "1.1"} ${name}`,
    );
    answer.statusCode = status;
    for (const field in kept) answer.setHeader(field, kept[field] as string | string[]);
    if (leaving && status === 101)
      answer.setHeader("connection", "Upgrade").setHeader("upgrade", fields.upgrade ?? String(leaving.protocol));
    const bodiless = this.#client.method === "HEAD" || status === 204 || status === 304;
    // The heads of these leave with the end, which is next.
    if (bodiless) return;
    // Alone Node writes a head of HTTP/1.1 as UTF-8, and fields are latin1.
    if (answer instanceof ServerResponse && status !== 101) answer.write("", "latin1");
    else (answer as ServerResponse).flushHeaders();
  }

  /** Resolves with `true` when the system has taken the chunk, with `false` when it never will: the client is gone. */
  #write(chunk: Uint8Array): Promise<boolean> {
    return new Promise((resolve) => {
      this.#taken = () => resolve(false);
      if (this.#clientGone) return resolve(false);
      writePiece(this.#answer as ServerResponse, chunk, (error) => resolve(!error));
    });
  }

  async #end(): Promise<void> {
    const answer = this.#answer as ServerResponse;
    await new Promise<void>((resolve) => {
      this.#taken = resolve;
      if (this.#clientGone) return resolve();
      answer.end(() => {
        this.#whole = true;
        resolve();
      });
    });
    if (!this.#clientGone && !this.#leaves) await this.#linger();
  }

  /**
   * The answer is whole, the request is not. To close now would be a reset, which could take the answer from the client: so some of what still
   * comes is read, for a moment, and thrown away.
   */
  async #linger(): Promise<void> {
    const client = this.#client as Readable & AnyRequest;
    if (client.complete || client.destroyed) return;
    if (client.httpVersionMajor > 1)
      return (this.#answer as Http2ServerResponse).stream.close(constants.NGHTTP2_NO_ERROR);
    let bytes = 0;
    await new Promise<void>((resolve) => {
      const cancel = this.#settings.clock.timer(lingerMs, resolve);
      const done = (): void => {
        cancel();
        resolve();
      };
      client.once("end", done).once("close", done);
      client.on("data", (chunk: Uint8Array) => {
        bytes += chunk.length;
        if (bytes > lingerBytes) done();
      });
    });
    if (!client.complete) client.socket.destroy();
  }

  async #splice({ socket, early }: Leaving, upstream: Duplex): Promise<void> {
    (this.#answer as ServerResponse).detachSocket(socket as Socket);
    socket.removeAllListeners("readable");
    if (early.length > 0) socket.unshift(early);
    await splice(socket, upstream, () => this.#moved(), cut);
  }

  /** The request's body as it comes. A source that is let go leaves the connection: the answer is still to go out on it. */
  async *#body(): AsyncGenerator<Uint8Array, void, undefined> {
    const chunks = (this.#client as Readable).iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    for await (const chunk of chunks) {
      if (this.#response) this.#moved();
      else this.#awaitHead();
      yield chunk;
    }
  }

  /** There is nobody any more to answer to. */
  #closed(): void {
    // That Node calls the answer finished says nothing: over HTTP/2 it does so of a stream that was reset.
    this.#clientGone = !this.#whole;
    this.#taken?.();
    if (this.#clientGone) this.#release(new DOMException("The client is gone", "AbortError"));
  }

  #awaitHead(): void {
    const { headersMs = isSafe(this.#client.method ?? "GET") ? 60_000 : 600_000 } = this.#settings.timeouts;
    if (!this.#response) this.#deadlines.start("headersMs", headersMs);
  }

  #moved(): void {
    this.#deadlines.start("idleMs", this.#settings.timeouts.idleMs ?? 300_000);
  }

  #ranOut(name: ClockName): void {
    const error = new StreamError(
      name === "idleMs" ? "idle" : "deadline",
      `Cannot go on with the exchange: ${name} ran out`,
      {
        clock: name,
      },
    );
    this.#release(error);
    if (!this.#response) return;
    // Who reads nothing would keep what was written before for ever.
    this.#settings.onFailure(error, this.#client);
    this.#clientGone = true;
    this.#taken?.();
    this.#cut();
  }

  #release(reason: unknown): void {
    this.#opening.abort(reason);
    this.#response?.release(reason);
    if (this.#response?.socket) cut(this.#response.socket);
  }

  /** Nothing was passed on yet: a reason. Else what was passed on reaches the client, and then the cut does. */
  async #fail(error: unknown): Promise<void> {
    this.#settings.onFailure(error, this.#client);
    if (this.#answer.headersSent) return this.#cut();
    const { status, reason, type } = gatewayFailure(error);
    for (const field of this.#answer.getHeaderNames()) this.#answer.removeHeader(field);
    this.#answer.setHeader("proxy-status", `${this.#settings.name}; error=${type}`);
    await this.#refuse(status, reason);
  }

  async #refuse(status: number, reason: string): Promise<void> {
    const answer = this.#answer as ServerResponse;
    answer.statusCode = status;
    answer.setHeader("content-type", "text/plain; charset=utf-8");
    answer.setHeader("cache-control", "no-store");
    const text = `${status}: ${reason}\n`;
    answer.setHeader("content-length", Buffer.byteLength(text));
    this.#moved();
    if (this.#client.method !== "HEAD") await this.#write(Buffer.from(text));
    await this.#end();
  }

  /** An end that nobody can take for a good one. Where only the connection's end ends a body, that is a reset. */
  #cut(): void {
    const answer = this.#answer;
    if (!(answer instanceof ServerResponse)) return answer.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    const { socket } = answer;
    if (socket && !answer.chunkedEncoding && !answer.hasHeader("content-length")) cut(socket);
    else answer.destroy();
    socket?.destroy();
  }
}

const lingerMs = 1_000;
const lingerBytes = 256 * 1024;
