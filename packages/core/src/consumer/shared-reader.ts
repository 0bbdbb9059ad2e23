import { asStreamError, type Outcome } from "../errors.ts";
import { type DropPolicy, Inbox, overflow } from "./inbox.ts";

/** What a reader tells who feeds it. */
export interface Feed {
  /** It was asked for an item: it is to be served, and has room then or waits. */
  wanted(): void;
  /** It wants no more. */
  left(): Promise<void>;
}

/**
 * One reader of a shared stream: an async iterator with its own queue. It takes part from its `read()` on, until it leaves: by the end
 * of its loop, `return()` or `await using`. Under `pull` one that is neither read nor left holds all the others up.
 */
export class SharedReader<T> implements AsyncIterableIterator<T, undefined>, AsyncDisposable {
  readonly #inbox: Inbox<T>;
  readonly #feed: Feed;
  readonly #waiting: Settle<T>[] = [];
  /** What comes behind the items; there until it was told. */
  #end: Pick<Outcome, "error"> | undefined;
  #over = false;

  constructor(policy: "pull" | DropPolicy<T>, capacity: number, feed: Feed) {
    this.#inbox = new Inbox(policy, capacity);
    this.#feed = feed;
  }

  /** Items that this reader missed: its policy dropped them. */
  get dropped(): number {
    return this.#inbox.dropped;
  }

  get isFull(): boolean {
    return this.#inbox.isFull;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const next = new Promise<IteratorResult<T, undefined>>((resolve, reject) =>
      this.#waiting.push({ resolve, reject }),
    );
    // A pull that nobody waits for must not end the process: the outcome tells, too.
    next.catch(() => {});
    if (this.#over) this.serve();
    else this.#feed.wanted();
    return next;
  }

  /** Leaves: drops what waits, settles every pending `next()` with done. The last reader closes the stream. */
  async return(): Promise<IteratorResult<T, undefined>> {
    this.#over = true;
    this.#inbox.clear();
    this.serve();
    await this.#feed.left();
    return done;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** As {@link return}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Takes an item in. What it cannot take (`false`) ends this reader, behind the items that it has. */
  put(item: T): boolean {
    try {
      if (this.#inbox.put(item)) return true;
      this.#end = { error: overflow("a shared stream", "this reader", this.#inbox.capacity) };
    } catch (error) {
      this.#end = { error: asStreamError(error, "a shared stream") };
    }
    this.serve();
    return false;
  }

  /** The stream is over. */
  end(outcome: Outcome): void {
    this.#end = outcome;
    this.serve();
  }

  /** Lets go of what waits. */
  drop(): void {
    this.#inbox.clear();
  }

  /** Answers pulls that wait with the items that do, then with the end. */
  serve(): void {
    while (this.#waiting.length > 0) {
      const entry = this.#inbox.take();
      if (!entry && !this.#end && !this.#over) return;
      const settle = this.#waiting.shift() as Settle<T>;
      if (entry) settle.resolve({ value: entry.item, done: false });
      else if (!this.#over && this.#end && "error" in this.#end) settle.reject(this.#end.error);
      else settle.resolve(done);
      this.#over ||= entry === undefined;
    }
  }
}

interface Settle<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

const done: IteratorReturnResult<undefined> = { value: undefined, done: true };
