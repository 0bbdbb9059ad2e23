import type { Puller, Session } from "../session/run.ts";

/** What is pulled: the session itself, or what stands before it. */
export interface Source {
  /** Calls back once: when there is something to take, or at the end. */
  pull(puller: Puller): void;
  /** Nobody pulls through this one any more. */
  close(puller: Puller): Promise<void> | void;
}

/** Takes what comes next of what is there; `undefined`: nothing is, it has to be pulled. */
export type Take<From, Item> = (source: From) => IteratorYieldResult<Item> | undefined;

/** One item: asking for it acknowledges the one before. */
export function takeItem<T>({ hand }: Session<T>): IteratorYieldResult<T> | undefined {
  if (hand.taken === hand.items.length) return undefined;
  hand.acknowledged = hand.taken;
  return { value: hand.items[hand.taken++] as T, done: false };
}

/** The whole batch. */
export function takeBatch<T>({ hand }: Session<T>): IteratorYieldResult<readonly T[]> | undefined {
  if (hand.taken === hand.items.length) return undefined;
  hand.taken = hand.items.length;
  return { value: hand.items, done: false };
}

/**
 * The consumer's end: while the batch in hand lasts, `next()` is resolved already; then it pulls the source. Pulls made
 * while one is pending wait for their turn. Throws once, what the source ended with; after that it is done.
 */
export class PullIterator<From extends Source, Item> implements AsyncIterableIterator<Item, undefined>, Puller {
  readonly #source: From;
  readonly #take: Take<From, Item>;
  /** The pull that is pending. */
  #pending: Settle<Item> | undefined;
  #later: Settle<Item>[] | undefined;
  #over = false;

  constructor(source: From, take: Take<From, Item>) {
    this.#source = source;
    this.#take = take;
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    const taken = this.#pending ? undefined : this.#take(this.#source);
    if (taken) return Promise.resolve(taken);
    const pull = new Promise<IteratorResult<Item, undefined>>((resolve, reject) => this.#pull({ resolve, reject }));
    // A pull that nobody waits for must not end the process: the outcome tells, too.
    pull.catch(ignored);
    return pull;
  }

  async return(): Promise<IteratorResult<Item, undefined>> {
    this.#over = true;
    await this.#source.close(this);
    return done;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  arrived(): void {
    this.#settled()?.resolve(this.#take(this.#source) ?? done);
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
      this.#source.pull(this);
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
      const taken = this.#take(this.#source);
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
