import type { IncomingHttpHeaders } from "node:http";
import type { Framing, ResponseHeaders } from "@longwire/core";

/**
 * Headers of an answer over the record that undici makes for each one: names in lower case, values in latin1, copied, so that
 * nothing read from the socket is kept. Several values, those of `set-cookie` too, are joined when read.
 */
export function responseHeaders(record: IncomingHttpHeaders): ResponseHeaders {
  return new RecordHeaders(record);
}

/** How the end of this answer's body will be known (RFC 9112 section 6.3). */
export function framingOf(method: string, status: number, record: IncomingHttpHeaders): Framing {
  if (method === "HEAD" || status === 204 || status === 304) return "length";
  const coding = joined(record["transfer-encoding"]);
  if (coding !== undefined) return /(^|,)\s*chunked\s*$/i.test(coding) ? "chunked" : "close";
  return record["content-length"] === undefined ? "close" : "length";
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
