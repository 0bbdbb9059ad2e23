// What the model of a session is told and tells.

import type { ClockName, Cursor, ErrorCode } from "../../src/errors.ts";

/** What a stream is set up with. Times in ms. */
export interface ModelOptions {
  /** As in SSE, a clean end of the body is no end of the stream. */
  readonly endless: boolean;
  /** Items have ids, and a request can go on after one. */
  readonly resumable: boolean;
  readonly unsafe: boolean;
  readonly hidden: boolean;
  readonly batches: boolean;
  /** `until: "END"`. */
  readonly until: boolean;
  readonly forever: boolean;
  readonly from: boolean;
  /** A cursor store has another one. */
  readonly stored: boolean;
  /** Of the cursor store; `undefined`: there is none, unless one has a cursor. */
  readonly saveMs: number | undefined;
  readonly dropReplayed: boolean;
  readonly onGap: "error" | "restart" | undefined;
  /** What the dice show. */
  readonly dice: number;
  readonly timeouts: Readonly<Record<ClockName, number>>;
  readonly reconnect:
    | false
    | {
        readonly retries: number;
        readonly firstMs: number;
        readonly maxMs: number;
        readonly floorMs: number;
        readonly maxElapsedMs: number;
        readonly healthyAfterItems: number;
        readonly healthyAfterMs: number;
        readonly withoutCursor: boolean;
      };
  readonly budget: { readonly perSecond: number; readonly burst: number };
}

/** What the server writes into a body, a line each; `end` is what `until` names. */
export type Line =
  | { readonly kind: "item"; readonly number: number }
  | { readonly kind: "bookmark"; readonly cursor: string }
  | { readonly kind: "retry"; readonly ms: number }
  | { readonly kind: "comment" }
  | { readonly kind: "heartbeat" }
  | { readonly kind: "end" };

/** Why an attempt ended: cleanly, or as an error says. */
export type End = "complete" | "ended" | Failure;

export interface Failure {
  readonly code: Exclude<ErrorCode, "exhausted">;
  readonly status?: number;
  readonly retryAfterMs?: number;
  readonly tls?: boolean;
}

/** All that can be seen of a stream from outside. */
export interface View {
  readonly state: string;
  readonly attempts: number;
  readonly cursor: Cursor | undefined;
  readonly items: number;
  readonly bytes: number;
  readonly heartbeats: number;
  readonly reconnects: number;
  /** The cursor of every request. */
  readonly requests: readonly (Cursor | undefined)[];
  /** What each pull came to. */
  readonly pulls: readonly string[];
  /** What each `open()` came to. */
  readonly opens: readonly string[];
  readonly notices: readonly string[];
  readonly outcome: string;
  /** What readers that came later were told. */
  readonly readers: readonly (readonly string[])[];
  /** Exchanges that the client holds. */
  readonly exchanges: number;
}

/** What has not come to anything yet. */
export const pending = "pending";

/** Where a stream begins that is told to. */
export const fromCursor = "5";
export const storedCursor = "9";
