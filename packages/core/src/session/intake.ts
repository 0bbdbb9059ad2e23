import { flat } from "#native";
import { asStreamError, type Cursor, type GapEnds, StreamError } from "../errors.ts";
import type { AttemptEnd, Batch, Opener } from "../events/opener.ts";
import type { Terminator } from "../events/until.ts";
import type { Mark } from "../frames/decoder.ts";
import { cursorAfter, type Hand } from "./hand.ts";
import { saidSo } from "./lost.ts";
import type { Notice } from "./notice.ts";
import { Replay } from "./replay.ts";
import { type Sifted, sift } from "./sift.ts";

/** What an intake is made of. */
export interface IntakeSettings<T> {
  readonly opener: Pick<Opener<T>, "rules">;
  readonly until: Terminator<T> | undefined;
  /** What errors call the stream: its URL, masked. */
  readonly url: string;
  /** The caller's first resume point. */
  readonly from: Cursor | undefined;
  /** Items that come again straight after a resume are left out. */
  readonly dropReplayed: boolean;
  /** What becomes of a gap; `undefined`: one that the server tells is an error, one that comes of having no cursor is not. */
  readonly onGap: "error" | "restart" | undefined;
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
  /** The idle window that the stream itself set last. */
  idleMs: number | undefined;
  readonly #settings: IntakeSettings<T>;
  readonly #notices: Notified;
  /** Items of the batches before the one in hand. */
  #items = 0;
  #cursor: Cursor | undefined;
  #cursorAtBegin: Cursor | undefined;
  #moved = false;
  /** A gap that is told with the first item behind it. */
  #gap: GapEnds | undefined;
  readonly #replay: Replay | undefined;

  constructor(settings: IntakeSettings<T>, notices: Notified) {
    this.#settings = settings;
    this.#notices = notices;
    this.goOnFrom(settings.from);
    this.#replay = settings.dropReplayed ? new Replay() : undefined;
  }

  /** Items handed to the consumer. */
  get items(): number {
    return this.#items + this.hand.taken;
  }

  /** The resume point of the last item that the consumer finished with. */
  get cursor(): Cursor | undefined {
    return this.#cursorUpTo(this.hand.acknowledged);
  }

  /** The resume point of the last item that has come. */
  get received(): Cursor | undefined {
    return this.#cursorUpTo(this.hand.items.length);
  }

  /** Goes on from another resume point: a stored one, or the one behind a gap. */
  goOnFrom(cursor: Cursor | undefined): void {
    this.#cursor = cursor === "" ? undefined : cursor;
    this.#replay?.forget();
  }

  /** Items may be missing, from the resume point in force to the next one that comes. */
  leaveGap(gap: GapEnds): void {
    this.#gap = { from: (this.#gap ?? gap).from, to: gap.to };
  }

  /** An attempt begins, after the cursor. */
  begin(): void {
    this.#cursorAtBegin = this.#cursor;
    this.#moved = false;
    this.freshItems = 0;
    this.idleMs = undefined;
    this.#replay?.begin(this.#cursor);
  }

