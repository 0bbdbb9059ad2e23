import type { Outcome } from "../errors.ts";
import type { EventStream } from "./event-stream.ts";
import { checkedCapacity, checkedPolicy, type DropPolicy } from "./inbox.ts";
import { SharedReader } from "./shared-reader.ts";

/** How the readers of one stream are kept together. */
export interface SharedOptions<T> {
  /** Items kept for each reader that is behind, from 1. */
  readonly capacity: number;
  /**
   * What happens when a reader's are full. `pull` waits for the slowest reader, also for one that was forgotten: a `read()` that nobody
   * reads or leaves holds all of them up. All else concerns that reader alone. Default `pull`.
   */
  readonly policy?: "pull" | DropPolicy<T> | undefined;
}

/**
 * One stream, many readers: each gets every item that comes from its `read()` on, in its own queue of `capacity` items.
 *
 * @throws TypeError, RangeError on a bad option, and when the stream has a consumer already
 *
 * @example
 * ```ts
 * import { openLines, shared } from "@longwire/core";
 *
 * await using both = shared(openLines("https://a.example/log"), { capacity: 1_000, policy: "dropOldest" });
 * const errors = both.read();
 * for await (const line of both) console.log(line);
 * console.log(errors.dropped, (await both.outcome).code);
 * ```
 */
export function shared<T>(stream: EventStream<T>, { capacity, policy = "pull" }: SharedOptions<T>): Shared<T> {
  return new Shared(stream, checkedPolicy(policy), checkedCapacity(capacity));
}

/**
 * A stream with many readers. Lazy: it is opened when the first of them asks for an item. Each `read()`, and each `for await` over it,
 * is a reader of its own; a reader that leaves its loop leaves the others be, and with the last one the stream is closed.
 *
 * An end that is not the caller's comes to each reader behind the items in its queue: an error is thrown to every one. An item counts as
 * acknowledged when it was put in every reader's queue (or dropped from it) and the next are asked for: what the queues hold
 * would not come again after a crash.
 */
export class Shared<T> implements AsyncIterable<T>, AsyncDisposable {
  readonly #stream: EventStream<T>;
  readonly #batches: AsyncIterator<readonly T[], undefined>;
  readonly #policy: "pull" | DropPolicy<T>;
  readonly #capacity: number;
  readonly #readers = new Set<SharedReader<T>>();
  /** What has come, and how much of it the readers have. */
  #batch: readonly T[] = [];
  #placed = 0;
  /** A reader asked for an item. */
  #asked = false;
  #pulling = false;
  #followed = false;
  #end: Outcome | undefined;

  constructor(stream: EventStream<T>, policy: "pull" | DropPolicy<T>, capacity: number) {
    this.#stream = stream;
    this.#policy = policy;
    this.#capacity = capacity;
    this.#batches = stream.batches();
  }

  /** How the stream ended. Never rejects, opens nothing. */
  get outcome(): Promise<Outcome> {
    return this.#stream.outcome;
  }

  /**
   * One reader more. It gets what comes from now on; after the end, the end. Read it, or leave it by `return()` or `await using`: under
   * the policy `pull` a reader that is forgotten holds all of them up.
   *
   * @example
   * ```ts
   * import { openLines, shared } from "@longwire/core";
   *
   * const both = shared(openLines("https://a.example/log"), { capacity: 100 });
   * await using reader = both.read();
   * const { value: line } = await reader.next();
   * console.log(line);
   * ```
   */
  read(): SharedReader<T> {
    const reader: SharedReader<T> = new SharedReader<T>(this.#policy, this.#capacity, {
      wanted: () => this.#wanted(reader),
      left: () => this.#left(reader),
    });
    if (this.#end) reader.end(this.#end);
    else this.#readers.add(reader);
    this.#follow();
    return reader;
  }

  [Symbol.asyncIterator](): SharedReader<T> {
    return this.read();
  }

  /** Ends the stream, and with it every reader, at once. Never rejects. */
  close(): Promise<void> {
    return this.#stream.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #wanted(reader: SharedReader<T>): void {
    this.#asked = true;
    const { state } = this.#stream;
    if (state.name === "closed" && isCalledOff(state.outcome)) this.#drop();
    reader.serve();
    this.#goOn();
  }

  /** Hands on what has come, as far as every reader has room, and asks for more when nothing is left of it. */
  #goOn(): void {
    if (this.#end) return;
    while (this.#placed < this.#batch.length && this.#hasRoom()) {
      while (this.#placed < this.#batch.length && this.#hasRoom()) {
        const item = this.#batch[this.#placed++] as T;
        for (const reader of this.#readers) if (!reader.put(item)) this.#readers.delete(reader);
      }
      for (const reader of this.#readers) reader.serve();
    }
    if (this.#readers.size === 0) return void this.close();
    if (this.#placed === this.#batch.length && this.#hasRoom()) this.#pull();
  }

  #pull(): void {
    if (this.#pulling || !this.#asked) return;
    this.#pulling = true;
    this.#batches.next().then(
      ({ value }) => {
        this.#pulling = false;
        if (!value) return;
        this.#batch = value;
        this.#placed = 0;
        this.#goOn();
      },
      // The outcome tells.
      () => {},
    );
  }

  #hasRoom(): boolean {
    if (this.#policy === "pull") for (const reader of this.#readers) if (reader.isFull) return false;
    return true;
  }

  /** An end comes by the outcome, also when nothing is pulled. */
  #follow(): void {
    if (this.#followed) return;
    this.#followed = true;
    void this.#stream.outcome.then((outcome) => this.#ended(outcome));
  }

  #ended(outcome: Outcome): void {
    this.#end = outcome;
    if (isCalledOff(outcome)) this.#drop();
    for (const reader of this.#readers) reader.end(outcome);
    this.#readers.clear();
  }

  #drop(): void {
    this.#batch = [];
    this.#placed = 0;
    for (const reader of this.#readers) reader.drop();
  }

  async #left(reader: SharedReader<T>): Promise<void> {
    this.#readers.delete(reader);
    if (this.#readers.size === 0) await this.close();
    else this.#goOn();
  }
}

/** The caller ended it: items that wait are not handed out then, while any other end comes behind them. */
function isCalledOff({ code }: Outcome): boolean {
  return code === "closed" || code === "aborted";
}
