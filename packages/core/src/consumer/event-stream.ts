import type { Cursor, Outcome } from "../errors.ts";
import type { Head } from "../events/opener.ts";
import { Session } from "../session/run.ts";
import type { SessionSettings } from "../session/settings.ts";
import type { SessionState } from "../session/state.ts";
import type { Clock } from "../time/clock.ts";
import { type Consumption, type Delivery, deliveryOf } from "./delivery.ts";
import { type NoticeOptions, type NoticeReader, Notices } from "./notices.ts";
import { PullIterator, takeBatch, takeItem } from "./pull-iterator.ts";

/** What a stream has counted so far. */
export interface StreamStats {
  readonly attempts: number;
  /** Bytes of body read, over all attempts. */
  readonly bytes: number;
  /** Items handed to the consumer. */
  readonly items: number;
  /** Items that the policy dropped. */
  readonly dropped: number;
  /** Signs of life that were no items: comments, blank lines. */
  readonly heartbeats: number;
  /** Times it was open again. */
  readonly reconnects: number;
  /** When the last byte and the last item came, in ms since 1970. */
  readonly lastByteAt: number | undefined;
  readonly lastItemAt: number | undefined;
}

/**
 * A stream of items that outlives its connections. Lazy: nothing is sent before the first pull or `open()`.
 *
 * Consume it once, with `for await`, with `batches()` or with `toReadableStream()`; a second consumer is a TypeError. Asking
 * for the next item acknowledges the last; leaving the loop releases the connection and acknowledges nothing more.
 *
 * @throws StreamError in the loop, by `code`: how it ended, when not well. A caller's abort reason is thrown as it is.
 *
 * @example
 * ```ts
 * import { openLines } from "@longwire/core";
 *
 * await using lines = openLines("https://a.example/log");
 * for await (const line of lines) console.log(line);
 * console.log((await lines.outcome).code);
 * ```
 */
export class EventStream<T> implements AsyncIterable<T>, AsyncDisposable {
  readonly #session: Session<T>;
  /** Only where there is a buffer or a cursor store. */
  readonly #delivery: Delivery<T> | undefined;
  readonly #notices: Notices;
  readonly #clock: Clock;
  #consumed = false;
  #outcome: Promise<Outcome> | undefined;

  /** @throws TypeError, RangeError on a bad `policy`, `capacity` or `saveMs` */
  constructor(settings: SessionSettings<T>, consumption: Consumption<T> = {}) {
    this.#clock = settings.clock;
    this.#notices = new Notices(consumption.watch?.(this, settings.url));
    this.#delivery = deliveryOf(settings, consumption, this.#notices);
    this.#session = this.#delivery?.session ?? new Session(settings, this.#notices);
  }

  /** What it is doing: `idle`, `opening`, `open`, `waiting` (with the cause and when it will try again) or `closed`. */
  get state(): SessionState {
    return (this.#delivery ?? this.#session).state;
  }

  /** The resume point of the last item that the consumer finished with. */
  get cursor(): Cursor | undefined {
    return (this.#delivery ?? this.#session.intake).cursor;
  }

  /** How it ended. Never rejects, opens nothing; settles by `close()` too. With a cursor store: behind the last save. */
  get outcome(): Promise<Outcome> {
    this.#outcome ??= (this.#delivery ?? this.#session).outcome();
    return this.#outcome;
  }

  get stats(): StreamStats {
    const { intake, state } = this.#session;
    const behindMs = this.#clock.date() - this.#clock.now();
    const at = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : behindMs + ms);
    return {
      attempts: state.tally.attempts,
      bytes: intake.bytes,
      items: (this.#delivery ?? intake).items,
      dropped: this.#delivery?.dropped ?? 0,
      heartbeats: intake.heartbeats,
      reconnects: Math.max(0, state.tally.opens - 1),
      lastByteAt: at(intake.lastByteMs),
      lastItemAt: at(intake.lastItemMs),
    };
  }

  /**
   * Connects now and answers with the head of the first good answer; reads no item. Follows the same retries as reading.
   *
   * @throws StreamError what would end the stream; the caller's abort reason; an `AbortError` when it was closed before
   */
  open(): Promise<Head> {
    const opened = this.#session.open();
    // As with a pull: who does not wait for it can ask the outcome.
    opened.catch(() => {});
    return opened;
  }

  /**
   * Makes the next attempt now, when it waits for one: the network is back, a user pressed "try again". Answers whether it waited.
   * The origin's budget of attempts is still kept to, and the attempt counts as the one that was waited for.
   */
  retryNow(): boolean {
    return this.#session.retryNow();
  }

  /** What happens to the stream, from now on, beside its items. Opens nothing, ends after `closed`. */
  notices(options?: NoticeOptions): NoticeReader {
    return this.#notices.read(options);
  }

  /** The same items as they arrive, array by array, never an empty one. */
  batches(): AsyncIterableIterator<readonly T[], undefined> {
    this.#consume();
    if (this.#delivery) return new PullIterator(this.#delivery, (delivery) => delivery.takeBatch());
    return new PullIterator(this.#session, takeBatch);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    this.#consume();
    if (this.#delivery) return new PullIterator(this.#delivery, (delivery) => delivery.takeItem());
    return new PullIterator(this.#session, takeItem);
  }

  /** The same items as a web stream that reads ahead of nobody; cancelling it closes the stream. */
  toReadableStream(): ReadableStream<T> {
    const items = this[Symbol.asyncIterator]();
    return new ReadableStream<T>(
      {
        pull: async (controller) => {
          const { done, value } = await items.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: () => this.close(),
      },
      { highWaterMark: 0 },
    );
  }

  /** Acknowledges the items in hand; asking for the next does it too. */
  ack(): void {
    if (this.#delivery) return this.#delivery.ack();
    const { hand } = this.#session;
    if (hand.acknowledged < hand.taken) hand.acknowledged = hand.taken;
  }

  /**
   * Ends it, in any state; final. Every pending pull settles. Waits for nothing but the last save of a cursor store, and for
   * that 5 s at most; never rejects.
   */
  async close(): Promise<void> {
    await (this.#delivery ?? this.#session).close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #consume(): void {
    if (this.#consumed) throw new TypeError("This stream has a consumer already: a stream is read once");
    this.#consumed = true;
  }
}
