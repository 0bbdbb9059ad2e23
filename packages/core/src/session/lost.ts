// The errors of a gap: items are missing, and going on would hide it.

import { type Cursor, type GapEnds, StreamError } from "../errors.ts";
import { defined } from "../request/defined.ts";
import { printed } from "../request/printed.ts";

/** An item said so. */
export function saidSo(url: string, gap: GapEnds, onGap: OnGap): StreamError {
  const message = `Cannot go on with ${url}: the server says that items are missing ${span(gap)}${remedy(onGap)}`;
  return new StreamError("protocol", message, { gap });
}

/** The refusal of a request that went on after `from`. */
export function refusedCursor(refusal: StreamError, from: Cursor, onGap: OnGap): StreamError {
  const { status, headers, excerpt, retryAfterMs, cause } = refusal;
  const known = { status, headers, excerpt, retryAfterMs, cause };
  const gap = { from, to: undefined };
  const message = `${refusal.message}; what came ${span(gap)} cannot be asked for any more${remedy(onGap)}`;
  return new StreamError(refusal.code, message, { ...defined(known), gap });
}

/** The stream has to be opened again, and nothing says where to go on. */
export function nowhereToGoOn(url: string, end: StreamError | string, from: Cursor | undefined): StreamError {
  const gap = { from, to: undefined };
  const why = typeof end === "string" ? "it ended" : end.message;
  const message = `Cannot go on with ${url}: ${why}, and no item said where to go on (resume.onGap is "error")`;
  return typeof end === "string"
    ? new StreamError("truncated", message, { gap })
    : new StreamError(end.code, message, { cause: end, gap });
}

function span({ from, to }: GapEnds): string {
  const after = from === undefined ? "from the start" : `after ${printed(from)}`;
  return to === undefined ? after : `${after}, up to ${printed(to)}`;
}

function remedy(onGap: OnGap): string {
  return onGap === "restart" ? "" : '. To go on without them, set resume.onGap to "restart"';
}

type OnGap = "error" | "restart" | undefined;
