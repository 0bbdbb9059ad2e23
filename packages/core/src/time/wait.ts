import { execute } from "abort-controller-x";
import type { Clock } from "./clock.ts";

/**
 * Resolves after `ms`; rejects with the signal's reason, and drops its timer, when the signal is aborted first. `early` is handed
 * what ends the wait at once.
 */
export function wait(ms: number, clock: Clock, signal: AbortSignal, early?: (end: () => void) => void): Promise<void> {
  return execute<void>(signal, (resolve) => {
    const cancel = clock.timer(ms, resolve);
    early?.(() => {
      cancel();
      resolve();
    });
    return cancel;
  });
}
