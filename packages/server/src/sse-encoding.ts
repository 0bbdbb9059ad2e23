import { encodeSse, type SseBlock } from "@longwire/sse";
import { type SseResponseOptions, wholeFrom } from "./response-options.ts";
import type { Encoding } from "./source.ts";

/** What a source of events gives: a block, or the data of one as text. */
export type SseItem = string | SseBlock;

const utf8 = new TextEncoder();

/** Events as bytes. Its `encode` throws a TypeError on an id or a type with a line break or a NUL: nothing can be injected by either. */
export const sseEncoding: Encoding<SseItem> = {
  contentType: "text/event-stream",
  encode: (item) => utf8.encode(sseText(typeof item === "string" ? { data: item } : item)),
  heartbeat: utf8.encode(encodeSse({ comment: "" })),
};

/** One block as text. @throws TypeError, RangeError as `encodeSse` does, and on a type with a NUL */
export function sseText(block: SseBlock): string {
  // The format could carry it; whoever reads it as a C string could not.
  if (block.type?.includes("\0"))
    throw new TypeError(`An event type cannot have a NUL, got ${JSON.stringify(block.type)}`);
  return encodeSse(block);
}

/**
 * What an event stream begins with: never empty, since there are proxies that hold the head back until the first byte of the body.
 *
 * @throws TypeError, RangeError on a bad option
 */
export function sseOpening({ paddingBytes = 0, retryMs }: SseResponseOptions): Uint8Array {
  wholeFrom(0, "paddingBytes", paddingBytes);
  if (retryMs !== undefined) wholeFrom(0, "retryMs", retryMs);
  const bare = encodeSse({ comment: "", retry: retryMs });
  return utf8.encode(encodeSse({ comment: " ".repeat(Math.max(0, paddingBytes - bare.length)), retry: retryMs }));
}
