import { type Clock, type Random, systemClock, systemRandom } from "@longwire/core";
import { Admission, checkedOrigins, type Refusal } from "./admission.ts";
import { goodbyeDelivery, ItemDelivery, ownTypes } from "./delivery.ts";
import { memoryReplayLog } from "./memory-replay-log.ts";
import { Outbox, type SubscriberPolicy } from "./outbox.ts";
import type { Published, ReplayLog } from "./replay-log.ts";
import { wholeFrom } from "./response-options.ts";
import { checkedPolicy } from "./slow-policy.ts";
import { sseText } from "./sse-encoding.ts";
import { Subscription } from "./subscription.ts";
import { checkedTopics } from "./topics.ts";

/** What a publisher keeps, for whom, and how many it serves. */
export interface PublisherOptions {
  /** What those who come back get the rest from. Default: {@link memoryReplayLog} with its defaults. */
  readonly log?: ReplayLog | undefined;
  /** Items that wait for one subscriber at most, from 1. Default 256. */
  readonly capacity?: number | undefined;
  /**
   * What becomes of a subscriber whose queue is full at one item more. `evict` (the default) drops its queue, tells it to come back and
   * lets it go: it resumes from the log. `block` makes `publish` wait for it, up to `blockMs`, and then evicts it. `dropOldest` drops the
   * oldest items and tells it the gap. `latestBy(key)` keeps the latest item of each key.
   */
  readonly policy?: SubscriberPolicy | undefined;
  /** Longest wait of `publish` for one subscriber with `block`, in ms; `0`: none. Default 1_000. */
  readonly blockMs?: number | undefined;
  /** How long clients are told to wait before they come back, in whole ms; with a goodbye up to twice that, by chance. Default 1_000. */
  readonly retryMs?: number | undefined;
  /** How long a subscriber that was evicted, or whose log or policy failed, has to leave before it is cut, in ms. Default 5_000. */
  readonly goodbyeMs?: number | undefined;
  /** Subscribers at one time; one more is refused with 503. Default: no limit. */
  readonly maxSubscribers?: number | undefined;
  /** Subscribers at one time from one address; one more is refused with 429. Default: no limit. */
  readonly maxPerAddress?: number | undefined;
  /** Origins whose pages may read, as `https://app.example`; another `Origin` is refused with 403. Default: not looked at. */
  readonly origins?: readonly string[] | undefined;
  /** Default: the real one. */
  readonly clock?: Clock | undefined;
  /** Default: the real dice. */
  readonly random?: Random | undefined;
}

/** What can be said of an item. */
export interface PublishOptions {
  /** The event's name: `event:` for SSE, `type` in a row. Not `gap` or `goodbye`, which the publisher has for itself. Default: none. */
  readonly type?: string | undefined;
}

/** Who subscribes to what. */
export interface SubscribeOptions {
  /** Default: all topics. */
  readonly topics?: Iterable<string> | undefined;
  /** The id to go on behind, as `Last-Event-ID` brings it. Default: from now on. */
  readonly cursor?: string | undefined;
  /** Where it comes from, for `maxPerAddress`. */
  readonly address?: string | undefined;
  /** The policy and the capacity for this one. Default: the publisher's. */
  readonly policy?: SubscriberPolicy | undefined;
  readonly capacity?: number | undefined;
}

/** Counts of a publisher: `subscribers` now, all else since it was made. */
export interface PublisherStats {
  readonly subscribers: number;
  readonly published: number;
  /** Items handed to subscribers. */
  readonly delivered: number;
  /** Of these and of what waits, those that came from the log. */
  readonly replayed: number;
  /** Items dropped from queues: by `dropOldest`, by `latestBy`, and those that an evicted subscriber had waiting. */
  readonly dropped: number;
  readonly gaps: number;
  readonly evicted: number;
  readonly refused: number;
}

