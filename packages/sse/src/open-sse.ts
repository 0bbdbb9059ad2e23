import { type EventStream, openStream, type StreamOptions } from "@longwire/core";
import type { CheckedEvent, NoSchema, SchemaOptions } from "./checked-decoder.ts";
import type { ServerSentEvent } from "./server-sent-event.ts";
import { sseDialect, type SseOptions } from "./sse-dialect.ts";

/** Options of {@link openSse}: those of every stream, and the decoder's. */
export type OpenSseOptions = StreamOptions<ServerSentEvent> & SseOptions & NoSchema;

/** Options of {@link openSse} with a schema for the data. What `until` and `heartbeat` name is not checked. */
export type OpenCheckedSseOptions<Output> = Omit<StreamOptions<CheckedEvent<Output>>, "heartbeat"> &
  SseOptions &
  Omit<SchemaOptions<Output>, "marker">;

/**
 * Server-Sent Events. Reconnects by itself, also after a clean end, and goes on with `Last-Event-ID`; a request with an unsafe
 * method (an LLM call by POST) is made once and never repeated unless it is declared `replayable`.
 *
 * With a `schema` each event has `json`, its data parsed and checked. A text of `until` is compared with the data before that; the
 * last event, where `until` is `{ event }`, is handed out when the schema takes its data, and else swallowed; a predicate sees
 * events that the schema took.
 *
 * `policy: latestBy((event) => …)` knows the type of its event; beside a `schema` write `policy: { latestBy: (event) => … }`.
 *
 * In the loop it throws StreamError by code: `refused` for a status or media type, `exhausted` when retries gave up, `limit` for an
 * event over `maxItemBytes` (unless `onOversize` says otherwise), `protocol` for data that is no JSON or that the schema refuses (unless
 * `onBadItem` says otherwise), and the other endings of a stream.
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
 * @example
 * ```ts
 * import { openSse } from "@longwire/sse";
 * import { z } from "zod";
 *
 * const Price = z.object({ symbol: z.string(), price: z.number() });
 * const prices = openSse("https://a.example/prices", {
 *   schema: Price,
 *   policy: { latestBy: (event) => event.json.symbol },
 *   capacity: 1_000,
 * });
 * for await (const event of prices) console.log(event.json.price);
 * ```
 */
export function openSse(url: string, options?: OpenSseOptions): EventStream<ServerSentEvent>;
export function openSse<Output>(url: string, options: OpenCheckedSseOptions<Output>): EventStream<CheckedEvent<Output>>;
export function openSse<Output>(
  url: string,
  options: OpenSseOptions | OpenCheckedSseOptions<Output> = {},
): EventStream<ServerSentEvent> | EventStream<CheckedEvent<Output>> {
  if (options.schema === undefined) return openStream(url, sseDialect(options), options);
  const marker = typeof options.until === "function" ? undefined : options.until;
  return openStream(url, sseDialect({ ...options, marker }), options);
}
