import { bookmarkDelivery, type Delivery, gapDelivery, ItemDelivery } from "./delivery.ts";
import type { FeedReader } from "./feed.ts";
import type { Outbox } from "./outbox.ts";
import type { Replay } from "./replay-log.ts";

/** What a subscription asks of its publisher. */
export interface SubscriptionOwner {
  /** The id at which the log ends now. */
  end(): string | undefined;
  count(what: "delivered" | "replayed" | "gaps", by: number): void;
  left(subscription: Subscription): void;
}

/**
 * One subscriber's place: what it missed, what is published, and a goodbye, in order, one pull at a time. Leaving the loop leaves the
 * publisher. For a protocol of its own (a WebSocket, a queue), send what it hands out, and end the connection when `signal` is aborted.
 */
export class Subscription implements AsyncIterableIterator<Delivery, undefined> {
  /** Aborted when the subscriber is to be cut though it takes nothing: it was evicted, or the publisher's time to close is up. */
  readonly signal: AbortSignal;
  readonly #cut: AbortController = new AbortController();
  readonly #owner: SubscriptionOwner;
  readonly #topics: ReadonlySet<string> | undefined;
  readonly #outbox: Outbox;
  /** An item for who waits: it goes by no queue. */
  #straight: Delivery | undefined;
  /** There may be something in what follows. */
  #behind = false;
  /** What comes before the outbox: a bookmark or a gap, then what was missed. */
  #before: Delivery[] = [];
  #taken = 0;
  #last: string | undefined;
  #joined = false;
  #failure: { readonly error: unknown } | undefined;
  #goodbye: Delivery | undefined;
  #ending = false;
  #evicted = false;
  #over = false;
  #waiting: FeedReader | undefined;
  #roomAwaited: (() => void) | undefined;