/**
 * A publisher without subscribers.
 *
 * An item is kept by the log, which gives it an id, then put into the queue of each subscriber of its topic; it is encoded once for
 * each format that anybody reads. Who comes back with an id gets what it missed, from the log.
 *
 * @throws TypeError, RangeError on a bad option
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { createPublisher, publisherHandler } from "@longwire/server";
 *
 * const publisher = createPublisher({ maxSubscribers: 10_000 });
 * const server = createServer(publisherHandler(publisher, { topics: ["prices"] })).listen(8080);
 * await publisher.publish("prices", { symbol: "LW", cents: 1_250 }, { type: "price" });
 * console.log(publisher.stats.published);
 * await publisher.close({ deadlineMs: 5_000 }); // each subscriber gets what waits for it, and is told to come back
 * server.close();
 * ```
 */
export function createPublisher(options: PublisherOptions = {}): Publisher {
  return new Publisher(options);
}

/** Fan-out to many subscribers. Made by {@link createPublisher}. */
export class Publisher implements AsyncDisposable {
  readonly #log: ReplayLog;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #settings: Readonly<Record<"capacity" | "blockMs" | "retryMs" | "goodbyeMs", number>>;
  readonly #policy: SubscriberPolicy;
  readonly #admission: Admission;
  readonly #origins: ReadonlySet<string> | undefined;
  /** Each with what is to be undone when it leaves. */
  readonly #subscriptions = new Map<Subscription, () => void>();
  readonly #counts = { published: 0, delivered: 0, replayed: 0, dropped: 0, gaps: 0, evicted: 0 };
  /** Publishing, one item after another. */
  #publishing: Promise<unknown> = Promise.resolve();
  /** Calls of the log: between a subscriber's replay and its first live item nothing can be published. */
  #logging: Promise<unknown> = Promise.resolve();
  #end: string | undefined;
  #closed: Promise<void> | undefined;
  #emptied: (() => void) | undefined;

