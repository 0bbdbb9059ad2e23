import { asStreamError, StreamError } from "../errors.ts";
import { type Decoder, emptySink } from "../frames/decoder.ts";
import { shownUrl } from "../request/shown-url.ts";
import type { StreamRequest } from "../request/stream-request.ts";
import type { StreamResponse, Transport } from "../transport/transport.ts";
import type { Dialect } from "./dialect.ts";
import type { Attempt, Batch, Head, Opener } from "./opener.ts";

/** An opener over HTTP. `request` is asked for every attempt. */
export function httpOpener<T>(dialect: Dialect<T>, transport: Transport, request: () => StreamRequest): Opener<T> {
  return async ({ signal, cursor, on }) => {
    const first = request();
    const resumed = cursor === undefined || !dialect.resume ? first : dialect.resume(first, cursor);
    const response = await transport(resumed, { signal, on });
    try {
      return new HttpAttempt(response, dialect.decoder(response, cursor));
    } catch (error) {
      response.release(error);
      throw error;
    }
  };
}

class HttpAttempt<T> implements Attempt<T> {
  readonly #response: StreamResponse;
  readonly #decoder: Decoder<T>;
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** Settles the pull in hand when the attempt is released under it. */
  #interrupt: ((reason: unknown) => void) | undefined;
  #released: { readonly reason: unknown } | undefined;

  constructor(response: StreamResponse, decoder: Decoder<T>) {
    this.#response = response;
    this.#decoder = decoder;
    this.#chunks = response.body[Symbol.asyncIterator]();
  }

  get head(): Head {
    return this.#response;
  }

  next(): Promise<Batch<T>> {
    return new Promise((resolve, reject) => {
      if (this.#released) return reject(this.#released.reason);
      if (this.#response.status === 204) return resolve({ items: [], marks: [], bytes: 0, end: "complete" });
      this.#interrupt = reject;
      this.#chunks.next().then(
        (step) => resolve(step.done ? this.#ended() : this.#decoded(step.value)),
        (error: unknown) => this.#broken(error, resolve, reject),
      );
    });
  }

  release(reason: unknown): void {
    if (this.#released) return;
    this.#released = { reason };
    this.#response.release(reason);
    this.#interrupt?.(reason);
    void letGo(this.#chunks);
  }

  #decoded(chunk: Uint8Array): Batch<T> {
    const sink = emptySink<T>();
    try {
      this.#decoder.push(chunk, sink);
      return { items: sink.items, marks: sink.marks, bytes: chunk.length };
    } catch (error) {
      return { items: sink.items, marks: sink.marks, bytes: chunk.length, error: asStreamError(error, shownUrl(this.#response.url)) };
    }
  }

  #ended(): Batch<T> {
    const sink = emptySink<T>();
    try {
      const end = this.#decoder.end(this.#response.framing, sink);
      return { items: sink.items, marks: sink.marks, bytes: 0, end };
    } catch (error) {
      return { items: sink.items, marks: sink.marks, bytes: 0, error: asStreamError(error, shownUrl(this.#response.url)) };
    }
  }

  /** A FIN in a framed body is an end too: what it cut off is tried against `until` before it is an error. */
  #broken(error: unknown, resolve: (batch: Batch<T>) => void, reject: (error: unknown) => void): void {
    if (!(error instanceof StreamError) || error.code !== "truncated" || this.#released) return reject(error);
    const unfinished = this.#ended().marks.filter((mark) => mark.kind === "unfinished");
    resolve({ items: [], marks: unfinished.map((mark) => ({ ...mark, at: 0 })), bytes: 0, error });
  }
}

/** Tells a source that it is not wanted any more; does not wait for it, and its complaint is nobody's. */
async function letGo(source: AsyncIterator<unknown>): Promise<void> {
  try {
    await source.return?.();
  } catch {
    // See above.
  }
}
