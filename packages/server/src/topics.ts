/** What requests subscribe to: an iterable for all of them, or a function of each. Default: all topics. */
export type Topics<Request> = Iterable<string> | ((request: Request) => Iterable<string> | undefined) | undefined;

/**
 * As a function in any case. An iterable is gone through once, here: there are some that give nothing the second time, as `map.keys()`.
 *
 * @throws TypeError as {@link checkedTopics} does
 */
export function topicsOf<Request>(topics: Topics<Request>): (request: Request) => Iterable<string> | undefined {
  if (typeof topics === "function") return topics;
  const all = checkedTopics(topics);
  return () => all;
}

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
