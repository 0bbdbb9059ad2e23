import { abortable } from "abort-controller-x";
import type { Cursor } from "../errors.ts";
import type { Attempt, Opener } from "../events/opener.ts";
import type { Clock } from "../time/clock.ts";
import type { Deadlines } from "../time/deadlines.ts";
import { wait } from "../time/wait.ts";
import type { Queued, TransportEvents } from "../transport/transport.ts";

/** One attempt from the wait before it to its answer. Once given up it stays so, whatever comes of it is let go. */
export class Opening<T> {
  /** The transport does not show the connection. */
  hidden = false;
  /** What it waits for before it has a connection, where the transport tells. */
  queued: Queued | undefined;
  /** The first byte of the request may have been written. */
  sent = false;
  readonly #opener: Opener<T>;
  readonly #abort = new AbortController();
  #endWait: (() => void) | undefined;

  constructor(opener: Opener<T>) {
    this.#opener = opener;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  giveUp(reason: unknown): void {
    this.#abort.abort(reason);
  }

  /** Ends the wait in hand. */
  hurry(): void {
    this.#endWait?.();
  }

  /** Waits until the time is over, or somebody says that it is worth a try now. */
  async waitOut(ms: number, clock: Clock): Promise<void> {
    if (ms === 0) return;
    const unlisten = this.#opener.onWake?.(() => this.hurry());
    try {
      await wait(ms, clock, this.signal, (end) => {
        this.#endWait = end;
      });
    } finally {
      this.#endWait = undefined;
      unlisten?.();
    }
  }

  /** Sends the request; `connectMs` and `headersMs` go by what the wire shows. */
  answer(
    cursor: Cursor | undefined,
    deadlines: Deadlines,
    timeouts: { readonly connectMs: number; readonly headersMs: number },
  ): Promise<Attempt<T>> {
    const { signal } = this;
    const pending = this.#opener.open({ signal, cursor, on: this.#wire(deadlines, timeouts) });
    // An answer that comes after the attempt was given up is let go.
    pending.then(
      (late) => signal.aborted && late.release(signal.reason),
      () => {},
    );
    // Not an async function: who waits for the answer has it one job later, in which it cannot be given up unseen.
    return abortable(signal, pending);
  }

  #wire(
    deadlines: Deadlines,
    { connectMs, headersMs }: { readonly connectMs: number; readonly headersMs: number },
  ): TransportEvents {
    return {
      queued: (queued) => {
        this.queued = queued;
      },
      hidden: () => {
        this.hidden = true;
        deadlines.stop("connectMs");
        deadlines.start("headersMs", headersMs === 0 ? 0 : connectMs + headersMs);
      },
      connected: () => {
        if (!this.signal.aborted) deadlines.stop("connectMs");
      },
      sent: () => {
        this.sent = true;
      },
    };
  }
}
