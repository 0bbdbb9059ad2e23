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
  const json: string | undefined = JSON.stringify(value);
  if (json === undefined) throw new TypeError(`Cannot encode ${String(value)} as NDJSON: JSON has no text for it`);
  return `${json}\n`;
}
