import type { Writable } from "node:stream";

/** Stdout, written no faster than it is read. */
export class Output {
  readonly #stream: Writable;
  #failed: NodeJS.ErrnoException | undefined;

  /** `onFailed` is called once, when nothing can be written any more. */
  constructor(stream: Writable, onFailed: () => void) {
    this.#stream = stream;
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (this.#failed) return;
      this.#failed = error;
      onFailed();
    });
  }

  /** Whether who read it left, as `head` does: a good end. */
  get left(): boolean {
    return this.#failed?.code === "EPIPE";
  }

  /** Why it could not be written; not that the reader left. */
  get error(): Error | undefined {
    return this.left ? undefined : this.#failed;
  }

  /** Resolves when more can be taken, or nothing any more, or on the signal. */
  async write(pieces: readonly (string | Uint8Array)[], signal: AbortSignal): Promise<void> {
    if (this.#failed) return;
    const stream = this.#stream;
    const whole = pieces.every((piece) => typeof piece === "string")
      ? pieces.join("")
      : Buffer.concat(pieces.map(bytesOf));
    if (stream.write(whole)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        for (const event of ["drain", "error"]) stream.off(event, done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      for (const event of ["drain", "error"]) stream.on(event, done);
      signal.addEventListener("abort", done);
      if (signal.aborted) done();
    });
  }
}

function bytesOf(piece: string | Uint8Array): Uint8Array {
  return typeof piece === "string" ? Buffer.from(piece) : piece;
}
