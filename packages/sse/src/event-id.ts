import type { Cursor } from "@longwire/core";

/**
 * A cursor as the text of an event id.
 *
 * @throws TypeError when it is neither text nor number, or has a NUL, LF or CR, which no id can have
 */
export function eventId(cursor: Cursor): string {
  if (typeof cursor !== "string" && typeof cursor !== "number") {
    throw new TypeError(`An event id must be a string or a number, got ${typeof cursor} ${String(cursor)}`);
  }
  const id = String(cursor);
  if (/[\0\n\r]/.test(id))
    throw new TypeError(`An event id cannot have a NUL, LF or CR in it, got ${JSON.stringify(id)}`);
  return id;
}

/** Whether an id can go into a header; one with a control character cannot, and so is no resume point. */
export function canTravel(id: string): boolean {
  return !cannotTravel.test(id);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what no header value may hold
const cannotTravel = /[\0-\x08\x0a-\x1f\x7f]/;
