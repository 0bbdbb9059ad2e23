import type { Hand } from "../session/hand.ts";
import type { Session } from "../session/run.ts";

/** Takes what comes next out of the batch in hand; `undefined` when nothing is left in it. */
export type Take<T, Item> = (hand: Hand<T>) => IteratorYieldResult<Item> | undefined;

/** One item: asking for it acknowledges the one before. */
export function takeItem<T>(hand: Hand<T>): IteratorYieldResult<T> | undefined {
  if (hand.taken === hand.items.length) return undefined;
  hand.acknowledged = hand.taken;
  return { value: hand.items[hand.taken++] as T, done: false };
}

/** The whole batch. */
export function takeBatch<T>(hand: Hand<T>): IteratorYieldResult<readonly T[]> | undefined {
  if (hand.taken === hand.items.length) return undefined;
  hand.taken = hand.items.length;
  return { value: hand.items, done: false };
}

/**
 * The consumer's end: while the batch in hand lasts, `next()` is resolved already; then it pulls the session. Pulls made
 * while one is pending wait for their turn. Throws once, what the session ended with; after that it is done.
 *
 * No async function stands here: its frame would be held 10,000 times by as many quiet streams.
 */
export class PullIterator<T, Item> implements AsyncIterableIterator<Item, undefined> {
  readonly #session: Session<T>;
  readonly #take: Take<T, Item>;
  #pulling = false;
  #later: ((result: Promise<IteratorResult<Item, undefined>>) => void)[] | undefined;
  #over = false;

  constructor(session: Session<T>, take: Take<T, Item>) {
    this.#session = session;
    this.#take = take;
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    if (this.#pulling) {
      this.#later ??= [];
      return droppable(new Promise((resolve) => this.#later?.push(resolve)));
    }
    const taken = this.#take(this.#session.hand);
    if (taken) return Promise.resolve(taken);
    if (this.#over) return Promise.resolve(done);
    this.#pulling = true;
    return droppable(
      this.#session.next().then(
        (items) => this.#pulled(items !== undefined),
        (error: unknown) => this.#failed(error),
      ),
    );
  }

  return(): Promise<IteratorResult<Item, undefined>> {
    this.#over = true;
    this.#session.close();
    return Promise.resolve(done);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #pulled(more: boolean): IteratorResult<Item, undefined> | Promise<IteratorResult<Item, undefined>> {
    const taken = this.#take(this.#session.hand);
    if (!more) this.#over = true;
    this.#pulling = false;
    // A batch can be gone again by now: an abort came between, and the next pull throws its reason.
    const result = taken ?? (more ? this.next() : done);
    this.#serveLater();
    return result;
  }

  #failed(error: unknown): IteratorResult<Item, undefined> {
    const left = this.#over;
    this.#over = true;
    this.#pulling = false;
    this.#serveLater();
    if (left) return done;
    throw error;
  }

  #serveLater(): void {
    while (!this.#pulling) {
      const serve = this.#later?.shift();
      if (!serve) return;
      serve(this.next());
    }
  }
}

/** A pull that nobody waits for must not end the process: the outcome tells, too. */
function droppable<Result>(pull: Promise<Result>): Promise<Result> {
  pull.catch(ignored);
  return pull;
}

function ignored(): void {}

const done: IteratorReturnResult<undefined> = { value: undefined, done: true };
