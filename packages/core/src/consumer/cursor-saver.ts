import type { Cursor } from "../errors.ts";
import type { CursorStore } from "../session/cursor-store.ts";
import type { Clock } from "../time/clock.ts";

/** Whose cursor is saved. */
export interface Saved {
  /** The resume point of the last item that the consumer finished with. */
  readonly cursor: Cursor | undefined;
  /** A save is over. */
  saved(): void;
  /** A save failed. */
  unsaved(cursor: Cursor, error: unknown): void;
}

/** Longest wait for the last save, in ms. */
const lastSaveMs = 5_000;

/**
 * Keeps a stream's cursor in its store: only when it has changed, never two saves at once, each at least `saveMs` after the one
 * before; with `saveMs: 0` at each acknowledgement. A timer runs only while something is unsaved.
 */
export class CursorSaver implements CursorStore {
  readonly #store: CursorStore;
  readonly #saveMs: number;
  readonly #clock: Clock;
  readonly #of: Saved;
  /** What the store has, or need not have: where the stream began. */
  #stored: Cursor | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;
  #saving: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #over = false;

  constructor(store: CursorStore, saveMs: number, clock: Clock, of: Saved, from: Cursor | undefined) {
    this.#store = store;
    this.#saveMs = saveMs;
    this.#clock = clock;
    this.#of = of;
    this.#stored = from;
  }

  /** Whether every cursor is saved before the next item is handed out. */
  get isExact(): boolean {
    return this.#saveMs === 0;
  }

  /** The next item has to wait for a save. */
  get holds(): boolean {
    return this.isExact && this.#saving !== undefined;
  }

  async load(): Promise<Cursor | undefined> {
    const cursor = await this.#store.load();
    if (cursor !== undefined) this.#stored = cursor;
    return cursor;
  }

  save(cursor: Cursor): PromiseLike<void> | void {
    return this.#store.save(cursor);
  }

  /** The cursor may have moved. */
  moved(): void {
    if (this.#over || this.#cancel || this.#saving || !this.#isChanged()) return;
    if (this.isExact) return this.#save();
    const restMs = this.#restMs();
    this.#cancel = this.#clock.timer(restMs > 0 ? restMs : this.#saveMs, () => this.#save());
  }

  /** The consumer is at the end of what it had. */
  paused(): void {
    if (this.#restMs() <= 0) this.#save();
  }

  /** The stream is over: saves what is left to save. Resolves when that is done, or given up; `undefined`: there is nothing. */
  close(): Promise<void> | undefined {
    if (this.#over) return undefined;
    this.#over = true;
    this.#stopTimer();
    if (!this.#saving && !this.#isChanged()) return undefined;
    return this.#last();
  }

  /** The stream is over, and nothing more is saved. */
  giveUp(): void {
    this.#over = true;
    this.#stopTimer();
  }

  async #last(): Promise<void> {
    let givenUp = false;
    const rest = async (): Promise<void> => {
      await this.#saving;
      if (!givenUp) this.#save();
      await this.#saving;
    };
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.timer(lastSaveMs, resolve);
      void rest().then(() => {
        cancel();
        resolve();
      });
    });
    givenUp = true;
  }

  #save(): void {
    this.#stopTimer();
    if (this.#saving || !this.#isChanged()) return;
    this.#lastMs = this.#clock.now();
    const cursor = this.#of.cursor as Cursor;
    this.#saving = this.#attempt(cursor).then((failed) => this.#settled(cursor, failed));
  }

  async #attempt(cursor: Cursor): Promise<Failed | undefined> {
    try {
      await this.#store.save(cursor);
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  #settled(cursor: Cursor, failed: Failed | undefined): void {
    this.#saving = undefined;
    if (!failed) this.#stored = cursor;
    else this.#of.unsaved(cursor, failed.error);
    // What failed is tried again when the consumer comes next, or with the next cursor: not at once.
    if (!failed || this.#of.cursor !== cursor) this.moved();
    this.#of.saved();
  }

  #isChanged(): boolean {
    const { cursor } = this.#of;
    return cursor !== undefined && cursor !== this.#stored;
  }

  #restMs(): number {
    return this.#lastMs + this.#saveMs - this.#clock.now();
  }

  #stopTimer(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

interface Failed {
  readonly error: unknown;
}
