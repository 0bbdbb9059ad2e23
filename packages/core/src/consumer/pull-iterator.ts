import type { Hand } from "../session/hand.ts";
import type { Puller, Session } from "../session/run.ts";

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
 */
export class PullIterator<T, Item> implements AsyncIterableIterator<Item, undefined>, Puller {
  readonly #session: Session<T>;
  readonly #take: Take<T, Item>;
  /** The pull that is pending. */
  #pending: Settle<Item> | undefined;
  #later: Settle<Item>[] | undefined;
  #over = false;

  constructor(session: Session<T>, take: Take<T, Item>) {
    this.#session = session;
    this.#take = take;
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    const taken = this.#pending ? undefined : this.#take(this.#session.hand);
    if (taken) return Promise.resolve(taken);
    const pull = new Promise<IteratorResult<Item, undefined>>((resolve, reject) => this.#pull({ resolve, reject }));
    // A pull that nobody waits for must not end the process: the outcome tells, too.
    pull.catch(ignored);
    return pull;
  }

  return(): Promise<IteratorResult<Item, undefined>> {
    this.#over = true;
    this.#session.close();
    return Promise.resolve(done);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  arrived(): void {
    this.#settled()?.resolve(this.#take(this.#session.hand) ?? done);
    this.#serveLater();
  }

  ended(): void {
    this.#over = true;
    this.#settled()?.resolve(done);
    this.#serveLater();
  }

  failed(error: unknown): void {
    if (this.#over) return this.ended();
    this.#over = true;
    this.#settled()?.reject(error);
    this.#serveLater();
  }

  #pull(settle: Settle<Item>): void {
    if (this.#pending) {
      this.#later ??= [];
      this.#later.push(settle);
    } else if (this.#over) {
      settle.resolve(done);
    } else {
      this.#pending = settle;
      this.#session.pull(this);
    }
  }

  #settled(): Settle<Item> | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  }

  #serveLater(): void {
    while (this.#pending === undefined) {
      const settle = this.#later?.shift();
      if (!settle) return;
      const taken = this.#take(this.#session.hand);
      if (taken) settle.resolve(taken);
      else this.#pull(settle);
    }
  }
}

interface Settle<Item> {
  resolve(result: IteratorResult<Item, undefined>): void;
  reject(error: unknown): void;
}

function ignored(): void {}

const done: IteratorReturnResult<undefined> = { value: undefined, done: true };
