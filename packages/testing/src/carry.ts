import type { Clock } from "@longwire/core";
import type { FaultFlow, FaultStep } from "./fault-steps.ts";

/** What does the steps on a wire: one of a socket, a response, a stream. A promise is waited for: that is the backpressure. */
export interface Carrier {
  begin(): Promise<void>;
  write(bytes: Uint8Array): Promise<void>;
  end(): void;
  cut(): void;
  halfClose(): void;
  reset(): void;
  /** Settles when the carrier is healed. */
  stall(): Promise<void>;
}

export interface CarryOptions {
  readonly clock: Clock;
  /** Aborted when the connection is over, whoever ended it: then nothing more is done, and nothing is waited for. */
  readonly signal: AbortSignal;
}

/** Carries a flow as its plan says. Its source is let go, not waited for. @throws what the source throws */
export async function carry(
  source: AsyncIterable<Uint8Array>,
  faults: FaultFlow,
  carrier: Carrier,
  { clock, signal }: CarryOptions,
): Promise<void> {
  const chunks = source[Symbol.asyncIterator]();

  /** Whether the flow goes on. */
  async function play(steps: Iterable<FaultStep>): Promise<boolean> {
    for (const step of steps) {
      if (signal.aborted) return false;
      if (step.do === "wait") await untilOver(signal, (done) => clock.timer(step.ms, done));
      else if (step.do === "write") await untilOver(signal, (done) => void carrier.write(step.bytes).then(done));
      else if (step.do === "begin" || step.do === "stall") {
        const acted = carrier[step.do]();
        await untilOver(signal, (done) => void acted.then(done));
      } else {
        carrier[step.do]();
        return false;
      }
    }
    return !signal.aborted;
  }

  try {
    let alive = await play(faults.begin());
    while (alive) {
      const step = await next(chunks, signal);
      if (!step) return;
      alive = await play(step.done ? faults.end() : faults.push(step.value));
    }
  } finally {
    // What the source says to that is nobody's.
    void Promise.resolve(chunks.return?.()).catch(() => {});
  }
}

/** The next step of a source, or `undefined` when the connection is over first. */
function next(
  chunks: AsyncIterator<Uint8Array>,
  signal: AbortSignal,
): Promise<IteratorResult<Uint8Array, unknown> | undefined> {
  return new Promise((resolve, reject) => {
    void untilOver(signal, (done) => void chunks.next().then(resolve, reject).then(done)).then(() =>
      resolve(undefined),
    );
  });
}

/** Resolves when what was started is done, or undoes it when the signal comes first. */
function untilOver(signal: AbortSignal, start: (done: () => void) => (() => void) | void): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      signal.removeEventListener("abort", stop);
      resolve();
    };
    const stop = (): void => {
      undo?.();
      done();
    };
    signal.addEventListener("abort", stop);
    const undo = start(done);
  });
}
