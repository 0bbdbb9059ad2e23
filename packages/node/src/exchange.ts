import type { IncomingHttpHeaders } from "node:http";
import { StreamError, type StreamRequest, type Queued, type TransportEvents } from "@longwire/core";
import { errors } from "undici";
import { answerOf, type HeldResponse } from "./answer.ts";
import { Body, type Wire } from "./body.ts";
import type { Carried, Connection, Controller, Outgoing } from "./connection.ts";
import type { Berths, Ticket } from "./ticket.ts";
import { SourceBody } from "./request-body.ts";
import { connectError, isCut, isUnprocessed, isUnsendable, wireError } from "./wire-error.ts";
import { WireFailure } from "./wire-failure.ts";

/** What is needed until the head of the answer is in, and then let go. */
export interface Opening {
  readonly request: StreamRequest;
  readonly outgoing: Outgoing;
  /** Who gives it a connection. */
  readonly berths: Berths;
  /** It must be a newer connection than this. */
  readonly bornAfter: number;
  /** How often it went out before. */
  readonly tries: number;
  readonly signal: AbortSignal;
  readonly on: TransportEvents | undefined;
  /** With the answer, or how the request can go out again. */
  readonly resolve: (response: HeldResponse | Again) => void;
  readonly reject: (reason: unknown) => void;
  /** How many times its encoded bytes a body may be; `0`: any number; `undefined`: it is not decoded. */
  readonly maxInflateRatio: number | undefined;
  /** What is read comes from sockets that Node itself reads. */
  readonly ownsReads: boolean;
}

/** How a request can go out again: the server refused it, for now; or its connection was dead, and others from before may be. */
export type Again = "refused" | "dead";

/** One request and its answer: what a connection tells on one side, a StreamResponse on the other. */
export class Exchange implements Ticket, Carried, Wire {
  readonly bornAfter: number;
  /** The request has a connection: from here on its first byte may have been written. */
  started = false;
  #opening: Opening | undefined;
  readonly #url: string;
  readonly #source: SourceBody | undefined;
  #connection: Connection | undefined;
  #controller: Controller | undefined;
  #body: Body | undefined;
  #bytes = 0;
  /** Nothing more is wanted from the connection, which may call all the same. */
  #over = false;
  #released = false;
  #queued = false;
  #reused = false;
  #answered = false;
  #closeDelimited = false;

  constructor(opening: Opening) {
    this.bornAfter = opening.bornAfter;
    this.#opening = opening;
    this.#url = opening.request.url;
    const { body } = opening.outgoing;
    this.#source = body instanceof SourceBody ? body : undefined;
    opening.signal.addEventListener("abort", this);
  }

  /** The signal was aborted before the head was in. */
  handleEvent(): void {
    const { signal, reject, berths } = this.#leaveOpening();
    reject(signal.reason);
    this.release(signal.reason);
    berths.leave(this);
  }

