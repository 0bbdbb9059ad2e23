import { bytesDialect, type Dialect, linesDialect, type StreamRequest } from "@longwire/core";
import { sseDialect } from "@longwire/sse";
import { autoDialect } from "./auto-dialect.ts";
import type { Item } from "./item.ts";
import { jsonLineDialect } from "./json-line.ts";
import { recordCursor } from "./record-cursor.ts";

/** How the body is read: `--as`. */
export const readings = ["auto", "sse", "ndjson", "lines", "bytes"] as const;
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
  const ndjson = (): Dialect<Item> => ({
    ...jsonLineDialect(until),
    ...(cursor !== undefined && { ...resume, cursorOf: recordCursor(cursor) }),
  });
  switch (reading) {
    case "auto":
      return autoDialect({ sse: sse(), ndjson: ndjson(), lines: linesDialect() });
    case "sse":
      return sse();
    case "ndjson":
      return ndjson();
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
