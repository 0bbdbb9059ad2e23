import type { ServerSentEvent } from "@longwire/sse";
import type { JsonLine } from "./json-line.ts";

/** What `tail` prints: an event of SSE, a record of NDJSON, a line, or a chunk of bytes. */
export type Item = ServerSentEvent | JsonLine | string | Uint8Array;
