import type { Dialect } from "./dialect.ts";

/**
 * What ends a stream from within: a string that data or a line equals (the item is swallowed), an event type, or a predicate
 * (both deliver the item last).
 */
export type Until<T> = string | { readonly event: string } | ((item: T) => boolean);

/** How an item stands to `until`: not at all, or it ends the stream, delivered or swallowed. */
export type Terminator<T> = (item: T) => "deliver" | "swallow" | undefined;

/** @throws TypeError when the dialect has nothing that this `until` could be compared with */
export function terminator<T>(
  until: Until<T> | undefined,
  dialect: Pick<Dialect<T>, "name" | "textOf" | "marker" | "typeOf">,
): Terminator<T> | undefined {
  if (until === undefined) return undefined;
  if (typeof until === "function") return (item) => (until(item) ? "deliver" : undefined);
  if (typeof until === "string") {
    const { textOf } = dialect;
    if (textOf) return (item) => (textOf(item) === until ? "swallow" : undefined);
    if (dialect.marker === until) return () => undefined;
    throw new TypeError(`until: ${JSON.stringify(until)} needs items that are text; ${dialect.name} has none`);
  }
  const { typeOf } = dialect;
  if (!typeOf)
    throw new TypeError(
      `until: { event: ${JSON.stringify(until.event)} } needs events with types; ${dialect.name} has none`,
    );
  return (item) => (typeOf(item) === until.event ? "deliver" : undefined);
}
