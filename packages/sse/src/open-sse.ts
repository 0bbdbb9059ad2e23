import { type EventStream, openStream, type StreamOptions } from "@longwire/core";
import type { ServerSentEvent } from "./server-sent-event.ts";
import { sseDialect, type SseOptions } from "./sse-dialect.ts";

/** Options of {@link openSse}: those of every stream, and the decoder's. */
export type OpenSseOptions = StreamOptions<ServerSentEvent> & SseOptions;

/**
 * Server-Sent Events. Reconnects by itself, also after a clean end, and goes on with `Last-Event-ID`; a request with an unsafe
 * method (an LLM call by POST) is made once and never repeated unless it is declared `replayable`.
 *
 * In the loop it throws StreamError by code: `refused` for a status or media type, `exhausted` when retries gave up, `limit`,
 * and the other endings of a stream.
 *
 * @throws TypeError, RangeError on a bad option, before anything is sent
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 *
 * @example
 * ```ts
 * import { openSse } from "@longwire/sse";
 *
 * await using events = openSse("https://a.example/events", { timeouts: { idleMs: 45_000 } });
 * for await (const event of events) console.log(event.type, event.data, event.lastEventId);
 * ```
 */
export function openSse(url: string, options: OpenSseOptions = {}): EventStream<ServerSentEvent> {
  return openStream(url, sseDialect(options), options);
}