  /** Takes a batch in hand, up to the item that ends the stream, and answers how its attempt ended, if it did. */
  receive(batch: Batch<T>, nowMs: number): AttemptEnd | undefined {
    if (batch.bytes > 0) {
      this.bytes += batch.bytes;
      this.lastByteMs = nowMs;
    }
    const sifted = this.#sifted(batch);
    for (const mark of sifted.marks) this.#marked(mark);
    const cut = this.#upToMatch(sifted);
    const { items, marks } = cut;
    this.hand = { items, marks, taken: 0, acknowledged: 0 };
    if (items.length > 0) {
      this.#handOn(items);
      this.#tellGap();
      this.lastItemMs = nowMs;
      this.freshItems += items.length - this.#staleIn(items.length);
    }
    if (!("stop" in sifted)) return this.#endOf(cut);
    for (const { at, to = this.#firstCursorOf(items.slice(at)) } of sifted.gaps) {
      // One behind the match is behind the end.
      if (at < items.length) this.#notices.notify({ type: "gap", from: this.#cursorUpTo(at), to });
    }
    const { stop } = sifted;
    return stop && !this.matched
      ? saidSo(this.#settings.url, { from: this.received, to: stop.to }, this.#settings.onGap)
      : this.#endOf(cut);
  }

  /** The consumer asks for more: it finished with all it had. */
  acknowledgeAll(): void {
    const { hand } = this;
    if (hand === nothing) return;
    this.#cursor = cursorAfter(hand, hand.items.length, this.#cursor, this.#settings.opener.rules.cursorOf);
    this.#items += hand.items.length;
    this.hand = nothing;
  }

  /** The session is over: what was not taken is gone. */
  close(): void {
    this.#tellGap();
    this.#cursor = this.cursor;
    this.#items = this.items;
    this.hand = nothing;
  }

  #cursorUpTo(count: number): Cursor | undefined {
    return this.#cursorIn(this.hand, count, this.#cursor);
  }

  #cursorIn(batch: Pick<Hand<T>, "items" | "marks">, count: number, before: Cursor | undefined): Cursor | undefined {
    try {
      return cursorAfter(batch, count, before, this.#settings.opener.rules.cursorOf);
    } catch {
      // The caller's function threw. That ends the session when the items are acknowledged; here it must not keep it from being closed.
      return before;
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
          item: { ...mark.value, raw: mark.value.raw.slice(0, mostNoticed), reason: shortened(mark.value.reason) },
        });
      case "idle":
        this.idleMs = mark.value;
        return;
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
        const count = match === "deliver" ? i + 1 : i;
        // A bookmark behind the match is behind the end; where items have their cursors by marks, the one there is the item's own.
        const last = this.#settings.opener.rules.cursorOf ? i : count;
        return { ...batch, items: items.slice(0, count), marks: marks.filter(({ at }) => at <= last) };
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

  #sifted(batch: Batch<T>): Batch<T> | Sifted<T> {
    const { opener, onGap, url } = this.#settings;
    const { rules } = opener;
    const replay = this.#replay?.isOn ? this.#replay : undefined;
    if (!(replay || rules.isHeartbeat || rules.gapOf || rules.idleMsOf)) return batch;
    const sifted = sift(batch, rules, replay, ({ reopen }) => reopen || onGap !== "restart", url);
    this.heartbeats += sifted.heartbeats;
    if (sifted.replayed > 0) this.#notices.notify({ type: "replayed", items: sifted.replayed });
    return sifted;
  }

  #handOn(items: readonly T[]): void {
    const { rules } = this.#settings.opener;
    const own = this.#replay && (rules.ownCursorOf ?? rules.cursorOf);
    if (!own) return;
    try {
      for (const item of items) this.#replay?.handOn(own(item));
    } catch {
      // As in #cursorIn.
    }
  }

  /** Tells the gap that was left, now that there is an item behind it. */
  #tellGap(): void {
    const gap = this.#gap;
    if (!gap) return;
    this.#gap = undefined;
    const to = gap.to ?? this.#firstCursorOf(this.hand.items.slice(0, 1));
    this.#notices.notify({ type: "gap", from: gap.from, to });
  }

  /** The resume point of the first of these that has one. */
  #firstCursorOf(items: readonly T[]): Cursor | undefined {
    for (const item of items) {
      const cursor = this.#cursorIn({ items: [item], marks: [] }, 1, undefined);
      if (cursor !== undefined) return cursor;
    }
    return undefined;
  }

  #endOf({ end, error }: Batch<T>): AttemptEnd | undefined {
    if (this.matched) return "complete";
    if (error) return error;
    if (end !== "truncated") return end;
    return new StreamError("truncated", `Cannot finish ${this.#settings.url}: its end fell inside an item`);
  }

  /** Items of the batch in hand before the first that moves the cursor, which are nothing new. */
  #staleIn(count: number): number {
    for (let i = 0; i < count && !this.#moved; i++) {
      const cursor = this.#cursorUpTo(i + 1);
      this.#moved = cursor === undefined || cursor !== this.#cursorAtBegin;
      if (this.#moved) return i;
    }
    return this.#moved ? 0 : count;
  }
}

/** Bytes or characters of what a notice shows: a reader keeps 256 of them. */
const mostNoticed = 1_024;

function shortened(text: string): string {
  return text.length > mostNoticed ? `${flat(text.slice(0, mostNoticed))}…` : text;
}

const nothing: Hand<never> = Object.freeze({ items: [], marks: [], taken: 0, acknowledged: 0 });
