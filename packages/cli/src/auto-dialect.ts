import type { Dialect, StreamResponse } from "@longwire/core";
import type { Item } from "./item.ts";

/** A dialect that chooses another one for each answer. */
export interface AutoDialect extends Dialect<Item> {
  /** What the last answer is read as; `undefined` before the first. */
  readonly chosen: Dialect<Item> | undefined;
}

export interface AutoChoices {
  readonly sse: Dialect<Item>;
  readonly ndjson: Dialect<Item>;
  readonly lines: Dialect<Item>;
}

/**
 * Reads each answer by its media type: text/event-stream as SSE, JSON types as NDJSON, all else as lines.
 *
 * Until there is an answer it asks as SSE does, which is the only one that may stay silent before it. That it is `endless` holds
 * for SSE only; of another answer, `chosen` tells whether it can be gone on with.
 */
export function autoDialect(choices: AutoChoices): AutoDialect {
  let chosen: Dialect<Item> | undefined;
  const inForce = (): Dialect<Item> => chosen ?? choices.sse;
  return {
    name: "auto",
    accept: "text/event-stream, application/x-ndjson;q=0.9, application/jsonl;q=0.9, */*;q=0.5",
    acceptEncoding: "identity",
    endless: true,
    accepts: () => true,
    decoder(response, cursor) {
      chosen = choose(response, choices);
      return chosen.decoder(response, cursor);
    },
    cursorOf: (item) => inForce().cursorOf?.(item),
    resume: (request, cursor) => inForce().resume?.(request, cursor) ?? request,
    textOf: (item) => inForce().textOf?.(item) ?? "",
    get chosen() {
      return chosen;
    },
  };
}

function choose({ headers }: StreamResponse, { sse, ndjson, lines }: AutoChoices): Dialect<Item> {
  const mediaType = (headers.get("content-type") ?? "").replace(/;.*$/s, "").trim().toLowerCase();
  if (sse.accepts(mediaType)) return sse;
  // NDJSON is also read from text/plain and from no type at all, where somebody asks for it.
  return mediaType.includes("json") && ndjson.accepts(mediaType) ? ndjson : lines;
}
