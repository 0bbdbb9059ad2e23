import { asStreamError, StreamError } from "../errors.ts";
import { type Decoder, emptySink } from "../frames/decoder.ts";
import { shownUrl } from "../request/shown-url.ts";
import { letGo } from "../signal/let-go.ts";
import type { Framing, StreamResponse } from "../transport/transport.ts";
import { type Attempt, type Batch, type Head, isEmpty } from "./opener.ts";

/** An answer over HTTP: its chunks through a decoder, one batch a chunk. */
export class HttpAttempt<T> implements Attempt<T> {
  /** Nothing else of the response: who keeps the head keeps no connection. */
  readonly head: Head;
  readonly idleMs: number | undefined;
  readonly #response: StreamResponse;
  readonly #decoder: Decoder<T>;
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** The head says that nothing comes which is wanted. */
  readonly #empty: boolean;
  /** Of the pull in hand. */
  #deliver: ((batch: Batch<T>) => void) | undefined;
  /** What every pull comes to once it is released. */
  #last: Batch<T> | undefined;

  constructor(response: StreamResponse, decoder: Decoder<T>, idleMs?: number) {
    this.idleMs = idleMs;
    this.head = { url: response.url, status: response.status, headers: response.headers };
    this.#response = response;
    this.#decoder = decoder;
    this.#chunks = response.body[Symbol.asyncIterator]();
    this.#empty = isEmpty(this.head) || decoder.whole === true;
  }

  pull(deliver: (batch: Batch<T>) => void): void {
    this.#deliver = deliver;
    const known = this.#last ?? (this.#empty ? complete : undefined);
    if (known) return queueMicrotask(() => this.#delivered(known));
    this.#chunks.next().then(
      (step) =>
        this.#last || this.#delivered(step.done ? this.#ended(this.#response.framing) : this.#decoded(step.value)),
      (error: unknown) => this.#last || this.#delivered(this.#broken(error)),
    );
  }

  release(reason: unknown): void {
    if (this.#last) return;
    const error =
      reason instanceof StreamError ? reason : new StreamError("reset", "The attempt was released", { cause: reason });
    this.#last = this.#decoder.whole ? complete : { ...nothing, error };
    this.#response.release(reason);
    this.#delivered(this.#last);
    void letGo(this.#chunks);
  }

  #delivered(batch: Batch<T>): void {
    const deliver = this.#deliver;
    this.#deliver = undefined;
    deliver?.(batch);
  }

  #decoded(chunk: Uint8Array): Batch<T> {
    const { items, marks } = emptySink<T>();
    try {
      this.#decoder.push(chunk, { items, marks });
      return { items, marks, bytes: chunk.length };
    } catch (error) {
      return { ...this.#failed(error), items, marks, bytes: chunk.length };
    }
  }

  #ended(framing: Framing): Batch<T> {
    const { items, marks } = emptySink<T>();
    try {
      return { items, marks, bytes: 0, end: this.#decoder.end(framing, { items, marks }) };
    } catch (error) {
      return { ...this.#failed(error), items, marks };
    }
  }

  /**
   * A FIN in a framed body is an end too: what it cut off is tried against `until` before it is an error. A decoder that counts has
   * nothing to tell of that, and calls it no error when all has come.
   */
  #broken(error: unknown): Batch<T> {
    const { whole } = this.#decoder;
    if (whole) return complete;
    const batch = this.#failed(error);
    if (whole === false || !(error instanceof StreamError) || error.code !== "truncated") return batch;
    // What the framing says of the end does not hold: the rest may be a part of an item.
    const untold = this.#ended("close").marks.filter(({ kind }) => kind === "unfinished" || kind === "marker");
    return { ...batch, marks: untold.map((mark) => ({ ...mark, at: 0 })) };
  }

  #failed(error: unknown): Batch<T> {
    return { ...nothing, error: asStreamError(error, shownUrl(this.#response.url)) };
  }
}

const nothing = { items: [], marks: [], bytes: 0 } as const;
const complete: Batch<never> = { ...nothing, end: "complete" };
