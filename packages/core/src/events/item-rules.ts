import type { Cursor, StreamError } from "../errors.ts";
import { defined } from "../request/defined.ts";

/** What a protocol, or a caller, knows of its items. Each rule is optional and free of side effects. */
export interface ItemRules<T> {
  /** Resume point of an item; `undefined` says nothing, `""` that there is none from here on. */
  cursorOf?(item: T): Cursor | undefined;
  /** The resume point that an item brings itself, where `cursorOf` also tells one that it has from those before it, as SSE does. */
  ownCursorOf?(item: T): Cursor | undefined;
  /** Whether an item is only a sign of life: it resets `idleMs` and not `progressMs`, and is not handed out. Its cursor counts. */
  isHeartbeat?(item: T): boolean;
  /** The idle window that an item sets from here on, in ms; `0`: none. A window that the caller gave stays. */
  idleMsOf?(item: T): number | undefined;
  /** Whether an item says that others are missing. */
  gapOf?(item: T): Gap | undefined;
  /** Whether a refusal says that the cursor it was asked to go on from is known no more. Default: status 410. */
  isLost?(refusal: StreamError): boolean;
}

/** What a caller knows of the items, beside or before the dialect. */
export type OwnRules<T> = {
  readonly [Name in "cursorOf" | "isHeartbeat" | "gapOf" | "isLost"]: ItemRules<T>[Name] | undefined;
};

/** The rules of a caller before those of a dialect. */
export function itemRules<T>(own: OwnRules<T>, dialect: ItemRules<T>): ItemRules<T> {
  const set = defined(own);
  // Without any of their own, which is what most streams have, 10,000 of them share one object.
  if (Object.keys(set).length === 0) return dialect;
  const { cursorOf, ownCursorOf, isHeartbeat, idleMsOf, gapOf, isLost } = dialect;
  const rules = defined({ cursorOf, ownCursorOf, isHeartbeat, idleMsOf, gapOf, isLost, ...set });
  // A cursor of the caller's is an item's own.
  return set.cursorOf ? { ...rules, ownCursorOf: set.cursorOf } : rules;
}

/** The server's word that items are missing. */
export interface Gap {
  /** A resume point behind which nothing is missing, where the server tells: what comes after it is asked for next. */
  readonly to?: Cursor | undefined;
  /** Whether nothing more will come of this answer, so that it has to be asked again, from `to`. The item is not handed out then. */
  readonly reopen: boolean;
}
