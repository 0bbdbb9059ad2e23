import type { Cursor, GapEnds, Outcome, StreamError } from "../errors.ts";
import type { BadItem } from "../frames/decoder.ts";
import type { WaitCause } from "./state.ts";

/** What happened to a stream, beside its items. `stream.notices()` hands these out. */
export type Notice =
  | { readonly type: "opening"; readonly attempt: number }
  | { readonly type: "open"; readonly attempt: number; readonly url: string; readonly status: number }
  /** Open again, after `cursor`. Follows `open`. */
  | { readonly type: "resumed"; readonly cursor: Cursor }
  /**
   * Items are missing after `from` and before `to`, or may be: the server said so, or there was no resume point to go on from.
   * Told with the first item behind it.
   */
  | ({ readonly type: "gap" } & GapEnds)
  /** Items that came again after a resume were left out (`resume.dropReplayed`); told once a chunk. */
  | { readonly type: "replayed"; readonly items: number }
  /** `maxAgeMs` is over: the connection is changed for a new one, or kept, as there is no way to resume. */
  | { readonly type: "aged"; readonly recycled: boolean }
  /** The consumer fell behind, and its policy dropped items; `total` counts all so far. */
  | { readonly type: "dropped"; readonly items: number; readonly total: number }
  /** The cursor store could not save. It is asked again with the next cursor. */
  | { readonly type: "unsaved"; readonly cursor: Cursor; readonly error: unknown }
  | { readonly type: "waiting"; readonly cause: WaitCause; readonly waitMs: number; readonly retry: number }
  /** A comment of the stream, at most 1,024 characters of it; only with `notices({ comments: true })`. */
  | { readonly type: "comment"; readonly text: string }
  /** An item that the bad-item policy skipped, with at most 1,024 of its bytes. */
  | { readonly type: "bad"; readonly item: BadItem }
  | { readonly type: "closed"; readonly outcome: Outcome };

/** Why a stream that waits does, in words. */
export function waitReason(cause: WaitCause): string {
  if (cause === "ended") return "the stream ended";
  if (cause === "aged") return "the connection is as old as maxAgeMs allows";
  if (cause === "budget") return "too many attempts at this origin";
  return (cause satisfies StreamError).message;
}
