import type { Cursor, Dialect } from "@longwire/core";
import type { ServerSentEvent } from "./server-sent-event.ts";
import { sseDecoder, type SseDecoderOptions } from "./sse-decoder.ts";

/** How Server-Sent Events are read. */
export type SseOptions = Omit<SseDecoderOptions, "cursor">;

/**
 * Server-Sent Events as a dialect: `text/event-stream`, never compressed, without an end of its own, resumed by `Last-Event-ID`.
 *
 * @throws TypeError, RangeError for a bad option
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 *
 * @example
 * ```ts
 * import { sseDialect } from "@longwire/sse";
 *
 * console.log(sseDialect().accepts("text/event-stream")); // true
 * ```
 */
export function sseDialect(options: SseOptions = {}): Dialect<ServerSentEvent> {
  const { maxItemBytes } = options;
  sseDecoder({ maxItemBytes });
  return {
    name: "SSE",
    accept: "text/event-stream",
    acceptEncoding: "identity",
    accepts: (mediaType) => mediaType === "text/event-stream",
    decoder: (_response, cursor) => sseDecoder({ maxItemBytes, cursor: cursor === undefined ? undefined : String(cursor) }),
    endless: true,
    cursorOf: (event) => event.lastEventId,
    resume: (request, cursor) => request.withHeader("last-event-id", utf8Bytes(cursor)),
    textOf: (event) => event.data,
    typeOf: (event) => event.type,
  };
}

/** A header value is sent one byte a character; an id is text, and goes as UTF-8. */
function utf8Bytes(cursor: Cursor): string {
  return String.fromCharCode(...new TextEncoder().encode(String(cursor)));
}
