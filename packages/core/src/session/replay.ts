import { flat } from "#native";
import type { Cursor } from "../errors.ts";

/**
 * Which items come again straight after a resume: those whose own cursor is among the last 256 that were handed on, in the order
 * in which they were, up to the first that is not. What cannot be told for sure is handed on once more rather than lost.
 */
export class Replay {
  readonly #handedOn: Cursor[] = [];
  /** Where in `#handedOn` the next one that comes again can stand; `undefined`: nothing comes again any more. */
  #next: number | undefined;

  /** An attempt begins; only one that goes on behind a cursor has anything come again. */
  begin(cursor: Cursor | undefined): void {
    if (cursor === undefined) this.forget();
    this.#next = this.#handedOn.length > 0 ? 0 : undefined;
  }

  /** What comes from here on is none of what was handed on, whatever its cursors. */
  forget(): void {
    this.#handedOn.length = 0;
  }

  /** Whether an item may still be one that comes again. */
  get isOn(): boolean {
    return this.#next !== undefined;
  }

  /** Takes one item in; answers whether it was handed on before. */
  hasSeen(cursor: Cursor | undefined): boolean {
    if (this.#next === undefined) return false;
    const place = cursor === undefined || cursor === "" ? -1 : this.#handedOn.lastIndexOf(cursor);
    this.#next = place < this.#next ? undefined : place + 1;
    return this.#next !== undefined;
  }

  /** Whether a bookmark stands for what was handed on long since: it is one of it, or comes in the middle of what comes again. */
  isBehind(bookmark: Cursor): boolean {
    const next = this.#next;
    if (next === undefined) return false;
    return (next > 0 && next < this.#handedOn.length) || this.#handedOn.includes(bookmark);
  }

  handOn(cursor: Cursor | undefined): void {
    if (cursor === undefined || cursor === "") return;
    if (this.#handedOn.length === window) this.#handedOn.shift();
    this.#handedOn.push(typeof cursor === "string" ? flat(cursor) : cursor);
  }
}

const window = 256;
