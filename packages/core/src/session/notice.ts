import type { Cursor, Outcome, StreamError } from "../errors.ts";
import type { BadItem } from "../frames/decoder.ts";
import type { WaitCause } from "./state.ts";

/** What happened to a stream, beside its items. `stream.notices()` hands these out. */
export type Notice =
  | { readonly type: "opening"; readonly attempt: number }
  | { readonly type: "open"; readonly attempt: number; readonly url: string; readonly status: number }
  /** Open again, after `cursor`. Follows `open`. */
  | { readonly type: "resumed"; readonly cursor: Cursor }
  /** Open again with no resume point: items may be lost or come twice. Follows `open`. */
  | { readonly type: "gap" }
  | { readonly type: "waiting"; readonly cause: WaitCause; readonly waitMs: number; readonly retry: number }
  /** A comment of the stream, at most 1,024 characters of it; only with `notices({ comments: true })`. */
  | { readonly type: "comment"; readonly text: string }
  /** An item that the bad-item policy skipped, with at most 1,024 of its bytes. */
  | { readonly type: "bad"; readonly item: BadItem }
  | { readonly type: "closed"; readonly outcome: Outcome };

/** Why a stream that waits does, in words. */
export function waitReason(cause: WaitCause): string {
  if (cause === "ended") return "the stream ended";
  if (cause === "budget") return "too many attempts at this origin";
  return (cause satisfies StreamError).message;
}
