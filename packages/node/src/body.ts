/** What a body does to the wire it comes from. */
export interface Wire {
  /** No more chunks, for now: the queue is full. */
  pause(): void;
  /** The queue is empty again. May push at once. */
  resume(): void;
  /** The reader has left. */
  release(): void;
}

/**
 * The one bounded place between undici's callbacks and a pull: a queue of chunks and its iterator.
 *
 * - At 64 KiB queued the wire is paused, and resumed when the queue is empty.
 * - Small chunks come out joined, up to 64 KiB; chunks of 32 KiB and more come out as they are, not copied.
 * - A pull that waits is settled in a microtask after the first chunk, so that everything that came with the same read of the socket
 *   comes out together.
 *
 * undici's chunks are views on what Node read from the socket in one go. Node allocates that anew for each read, cut to the bytes read,
 * so a chunk stays valid for ever; keeping one keeps its whole read (at most 64 KiB, or what had queued in the socket).
 */
export class Body implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array, undefined> {
  readonly #wire: Wire;
  readonly #ownsReads: boolean;
  #chunks: Uint8Array[] = [];
  #queuedBytes = 0;
  #paused = false;
  #pull: Pull | undefined;
  #settling = false;
  #iterated = false;
  #ended = false;
  #failed = false;
  #error: unknown;

  /** `ownsReads`: each read of the socket has memory of its own, of which this body has all that follows its first byte. */
  constructor(wire: Wire, ownsReads = false) {
    this.#wire = wire;
    this.#ownsReads = ownsReads;
  }

  push(chunk: Uint8Array): void {
    if (this.#ended) return;
    this.#chunks.push(chunk);
    this.#queuedBytes += chunk.length;
    // A pull that waits takes up to the limit in a moment: pausing for that would cost a pause per read.
    if (this.#pull !== undefined) this.#settleSoon();
    else this.#pauseIfFull();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#pull !== undefined) this.#settleSoon();
  }

  /** The chunks queued are handed out first, then the error, then the end. */
  fail(error: unknown): void {
    if (this.#ended) return;
    this.#failed = true;
    this.#error = error;
    this.end();
  }

  /** Ends it now. A pull that waits, or else the next one, rejects with the reason, or is done when there is none. */
  cut(reason: unknown): void {
    this.#chunks = [];
    this.#queuedBytes = 0;
    this.#ended = true;
    this.#failed = reason !== undefined;
    this.#error = reason;
    if (this.#pull !== undefined) this.#settleSoon();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    if (this.#iterated) throw new TypeError("Cannot read this body again: it is being read, or was");
    this.#iterated = true;
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    return new Promise((resolve, reject) => {
      const pull = { resolve, reject };
      if (this.#pull !== undefined)
        reject(new TypeError("Cannot pull from this body: the pull before has not settled"));
      else if (this.#chunks.length > 0 || this.#ended) this.#answer(pull);
      else this.#pull = pull;
    });
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#wire.release();
    return Promise.resolve({ done: true, value: undefined });
  }

  /**
   * Nobody looks at this chunk again, nor at those handed out before it, and no write of them is under way: their memory is let go of at once, where nothing that
   * is still to come can be in it. Left to V8, that marks the whole heap for each 32 MiB read, 40 % of what passing a body on costs.
   */
  giveBack({ buffer, byteOffset, byteLength }: Uint8Array): void {
    if (!this.#ownsReads || !(buffer instanceof ArrayBuffer)) return;
    // Smaller ones are no burden, or may be parts of Buffer's pool.
    if (byteLength < bigBytes || byteLength < Buffer.poolSize / 2) return;
    if (byteOffset + byteLength === buffer.byteLength) buffer.transfer(0);
  }

  #answer(pull: Pull): void {
    if (this.#chunks.length > 0) {
      pull.resolve({ done: false, value: this.#take() });
    } else if (this.#failed) {
      pull.reject(this.#error);
      this.#failed = false;
      this.#error = undefined;
    } else {
      pull.resolve({ done: true, value: undefined });
    }
  }

  #settleSoon(): void {
    if (this.#settling) return;
    this.#settling = true;
    queueMicrotask(() => {
      this.#settling = false;
      const pull = this.#pull as Pull;
      this.#pull = undefined;
      this.#answer(pull);
      this.#pauseIfFull();
    });
  }

  #pauseIfFull(): void {
    if (this.#queuedBytes < fullBytes || this.#paused || this.#ended) return;
    this.#paused = true;
    this.#wire.pause();
  }

  /** The next piece to hand out: one big chunk, or the run of small ones. */
  #take(): Uint8Array {
    const chunks = this.#chunks;
    let count = 0;
    let bytes = 0;
    for (const { length } of chunks) {
      if (count > 0 && (length >= bigBytes || bytes + length > fullBytes)) break;
      bytes += length;
      count += 1;
      if (length >= bigBytes) break;
    }
    const piece = count === 1 ? (chunks[0] as Uint8Array) : joined(chunks, count, bytes);
    if (count === chunks.length) chunks.length = 0;
    else chunks.splice(0, count);
    this.#queuedBytes -= bytes;
    if (this.#paused && this.#queuedBytes === 0) {
      this.#paused = false;
      this.#wire.resume();
    }
    return piece;
  }
}

interface Pull {
  resolve(result: IteratorResult<Uint8Array, undefined>): void;
  reject(error: unknown): void;
}

const fullBytes = 64 * 1024;
const bigBytes = 32 * 1024;

function joined(chunks: readonly Uint8Array[], count: number, bytes: number): Uint8Array {
  // Not of Buffer's shared pool: whoever keeps a piece keeps that piece alone.
  const slab = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (let index = 0; index < count; index++) {
    const chunk = chunks[index] as Uint8Array;
    slab.set(chunk, at);
    at += chunk.length;
  }
  return slab;
}
