import { jsonText } from "./json-text.ts";

/**
 * One text of a JSON text sequence: RS, the value as JSON and a LF.
 *
 * @throws TypeError for a value that JSON has no text for (`undefined`, a function, a symbol, a bigint, a cycle)
 *
 * @see RFC 7464 section 2.2
 *
 * @example
 * ```ts
 * import { encodeJsonSeq } from "@longwire/ndjson";
 *
 * console.log(JSON.stringify(encodeJsonSeq({ id: 7 }))); // "\u001e{\"id\":7}\n"
 * ```
 */
export function encodeJsonSeq(value: unknown): string {
  return `\x1e${jsonText(value, "a JSON text sequence")}\n`;
}
