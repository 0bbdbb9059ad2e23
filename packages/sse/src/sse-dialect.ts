import type { Dialect } from "@longwire/core";
import type { CheckedEvent, NoSchema, SchemaOptions } from "./checked-decoder.ts";
import { canTravel, eventId } from "./event-id.ts";
import type { ServerSentEvent } from "./server-sent-event.ts";
import { type SseDecoderOptions, sseDecoder } from "./sse-decoder.ts";

/** Options of SSE beside those of every stream. */
export type SseOptions = Omit<SseDecoderOptions, "cursor">;

/**
 * What SSE knows: it asks for `text/event-stream` without content encoding and takes no other type; an item's resume point is its
 * `lastEventId`; a request goes on with `Last-Event-ID`; a clean end of the body is no end of the stream.
 *
 * An id with a control character cannot travel in a header: it is no resume point, and the one before it stays in force.
 *
 * With a `schema` each event has `json`, see {@link SchemaOptions}.
 *
 * `resume` throws a TypeError for a cursor that no event id can be.
 *
 * @throws TypeError, RangeError on a bad option
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 *
 * @example
 * ```ts
 * import { StreamRequest } from "@longwire/core";
 * import { sseDialect } from "@longwire/sse";
 *
 * const request = sseDialect().resume?.(new StreamRequest({ url: "https://a.example/events" }), "7");
 * console.log(request?.headers); // { "last-event-id": "7" }
 * ```
 */
export function sseDialect<Output>(options: SseOptions & SchemaOptions<Output>): Dialect<CheckedEvent<Output>>;
export function sseDialect(options?: SseOptions & NoSchema): Dialect<ServerSentEvent>;
export function sseDialect<Output>(
  options: SseOptions & (SchemaOptions<Output> | NoSchema) = {},
): Dialect<ServerSentEvent> | Dialect<CheckedEvent<Output>> {
  const { maxItemBytes, onOversize } = options;
  if (options.schema === undefined) {
    sseDecoder({ maxItemBytes, onOversize });
    return { ...known, decoder: (_response, cursor) => sseDecoder({ maxItemBytes, onOversize, cursor }) };
  }
  const { schema, onBadItem, marker, heartbeat } = options;
  const checked = { maxItemBytes, onOversize, schema, onBadItem, marker, heartbeat };
  sseDecoder(checked);
  return { ...known, decoder: (_response, cursor) => sseDecoder({ ...checked, cursor }) };
}

/** What `openSse` takes: `marker` is made of `until`, and `heartbeat` is for every stream. */
type OwnName = Exclude<keyof SseOptions | keyof SchemaOptions<never>, "marker" | "heartbeat">;

// Made once: 10,000 streams share its functions.
const known: Omit<Dialect<ServerSentEvent>, "decoder"> = {
  name: "SSE",
  options: { maxItemBytes: true, onOversize: true, onBadItem: true, schema: true } satisfies Record<OwnName, true>,
  accept: "text/event-stream",
  acceptEncoding: "identity",
  accepts: (mediaType) => mediaType === "text/event-stream",
  endless: true,
  cursorOf: ({ lastEventId }) => (canTravel(lastEventId) ? lastEventId : undefined),
  ownCursorOf: ({ id }) => id,
  resume: (request, cursor) => request.withHeader("last-event-id", headerBytes(eventId(cursor)) || undefined),
  textOf: (event) => event.data,
  typeOf: (event) => event.type,
};

/** UTF-8, one character a byte, which is how a header leaves unchanged: https://html.spec.whatwg.org/#the-last-event-id-header */
function headerBytes(text: string): string {
  if (!canTravel(text)) return "";
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}
