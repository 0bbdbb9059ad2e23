import type { IncomingHttpHeaders } from "node:http";
import type { Framing, ResponseHeaders } from "@longwire/core";

/**
 * Headers of an answer over the record that undici makes for each one: names in lower case, values in latin1, copied, so that
 * nothing read from the socket is kept. Several values, those of `set-cookie` too, are joined when read.
 */
export function responseHeaders(record: IncomingHttpHeaders): ResponseHeaders {
  return new RecordHeaders(record);
}

/** How the end of this answer's body will be known: RFC 9112 section 6.3; on HTTP/2 (`multiplexed`) by a flag, RFC 9113 section 8.1. */
export function framingOf(method: string, status: number, record: IncomingHttpHeaders, multiplexed = false): Framing {
  if (method === "HEAD" || status === 204 || status === 304) return "length";
  if (multiplexed) return "h2";
  const coding = joined(record["transfer-encoding"]);
  if (coding !== undefined) return /(^|,)\s*chunked\s*$/i.test(coding) ? "chunked" : "close";
  return record["content-length"] === undefined ? "close" : "length";
}

/**
 * The transfer codings of an answer's body, where there are others than `chunked` (and `identity`, which is none). None was asked
 * for and none is decoded here, so its bytes are not what the sender meant (RFC 9112 section 7).
 */
export function foreignCoding(framing: Framing, record: IncomingHttpHeaders): string | undefined {
  if (framing === "length" || framing === "h2") return undefined;
  const coding = joined(record["transfer-encoding"]);
  return coding === undefined || /^\s*(chunked|identity)?\s*$/i.test(coding) ? undefined : coding;
}

class RecordHeaders implements ResponseHeaders {
  readonly #record: IncomingHttpHeaders;

  constructor(record: IncomingHttpHeaders) {
    this.#record = record;
  }

  get(name: string): string | null {
    const key = name.toLowerCase();
    return Object.hasOwn(this.#record, key) ? (joined(this.#record[key]) ?? null) : null;
  }

  *[Symbol.iterator](): Generator<[string, string], void, undefined> {
    for (const name of Object.keys(this.#record)) yield [name, joined(this.#record[name]) ?? ""];
  }
}

function joined(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(", ") : value;
}
