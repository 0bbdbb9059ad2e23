import type { Cursor } from "@longwire/core";
import type { JsonLine } from "./json-line.ts";

/**
 * Reads the resume point of a record: the text or number at a path such as `seq` or `metadata.resourceVersion`; `undefined`
 * where the record has none.
 */
export function recordCursor(path: string): (record: JsonLine) => Cursor | undefined {
  const names = path.split(".");
  return ({ json }) => {
    let value: unknown = JSON.parse(json, exactNumber);
    for (const name of names) {
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
      value = (value as Record<string, unknown>)[name];
    }
    return typeof value === "string" || typeof value === "number" ? value : undefined;
  };
}

/** A number that a double cannot hold stays as it was written: a resume point must come back to the server unchanged. */
function exactNumber(this: unknown, _name: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  return typeof value === "number" && source !== undefined && String(value) !== source ? source : value;
}
