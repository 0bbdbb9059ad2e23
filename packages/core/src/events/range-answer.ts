import { StreamError } from "../errors.ts";
import { maskedHeaders } from "../layers/mask.ts";
import { mediaType } from "../layers/check.ts";
import { shownUrl } from "../request/shown-url.ts";
import type { StreamResponse } from "../transport/transport.ts";
import { contentRange, strongEtag, takesByteRanges } from "./range.ts";

/** Where a body stands in the whole that it is a part of. Offsets are bytes from the start of the whole. */
export interface BodyPart {
  /** Of the body's first byte. */
  readonly start: number;
  /** Of the first byte that is wanted: what the body has before it is passed over. */
  readonly from: number;
  /** Behind the body's last byte; `undefined` when the head does not tell. */
  readonly end: number | undefined;
  readonly whole: Whole;
}

/** What is known of the whole (RFC 9110: the representation), and must not change while it is read. */
export interface Whole {
  /** Its length in bytes. */
  readonly total: number | undefined;
  /** A strong entity tag. */
  readonly etag: string | undefined;
  /** The server can be asked for a part of it. */
  readonly ranges: boolean;
}

/**
 * The answer to a request for all: the whole.
 *
 * @throws StreamError `protocol` when it is a part
 */
export function wholeAnswer(response: StreamResponse): BodyPart {
  if (response.status === 206) {
    throw new StreamError("protocol", `${opening(response)}: the server answered with a part, and all was asked for`);
  }
  const whole = wholeOf(response);
  return { start: 0, from: 0, end: whole.total, whole };
}

/**
 * The answer to a request for the bytes from `from` on: a 206 with them, a 200 with all, or a 416 that says that there are no
 * more (RFC 9110 sections 14.2 and 15.5.17). `held` is the whole that the bytes before `from` are of, where that is known: the
 * answer must be of the same.
 *
 * @throws StreamError `protocol` when the answer is not about these bytes; `refused` when they cannot be had: the whole has
 * changed, or ends before them
 */
export function rangeAnswer(response: StreamResponse, from: number, held: Whole | undefined): BodyPart {
  if (response.status === 206) return partialAnswer(response, from, held);
  if (response.status === 416) return emptyAnswer(response, from, held);
  const whole = sameWhole(response, wholeOf(response), held, "must");
  if (whole.total !== undefined && whole.total < from) throw beyond(response, from, whole.total);
  return { start: 0, from, end: whole.total, whole };
}

function partialAnswer(response: StreamResponse, from: number, held: Whole | undefined): BodyPart {
  const { headers } = response;
  if (mediaType(headers.get("content-type") ?? "") === "multipart/byteranges") {
    throw refused(response, `bytes from ${from} on were asked for, and the server sent several ranges`);
  }
  const range = contentRange(headers);
  if (range?.start !== from) {
    const got = headers.get("content-range") ?? "no Content-Range";
    const why = `bytes from ${from} on were asked for, and the server sent ${got}`;
    throw new StreamError("protocol", `${opening(response)}: ${why}`);
  }
  const named = { total: range.total, etag: strongEtag(headers), ranges: true };
  return { start: from, from, end: range.end, whole: sameWhole(response, named, held, "may") };
}

function emptyAnswer(response: StreamResponse, from: number, held: Whole | undefined): BodyPart {
  const total = contentRange(response.headers)?.total;
  if (total !== from || (held?.total ?? total) !== total) throw beyond(response, from, total);
  return { start: from, from, end: from, whole: { etag: undefined, ranges: true, ...held, total } };
}

function beyond(response: StreamResponse, from: number, total: number | undefined): StreamError {
  return refused(response, `bytes from ${from} on were asked for, and the whole has ${total ?? "fewer"}`);
}

function wholeOf({ headers, framing }: StreamResponse): Whole {
  // Beside chunks a Content-Length counts for nothing: RFC 9112 section 6.3.
  const length = framing === "length" || framing === "h2" ? (headers.get("content-length") ?? "") : "";
  return {
    total: /^\d+$/.test(length) ? Number(length) : undefined,
    etag: strongEtag(headers),
    ranges: takesByteRanges(headers),
  };
}

/** What is known of the whole, now that an answer was `got` which says that it is of the same: a 200 must, a 206 may. */
function sameWhole(response: StreamResponse, got: Whole, held: Whole | undefined, proof: "must" | "may"): Whole {
  if (!held) return got;
  const etag = response.headers.get("etag") || undefined;
  if (got.etag !== held.etag && (proof === "must" || etag !== undefined)) {
    throw refused(response, `it has changed; its etag was ${held.etag}, and is ${etag ?? "not told"} now`);
  }
  const { total = got.total } = held;
  if ((got.total ?? total) !== total) {
    throw refused(response, `it has changed; it had ${total} bytes, and has ${got.total} now`);
  }
  return { ...held, total };
}

function refused(response: StreamResponse, why: string): StreamError {
  const { status, headers } = response;
  return new StreamError("refused", `${opening(response)}: ${why}`, { status, headers: maskedHeaders(headers) });
}

function opening({ url }: StreamResponse): string {
  return `Cannot open ${shownUrl(url)}`;
}
