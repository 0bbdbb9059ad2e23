import type { Hand } from "../session/hand.ts";
import type { Session } from "../session/run.ts";

/** Takes what comes next out of the batch in hand; `undefined` when nothing is left in it. */
export type Take<T, Item> = (hand: Hand<T>) => { readonly value: Item; readonly done: false } | undefined;

/** One item: asking for it acknowledges the one before. */
export function takeItem<T>(hand: Hand<T>): { value: T; done: false } | undefined {
  if (hand.taken === hand.items.length) return undefined;
  hand.acknowledged = hand.taken;
  return { value: hand.items[hand.taken++] as T, done: false };
}

/** The whole batch. */
export function takeBatch<T>(hand: Hand<T>): { value: readonly T[]; done: false } | undefined {
  if (hand.taken === hand.items.length) return undefined;
  hand.taken = hand.items.length;
  return { value: hand.items, done: false };
}

/**
 * The consumer's end: while the batch in hand lasts, `next()` is resolved already; then it pulls the session. Pulls made
 * while one is pending wait for their turn. Throws once, what the session ended with; after that it is done.
 */
export class PullIterator<T, Item> implements AsyncIterableIterator<Item, undefined> {
  readonly #session: Session<T>;
  readonly #take: Take<T, Item>;
  #pending: Promise<unknown> | undefined;
  #over = false;

  constructor(session: Session<T>, take: Take<T, Item>) {
    this.#session = session;
    this.#take = take;
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    if (this.#pending === undefined) {
      const taken = this.#take(this.#session.hand);
      if (taken) return Promise.resolve(taken);
    }
    const turn = (): Promise<IteratorResult<Item, undefined>> => this.#pull();
    const result = this.#pending === undefined ? turn() : this.#pending.then(turn, turn);
    this.#pending = result;
    const settled = (): void => {
      if (this.#pending === result) this.#pending = undefined;
    };
    result.then(settled, settled);
    return result;
  }

  return(): Promise<IteratorResult<Item, undefined>> {
    this.#over = true;
    this.#session.close();
    return Promise.resolve(done);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #pull(): Promise<IteratorResult<Item, undefined>> {
    if (this.#over) return done;
    try {
      do {
        const taken = this.#take(this.#session.hand);
        if (taken) return taken;
        // A batch can be gone again when this goes on: an abort came between, and the next pull throws its reason.
      } while (await this.#session.next());
    } catch (error) {
      if (this.#over) return done;
      this.#over = true;
      throw error;
    }
    this.#over = true;
    return done;
  }
}

const done: IteratorReturnResult<undefined> = { value: undefined, done: true };
