import type { Running, RunningStream } from "@longwire/core";

/** The streams that were begun and have not ended: to be closed, or waited for. Once closed it lets nothing begin. */
export class RunningSet implements Running {
  readonly #streams = new Set<RunningStream>();
  readonly #waiting: (() => void)[] = [];
  #closed = false;

  get size(): number {
    return this.#streams.size;
  }

  add(stream: RunningStream): void {
    if (this.#closed) stream.close();
    else this.#streams.add(stream);
  }

  delete(stream: RunningStream): void {
    this.#streams.delete(stream);
    if (this.#streams.size === 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Ends all of them. */
  close(): void {
    this.#closed = true;
    for (const stream of [...this.#streams]) stream.close();
  }

  /** Makes all that wait try now; answers how many did. */
  retryNow(): number {
    return [...this.#streams].filter((stream) => stream.retryNow()).length;
  }

  /** Resolves when none is left. */
  left(): Promise<void> {
    if (this.#streams.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
