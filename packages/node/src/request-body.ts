import type { RequestBody } from "@longwire/core";

/** The body of one sending, as undici takes it. A function is called each time: it makes the body anew. */
export function bodyToSend(body: RequestBody | undefined): string | Uint8Array | SourceBody | undefined {
  const made = typeof body === "function" ? body() : body;
  return made === undefined || typeof made === "string" || made instanceof Uint8Array ? made : new SourceBody(made);
}

/**
 * An async source on its way out. undici never finishes a source that it stopped reading, nor stops waiting for one that does not
 * answer; {@link release} does both.
 */
export class SourceBody implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array, undefined> {
  readonly #source: AsyncIterable<Uint8Array>;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #reject: ((error: Error) => void) | undefined;
  #over = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  /** What the source itself threw, if it did. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    return new Promise((resolve, reject) => {
      // Never "done": undici would send a proper end of a body that is not whole.
      if (this.#over) return reject(released());
      this.#reject = reject;
      this.#ask().then(resolve, reject);
    });
  }

  return(reason?: unknown): Promise<IteratorResult<Uint8Array, undefined>> {
    this.release(reason);
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Lets the source go, in any state: its `return` is called, with the reason, and not waited for. Again is nothing. */
  release(reason?: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#reject?.(released());
    try {
      this.#iterator ??= this.#source[Symbol.asyncIterator]();
      this.#iterator.return?.(reason).catch(() => {});
    } catch {
      // A source that cannot even be let go is let go.
    }
  }

  async #ask(): Promise<IteratorResult<Uint8Array, undefined>> {
    try {
      this.#iterator ??= this.#source[Symbol.asyncIterator]();
      const { done, value } = await this.#iterator.next();
      this.#over ||= done === true;
      return done ? { done, value: undefined } : { done: false, value };
    } catch (error) {
      this.#over = true;
      this.#failure = { error };
      throw error;
    }
  }
}

function released(): Error {
  return new Error("The request body was let go before it was sent whole");
}
