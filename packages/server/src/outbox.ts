import type { LatestBy } from "@longwire/core";
import type { ItemDelivery } from "./delivery.ts";
import type { Published } from "./replay-log.ts";

/** What becomes of one item more for a subscriber that is `capacity` items behind. */
export type SubscriberPolicy = "block" | "dropOldest" | "evict" | LatestBy<Published>;

/** @throws TypeError on what is no policy */
export function checkedPolicy(policy: SubscriberPolicy): SubscriberPolicy {
  const named: readonly unknown[] = ["block", "dropOldest", "evict"];
  if (named.includes(policy) || typeof Object(policy).latestBy === "function") return policy;
  throw new TypeError(`policy must be "block", "dropOldest", "evict" or latestBy(key), got ${String(policy)}`);
}

/** An item that waits, and the id to go on from when it and all before it were sent. */
interface Place {
  delivery: ItemDelivery;
  id: string;
  readonly key: unknown;
  next: Place | undefined;
}

/**
 * The bounded queue of one subscriber.
 *
 * With `latestBy` a newer item takes the place of the older one of its key, under the id of that place: who is cut there and comes back
 * with it loses nothing of what waits behind. The last place has the id of the newest item that was put in.
 */
export class Outbox {
  readonly #capacity: number;
  readonly #policy: SubscriberPolicy;
  readonly #byKey: Map<unknown, Place> | undefined;
  #first: Place | undefined;
  #last: Place | undefined;
  #size = 0;
  /** Ids and count of what `dropOldest` dropped and nobody was told yet. */
  #missing: { readonly to: string; readonly dropped: number } | undefined;

  constructor(policy: SubscriberPolicy, capacity: number) {
    this.#policy = policy;
    this.#capacity = capacity;
    this.#byKey = typeof policy === "object" ? new Map() : undefined;
  }

  /** Whether `publish` is to wait for room. */
  get blocks(): boolean {
    return this.#policy === "block";
  }

  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#size >= this.#capacity;
  }

  /** Puts an item behind the others, or in the place of one; answers how many were dropped for it, or `"full"`: it was not put in. */
  put(delivery: ItemDelivery): number | "full" {
    const key = typeof this.#policy === "object" ? this.#policy.latestBy(delivery.item) : undefined;
    const older = this.#byKey?.get(key);
    if (older) {
      older.delivery = delivery;
      (this.#last as Place).id = delivery.id;
      return 1;
    }
    const full = this.isFull;
    if (full && (this.#policy === "block" || this.#policy === "evict")) return "full";
    if (full) {
      const { id } = this.take() as ItemDelivery;
      this.#missing = { to: id, dropped: (this.#missing?.dropped ?? 0) + 1 };
    }
    this.#append({ delivery, id: delivery.id, key, next: undefined });
    return full ? 1 : 0;
  }

  /** What was dropped since it was last asked. */
  missing(): { readonly to: string; readonly dropped: number } | undefined {
    const missing = this.#missing;
    this.#missing = undefined;
    return missing;
  }

  take(): ItemDelivery | undefined {
    const place = this.#first;
    if (!place) return undefined;
    this.#first = place.next;
    if (!place.next) this.#last = undefined;
    this.#byKey?.delete(place.key);
    this.#size--;
    return place.delivery.under(place.id);
  }

  clear(): void {
    this.#first = this.#last = this.#missing = undefined;
    this.#byKey?.clear();
    this.#size = 0;
  }

  #append(place: Place): void {
    if (this.#last) this.#last.next = place;
    else this.#first = place;
    this.#last = place;
    this.#byKey?.set(place.key, place);
    this.#size++;
  }
}
