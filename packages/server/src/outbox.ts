import { Inbox } from "@longwire/core";
import type { ItemDelivery } from "./delivery.ts";
import type { Published } from "./replay-log.ts";
import { dropPolicy, type SlowPolicy } from "./slow-policy.ts";

/** What becomes of one item more for a subscriber that is `capacity` items behind. */
export type SubscriberPolicy = SlowPolicy<Published>;

/** The bounded queue of one subscriber: an {@link Inbox} whose resume points are ids, so that who is cut there and comes back loses nothing. */
export class Outbox {
  /** Whether `publish` is to wait for room. */
  readonly blocks: boolean;
  readonly #inbox: Inbox<ItemDelivery>;
  #missing: Missing | undefined;

  constructor(policy: SubscriberPolicy, capacity: number) {
    this.blocks = policy === "block";
    this.#inbox = new Inbox(
      dropPolicy(policy, ({ item }: ItemDelivery) => item),
      capacity,
      ({ item, cursor = item.id }) => {
        const { last = item, dropped = 0 } = this.#missing ?? {};
        // With `latestBy` one that is newer than those behind it may stand in the oldest place.
        this.#missing = { id: String(cursor), last: last.number > item.number ? last : item, dropped: dropped + 1 };
      },
    );
  }

  get size(): number {
    return this.#inbox.size;
  }

  get isFull(): boolean {
    return this.#inbox.isFull;
  }

  /** Puts an item behind the others, or in the place of one; answers how many were dropped for it, or `"full"`: it was not put in. */
  put(delivery: ItemDelivery): number | "full" {
    const { dropped } = this.#inbox;
    return this.#inbox.put(delivery, delivery.id) ? this.#inbox.dropped - dropped : "full";
  }

  /** What was dropped since it was last asked. */
  missing(): Missing | undefined {
    const missing = this.#missing;
    this.#missing = undefined;
    return missing;
  }

  /** The oldest item, under the id to go on from when it and all before it were sent. */
  take(): ItemDelivery | undefined {
    const entry = this.#inbox.take();
    return entry?.item.under(String(entry.cursor));
  }

  clear(): void {
    this.#inbox.clear();
    this.#missing = undefined;
  }
}

/** What was dropped to make room, and nobody was told yet. */
export interface Missing {
  /** Where to go on from: behind it nothing that waits is lost. */
  readonly id: string;
  /** The newest that was dropped. */
  readonly last: ItemDelivery;
  readonly dropped: number;
}
