import { execute } from "abort-controller-x";
import type { Clock } from "./clock.ts";

/** Resolves after `ms`; rejects with the signal's reason, and drops its timer, when the signal is aborted first. */
export function wait(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return execute<void>(signal, (resolve) => clock.timer(ms, resolve));
}
