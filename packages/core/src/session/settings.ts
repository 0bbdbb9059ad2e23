import type { ClockName } from "../errors.ts";
import type { Opener } from "../events/opener.ts";
import type { Clock } from "../time/clock.ts";
import type { Random } from "../time/random.ts";
import type { Budget } from "./budget.ts";
import type { CursorStore } from "./cursor-store.ts";
import type { IntakeSettings } from "./intake.ts";
import type { ReconnectPolicy, RetryOn, RetryTable } from "./policy.ts";

/** All that a session is made of: every default filled in, every value checked. */
export interface SessionSettings<T> extends IntakeSettings<T> {
  readonly opener: Opener<T>;
  readonly origin: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly budget: Budget;
  /** `idleMs` is the window where nobody sets another. */
  readonly timeouts: Readonly<Record<ClockName, number>>;
  /** Who sets the idle window: the caller alone, the server too, or what was seen. */
  readonly idleBy: "caller" | "server" | "cadence";
  /** Silence counts from the attempt, not from the headers. */
  readonly idleFromAttempt: boolean;
  readonly reconnect: ReconnectPolicy | false;
  readonly retryOn: RetryTable | RetryOn | undefined;
  /** A complete answer is followed by the next one. */
  readonly forever: boolean;
  /** Where the resume point is loaded from before the first attempt. */
  readonly cursorStore: CursorStore | undefined;
  readonly signal: AbortSignal | undefined;
  readonly running: Running | undefined;
}

/** Streams that were begun and have not ended, for who wants to close or hurry them; a Set is one. */
export interface Running {
  add(stream: RunningStream): unknown;
  delete(stream: RunningStream): unknown;
}

/** What can be done to a stream that runs. */
export interface RunningStream {
  close(): unknown;
  /** Ends its wait for the next attempt; answers whether it waited. */
  retryNow(): boolean;
}
