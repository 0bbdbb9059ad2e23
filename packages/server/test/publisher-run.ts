// Random subscribers of a publisher on a log that takes its time, each held against its model.

import { latestBy } from "@longwire/core";
import { fakeClock, seededRandom } from "@longwire/core/testing";
import { expect } from "vitest";
import {
  createPublisher,
  type Delivery,
  memoryReplayLog,
  type Published,
  type Publisher,
  type Replay,
  type ReplayLog,
  type SubscriberPolicy,
  type Subscription,
} from "../src/index.ts";
import { type Book, ReaderModel } from "./publisher-model.ts";

/** What a run is made with. */
export interface RunOptions {
  readonly policy: SubscriberPolicy;
  readonly capacity: number;
  /** Items that the log keeps. */
  readonly maxItems: number;
  /** How long the calls of the log take, one after the other, again and again, in ms; a negative one is refused. */
  readonly waitsMs: readonly number[];
}

/** What happens in a run. Readers are named by their numbers. */
export type Step =
  | { readonly do: "publish"; readonly topic: number }
  | { readonly do: "come"; readonly reader: number }
  | { readonly do: "pull"; readonly reader: number; readonly count: number }
  /** The last `lost` deliveries never came. */
  | { readonly do: "leave"; readonly reader: number; readonly lost: number }
  /** A heartbeat would go out. */
  | { readonly do: "beat"; readonly reader: number }
  | { readonly do: "wait"; readonly ms: number }
  /** The publisher closes, and another one takes its place on the same log. */
  | { readonly do: "restart" };

export const topics = ["a", "b", "c"] as const;

const keyOf = ({ data }: Published): number => Number(data) % 4;
export const byKey = latestBy(keyOf);

const blockMs = 20;
const goodbyeMs = 30;
const deadlineMs = 40;

/** One run, to its end: everybody has everything, and nothing is left. @throws what is wrong in it */
export async function publisherRun(options: RunOptions, steps: readonly Step[]): Promise<RunCounts> {
  const world = new World(options);
  for (const step of steps) await world.take(step);
  return world.end();
}

/** What was met in a run. */
export interface RunCounts {
  readonly items: number;
  readonly gaps: number;
  readonly goodbyes: number;
  readonly evicted: number;
  readonly dropped: number;
  readonly replayed: number;
}

