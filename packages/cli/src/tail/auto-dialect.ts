import { type Dialect, mediaType, type StreamResponse } from "@longwire/core";
import type { Item } from "./item.ts";

/** What `auto` chooses from. */
export interface AutoChoices {
  readonly sse: Dialect<Item>;
  readonly ndjson: Dialect<Item>;
  readonly jsonSeq: Dialect<Item>;
  readonly lines: Dialect<Item>;
}

/**
 * Reads each answer by its media type: text/event-stream as SSE, JSON types as NDJSON, application/json-seq as JSON text sequences,
 * all else as lines. An answer that is empty by its status says nothing of a type, and is read as the one before it.
 *
 * Until there is an answer it asks as SSE does, which is the only one that may stay silent before it.
 */
export function autoDialect(choices: AutoChoices): Dialect<Item> {
  let chosen: Dialect<Item> | undefined;
  const inForce = (): Dialect<Item> => chosen ?? choices.sse;
  return {
    get name() {
      return chosen?.name ?? "auto";
    },
    accept:
      "text/event-stream, application/x-ndjson;q=0.9, application/jsonl;q=0.9, application/json-seq;q=0.9, */*;q=0.5",
    acceptEncoding: "identity",
    get endless() {
      return inForce().endless;
    },
    accepts: () => true,
    decoder(response, cursor) {
      if (!chosen || !isEmpty(response)) chosen = choose(response, choices);
      return chosen.decoder(response, cursor);
    },
    cursorOf: (item) => inForce().cursorOf?.(item),
    get resume() {
      return inForce().resume;
    },
    textOf: (item) => inForce().textOf?.(item) ?? "",
  };
}

function choose({ headers }: StreamResponse, { sse, ndjson, jsonSeq, lines }: AutoChoices): Dialect<Item> {
  const type = mediaType(headers.get("content-type") ?? "");
  if (sse.accepts(type)) return sse;
  if (jsonSeq.accepts(type)) return jsonSeq;
  // NDJSON is also read from text/plain and from no type at all, where somebody asks for it.
  return type.includes("json") && ndjson.accepts(type) ? ndjson : lines;
}

/** 204 No Content and 205 Reset Content. */
function isEmpty({ status }: StreamResponse): boolean {
  return status === 204 || status === 205;
}
