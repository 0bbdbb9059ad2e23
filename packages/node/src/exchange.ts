import type { IncomingHttpHeaders } from "node:http";
import type { StreamRequest, StreamResponse, TransportEvents } from "@longwire/core";
import { type Dispatcher, errors } from "undici";
import { answerOf } from "./answer.ts";
import { Body, type Wire } from "./body.ts";
import type { Carried, Connection } from "./connection.ts";
import { SourceBody } from "./request-body.ts";
import { connectError, isCut, wireError } from "./wire-error.ts";

/** What is needed until the head of the answer is in, and then let go. */
export interface Opening {
  readonly request: StreamRequest;
  readonly signal: AbortSignal;
  readonly on: TransportEvents | undefined;
  /** The last try: a dead socket is an error now. It gets a new connection. */
  readonly fresh: boolean;
  /** With the answer; or with `undefined` when a reused socket was dead and the request can go out again. */
  readonly resolve: (response: StreamResponse | undefined) => void;
  readonly reject: (reason: unknown) => void;
  /** How many times its encoded bytes a body may be; `0`: any number. */
  readonly maxInflateRatio: number;
  /** To be called when the answer has ended. */
  readonly onEnded: () => void;
}

/** One request and its answer: undici's handler on one side, a StreamResponse on the other. */
export class Exchange implements Carried, Wire {
  readonly fresh: boolean;
  connection: Connection | undefined;
  /** The request has a connection: from here on its first byte may have been written. */
  started = false;
  #opening: Opening | undefined;
  readonly #url: string;
  readonly #source: SourceBody | undefined;
  readonly #onEnded: () => void;
  #controller: Dispatcher.DispatchController | undefined;
  #body: Body | undefined;
  #bytes = 0;
  /** Nothing more is wanted from undici, which may call all the same. */
  #over = false;
  #released = false;
  #reused = false;
  #answered = false;
  #closeDelimited = false;

  constructor(opening: Opening, source: unknown) {
    this.fresh = opening.fresh;
    this.#opening = opening;
    this.#url = opening.request.url;
    this.#source = source instanceof SourceBody ? source : undefined;
    this.#onEnded = opening.onEnded;
    opening.signal.addEventListener("abort", this);
  }

  /** The signal was aborted before the head was in. */
  handleEvent(): void {
    const { signal, reject } = this.#leaveOpening();
    reject(signal.reason);
    this.release(signal.reason);
    // Not yet on a socket: an attempt to connect is given up, a request that waits for a socket ends when it gets one.
    if (!this.started) this.connection?.abandon();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#over) return controller.abort(new errors.RequestAbortedError());
    const connection = this.connection as Connection;
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

  onResponseStart(controller: Dispatcher.DispatchController, status: number, record: IncomingHttpHeaders): void {
    // Interim answers (RFC 9110 section 15.2) are no heads.
    if (status < 200) return;
    // undici holds the raw headers, and with them what the head was read in, for as long as the body lasts.
    controller.rawHeaders = null;
    const { request, resolve, reject, maxInflateRatio } = this.#leaveOpening();
    const body = new Body(this);
    const release = (reason?: unknown): void => this.release(reason);
    try {
      const response = answerOf(request, status, record, body, maxInflateRatio, release);
      this.#body = body;
      this.#closeDelimited = response.framing === "close";
      resolve(response);
    } catch (error) {
      reject(error);
      this.release(error);
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    this.#body?.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#over = true;
    this.#source?.release();
    this.#onEnded();
    const socket = this.connection?.socket;
    // undici ends a close-delimited body well also when the connection broke; only a FIN is an end.
    if (this.#closeDelimited && socket !== undefined && (socket.errored !== null || !socket.readableEnded)) {
      this.#body?.fail(wireError(socket.errored ?? new Error("closed without FIN"), this.#url, this.#bytes));
    } else {
      this.#body?.end();
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
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
    this.#controller?.abort(new errors.RequestAbortedError());
    this.#source?.release(reason);
  }

  #failOpening({ request, resolve, reject }: Opening, error: Error): void {
    if (this.#mayGoAgain(request, error)) {
      // A source that cannot be made again and was not begun is yet to be sent.
      if (this.started || typeof request.body === "function") this.#source?.release(error);
      return resolve(undefined);
    }
    const failure = this.#unconnected(error) ? connectError(error, this.#url) : this.#wireError(error);
    this.#source?.release(failure);
    reject(failure);
  }

  /**
   * A server closes idle connections when it likes. A request that met such a socket and got no byte of an answer goes out
   * again, once (RFC 9112 section 9.3.1): in any case when nothing of it was written, else when it may be replayed.
   */
  #mayGoAgain(request: StreamRequest, error: Error): boolean {
    if (this.fresh || this.#answered || this.#unconnected(error) || !isCut(error)) return false;
    return !this.started || (this.#reused && request.replayable);
  }

  #unconnected(error: Error): boolean {
    return !this.started && this.connection?.connectFailure === error;
  }

  #wireError(error: Error): unknown {
    const failure = this.#source?.failure;
    if (failure !== undefined) return failure.error;
    return wireError(error, this.#url, this.#body && this.#bytes, this.connection?.socket?.errored);
  }

  #leaveOpening(): Opening {
    const opening = this.#opening as Opening;
    this.#opening = undefined;
    opening.signal.removeEventListener("abort", this);
    return opening;
  }
}
