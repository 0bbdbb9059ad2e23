import type { ServerSentEvent } from "@longwire/sse";
import type { JsonLine } from "./json-line.ts";

/** What `tail` prints: an event of SSE, a record of NDJSON, a line, or a chunk of bytes. */
export type Item = ServerSentEvent | JsonLine | string | Uint8Array;

/** The text of an item: what `--until` is compared with. */
export function textOf(item: Exclude<Item, Uint8Array>): string {
  if (typeof item === "string") return item;
  return "json" in item ? item.json : item.data;
}
