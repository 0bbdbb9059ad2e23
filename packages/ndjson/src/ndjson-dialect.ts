import type { Cursor, Dialect, StreamRequest } from "@longwire/core";
import { ndjsonDecoder } from "./ndjson-decoder.ts";
import { checkedNdjsonOptions, type NdjsonOptions } from "./ndjson-options.ts";

export type { NdjsonOptions };

/** How a feed of records is gone on with: NDJSON itself has no cursor. */
export interface NdjsonResume<T> {
  /** The resume point in a record; `undefined` where it carries none. */
  cursor?: ((row: T) => Cursor | undefined) | undefined;
  /** The request that asks for what comes after the cursor. */
  apply?: ((request: StreamRequest, cursor: Cursor) => StreamRequest) | undefined;
}

export interface NdjsonDialectOptions<T> extends NdjsonOptions {
  /** Default: none, and the stream is not gone on with once an item was delivered. */
  resume?: NdjsonResume<T> | undefined;
}

/**
 * NDJSON as a dialect: the decoder, the media types it goes by, and how a feed is gone on with.
 *
 * @throws TypeError, RangeError for a bad option
 *
 * @example
 * ```ts
 * import { ndjsonDialect } from "@longwire/ndjson";
 *
 * const changes = ndjsonDialect<{ seq: number }>({
 *   resume: { cursor: (row) => row.seq, apply: (request, since) => request.withQuery({ since }) },
 * });
 * console.log(changes.accepts("application/json"), changes.cursorOf?.({ seq: 7 })); // true 7
 * ```
 */
export function ndjsonDialect<T = unknown>(options: NdjsonDialectOptions<T> = {}): Dialect<T> {
  checkedNdjsonOptions(options);
  const { cursor, apply } = options.resume ?? {};
  checkFunction("resume.cursor", cursor);
  checkFunction("resume.apply", apply);
  return {
    name: "NDJSON",
    accept: "application/x-ndjson, application/jsonl;q=0.9, application/json;q=0.8, */*;q=0.5",
    accepts: (mediaType) => mediaTypes.test(mediaType),
    marker: options.marker,
    decoder: () => ndjsonDecoder<T>(options),
    ...(cursor && { cursorOf: cursor }),
    ...(apply && { resume: apply }),
  };
}

function checkFunction(name: string, value: unknown): void {
  if (value === undefined || typeof value === "function") return;
  throw new TypeError(`${name} must be a function, got ${typeof value} ${String(value)}`);
}

/** What servers call it; none at all (`""`) too. */
const mediaTypes =
  /^(|(application|text)\/(x-)?(ndjson|jsonl|jsonlines|json|stream\+json)|text\/plain|application\/octet-stream)$/;
