import type { StreamError } from "../../src/errors.ts";
import type { StreamRequest } from "../../src/request/stream-request.ts";
import type { Framing, StreamResponse, Transport, TransportCall } from "../../src/transport/transport.ts";

/** A server that does what its test says, when it says it: the other side of a transport without a wire. */
export class DrivenServer {
  /** Every request, in order. */
  readonly requests: StreamRequest[] = [];
  /** Exchanges that have not failed, ended or been released: 0 when nothing leaks. */
  open = 0;
  readonly #hidden: boolean;
  #exchange: Exchange | undefined;

  /** `hidden`: as fetch, the transport shows no connection. */
  constructor(hidden: boolean) {
    this.#hidden = hidden;
  }

  /** The exchange of the last request. */
  get exchange(): Exchange {
    if (this.#exchange) return this.#exchange;
    throw new TypeError("There was no request yet");
  }

  readonly transport: Transport = async (request, call) => {
    call.signal.throwIfAborted();
    this.requests.push(request);
    this.open++;
    this.#exchange = new Exchange(request, call, this.#hidden, () => {
      this.open--;
    });
    return await this.#exchange.response;
  };
}

/** One request and its answer. What is done to it once it is over is nothing. */
export class Exchange {
  readonly response: Promise<StreamResponse>;
  readonly #request: StreamRequest;
  readonly #call: TransportCall;
  readonly #hidden: boolean;
  readonly #onOver: () => void;
  readonly #arrived: (Uint8Array | { readonly end: StreamError | undefined })[] = [];
  #answer!: { resolve(response: StreamResponse): void; reject(reason: unknown): void };
  /** Of the read that waits. */
  #wake: (() => void) | undefined;
  #over = false;

  constructor(request: StreamRequest, call: TransportCall, hidden: boolean, onOver: () => void) {
    this.#request = request;
    this.#call = call;
    this.#hidden = hidden;
    this.#onOver = onOver;
    this.response = new Promise((resolve, reject) => {
      this.#answer = { resolve, reject };
    });
    call.signal.addEventListener("abort", this.#obey);
    if (!hidden) return;
    call.on?.hidden();
    call.on?.sent();
  }

  /** The connection is there, and the request goes out on it. */
  connect(): void {
    if (this.#over || this.#hidden) return;
    this.#call.on?.connected({ reused: false });
    this.#call.on?.sent();
  }

  /** No answer comes. */
  fail(error: StreamError): void {
    this.#settleAnswer();
    this.#finish();
    this.#answer.reject(error);
  }

  head(status: number, headers: Readonly<Record<string, string>>, framing: Framing): void {
    this.#settleAnswer();
    this.#answer.resolve({
      url: this.#request.url,
      status,
      headers: new Headers(headers),
      framing,
      body: { [Symbol.asyncIterator]: () => ({ next: () => this.#next() }) },
      release: () => this.#finish(),
    });
  }

  send(text: string): void {
    this.#arrives(new TextEncoder().encode(text));
  }

  /** The body is over: cleanly, or as the error says. */
  end(error?: StreamError): void {
    this.#arrives({ end: error });
  }

  // An arrow, so that it can be taken off the signal again.
  readonly #obey = (): void => {
    this.#settleAnswer();
    this.#finish();
    this.#answer.reject(this.#call.signal.reason);
  };

  #settleAnswer(): void {
    this.#call.signal.removeEventListener("abort", this.#obey);
  }

  #finish(): void {
    if (!this.#over) this.#onOver();
    this.#over = true;
  }

  #arrives(step: Uint8Array | { readonly end: StreamError | undefined }): void {
    this.#arrived.push(step);
    this.#wake?.();
    this.#wake = undefined;
  }

  // A release lets a read that waits wait on: no session may count on its source.
  async #next(): Promise<IteratorResult<Uint8Array>> {
    while (this.#arrived.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const step = this.#arrived.shift() as Uint8Array | { readonly end: StreamError | undefined };
    if (step instanceof Uint8Array) return { done: false, value: step };
    this.#finish();
    if (step.end) throw step.end;
    return { done: true, value: undefined };
  }
}
