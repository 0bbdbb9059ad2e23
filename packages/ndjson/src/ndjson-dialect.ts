import type { Dialect } from "@longwire/core";
import { checkedJsonOptions, type JsonOptions, jsonOptionNames } from "./json-options.ts";
import { ndjsonDecoder } from "./ndjson-decoder.ts";

/**
 * NDJSON as a dialect: the decoder, and the media types it goes by. How a feed is gone on with is for `resume` of
 * `openStream` to say: NDJSON itself has no cursor.
 *
 * @throws TypeError, RangeError for a bad option
 *
 * @example
 * ```ts
 * import { openStream } from "@longwire/core";
 * import { ndjsonDialect } from "@longwire/ndjson";
 *
 * const changes = openStream("https://db.example/changes", ndjsonDialect<{ seq: number }>({ onBadItem: "skip" }), {
 *   resume: { cursor: (row) => row.seq, apply: (request, since) => request.withQuery({ since }) },
 * });
 * for await (const row of changes) console.log(row.seq);
 * ```
 */
export function ndjsonDialect<T = unknown>(options: JsonOptions<T> = {}): Dialect<T> {
  checkedJsonOptions(options);
  return {
    name: "NDJSON",
    options: jsonOptionNames,
    accept: "application/x-ndjson, application/jsonl;q=0.9, application/json;q=0.8, */*;q=0.5",
    accepts: (mediaType) => mediaTypes.test(mediaType),
    marker: options.marker,
    decoder: () => ndjsonDecoder(options),
  };
}

/** What servers call it; none at all (`""`) too. */
const mediaTypes =
  /^(|(application|text)\/(x-)?(ndjson|jsonl|jsonlines|json|stream\+json)|text\/plain|application\/octet-stream)$/;