  constructor(options: PublisherOptions) {
    const { capacity = 256, blockMs = 1_000, retryMs = 1_000, goodbyeMs = 5_000, policy = "evict", origins } = options;
    this.#settings = {
      capacity: wholeFrom(1, "capacity", capacity),
      blockMs: wholeFrom(0, "blockMs", blockMs),
      retryMs: wholeFrom(0, "retryMs", retryMs),
      goodbyeMs: wholeFrom(0, "goodbyeMs", goodbyeMs),
    };
    this.#policy = checkedPolicy(policy);
    this.#origins = origins && checkedOrigins(origins);
    this.#admission = new Admission({
      what: "subscribers",
      most: options.maxSubscribers,
      maxPerAddress: options.maxPerAddress,
      retryMs,
    });
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#log = options.log ?? memoryReplayLog({ random: this.#random });
  }

  get stats(): PublisherStats {
    return { subscribers: this.#subscriptions.size, ...this.#counts, refused: this.#admission.refused };
  }

  /** What clients are told to wait before they come back, in ms. */
  get retryMs(): number {
    return this.#settings.retryMs;
  }

  /** Whether it closes, or is closed. */
  get closing(): boolean {
    return this.#closed !== undefined;
  }

  /** Measures its waits, and the heartbeats of its responses. */
  get clock(): Clock {
    return this.#clock;
  }

  /**
   * Publishes a text, or a value as JSON. Resolves with its id when the log has it and it is in every subscriber's queue; with `block`
   * when those that were behind have room again or were evicted. Items are published in the order of the calls.
   *
   * @throws TypeError on a value without a JSON text, and on a type with a line break or a NUL; Error when it is closed, and what the log
   * threw: then nobody got the item
   */
  async publish(topic: string, data: unknown, { type }: PublishOptions = {}): Promise<string> {
    if (this.#closed) throw new Error("Cannot publish: the publisher is closed");
    if (typeof topic !== "string") throw new TypeError(`A topic must be a string, got ${typeof topic}`);
    const item = published(topic, data, type);
    const before = this.#publishing;
    const turn = (async () => {
      await before;
      return this.#deliver(item);
    })();
    this.#publishing = turn.catch(() => {});
    return turn;
  }

  /** Whether one may subscribe now: `undefined`, or the answer that says why not, which is counted. */
  refusal({
    origin,
    address,
  }: {
    origin?: string | undefined;
    address?: string | undefined;
  } = {}): Refusal | undefined {
    return this.#admission.refusal(address, origin === undefined || (this.#origins?.has(origin) ?? true));
  }

  /** Those whose pages may read; `undefined`: it is not looked at. */
  get origins(): readonly string[] | undefined {
    return this.#origins && [...this.#origins];
  }

  /** Headers that let a page of an allowed origin read the answer, and when it may ask again. */
  originHeaders(origin: string | undefined): Readonly<Record<string, string>> {
    if (!this.#origins) return {};
    const vary = "origin";
    if (origin === undefined || !this.#origins.has(origin)) return { vary };
    return { vary, "access-control-allow-origin": origin, "access-control-expose-headers": "retry-after" };
  }

  /**
   * A subscription, for a protocol of your own; the responses of this package make theirs. Ask {@link refusal} before: here only a
   * publisher that is closed is an error. It counts as a subscriber until it is left.
   *
   * @throws Error when it is closed; TypeError, RangeError on a bad option
   *
   * @example
   * ```ts
   * import { createPublisher } from "@longwire/server";
   *
   * const publisher = createPublisher();
   * const socket: { send(text: string): void; terminate(): void } = { send: console.log, terminate() {} };
   * const subscription = publisher.subscribe({ topics: ["news"] });
   * subscription.signal.addEventListener("abort", () => socket.terminate());
   * for await (const { text } of subscription) if (text !== "") socket.send(text);
   * ```
   */
  subscribe(options: SubscribeOptions = {}): Subscription {
    if (this.#closed) throw new Error("Cannot subscribe: the publisher is closed");
    const { cursor, address } = options;
    const topics = checkedTopics(options.topics);
    const policy = checkedPolicy(options.policy ?? this.#policy);
    const outbox = new Outbox(policy, wholeFrom(1, "capacity", options.capacity ?? this.#settings.capacity));
    const subscription = new Subscription(this.#owner, topics, outbox);
    this.#subscriptions.set(subscription, this.#admission.enter(address));
    this.#inTurn(async () => {
      const replay = await this.#log.since(cursor);
      this.#end = replay.cursor;
      if (this.#subscriptions.has(subscription)) subscription.join(replay);
    }).catch((error: unknown) => this.#fail(subscription, error));
    return subscription;
  }

  /**
   * Lets everybody go. New subscribers are refused, items in publication are published, each subscriber gets what waits for it, then a
   * goodbye: `retry:` in SSE, spread by chance so that not all come back at once. Who has not taken that within `deadlineMs` (5_000) is
   * cut, and resumes from the log. Resolves when nobody is left; a log that does not answer is not waited for longer.
   */
  close({ deadlineMs = 5_000 }: { readonly deadlineMs?: number | undefined } = {}): Promise<void> {
    wholeFrom(0, "deadlineMs", deadlineMs);
    this.#closed ??= this.#close(deadlineMs);
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#admission.close();
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => {
      cancel = this.#clock.timer(deadlineMs, () => {
        for (const subscription of this.#subscriptions.keys()) {
          subscription.cut(new Error(`The publisher closes, and ${deadlineMs} ms were not enough (deadlineMs)`));
          void subscription.return();
        }
        resolve();
      });
    });
    await Promise.race([late, Promise.all([this.#publishing, this.#logging])]);
    for (const subscription of this.#subscriptions.keys()) subscription.finish(this.#goodbye());
    if (this.#subscriptions.size > 0) await new Promise<void>((resolve) => (this.#emptied = resolve));
    cancel();
  }

  async #deliver(item: Published): Promise<string> {
    const full: Subscription[] = [];
    const delivery = await this.#inTurn(async () => {
      const id = await this.#log.append(item);
      this.#end = id;
      const made = new ItemDelivery(id, item, ++this.#counts.published);
      for (const subscription of this.#subscriptions.keys()) {
        if (subscription.wants(item.topic) && !this.#put(subscription, made)) full.push(subscription);
      }
      return made;
    });
    if (full.length > 0) await Promise.all(full.map((subscription) => this.#waitFor(subscription, delivery)));
    return delivery.id;
  }

  /** Whether it has the item, or needs it no more; `false`: `publish` waits for it. */
  #put(subscription: Subscription, delivery: ItemDelivery): boolean {
    try {
      const dropped = subscription.put(delivery);
      if (dropped !== "full") this.#counts.dropped += dropped;
      else if (subscription.blocks) return false;
      else this.#evict(subscription);
    } catch (error) {
      // What `latestBy` threw of one subscriber's policy is nothing to the others, nor to who publishes.
      this.#fail(subscription, error);
    }
    return true;
  }

  async #waitFor(subscription: Subscription, delivery: ItemDelivery): Promise<void> {
    const { blockMs } = this.#settings;
    const cancel = this.#clock.timer(blockMs, () => this.#evict(subscription));
    await subscription.room();
    cancel();
    if (subscription.wants(delivery.item.topic)) subscription.put(delivery);
  }

  #evict(subscription: Subscription): void {
    this.#counts.evicted++;
    this.#counts.dropped += subscription.evict(this.#goodbye());
    this.#awaitLeaving(
      subscription,
      new Error("The subscriber was evicted, and did not take its goodbye in time (goodbyeMs)"),
    );
  }

  #fail(subscription: Subscription, error: unknown): void {
    if (!this.#subscriptions.has(subscription)) return;
    subscription.fail(error);
    this.#awaitLeaving(subscription, error);
  }

  /** Nothing more comes for it: it leaves by itself, or is cut in the end. */
  #awaitLeaving(subscription: Subscription, reason: unknown): void {
    const undo = this.#subscriptions.get(subscription);
    const cancel = this.#clock.timer(this.#settings.goodbyeMs, () => {
      subscription.cut(reason);
      void subscription.return();
    });
    this.#subscriptions.set(subscription, () => {
      cancel();
      undo?.();
    });
  }

  #goodbye(): ReturnType<typeof goodbyeDelivery> {
    return goodbyeDelivery(Math.round(this.#settings.retryMs * (1 + this.#random())));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#logging;
    const turn = (async () => {
      await before;
      return work();
    })();
    this.#logging = turn.catch(() => {});
    return turn;
  }

  readonly #owner = {
    end: () => this.#end,
    count: (what: "delivered" | "replayed" | "gaps", by: number) => {
      this.#counts[what] += by;
    },
    left: (subscription: Subscription) => {
      this.#subscriptions.get(subscription)?.();
      this.#subscriptions.delete(subscription);
      if (this.#subscriptions.size === 0) this.#emptied?.();
    },
  };
}

/** @throws TypeError, as `publish` does */
function published(topic: string, data: unknown, type: string | undefined): Published {
  if (type !== undefined && ownTypes.has(type)) {
    throw new TypeError(
      `An item cannot be of type ${JSON.stringify(type)}: the publisher tells things of its own by it`,
    );
  }
  // Refused here, where its publisher hears of it, and not where it is encoded for others.
  sseText({ type });
  if (typeof data === "string") return { topic, type, data, format: "text" };
  const json: string | undefined = JSON.stringify(data);
  if (json === undefined)
    throw new TypeError(`Only text and what JSON has a text for can be published, got ${typeof data}`);
  return { topic, type, data: json, format: "json" };
}
