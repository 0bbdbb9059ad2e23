// What a session can be, and every legal move. What retrying needs to remember is part of the state.

import type { Outcome, StreamError } from "../errors.ts";

/** The state of a stream. `stream.state` answers one of these. */
export type SessionState =
  | { readonly name: "idle"; readonly tally: Tally }
  /** An attempt is under way; no good answer yet. */
  | { readonly name: "opening"; readonly tally: Tally }
  /** A good answer is being read. */
  | { readonly name: "open"; readonly tally: Tally }
  /** No connection; the next attempt is made after `waitMs`, at `retryAt` (ms since 1970). */
  | {
      readonly name: "waiting";
      readonly tally: Tally;
      readonly cause: WaitCause;
      readonly waitMs: number;
      readonly retryAt: number;
    }
  | { readonly name: "closed"; readonly tally: Tally; readonly outcome: Outcome };

/** Why there is a wait: the error of the last attempt, a clean end, `maxAgeMs`, or the origin's budget of attempts. */
export type WaitCause = StreamError | "ended" | "aged" | "budget";

/** What is counted over the attempts of a stream. */
export interface Tally {
  /** Attempts made; the number of the one in hand. */
  readonly attempts: number;
  /** Retries in a row since the last healthy moment. */
  readonly retries: number;
  /** When the first failure in that row happened, by the session's clock. */
  readonly failingSinceMs: number | undefined;
  /** When the attempt in hand was answered, by the session's clock. */
  readonly openedAtMs: number | undefined;
  /** Good answers so far. */
  readonly opens: number;
}

/** What can happen to a session. */
export type SessionMove =
  | { readonly to: "opening" }
  | { readonly to: "open"; readonly nowMs: number }
  | {
      readonly to: "waiting";
      readonly cause: WaitCause;
      readonly waitMs: number;
      readonly retryAt: number;
      readonly nowMs: number;
      readonly counted: boolean;
    }
  /** The stream proved itself: the row of failures is over. */
  | { readonly to: "healthy" }
  | { readonly to: "closed"; readonly outcome: Outcome };

/** The first state. */
export const idle: SessionState = {
  name: "idle",
  tally: { attempts: 0, retries: 0, failingSinceMs: undefined, openedAtMs: undefined, opens: 0 },
};

/** The one table of moves. @throws Error on a move that cannot be made */
export function move(state: SessionState, step: SessionMove): SessionState {
  if (!legal[state.name].includes(step.to)) throw new Error(`A session that is ${state.name} cannot become ${step.to}`);
  const { tally } = state;
  switch (step.to) {
    case "opening":
      return { name: "opening", tally: { ...tally, attempts: tally.attempts + 1, openedAtMs: undefined } };
    case "open":
      return { name: "open", tally: { ...tally, openedAtMs: step.nowMs, opens: tally.opens + 1 } };
    case "waiting": {
      const { cause, waitMs, retryAt, nowMs, counted } = step;
      const failed = { retries: tally.retries + 1, failingSinceMs: tally.failingSinceMs ?? nowMs };
      return { name: "waiting", cause, waitMs, retryAt, tally: counted ? { ...tally, ...failed } : tally };
    }
    case "healthy":
      return { ...state, tally: { ...tally, retries: 0, failingSinceMs: undefined } };
    case "closed":
      return { name: "closed", tally, outcome: step.outcome };
    default:
      return step satisfies never;
  }
}

const legal: Readonly<Record<SessionState["name"], readonly SessionMove["to"][]>> = {
  idle: ["opening", "waiting", "closed"],
  opening: ["open", "waiting", "closed"],
  open: ["healthy", "waiting", "closed"],
  waiting: ["opening", "waiting", "closed"],
  closed: [],
};
