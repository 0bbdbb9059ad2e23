import { type EventStream, openStream, type StreamOptions } from "@longwire/core";
import { ndjsonDialect, type NdjsonOptions } from "./ndjson-dialect.ts";

/** Options of {@link openNdjson}: those of every stream, and the decoder's. */
export type OpenNdjsonOptions<T> = StreamOptions<T> & Omit<NdjsonOptions, "marker">;

/**
 * NDJSON (JSON Lines) records, each parsed. With `resume` it goes on after a cut.
 *
 * In the loop it throws StreamError by code: `protocol` for a line that is no JSON (unless `onBadItem` says otherwise), `limit`
 * for one over `maxItemBytes`, `truncated`, `reset`, `idle` and the other endings of a stream.
 *
 * @throws TypeError, RangeError on a bad option, before anything is sent
 *
 * @example
 * ```ts
 * import { openNdjson } from "@longwire/ndjson";
 *
 * interface Change { seq: number; id: string }
 * const changes = openNdjson<Change>("https://db.example/_changes?feed=continuous", {
 *   resume: { cursor: (row) => row.seq, apply: (request, since) => request.withQuery({ since }) },
 * });
 * for await (const row of changes) console.log(row.seq, row.id);
 * ```
 */
export function openNdjson<T = unknown>(url: string, options: OpenNdjsonOptions<T> = {}): EventStream<T> {
  const { maxItemBytes, onBadItem, until } = options;
  const marker = typeof until === "string" ? until : undefined;
  return openStream(url, ndjsonDialect<T>({ maxItemBytes, onBadItem, marker }), options);
}
