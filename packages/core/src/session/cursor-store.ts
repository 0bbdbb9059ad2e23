import type { Cursor } from "../errors.ts";

/** Where the resume point of one stream outlives the process. */
export interface CursorStore {
  /** The cursor saved last; `undefined` when there is none. Asked once, before the first attempt. */
  load(): PromiseLike<Cursor | undefined> | Cursor | undefined;
  /** Keeps a cursor. The session makes one call at a time. */
  save(cursor: Cursor): PromiseLike<void> | void;
}

/**
 * A store that lives as long as its object: a new stream goes on where the last one was left.
 *
 * @example
 * ```ts
 * import { memoryCursorStore, openBytes } from "@longwire/core";
 *
 * const cursorStore = memoryCursorStore(4_096);
 * openBytes("https://a.example/image.iso", { cursorStore });
 * console.log(cursorStore.load()); // 4096
 * ```
 */
export function memoryCursorStore(cursor?: Cursor): CursorStore {
  return {
    load: () => cursor,
    save(next) {
      cursor = next;
    },
  };
}
