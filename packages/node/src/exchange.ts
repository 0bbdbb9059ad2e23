import type { IncomingHttpHeaders } from "node:http";
import {
  codedHeaders,
  StreamError,
  type StreamRequest,
  type Queued,
  type StreamResponse,
  shownUrl,
  type TransportEvents,
} from "@longwire/core";
import { errors } from "undici";
import { Body, type Wire } from "./body.ts";
import type { Carried, Connection, Controller, Outgoing } from "./connection.ts";
import { InflatedBody, isInflatable } from "./inflate.ts";
import type { Berths, Ticket } from "./lane.ts";
import { SourceBody } from "./request-body.ts";
import { foreignCoding, framingOf, responseHeaders } from "./response-headers.ts";
import { connectError, isCut, isUnprocessed, wireError } from "./wire-error.ts";
import { WireFailure } from "./wire-failure.ts";

/** What is needed until the head of the answer is in, and then let go. */
export interface Opening {
  readonly request: StreamRequest;
  readonly outgoing: Outgoing;
  /** Who gives it a connection. */
  readonly berths: Berths;
  /** It must be a newer connection than this. */
  readonly bornAfter: number;
  /** A dead connection is an error now. */
  readonly isLastTry: boolean;
  readonly signal: AbortSignal;
  readonly on: TransportEvents | undefined;
  /** With the answer, or how the request can go out again. */
  readonly resolve: (response: StreamResponse | Again) => void;
  readonly reject: (reason: unknown) => void;
  /** How many times its encoded bytes a body may be; `0`: any number. */
  readonly maxInflateRatio: number;
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
    const { request, resolve, reject, maxInflateRatio } = this.#leaveOpening();
    const framing = framingOf(request.method, status, record, multiplexed);
    const coding = foreignCoding(framing, record);
    if (coding !== undefined) {
      const why = `its body has the transfer coding "${coding}", which nobody asked for`;
      reject(new StreamError("protocol", `Cannot read ${shownUrl(this.#url)}: ${why}`));
      return this.release();
    }
    this.#closeDelimited = framing === "close";
    const body = new Body(this);
    this.#body = body;
    const encoding = String(record["content-encoding"] ?? "").toLowerCase();
    const response = { url: this.#url, status, headers: responseHeaders(record), framing };
    if (isInflatable(encoding) && request.method !== "HEAD") {
      for (const name of codedHeaders) delete record[name];
      const inflated = new InflatedBody(body, encoding, this.#url, maxInflateRatio);
      const release = (reason?: unknown): void => {
        inflated.release();
        this.release(reason);
      };
      resolve({ ...response, body: inflated, release });
    } else {
      resolve({ ...response, body, release: (reason) => this.release(reason) });
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
    this.#body?.fail(this.#wireError(error));
    this.#source?.release();
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
    this.#source?.release();
  }

  #failOpening(opening: Opening, error: Error): void {
    const { request, resolve, reject } = opening;
    const again = this.#mayGoAgain(opening, error);
    // A source that cannot be made again and was not begun is yet to be sent.
    if (!again || this.started || typeof request.body === "function") this.#source?.release();
    if (again) resolve(isUnprocessed(error) ? "refused" : "dead");
    else if (this.#isLentUnconnected) reject(connectError(error, this.#url));
    else reject(this.#wireError(error));
  }

  /**
   * A server closes idle connections when it likes. A request that met such a socket and got no byte of an answer goes out
   * again, once (RFC 9112 section 9.3.1): in any case when nothing of it was written, or when the server says that it did nothing with it
   * (RFC 9113 section 8.7), else when it may be replayed.
   */
  #mayGoAgain({ request, isLastTry }: Opening, error: Error): boolean {
    if (isLastTry || this.#answered || this.#isLent) return false;
    if (!this.started) return isCut(error) || isUnprocessed(error);
    if (isUnprocessed(error)) return request.remakeable;
    return this.#reused && request.replayable && isCut(error);
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
