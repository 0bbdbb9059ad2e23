import type { Dialect } from "@longwire/core";
import { checkedJsonOptions, type JsonOptions, jsonOptionNames } from "./json-options.ts";
import { jsonSeqDecoder } from "./json-seq-decoder.ts";

/**
 * JSON text sequences (RFC 7464) as a dialect. Reads `application/json-seq` and nothing else, unless `openStream` is given another
 * `accept`.
 *
 * @throws TypeError, RangeError for a bad option
 *
 * @example
 * ```ts
 * import { openStream } from "@longwire/core";
 * import { jsonSeqDialect } from "@longwire/ndjson";
 *
 * const logs = openStream("https://a.example/log", jsonSeqDialect<{ at: number }>({ onBadItem: "skip" }), {
 *   resume: { cursor: (entry) => entry.at, apply: (request, since) => request.withQuery({ since }) },
 * });
 * for await (const entry of logs) console.log(entry.at);
 * ```
 */
export function jsonSeqDialect<T = unknown>(options: JsonOptions<T> = {}): Dialect<T> {
  checkedJsonOptions(options);
  return {
    name: "JSON text sequences",
    options: jsonOptionNames,
    accept: "application/json-seq",
    accepts: (mediaType) => mediaType === "application/json-seq",
    marker: options.marker,
    decoder: () => jsonSeqDecoder(options),
  };
}
