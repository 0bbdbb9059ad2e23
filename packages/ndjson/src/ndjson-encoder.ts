import { jsonText } from "./json-text.ts";

/**
 * One NDJSON record: the value as JSON and a LF.
 *
 * @throws TypeError for a value that JSON has no text for (`undefined`, a function, a symbol, a bigint, a cycle)
 *
 * @example
 * ```ts
 * import { encodeNdjson } from "@longwire/ndjson";
 *
 * console.log(encodeNdjson({ id: 7, text: "two\nlines" })); // {"id":7,"text":"two\nlines"} and a LF
 * ```
 */
export function encodeNdjson(value: unknown): string {
  return `${jsonText(value, "NDJSON")}\n`;
}
