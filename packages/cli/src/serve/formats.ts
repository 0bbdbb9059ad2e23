import { ndjsonResponse, sseResponse, type SseBlock } from "@longwire/server";
import { encodeNdjson } from "@longwire/ndjson";
import { encodeSse } from "@longwire/sse";
import type { CutKind, Format } from "./numbered.ts";

const cutsInside: readonly CutKind[] = ["a RST inside", "a FIN inside", "a RST after"];

/** `/events`: Server-Sent Events whose ids are their numbers. Without heartbeats, so that a place in the body is the place of an item. */
export const events: Format<SseBlock> = {
  path: "/events",
  item: (seq, padding) => ({
    id: String(seq),
    type: "price",
    data: JSON.stringify({ seq, price: 100 + (seq % 7), ...(padding && { padding }) }),
  }),
  last: { data: "[DONE]" },
  bytesOf: (block) => encodeSse(block).length,
  // What sseResponse begins with.
  openingBytes: (retryMs) => encodeSse({ comment: "", retry: retryMs }).length,
  cuts: [...cutsInside, "a clean end after"],
  respond: (source, retryMs) => sseResponse(({ signal }) => source(signal), { heartbeatMs: 0, retryMs }),
};

/** `/rows`: NDJSON whose rows have their number. */
export const rows: Format<object> = {
  path: "/rows",
  item: (seq, padding) => ({ seq, name: `row ${seq}`, ...(padding && { padding }) }),
  last: undefined,
  bytesOf: (row) => encodeNdjson(row).length,
  openingBytes: () => 0,
  cuts: cutsInside,
  respond: (source) => ndjsonResponse(({ signal }) => source(signal)),
};
