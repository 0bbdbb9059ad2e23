import { isPlainRecord } from "./plain-record.ts";
import { kindOf, printed } from "./printed.ts";

export type HeaderRecord = Readonly<Record<string, string | undefined>>;

/**
 * Headers by name in lower case, once every one of them can be sent. Values are not printed: they may be secrets.
 *
 * @throws TypeError, which says that `wanted` must be a record when it is none
 */
export function checkedHeaders(wanted: string, headers: unknown): HeaderRecord {
  if (!isPlainRecord(headers)) throw new TypeError(`${wanted}, not ${kindOf(headers)}${remedy(headers)}`);
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), checkedValue(name, value)]),
  );
}

function checkedValue(name: string, value: unknown): string | undefined {
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name)) throw new TypeError(`${printed(name)} is no header name`);
  if (value === undefined) return undefined;
  if (typeof value !== "string") throw new TypeError(`The header ${name} must be a string, not ${kindOf(value)}`);
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) {
    throw new TypeError(
      `The header ${name} holds what HTTP does not allow: a line break, a control character or one above U+00FF`,
    );
  }
  return value;
}

function remedy(headers: unknown): string {
  if (headers instanceof Promise) return "; what has to be waited for goes into auth, which may be async";
  return typeof headers === "object" && headers !== null && Symbol.iterator in headers
    ? "; give Object.fromEntries(headers)"
    : "";
}
