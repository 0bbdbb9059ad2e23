import type { StreamOptions } from "@longwire/core";
import type { JsonOptions } from "./json-options.ts";

/** Options of every stream, and the decoder's. `until: "text"` is compared with an item's text before that is taken for JSON. */
export type OpenJsonOptions<T> = StreamOptions<T> & Omit<JsonOptions<T>, "marker">;

/** Of these options, those of the decoder. */
export function decoderOptions<T>(options: OpenJsonOptions<T>): JsonOptions<T> {
  const { maxItemBytes, onOversize, onBadItem, schema, until } = options;
  return { maxItemBytes, onOversize, onBadItem, schema, marker: typeof until === "string" ? until : undefined };
}
