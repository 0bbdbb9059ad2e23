import { bytesDialect, type Dialect, linesDialect, type StreamRequest } from "@longwire/core";
import { jsonSeqDialect, ndjsonDialect } from "@longwire/ndjson";
import { sseDialect } from "@longwire/sse";
import { autoDialect } from "./auto-dialect.ts";
import type { Item } from "./item.ts";
import { jsonLineDialect } from "./json-line.ts";
import { recordCursor } from "./record-cursor.ts";

/** How the body is read: `--as`. */
export const readings = ["auto", "sse", "ndjson", "json-seq", "lines", "bytes"] as const;
export type Reading = (typeof readings)[number];

export interface ReadingOptions {
  /** A data or line that ends the stream. */
  readonly until?: string | undefined;
  /** The path of the resume point in a record. */
  readonly cursor?: string | undefined;
  /** The query parameter that resumes, in the place of `Last-Event-ID`. */
  readonly cursorParam?: string | undefined;
}

/** The dialect of a reading. */
export function tailDialect(reading: Reading, { until, cursor, cursorParam }: ReadingOptions): Dialect<Item> {
  const resume = cursorParam === undefined ? {} : { resume: byQuery(cursorParam) };
  const sse = (): Dialect<Item> => ({ ...sseDialect(), ...resume });
  const records = (values: Dialect<unknown>): Dialect<Item> => ({
    ...jsonLineDialect(values),
    ...(cursor !== undefined && { ...resume, cursorOf: recordCursor(cursor) }),
  });
  const ndjson = (): Dialect<Item> => records(ndjsonDialect({ marker: until }));
  const jsonSeq = (): Dialect<Item> => records(jsonSeqDialect({ marker: until }));
  switch (reading) {
    case "auto":
      return autoDialect({ sse: sse(), ndjson: ndjson(), jsonSeq: jsonSeq(), lines: linesDialect() });
    case "sse":
      return sse();
    case "ndjson":
      return ndjson();
    case "json-seq":
      return jsonSeq();
    case "lines":
      return linesDialect();
    case "bytes":
      return bytesDialect();
    default:
      return reading satisfies never;
  }
}

function byQuery(name: string): NonNullable<Dialect<Item>["resume"]> {
  return (request: StreamRequest, cursor) => request.withQuery({ [name]: cursor });
}
