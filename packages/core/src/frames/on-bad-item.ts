import type { BadItem } from "./decoder.ts";

/**
 * What becomes of an item that cannot be read. `throw` ends the stream with `protocol`; `skip` passes over it and tells it in a mark
 * `bad`; a function is called with it, and it is passed over.
 */
export type OnBadItem = "throw" | "skip" | ((bad: BadItem) => void);

/** The option as a caller gave it, checked; `throw` when they gave none. @throws TypeError that prints a bad one */
export function checkedOnBadItem(onBadItem: OnBadItem | undefined = "throw"): OnBadItem {
  if (onBadItem === "throw" || onBadItem === "skip" || typeof onBadItem === "function") return onBadItem;
  throw new TypeError(`onBadItem must be "throw", "skip" or a function, got ${typeof onBadItem} ${String(onBadItem)}`);
}