  /** Made by the publisher's `subscribe`. */
  constructor(owner: SubscriptionOwner, topics: ReadonlySet<string> | undefined, outbox: Outbox) {
    this.signal = this.#cut.signal;
    this.#owner = owner;
    this.#topics = topics;
    this.#outbox = outbox;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next delivery. One pull at a time. @throws what the log threw, or the function of its policy */
  async next(): Promise<IteratorResult<Delivery, undefined>> {
    if (this.#waiting) throw new TypeError("Cannot pull: the pull before has not settled");
    for (;;) {
      const value = this.take();
      if (value) return { done: false, value };
      if (this.#over) return over;
      await new Promise<void>((more) => this.wait({ more }));
    }
  }

  /** What {@link next} would give now; `undefined`: nothing yet, or, where it `isOver`, nothing more. @throws what `next` does */
  take(): Delivery | undefined {
    const straight = this.#straight;
    if (!straight) return this.#behind ? this.#takeNext() : undefined;
    this.#straight = undefined;
    return this.#sent(straight);
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** Whether the next `take` may give more. */
  get isBehind(): boolean {
    return this.#behind;
  }

  /** After a `take` that gave nothing: the reader is told, once, when there may be something. Never at once. */
  wait(reader: FeedReader): void {
    this.#waiting = reader;
  }

  /** Leaves the publisher; may be called at any time. A pull that is pending settles. */
  return(): Promise<IteratorResult<Delivery, undefined>> {
    this.#over = true;
    this.#drop();
    this.#goodbye = undefined;
    this.#owner.left(this);
    this.#makeRoom();
    this.#tell();
    return Promise.resolve(over);
  }

  /**
   * Where a subscriber is that has taken all there was: a bookmark of the log's end, to be sent; `undefined` while anything waits for it, or no more
   * does.
   */
  bookmark(): Delivery | undefined {
    const end = this.#owner.end();
    // One that was evicted has not got what it lost its place for.
    const waits = this.#straight !== undefined || this.#taken < this.#before.length || this.#outbox.size > 0;
    const idle = this.#joined && !this.#ending && !waits;
    if (!idle || end === undefined) return undefined;
    this.#last = end;
    return bookmarkDelivery(end);
  }

  /** The log's answer to the cursor that it came with; what is published from now on is put in behind. */
  join({ entries, cursor, gap }: Replay): void {
    this.#joined = true;
    const missed = entries.filter(({ item }) => this.wants(item.topic));
    this.#owner.count("gaps", gap ? 1 : 0);
    this.#owner.count("replayed", missed.length);
    const first = gap ? gapDelivery(gap) : missed.length === 0 ? bookmarkDelivery(cursor) : undefined;
    this.#last = first?.id;
    this.#before = [...(first ? [first] : []), ...missed.map(({ id, item }) => new ItemDelivery(id, item))];
    this.#behind = true;
    this.#tell();
  }

  wants(topic: string): boolean {
    return this.#joined && !this.#ending && (this.#topics === undefined || this.#topics.has(topic));
  }

  /** Whether `publish` is to wait for room. */
  get blocks(): boolean {
    return this.#outbox.blocks;
  }

  /** Puts an item in; answers how many were dropped for it, or `"full"`. */
  put(delivery: ItemDelivery): number | "full" {
    if (this.#waiting) {
      this.#straight = delivery;
      this.#tell();
      return 0;
    }
    this.#behind = true;
    return this.#outbox.put(delivery);
  }

  /** Resolves when an item was taken out of a full queue, or the subscriber is gone. */
  room(): Promise<void> {
    return this.#outbox.isFull && !this.#over
      ? new Promise((resolve) => (this.#roomAwaited = resolve))
      : Promise.resolve();
  }

  /** Nothing more is put in; what waits is handed out, then the goodbye. */
  finish(goodbye: Delivery): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#goodbye = goodbye;
    this.#behind = true;
    this.#tell();
  }

  /** As `finish`, but what waits is dropped; answers how many that were. The log still has them. */
  evict(goodbye: Delivery): number {
    const waiting = this.#outbox.size + this.#before.length - this.#taken;
    this.#evicted = true;
    this.#drop();
    this.finish(goodbye);
    this.#makeRoom();
    return waiting;
  }

  /** Its goodbye says so only to who reads it: a protocol of its own may have a word for it. */
  get evicted(): boolean {
    return this.#evicted;
  }

  /** Cuts the connection. */
  cut(reason: unknown): void {
    this.#cut.abort(reason);
  }

  /** The log could not be read, or the policy failed: nothing more is put in, and each pull rejects. */
  fail(error: unknown): void {
    this.#drop();
    this.#ending = true;
    this.#failure = { error };
    this.#makeRoom();
    this.#behind = true;
    this.#tell();
  }

  #takeNext(): Delivery | undefined {
    if (this.#failure) throw this.#failure.error;
    const before = this.#before[this.#taken];
    if (before) {
      this.#taken++;
      if (this.#taken === this.#before.length) {
        this.#before = [];
        this.#taken = 0;
      }
      return this.#sent(before);
    }
    const missing = this.#outbox.missing();
    if (missing) {
      this.#owner.count("gaps", 1);
      const { id, last, dropped } = missing;
      return this.#sent(gapDelivery({ from: this.#last, to: last.id, dropped }, id));
    }
    const delivery = this.#outbox.take();
    if (delivery) {
      this.#makeRoom();
      return this.#sent(delivery);
    }
    this.#behind = false;
    if (!this.#ending) return undefined;
    const goodbye = this.#goodbye;
    this.#goodbye = undefined;
    this.#over = true;
    return goodbye;
  }

  #sent(delivery: Delivery): Delivery {
    this.#last = delivery.id;
    if (delivery.kind === "item") this.#owner.count("delivered", 1);
    return delivery;
  }

  /** Tells who waits that there is something. */
  #tell(): void {
    const reader = this.#waiting;
    this.#waiting = undefined;
    reader?.more();
  }

  #drop(): void {
    this.#before = [];
    this.#taken = 0;
    this.#outbox.clear();
  }

  #makeRoom(): void {
    const resolve = this.#roomAwaited;
    this.#roomAwaited = undefined;
    resolve?.();
  }
}

const over = { done: true, value: undefined } as const;
