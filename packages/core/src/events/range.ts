// Byte ranges in the words of HTTP: RFC 9110 sections 8.8.3 (ETag), 14.3 (Accept-Ranges) and 14.4 (Content-Range).

import type { Cursor } from "../errors.ts";
import { printed } from "../request/printed.ts";
import type { ResponseHeaders } from "../transport/transport.ts";

/** What a 206 or a 416 says of its place in the whole, in bytes. */
export interface ContentRange {
  /** Offset of the first byte; `undefined` in a 416, which has none. */
  readonly start: number | undefined;
  /** Offset behind the last byte; `undefined` in a 416. */
  readonly end: number | undefined;
  /** Length of the whole; `undefined` when the server does not know it. */
  readonly total: number | undefined;
}

/** The `Content-Range` of an answer; `undefined` where there is none, or none that makes sense. */
export function contentRange(headers: ResponseHeaders): ContentRange | undefined {
  const match = /^bytes +(?:(\d+)-(\d+)|\*)\/(\d+|\*)$/i.exec(headers.get("content-range")?.trim() ?? "");
  if (!match) return undefined;
  const [, first, last, whole] = match;
  const total = whole === "*" ? undefined : Number(whole);
  if (first === undefined || last === undefined) return { start: undefined, end: undefined, total };
  const start = Number(first);
  const end = Number(last) + 1;
  const sound = start < end && (total === undefined || end <= total);
  return sound ? { start, end, total } : undefined;
}

/** The entity tag of an answer, if it vouches for each byte: a weak one (`W/`) does not. */
export function strongEtag(headers: ResponseHeaders): string | undefined {
  const etag = headers.get("etag")?.trim() ?? "";
  return /^"[\x21\x23-\x7e\x80-\xff]*"$/.test(etag) ? etag : undefined;
}

/** Whether the server says that it answers requests for a part of the bytes. */
export function takesByteRanges(headers: ResponseHeaders): boolean {
  const units = headers.get("accept-ranges")?.toLowerCase().split(",") ?? [];
  return units.some((unit) => unit.trim() === "bytes");
}

/** A resume point as an offset in bytes; digits in a text are one too. @throws TypeError on any other */
export function byteOffset(cursor: Cursor): number {
  const offset = typeof cursor === "string" && /^\d+$/.test(cursor) ? Number(cursor) : cursor;
  if (typeof offset === "number" && Number.isSafeInteger(offset) && offset >= 0) return offset;
  throw new TypeError(`The resume point of bytes must be a whole number of bytes from 0 up, not ${printed(cursor)}`);
}