  queued(info: Queued): void {
    if (!this.#queued) this.#opening?.on?.queued?.(info);
    this.#queued = true;
  }

  board(connection: Connection): void {
    this.#connection = connection;
    connection.send((this.#opening as Opening).outgoing, this);
  }

  strand(error: unknown): void {
    this.#over = true;
    this.#source?.release();
    const ended = error instanceof WireFailure;
    this.#leaveOpening().reject(ended ? this.#wireError(error) : connectError(error, this.#url));
  }

  onRequestStart(controller: Controller): void {
    if (this.#over) return controller.abort(new errors.RequestAbortedError());
    const connection = this.#connection as Connection;
    this.#controller = controller;
    this.#reused = connection.requests > 0;
    connection.requests += 1;
    this.started = true;
    const on = this.#opening?.on;
    on?.connected({ reused: this.#reused });
    on?.sent();
  }

  onResponseStarted(): void {
    this.#answered = true;
  }

  onResponseStart(controller: Controller, status: number, record: IncomingHttpHeaders): void {
    // Interim answers (RFC 9110 section 15.2) are no heads.
    if (status < 200) return;
    // undici holds the raw headers, and with them what the head was read in, for as long as the body lasts.
    controller.rawHeaders = null;
    const multiplexed = this.#connection?.protocol === "h2";
    const { request, resolve, reject, maxInflateRatio, ownsReads } = this.#leaveOpening();
    // Over HTTP/2 one read has bytes of many streams.
    const body = new Body(this, ownsReads && !multiplexed);
    const release = (reason?: unknown): void => this.release(reason);
    try {
      const response = answerOf(request, { status, record, multiplexed }, body, maxInflateRatio, release);
      this.#body = body;
      this.#closeDelimited = response.framing === "close";
      resolve(response);
    } catch (error) {
      reject(error);
      this.release(error);
    }
  }

  onResponseData(_controller: Controller, chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    this.#body?.push(chunk);
  }

  onResponseEnd(): void {
    this.#connection?.left();
    if (this.#over) return;
    this.#over = true;
    this.#source?.release();
    const socket = this.#connection?.socket;
    // undici ends a close-delimited body well also when the connection broke; only a FIN is an end.
    if (this.#closeDelimited && socket !== undefined && (socket.errored !== null || !socket.readableEnded)) {
      this.#body?.fail(wireError(socket.errored ?? new Error("closed without FIN"), this.#url, this.#bytes));
    } else {
      this.#body?.end();
    }
  }

  onResponseError(_controller: Controller | null, error: Error): void {
    this.#connection?.left();
    if (this.#over) return;
    this.#over = true;
    if (this.#opening !== undefined) return this.#failOpening(this.#leaveOpening(), error);
    const failure = this.#wireError(error);
    this.#body?.fail(failure);
    this.#source?.release(failure);
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  release(reason?: unknown): void {
    if (this.#released) return;
    this.#released = true;
    this.#body?.cut(reason);
    if (this.#over) return;
    this.#over = true;
    this.#controller?.abort(reason instanceof StreamError ? reason : new errors.RequestAbortedError());
    this.#source?.release(reason);
  }

  #failOpening(opening: Opening, error: Error): void {
    const { request, resolve, reject } = opening;
    if (this.#mayGoAgain(opening, error)) {
      // A source that cannot be made again and was not begun is yet to be sent.
      if (this.started || typeof request.body === "function") this.#source?.release(error);
      return resolve(isUnprocessed(error) ? "refused" : "dead");
    }
    const unconnected = this.#isLentUnconnected && !isUnsendable(error);
    const failure = unconnected ? connectError(error, this.#url) : this.#wireError(error);
    this.#source?.release(failure);
    reject(failure);
  }

  /**
   * A server closes idle connections when it likes. A request that met such a socket and got no byte of an answer goes out
   * again (RFC 9112 section 9.3.1): in any case when nothing of it was written, else when it may be replayed. So does one that the server says
   * it did nothing with (RFC 9113 section 8.7), which a server with a limit on requests a connection says to many at once.
   *
   * Each connection that was used before is dead but once, so that has an end; a new one that is dead tells of the server.
   */
  #mayGoAgain({ request, tries }: Opening, error: Error): boolean {
    if (this.#answered || this.#isLent) return false;
    if (isUnprocessed(error)) return tries < mostRefusals && (!this.started || request.remakeable);
    if (!isCut(error)) return false;
    if (!this.started) return tries === 0 || (this.#connection?.requests ?? 0) > 0;
    return this.#reused && request.replayable;
  }

  /** It went to a dispatcher that is not ours, which does not tell what it met. */
  get #isLent(): boolean {
    return this.#connection?.serial === undefined;
  }

  get #isLentUnconnected(): boolean {
    return this.#isLent && !this.started;
  }

  #wireError(error: Error): unknown {
    const failure = this.#source?.failure;
    if (failure !== undefined) return failure.error;
    return wireError(error, this.#url, this.#body && this.#bytes, this.#connection?.socket?.errored);
  }

  #leaveOpening(): Opening {
    const opening = this.#opening as Opening;
    this.#opening = undefined;
    opening.signal.removeEventListener("abort", this);
    return opening;
  }
}

const mostRefusals = 5;
