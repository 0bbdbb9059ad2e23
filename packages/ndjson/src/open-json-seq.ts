import { type EventStream, openStream } from "@longwire/core";
import { jsonSeqDialect } from "./json-seq-dialect.ts";
import { decoderOptions, type OpenJsonOptions } from "./open-json-options.ts";

/** Options of {@link openJsonSeq}: those of every stream, and the decoder's. */
export type OpenJsonSeqOptions<T> = OpenJsonOptions<T>;

/**
 * The texts of a JSON text sequence (RFC 7464), each parsed, and checked where there is a schema. With `resume` it goes on after a
 * cut.
 *
 * In the loop it throws StreamError by code: `refused` for a media type that is not `application/json-seq` (`accept` names others),
 * `protocol` for a text that is no JSON, may be cut, or is refused by the schema (unless `onBadItem` says otherwise), `limit` for one
 * over `maxItemBytes` (unless `onOversize` does), `truncated`, `reset`, `idle` and the other endings of a stream.
 *
 * @throws TypeError, RangeError on a bad option, before anything is sent
 *
 * @see RFC 7464
 *
 * @example
 * ```ts
 * import { openJsonSeq } from "@longwire/ndjson";
 *
 * interface Entry { level: string; text: string }
 * const log = openJsonSeq<Entry>("https://a.example/log", { onBadItem: (bad) => console.warn(bad.byteOffset, bad.reason) });
 * for await (const entry of log) console.log(entry.level, entry.text);
 * ```
 */
export function openJsonSeq<T = unknown>(url: string, options: OpenJsonSeqOptions<T> = {}): EventStream<T> {
  return openStream(url, jsonSeqDialect(decoderOptions(options)), options);
}