class World {
  readonly #options: RunOptions;
  readonly #clock = fakeClock();
  readonly #log: SlowLog;
  readonly #readers: Reader[];
  readonly #publishing = new Set<Promise<void>>();
  readonly #counts = { items: 0, gaps: 0, goodbyes: 0, evicted: 0, dropped: 0, replayed: 0 };
  #publisher: Publisher;
  #next = 1;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#log = new SlowLog(this.#clock, options.maxItems, options.waitsMs);
    this.#publisher = this.#newPublisher();
    const keyed = typeof options.policy === "object" ? keyOf : undefined;
    this.#readers = [undefined, ["a"], ["a", "c"], ["b"], undefined].map((own, number) => {
      const wanted = own && new Set(own);
      // The last one comes with a cursor from elsewhere.
      const model = new ReaderModel(this.#log, wanted, keyed, number === 4 ? "elsewhere-7" : undefined);
      return new Reader(model, wanted, `address ${number}`, this.#counts);
    });
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "publish":
        this.#publish(topics[step.topic] as string);
        break;
      case "come":
        (this.#readers[step.reader] as Reader).come(this.#publisher);
        break;
      case "pull":
        (this.#readers[step.reader] as Reader).pull(step.count);
        break;
      case "leave":
        (this.#readers[step.reader] as Reader).leave(step.lost);
        break;
      case "beat":
        // Heartbeats go out by a timer: what was handed out before is there.
        await this.#wait(0);
        (this.#readers[step.reader] as Reader).beat();
        break;
      case "wait":
        await this.#wait(step.ms);
        break;
      case "restart":
        await this.#restart();
        break;
      default:
        return step satisfies never;
    }
    return undefined;
  }

  /** Everybody takes all there is. */
  async end(): Promise<RunCounts> {
    for (let rounds = 0; this.#publishing.size > 0; rounds++) {
      if (rounds > 1_000) throw new Error("publish never settles");
      await this.#wait(blockMs);
    }
    for (const reader of this.#readers) {
      let rounds = 0;
      do {
        if (rounds++ > 200) throw new Error(`${reader.address} never has all`);
        reader.come(this.#publisher);
        reader.pull(1);
        // Longer than the log takes for everybody.
        await this.#wait(200);
      } while (!reader.waits);
      reader.model.expectNoneLost();
    }
    await this.#close();
    return this.#counts;
  }

  async #wait(ms: number): Promise<void> {
    await this.#clock.advance(ms);
    for (const { failure } of this.#readers) if (failure) throw failure.error;
    expect(this.#publisher.stats.subscribers).toBe(this.#readers.filter(({ isIn }) => isIn).length);
  }

  #publish(topic: string): void {
    const sent = this.#publisher.publish(topic, this.#next++).then(
      () => {},
      // It was refused, and never was.
      (error: Error) => expect(error.message).toBe("the log refuses"),
    );
    this.#publishing.add(sent);
    void sent.finally(() => this.#publishing.delete(sent));
  }

  async #restart(): Promise<void> {
    await this.#close();
    this.#publisher = this.#newPublisher();
  }

  async #close(): Promise<void> {
    const isClosed = Promise.withResolvers<string>();
    void this.#publisher.close({ deadlineMs }).then(() => isClosed.resolve("closed"));
    const isGraceful = !["evict", "block"].includes(this.#options.policy as string);
    // One half goes on reading. Who is not evicted has all when the goodbye comes.
    for (const reader of this.#readers.filter((_, number) => number % 2 === 0)) reader.pull(1_000, isGraceful);
    await this.#wait(deadlineMs + 1_000);
    expect(await Promise.race([isClosed.promise, "not closed"])).toBe("closed");
    const { subscribers, evicted, dropped, replayed } = this.#publisher.stats;
    expect([subscribers, this.#clock.pending]).toEqual([0, 0]);
    for (const reader of this.#readers) reader.leave(0);
    this.#counts.evicted += evicted;
    this.#counts.dropped += dropped;
    this.#counts.replayed += replayed;
  }

  #newPublisher(): Publisher {
    const { policy, capacity } = this.#options;
    const limits = { maxPerAddress: 1, maxSubscribers: 5, blockMs, goodbyeMs };
    return createPublisher({
      ...limits,
      log: this.#log,
      policy,
      capacity,
      clock: this.#clock,
      random: seededRandom(1),
    });
  }
}

/** One of its subscribers, at most one connection at a time. */
class Reader {
  readonly model: ReaderModel;
  readonly address: string;
  failure: { readonly error: unknown } | undefined;
  readonly #topics: ReadonlySet<string> | undefined;
  readonly #counts: { items: number; gaps: number; goodbyes: number };
  #subscription: Subscription | undefined;
  #wanted = 0;
  #pulling = false;
  #isToHaveAll = false;

  constructor(
    model: ReaderModel,
    wanted: ReadonlySet<string> | undefined,
    address: string,
    counts: { items: number; gaps: number; goodbyes: number },
  ) {
    this.model = model;
    this.address = address;
    this.#topics = wanted;
    this.#counts = counts;
  }

  /** It asked for more than came. */
  get waits(): boolean {
    return this.#pulling;
  }

  come(publisher: Publisher): void {
    if (this.#subscription) return;
    // However it left, its place is free.
    expect(publisher.refusal({ address: this.address })).toBeUndefined();
    this.model.connect();
    this.#subscription = publisher.subscribe({
      topics: this.#topics,
      cursor: this.model.resume,
      address: this.address,
    });
  }

  /** It has its place. */
  get isIn(): boolean {
    return this.#subscription?.signal.aborted === false;
  }

  /** `toTheEnd`: a goodbye comes behind all there is. */
  pull(count: number, toTheEnd = false): void {
    this.#wanted += count;
    this.#isToHaveAll = toTheEnd;
    if (!this.#pulling) void this.#pull();
  }

  beat(): void {
    const bookmark = this.#subscription?.bookmark();
    if (bookmark) this.#took(bookmark);
  }

  leave(lost: number): void {
    const subscription = this.#subscription;
    if (!subscription) return;
    this.#subscription = undefined;
    this.#wanted = 0;
    void subscription.return();
    this.model.lose(lost);
  }

  async #pull(): Promise<void> {
    this.#pulling = true;
    while (this.#wanted > 0 && this.#subscription) {
      this.#wanted--;
      const subscription = this.#subscription;
      await subscription.next().then(
        ({ done, value }) => {
          if (done) this.#ended(subscription);
          // What comes to one who has left is none of its.
          else if (subscription === this.#subscription) this.#took(value);
        },
        (error: Error) => {
          if (error.message !== "the log refuses") throw error;
          this.#ended(subscription);
        },
      );
    }
    this.#pulling = false;
  }

  #ended(subscription: Subscription): void {
    if (subscription === this.#subscription) this.leave(0);
  }

  #took(delivery: Delivery): void {
    if (delivery.kind === "gap") this.#counts.gaps++;
    else if (delivery.kind === "goodbye") this.#counts.goodbyes++;
    else if (delivery.kind === "item") this.#counts.items++;
    try {
      this.model.take(delivery);
      if (delivery.kind === "goodbye" && this.#isToHaveAll) this.model.expectNoneLost();
    } catch (error) {
      this.failure ??= { error: new Error(`${this.address}: ${String(error)}`, { cause: error }) };
    }
  }
}

/** A log in memory that takes its time, refuses now and then, and remembers what it forgot. */
class SlowLog implements ReplayLog, Book {
  readonly #log: ReplayLog;
  readonly #clock: ReturnType<typeof fakeClock>;
  readonly #maxItems: number;
  readonly #waitsMs: readonly number[];
  readonly #items: Published[] = [];
  readonly #places = new Map<string, number>();
  readonly #placesByData = new Map<string, number>();
  #calls = 0;
  #running = 0;

  constructor(clock: ReturnType<typeof fakeClock>, maxItems: number, waitsMs: readonly number[]) {
    this.#log = memoryReplayLog({ maxItems, random: seededRandom(5) });
    this.#clock = clock;
    this.#maxItems = maxItems;
    this.#waitsMs = waitsMs;
  }

  get size(): number {
    return this.#items.length;
  }

  get forgotten(): number {
    return Math.max(0, this.size - this.#maxItems);
  }

  item(place: number): Published {
    return this.#items[place - 1] as Published;
  }

  placeOf(id: string): number | undefined {
    const place = this.#places.get(id);
    return place ?? (id.endsWith("-0") ? 0 : undefined);
  }

  placeWith(data: unknown): number | undefined {
    return this.#placesByData.get(String(data));
  }

  append(item: Published): Promise<string> {
    return this.#call(async () => {
      const id = await this.#log.append(item);
      this.#items.push(item);
      this.#places.set(id, this.size);
      this.#placesByData.set(item.data, this.size);
      return id;
    });
  }

  since(cursor: string | undefined): Promise<Replay> {
    return this.#call(() => this.#log.since(cursor));
  }

  async #call<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running++ > 0) throw new Error("Two calls of the log at the same time");
    const ms = this.#waitsMs[this.#calls++ % this.#waitsMs.length] as number;
    try {
      if (ms < 0) throw new Error("the log refuses");
      await this.#waited(ms);
      const result = await work();
      await this.#waited(ms);
      return result;
    } finally {
      this.#running--;
    }
  }

  /** Of 0 it has the answer at hand. */
  #waited(ms: number): Promise<void> | undefined {
    return ms === 0 ? undefined : new Promise((resolve) => void this.#clock.timer(ms, resolve));
  }
}
