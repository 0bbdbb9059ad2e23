import { type Cursor, StreamError } from "../errors.ts";
import { printed } from "../request/printed.ts";

/** What a full buffer does with one item more: drops one of them, or (`error`) ends the stream as `limit`. */
export type DropPolicy<T> = "dropOldest" | "dropNewest" | "error" | LatestBy<T>;

/** Keeps the latest item of each key. */
export interface LatestBy<T> {
  readonly latestBy: (item: T) => unknown;
}

/**
 * The policy that keeps the latest item of each key: a newer one takes the older one's place in the queue, and the older one
 * counts as dropped. With more keys than the buffer has room for, the oldest item goes.
 *
 * @example
 * ```ts
 * import { latestBy, openLines } from "@longwire/core";
 *
 * const prices = openLines("https://a.example/prices", {
 *   policy: latestBy((line: string) => line.split(" ")[0]),
 *   capacity: 1_000,
 * });
 * for await (const line of prices) console.log(line);
 * ```
 */
export function latestBy<T>(key: (item: T) => unknown): LatestBy<T> {
  return { latestBy: key };
}

/** An item that waits for its consumer. */
export interface Entry<T> {
  item: T;
  /** Where to go on when this item, and all before it in the queue, are done with. */
  cursor: Cursor | undefined;
  readonly key: unknown;
  next: Entry<T> | undefined;
}

/**
 * A bounded queue, and what happens when it is full.
 *
 * Resume points go with the places in the queue, not with the items: the last place has that of the newest item that was put in
 * or dropped, and a place keeps its own when a newer item takes it. So one who is done with a place may go on from its resume
 * point without losing an item that waits behind it.
 *
 * @example
 * ```ts
 * import { Inbox } from "@longwire/core";
 *
 * const inbox = new Inbox<string>("dropOldest", 2, ({ cursor }) => console.log("dropped up to", cursor));
 * for (const id of ["1", "2", "3"]) inbox.put(`item ${id}`, id);
 * console.log(inbox.take()?.item, inbox.dropped); // item 2 1
 * ```
 */
export class Inbox<T> {
  readonly capacity: number;
  readonly #policy: "pull" | DropPolicy<T>;
  readonly #byKey: Map<unknown, Entry<T>> | undefined;
  #first: Entry<T> | undefined;
  #last: Entry<T> | undefined;
  #size = 0;
  #dropped = 0;
  readonly #onMadeRoom: ((entry: Entry<T>) => void) | undefined;

  /** `onMadeRoom` is told of each item that was dropped to make room for another; not of one whose place a newer one of its key took. */
  constructor(policy: "pull" | DropPolicy<T>, capacity: number, onMadeRoom?: (entry: Entry<T>) => void) {
    this.#policy = policy;
    this.capacity = capacity;
    this.#onMadeRoom = onMadeRoom;
    this.#byKey = typeof policy === "object" ? new Map() : undefined;
  }

  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#size >= this.capacity;
  }

  /** Items dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  get last(): Entry<T> | undefined {
    return this.#last;
  }

  /** Puts an item behind the others, or does what the policy says; `false`: it is full, and the policy drops nothing. */
  put(item: T, cursor?: Cursor): boolean {
    const key = typeof this.#policy === "object" ? this.#policy.latestBy(item) : undefined;
    const older = this.#byKey?.get(key);
    if (older) {
      older.item = item;
      this.#drops(cursor);
    } else if (!this.isFull) {
      this.#append({ item, cursor, key, next: undefined });
    } else if (this.#policy === "dropNewest") {
      this.#drops(cursor);
    } else if (this.#policy === "dropOldest" || this.#byKey) {
      const oldest = this.take() as Entry<T>;
      this.#dropped++;
      this.#onMadeRoom?.(oldest);
      this.#append({ item, cursor, key, next: undefined });
    } else {
      return false;
    }
    return true;
  }

  take(): Entry<T> | undefined {
    const entry = this.#first;
    if (!entry) return undefined;
    this.#first = entry.next;
    if (!entry.next) this.#last = undefined;
    this.#byKey?.delete(entry.key);
    this.#size--;
    // Who keeps this one keeps none of those behind it.
    entry.next = undefined;
    return entry;
  }

  clear(): void {
    this.#first = this.#last = undefined;
    this.#byKey?.clear();
    this.#size = 0;
  }

  #append(entry: Entry<T>): void {
    if (this.#last) this.#last.next = entry;
    else this.#first = entry;
    this.#last = entry;
    this.#byKey?.set(entry.key, entry);
    this.#size++;
  }

  #drops(cursor: Cursor | undefined): void {
    this.#dropped++;
    if (this.#last) this.#last.cursor = cursor;
  }
}

/** The end of who is more than `capacity` items behind, where the policy drops none. */
export function overflow(reading: string, who: string, capacity: number): StreamError {
  const why = `${who} is more than ${capacity} ${capacity === 1 ? "item" : "items"} behind (capacity)`;
  return new StreamError("limit", `Cannot keep reading ${reading}: ${why}`, { limit: "capacity" });
}

/** The capacity that goes with a drop policy. @throws TypeError, RangeError that say what it should be */
export function checkedCapacity(capacity: unknown): number {
  if (capacity === undefined) {
    throw new TypeError("capacity must be given: how many items are kept for a consumer that is behind, from 1");
  }
  if (typeof capacity !== "number") throw new TypeError(`capacity must be a number, not ${printed(capacity)}`);
  if (Number.isSafeInteger(capacity) && capacity >= 1) return capacity;
  throw new RangeError(`capacity must be a whole number from 1 up, not ${capacity}`);
}

/** @throws TypeError on what is no policy */
export function checkedPolicy<T>(policy: "pull" | DropPolicy<T>): "pull" | DropPolicy<T> {
  const named: readonly unknown[] = ["pull", "dropOldest", "dropNewest", "error"];
  if (named.includes(policy) || typeof Object(policy).latestBy === "function") return policy;
  throw new TypeError(
    `policy must be "pull", "dropOldest", "dropNewest", "error" or latestBy(key), not ${printed(policy)}`,
  );
}
