import { flat } from "#native";
import { asStreamError, type Cursor, StreamError } from "../errors.ts";
import type { AttemptEnd, Batch, Opener } from "../events/opener.ts";
import type { Terminator } from "../events/until.ts";
import type { Mark } from "../frames/decoder.ts";
import { cursorAfter, type Hand } from "./hand.ts";
import type { Notice } from "./notice.ts";

/** What an intake is made of. */
export interface IntakeSettings<T> {
  readonly opener: Pick<Opener<T>, "cursorOf">;
  readonly until: Terminator<T> | undefined;
  /** What errors call the stream: its URL, masked. */
  readonly url: string;
  /** The caller's first resume point. */
  readonly from: Cursor | undefined;
}

/** Told what happened. */
export interface Notified {
  notify(notice: Notice): void;
}

/**
 * What has arrived, over all attempts: the batch that the consumer has in hand, what it acknowledged, and what was counted on
 * the way. Times are of the session's clock.
 */
export class Intake<T> {
  /** The batch that the consumer is at. */
  hand: Hand<T> = nothing;
  bytes = 0;
  heartbeats = 0;
  lastByteMs: number | undefined;
  lastItemMs: number | undefined;
  /** `until` matched: the end is the stream's. */
  matched = false;
  /** New items of this attempt: where items carry cursors, since its cursor moved. */
  freshItems = 0;
  /** The wait before a reconnect that the server asked for last. */
  retryMs = 0;
  readonly #settings: IntakeSettings<T>;
  readonly #notices: Notified;
  /** Items of the batches before the one in hand. */
  #items = 0;
  #cursor: Cursor | undefined;
  #cursorAtBegin: Cursor | undefined;
  #moved = false;

  constructor(settings: IntakeSettings<T>, notices: Notified) {
    this.#settings = settings;
    this.#notices = notices;
    this.#cursor = settings.from;
  }

  /** Items handed to the consumer. */
  get items(): number {
    return this.#items + this.hand.taken;
  }

  /** The resume point of the last item that the consumer finished with. */
  get cursor(): Cursor | undefined {
    return this.#cursorUpTo(this.hand.acknowledged);
  }

  /** An attempt begins, after the cursor. */
  begin(): void {
    this.#cursorAtBegin = this.#cursor;
    this.#moved = false;
    this.freshItems = 0;
  }

  /** Takes a batch in hand, up to the item that ends the stream, and answers how its attempt ended, if it did. */
  receive(batch: Batch<T>, nowMs: number): AttemptEnd | undefined {
    if (batch.bytes > 0) {
      this.bytes += batch.bytes;
      this.lastByteMs = nowMs;
    }
    for (const mark of batch.marks) this.#marked(mark);
    const cut = this.#upToMatch(batch);
    const { items, marks } = cut;
    this.hand = { items, marks, taken: 0, acknowledged: 0 };
    if (items.length > 0) {
      this.lastItemMs = nowMs;
      this.#moved ||= this.#hasMovedAfter(items.length);
      if (this.#moved) this.freshItems += items.length;
    }
    return this.#endOf(cut);
  }

  /** The consumer asks for more: it finished with all it had. */
  acknowledgeAll(): void {
    const { hand } = this;
    if (hand === nothing) return;
    this.#cursor = this.#cursorAfter(hand.items.length);
    this.#items += hand.items.length;
    this.hand = nothing;
  }

  /** The session is over: what was not taken is gone. */
  close(): void {
    this.#cursor = this.cursor;
    this.#items = this.items;
    this.hand = nothing;
  }

  #cursorAfter(count: number): Cursor | undefined {
    return cursorAfter(this.hand, count, this.#cursor, this.#settings.opener.cursorOf);
  }

  #cursorUpTo(count: number): Cursor | undefined {
    try {
      return this.#cursorAfter(count);
    } catch {
      // The caller's function threw. That ends the session when the items are acknowledged; here it must not keep it from being closed.
      return this.#cursor;
    }
  }

  #marked(mark: Mark<T>): void {
    switch (mark.kind) {
      case "comment":
        this.heartbeats++;
        return this.#notices.notify({ type: "comment", text: shortened(mark.value) });
      case "heartbeat":
        this.heartbeats++;
        return;
      case "retry":
        // Above that it is no number of milliseconds any more, and would stop the stream for ever.
        if (Number.isSafeInteger(mark.value)) this.retryMs = mark.value;
        return;
      case "bad":
        return this.#notices.notify({
          type: "bad",
          item: { ...mark.value, raw: mark.value.raw.slice(0, mostNoticed) },
        });
      case "cursor":
      case "marker":
      case "unfinished":
        return;
      default:
        mark satisfies never;
    }
  }

  /** The batch up to the item that ends the stream, or that `until` threw at. */
  #upToMatch(batch: Batch<T>): Batch<T> {
    const { until, url } = this.#settings;
    if (!until) return batch;
    const { items, marks } = batch;
    let i = 0;
    try {
      for (; i < items.length; i++) {
        const match = until(items[i] as T);
        if (!match) continue;
        this.matched = true;
        return { ...batch, items: items.slice(0, match === "deliver" ? i + 1 : i) };
      }
      for (const mark of marks) {
        if (mark.kind === "marker" || (mark.kind === "unfinished" && until(mark.value))) {
          this.matched = true;
          return { ...batch, items: items.slice(0, mark.at) };
        }
      }
    } catch (error) {
      return { ...batch, items: items.slice(0, i), error: asStreamError(error, url) };
    }
    return batch;
  }

  #endOf({ end, error }: Batch<T>): AttemptEnd | undefined {
    if (this.matched) return "complete";
    if (error) return error;
    if (end !== "truncated") return end;
    return new StreamError("truncated", `Cannot finish ${this.#settings.url}: its end fell inside an item`);
  }

  #hasMovedAfter(count: number): boolean {
    const cursor = this.#cursorUpTo(count);
    return cursor === undefined || cursor !== this.#cursorAtBegin;
  }
}

/** Bytes or characters of what a notice shows: a reader keeps 256 of them. */
const mostNoticed = 1_024;

function shortened(text: string): string {
  return text.length > mostNoticed ? `${flat(text.slice(0, mostNoticed))}…` : text;
}

const nothing: Hand<never> = Object.freeze({ items: [], marks: [], taken: 0, acknowledged: 0 });
