/** A request body that is written chunk by chunk, and ended; a source for a transport, which pulls what is written. */
export class WrittenBody implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array, undefined> {
  /** In the order they were written; the first is in the wire's hands when `#given`. The end is one without a chunk. */
  #writes: Write[] = [];
  #given = false;
  #pull: ((result: IteratorResult<Uint8Array, undefined>) => void) | undefined;
  #ending: Promise<void> | undefined;
  #over: { readonly reason: unknown } | undefined;

  /**
   * Resolves when the wire took the chunk. Those that overlap go out in their order, each held until its turn.
   *
   * @throws why the wire takes no more; TypeError after the end
   */
  write(chunk: Uint8Array): Promise<void> {
    if (this.#over) return failed(this.#over.reason);
    if (this.#ending) return failed(new TypeError("Cannot write: the request was ended before"));
    return chunk.length === 0 ? Promise.resolve() : this.#push(chunk);
  }

  /** Resolves when the wire took everything, the end too. Again is nothing. @throws why the wire takes no more */
  end(): Promise<void> {
    this.#ending ??= this.#over ? failed(this.#over.reason) : this.#push(undefined);
    return this.#ending;
  }

  /** The wire takes no more. The first reason counts. */
  fail(reason: unknown): void {
    this.#over ??= { reason };
    for (const { reject } of this.#writes.splice(0)) reject(reason);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** What was handed out before has been taken. */
  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#given) this.#writes.shift()?.resolve();
    this.#given = false;
    return new Promise((resolve) => {
      this.#pull = resolve;
      this.#give();
    });
  }

  #push(chunk: Uint8Array | undefined): Promise<void> {
    const taken = new Promise<void>((resolve, reject) => {
      this.#writes.push({ chunk, resolve, reject });
    });
    // Whoever does not wait for a write is told by what is read.
    taken.catch(() => {});
    this.#give();
    return taken;
  }

  #give(): void {
    const [first] = this.#writes;
    if (this.#pull === undefined || first === undefined) return;
    const pull = this.#pull;
    this.#pull = undefined;
    this.#given = true;
    if (first.chunk) return pull({ done: false, value: first.chunk });
    first.resolve();
    pull({ done: true, value: undefined });
  }
}

interface Write {
  readonly chunk: Uint8Array | undefined;
  resolve(): void;
  reject(reason: unknown): void;
}

function failed(reason: unknown): Promise<never> {
  const rejected = Promise.reject(reason);
  rejected.catch(() => {});
  return rejected;
}
