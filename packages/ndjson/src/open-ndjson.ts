import { type EventStream, openStream } from "@longwire/core";
import { ndjsonDialect } from "./ndjson-dialect.ts";
import { decoderOptions, type OpenJsonOptions } from "./open-json-options.ts";

/** Options of {@link openNdjson}: those of every stream, and the decoder's. */
export type OpenNdjsonOptions<T> = OpenJsonOptions<T>;

/**
 * NDJSON (JSON Lines) records, each parsed, and checked where there is a schema. With `resume` it goes on after a cut.
 *
 * In the loop it throws StreamError by code: `protocol` for a line that is no JSON or that the schema refuses (unless `onBadItem`
 * says otherwise), `limit` for one over `maxItemBytes` (unless `onOversize` does), `truncated`, `reset`, `idle` and the other
 * endings of a stream.
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
 *
 * @example
 * ```ts
 * import { openNdjson } from "@longwire/ndjson";
 * import { z } from "zod";
 *
 * const Change = z.object({ seq: z.number(), at: z.iso.datetime().transform((text) => new Date(text)) });
 * for await (const row of openNdjson("https://db.example/changes", { schema: Change })) console.log(row.at.getTime());
 * ```
 */
export function openNdjson<T = unknown>(url: string, options: OpenNdjsonOptions<T> = {}): EventStream<T> {
  return openStream(url, ndjsonDialect(decoderOptions(options)), options);
}
