/** Chunks of a request body; text goes as UTF-8. */
export type UploadSource = AsyncIterable<string | Uint8Array>;

/** Who is told how an upload goes. */
export interface UploadWatch {
  /** The wire has a piece in hand. */
  given(): void;
  /** The wire took it. */
  taken(): void;
  /** The wire takes no more; the reason is `undefined` when the answer has ended. */
  released(reason: unknown): void;
}

/** A source on its way out, under watch. Long chunks go piece by piece, so that on a slow wire they are seen to move. */
export class Upload implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array, undefined> {
  readonly #source: UploadSource;
  readonly #watch: UploadWatch;
  #chunks: AsyncIterator<string | Uint8Array> | undefined;
  #rest: Uint8Array | undefined;
  #inHand = false;
  #over = false;

  constructor(source: UploadSource, watch: UploadWatch) {
    this.#source = source;
    this.#watch = watch;
  }

  /** The wire was given a piece and has not taken it. */
  get inHand(): boolean {
    return this.#inHand;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#inHand) {
      this.#inHand = false;
      this.#watch.taken();
    }
    while (!this.#rest?.length) {
      const { done, value } = await this.#ask();
      if (done) return { done, value: undefined };
      this.#rest = bytesOf(value);
    }
    const piece = this.#rest.subarray(0, pieceBytes);
    this.#rest = this.#rest.subarray(piece.length);
    this.#inHand = true;
    this.#watch.given();
    return { done: false, value: piece };
  }

  /** Lets the source go, unless it has ended by itself. Again is nothing. */
  async return(reason?: unknown): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#inHand = false;
    if (!this.#over) {
      this.#over = true;
      this.#watch.released(reason);
      this.#chunks ??= this.#source[Symbol.asyncIterator]();
      await this.#chunks.return?.(reason);
    }
    return { done: true, value: undefined };
  }

  async #ask(): Promise<IteratorResult<string | Uint8Array, unknown>> {
    try {
      this.#chunks ??= this.#source[Symbol.asyncIterator]();
      const step = await this.#chunks.next();
      this.#over ||= step.done === true;
      return step;
    } catch (error) {
      this.#over = true;
      throw error;
    }
  }
}

const pieceBytes = 65_536;

function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === "string") return Buffer.from(chunk);
  throw new TypeError(`body must give text or bytes, not ${chunk === null ? "null" : typeof chunk}`);
}
