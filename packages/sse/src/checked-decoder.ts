// Events whose data is JSON that a schema takes: around a decoder of events, so that who has no schema pays nothing.

import {
  type BadItem,
  checkedBy,
  type Checked,
  checkedOnBadItem,
  checkedSchema,
  type Decoder,
  emptySink,
  type Mark,
  type OnBadItem,
  type Sink,
  type StandardSchema,
  StreamError,
} from "@longwire/core";
import { canTravel } from "./event-id.ts";
import type { Place, Places } from "./places.ts";
import type { ServerSentEvent } from "./server-sent-event.ts";

/** A {@link ServerSentEvent} whose data is JSON that a schema took. */
export interface CheckedEvent<Output> extends ServerSentEvent {
  /** What the schema made of the data. */
  readonly json: Output;
}

/** How data is checked. */
export interface SchemaOptions<Output> {
  /** A Standard Schema (of zod, valibot, arktype or another) for the data of each event, parsed as JSON; without promises. */
  readonly schema: StandardSchema<Output>;
  /**
   * What becomes of an event whose data is no JSON, or that the schema refuses: `throw` ends the stream with `protocol`; `skip` passes
   * over it, and so does a function, which is called with it, and with what `onOversize` skips. Its `raw` is the data in UTF-8, its
   * place that of its first line. Default `throw`.
   */
  readonly onBadItem?: OnBadItem | undefined;
  /**
   * What ends the stream, and so need not be what the schema takes: data equal to a text, which is never checked; or events of a type,
   * handed out when the schema takes their data, and else swallowed. Either is a mark `marker` then. Default: none.
   */
  readonly marker?: string | { readonly event: string } | undefined;
  /** Events that are only a sign of life: not checked, not handed out; marks `heartbeat`, and `cursor` for an id. Default: none. */
  readonly heartbeat?: ((event: ServerSentEvent) => boolean) | undefined;
}

/** Data is left as it is: events have no `json`. */
export interface NoSchema {
  readonly schema?: undefined;
}

/** The items of `events`, checked; it tells where each began in `places`. @throws TypeError on a bad option */
export function checkedDecoder<Output>(
  events: Decoder<ServerSentEvent>,
  places: Places,
  { marker, heartbeat, ...options }: SchemaOptions<Output>,
): Decoder<CheckedEvent<Output>> {
  const schema = checkedSchema(options.schema);
  const onBadItem = checkedOnBadItem(options.onBadItem);
  if (marker !== undefined && typeof marker !== "string" && typeof marker?.event !== "string") {
    throw new TypeError(`marker must be a string or { event }, got ${typeof marker} ${String(marker)}`);
  }
  type CheckedSink = Sink<CheckedEvent<Output>>;

  /** Hands an event on, or what it is instead; answers whether the stream goes on. */
  function take(event: ServerSentEvent, place: Place, sink: CheckedSink): boolean {
    const at = sink.items.length;
    if (typeof marker === "string" && event.data === marker) {
      sink.marks.push({ at, kind: "marker" });
      return false;
    }
    if (heartbeat?.(event)) {
      sink.marks.push({ at, kind: "heartbeat" });
      if (event.id !== undefined && canTravel(event.id)) sink.marks.push({ at, kind: "cursor", value: event.id });
      return true;
    }
    const isLast = typeof marker === "object" && event.type === marker.event;
    const checked = checkedData(event.data);
    if (checked.reason === undefined) sink.items.push({ ...event, json: checked.value });
    else if (isLast) sink.marks.push({ at, kind: "marker" });
    else refuse(event, place, checked, sink);
    return !isLast;
  }

  function checkedData(data: string): Checked<Output> & { readonly cause?: unknown } {
    let json: unknown;
    try {
      json = JSON.parse(data);
    } catch (cause) {
      return { reason: `its data is no JSON: ${(cause as SyntaxError).message}`, cause };
    }
    const checked = checkedBy(schema, json);
    return checked.reason === undefined ? checked : { reason: `the schema refuses its data: ${checked.reason}` };
  }

  function refuse(
    { data }: ServerSentEvent,
    place: Place,
    { reason, cause }: { readonly reason: string; readonly cause?: unknown },
    sink: CheckedSink,
  ): void {
    const bad = { ...place, raw: new TextEncoder().encode(data), reason };
    if (onBadItem === "throw") {
      const message =
        `Cannot read the event on line ${place.line}, from byte ${place.byteOffset} on: ${reason}; ` +
        `it is ${excerpt(data)}, ${bad.raw.length} bytes. To pass over such events, set onBadItem`;
      throw new StreamError("protocol", message, { ...place, raw: bad.raw, cause });
    }
    skip(bad, sink);
  }

  function skip(bad: BadItem, sink: CheckedSink): void {
    sink.marks.push({ at: sink.items.length, kind: "bad", value: bad });
    if (typeof onBadItem === "function") onBadItem(bad);
  }

  /** What was found, checked and in its order. Behind the end of the stream nothing is looked at. */
  function handOn({ items, marks }: Sink<ServerSentEvent>, sink: CheckedSink): void {
    const began = places.take();
    let mark = 0;
    for (let i = 0; i <= items.length; i++) {
      for (; (marks[mark]?.at ?? i + 1) <= i; mark++) handOnMark(marks[mark] as Mark<ServerSentEvent>, sink);
      if (i < items.length && !take(items[i] as ServerSentEvent, began[i] as Place, sink)) return;
    }
  }

  /** An event that is not finished is no bad item yet: one that cannot be checked is left out. */
  function handOnMark(mark: Mark<ServerSentEvent>, sink: CheckedSink): void {
    if (mark.kind === "bad") return skip(mark.value, sink);
    const at = sink.items.length;
    if (mark.kind !== "unfinished") return void sink.marks.push({ ...mark, at });
    const { data, type } = mark.value;
    const isMarker = typeof marker === "string" ? data === marker : type === marker?.event;
    if (isMarker) return void sink.marks.push({ at, kind: "marker" });
    const checked = checkedData(data);
    if (checked.reason === undefined)
      sink.marks.push({ at, kind: "unfinished", value: { ...mark.value, json: checked.value } });
  }

  return {
    push(chunk, sink) {
      const found = emptySink<ServerSentEvent>();
      try {
        events.push(chunk, found);
      } finally {
        // Also what came before an event over the limit: the first thing that is wrong is the one that is thrown.
        handOn(found, sink);
      }
    },
    end(framing, sink) {
      const found = emptySink<ServerSentEvent>();
      const end = events.end(framing, found);
      handOn(found, sink);
      return end;
    },
  };
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > excerptLength ? `${text.slice(0, excerptLength)}…` : text);
}

const excerptLength = 80;
