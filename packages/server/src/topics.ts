/** @throws TypeError on what are none: of a text each letter would be one */
export function checkedTopics(topics: Iterable<string> | undefined): ReadonlySet<string> | undefined {
  if (topics === undefined) return undefined;
  const isIterable = typeof topics === "object" && typeof topics?.[Symbol.iterator] === "function";
  const all = new Set<unknown>(isIterable ? topics : [undefined]);
  for (const topic of all) {
    if (typeof topic !== "string") throw new TypeError(`topics must be a list of strings, got ${shown(topics)}`);
  }
  return all as ReadonlySet<string>;
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
