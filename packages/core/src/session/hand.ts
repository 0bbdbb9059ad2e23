import { flat } from "#native";
import type { Cursor } from "../errors.ts";
import type { Mark } from "../frames/decoder.ts";
import { printed } from "../request/printed.ts";

/** The batch that the consumer has in hand: how much of it was taken, and how much of that was acknowledged. */
export interface Hand<T> {
  readonly items: readonly T[];
  readonly marks: readonly Mark<T>[];
  /** Items handed out. */
  taken: number;
  /** Items that the consumer finished with. */
  acknowledged: number;
}

/**
 * The resume point after the first `count` items of a batch, given the one before it. A bookmark (a cursor without an item)
 * counts after the items before it. `""` is what SSE calls no id: no resume point.
 */
export function cursorAfter<T>(
  { items, marks }: Pick<Hand<T>, "items" | "marks">,
  count: number,
  before: Cursor | undefined,
  cursorOf: ((item: T) => Cursor | undefined) | undefined,
): Cursor | undefined {
  let cursor: Cursor | undefined;
  let after = 0;
  for (const mark of marks) {
    if (mark.kind !== "cursor" || mark.at > count) continue;
    cursor = mark.value;
    after = mark.at;
  }
  for (let i = count; i > after && cursorOf; i--) {
    const own = checkedCursor("resume.cursor", cursorOf(items[i - 1] as T));
    if (own === undefined) continue;
    cursor = own;
    break;
  }
  return cursor === undefined ? before : kept(cursor, before);
}

/** The same after each of its items, given the one before the first of them. */
export function cursorsAfterEach<T>(
  { items, marks }: Pick<Hand<T>, "items" | "marks">,
  before: Cursor | undefined,
  cursorOf: ((item: T) => Cursor | undefined) | undefined,
): (Cursor | undefined)[] {
  let cursor = before;
  let next = 0;
  while (marks[next]?.at === 0) next++;
  return items.map((item, index) => {
    let own = cursorOf && checkedCursor("resume.cursor", cursorOf(item));
    for (let mark = marks[next]; mark && mark.at <= index + 1; mark = marks[++next]) {
      if (mark.kind === "cursor") own = mark.value;
    }
    if (own !== undefined) cursor = kept(own, cursor);
    return cursor;
  });
}

/** A cursor to keep: a flat copy, which pins no chunk. */
function kept(cursor: Cursor, before: Cursor | undefined): Cursor | undefined {
  if (cursor === before) return before;
  if (cursor === "") return undefined;
  return typeof cursor === "string" ? flat(cursor) : cursor;
}

/** A caller's function may answer anything; what is no cursor could not be sent. */
export function checkedCursor(from: string, cursor: unknown): Cursor | undefined {
  if (cursor === undefined || typeof cursor === "string" || (typeof cursor === "number" && Number.isFinite(cursor)))
    return cursor;
  throw new TypeError(`${from} must answer a string, a finite number or undefined, not ${printed(cursor)}`);
}
