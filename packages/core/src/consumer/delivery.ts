// What stands between a session and its consumer when there is more than the batch in hand: a buffer, a cursor store.
//
// The session goes on from what was received; what is acknowledged, saved and told at the end is what the consumer finished
// with. So the end of the session is not yet the end of the stream: that comes behind the items that wait.

import { asStreamError, type Cursor, type Outcome, StreamError } from "../errors.ts";
import { cursorsAfterEach, type Hand } from "../session/hand.ts";
import type { Notified } from "../session/intake.ts";
import type { Notice } from "../session/notice.ts";
import { type Puller, Session } from "../session/run.ts";
import type { SessionSettings } from "../session/settings.ts";
import type { SessionState } from "../session/state.ts";
import { onAbort } from "../signal/on-abort.ts";
import { CursorSaver, type Saved } from "./cursor-saver.ts";
import { checkedCapacity, checkedPolicy, type DropPolicy, type Entry, Inbox, overflow } from "./inbox.ts";
import type { Watch } from "./notices.ts";

/** How a stream is consumed: the options of these names. */
export interface Consumption<T> {
  /** Who waits when the consumer is slow: with `pull` the server, else nobody. Default `pull`. */
  readonly policy?: "pull" | DropPolicy<T> | undefined;
  /** Items that wait for the consumer, from 1; given with a policy other than `pull`, and only then. */
  readonly capacity?: number | undefined;
  /** Least time between two saves of the cursor, in ms; `0`: before the next item is handed out. Default 1_000. */
  readonly saveMs?: number | undefined;
  /** Told of all that happens to it. */
  readonly watch?: Watch | undefined;
}

/**
 * The delivery that these options need; `undefined`: none.
 *
 * @throws TypeError, RangeError on a bad option
 */
export function deliveryOf<T>(
  settings: SessionSettings<T>,
  consumption: Consumption<T>,
  notices: Notified,
): Delivery<T> | undefined {
  const { capacity } = consumption;
  const policy = checkedPolicy(consumption.policy ?? "pull");
  if (policy === "pull" && capacity !== undefined) {
    throw new TypeError('capacity needs a policy such as "dropOldest": with "pull" nothing is kept');
  }
  if (policy === "pull" && settings.cursorStore === undefined) return undefined;
  const inbox = new Inbox(policy, policy === "pull" ? Number.POSITIVE_INFINITY : checkedCapacity(capacity));
  return new Delivery(settings, inbox, policy !== "pull", consumption.saveMs ?? 1_000, notices);
}

/**
 * Puts what a session receives in line, hands it out, and keeps the consumer's own account: its cursor, its count, its end. With
 * `pull` the session is pulled when the line is empty and the consumer asks; otherwise always.
 */
export class Delivery<T> implements Notified, Puller, Saved {
  readonly session: Session<T>;
  readonly #settings: SessionSettings<T>;
  readonly #notices: Notified;
  readonly #inbox: Inbox<T>;
  /** Pulls on without waiting for the consumer. */
  readonly #pumps: boolean;
  readonly #saver: CursorSaver | undefined;
  #pulling = false;
  /** The consumer's pull that waits. */
  #puller: Puller | undefined;
  /** What the consumer took last, until it is acknowledged. */
  #inHand: Entry<T> | undefined;
  #acknowledged: Cursor | undefined;
  #items = 0;
  #failure: StreamError | undefined;
  /** How the session ended. */
  #end: Outcome | undefined;
  /** How the stream ended, for its consumer. */
  #outcome: Outcome | undefined;
  /** Settled when the end was told: behind the last save. */
  #telling: Promise<void> | undefined;
  #isTold = false;
  #settle: ((outcome: Outcome) => void) | undefined;
  #unlisten: (() => void) | undefined;

  constructor(settings: SessionSettings<T>, inbox: Inbox<T>, pumps: boolean, saveMs: number, notices: Notified) {
    this.#settings = settings;
    this.#notices = notices;
    this.#inbox = inbox;
    this.#pumps = pumps;
    const { cursorStore, clock, from, running } = settings;
    this.#saver = cursorStore && new CursorSaver(cursorStore, saveMs, clock, this, from);
    const own = {
      // Loading goes through the saver, so that what the store had is not saved again.
      cursorStore: this.#saver,
      // It is listed until its end was told, with what waits and what is being saved.
      running: running && { add: () => running.add(this), delete: () => {} },
    };
    this.session = new Session({ ...settings, ...own }, this);
  }

  /** The session's; while items wait behind its end, `open`. */
  get state(): SessionState {
    const { state } = this.session;
    if (this.#outcome) return { name: "closed", tally: state.tally, outcome: this.#outcome };
    return state.name === "closed" ? { name: "open", tally: state.tally } : state;
  }

  /** The resume point of the last item that the consumer finished with; where none waits behind it, of all that has come. */
  get cursor(): Cursor | undefined {
    if (this.#outcome) return this.#outcome.cursor;
    return this.#isBehind ? this.#acknowledged : this.session.intake.cursor;
  }

  /** Items handed to the consumer. */
  get items(): number {
    return this.#items;
  }

  get dropped(): number {
    return this.#inbox.dropped;
  }

  /** Resolves when the end is told; never rejects. */
  outcome(): Promise<Outcome> {
    if (this.#outcome && this.#isTold) return Promise.resolve(this.#outcome);
    // It listens for the caller's signal from then on.
    void this.session.outcome();
    return new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** The next item, which acknowledges the one before; `undefined`: it has to be waited for. */
  takeItem(): IteratorYieldResult<T> | undefined {
    const entry = this.#take();
    return entry && { value: entry.item, done: false };
  }

  /** All that is there. */
  takeBatch(): IteratorYieldResult<readonly T[]> | undefined {
    const first = this.#take();
    if (!first) return undefined;
    const value = [first.item];
    for (let entry = this.#inbox.take(); entry; entry = this.#inbox.take()) {
      value.push(entry.item);
      this.#inHand = entry;
      this.#items++;
    }
    return { value, done: false };
  }

  /** Acknowledges what was taken. */
  ack(): void {
    if (!this.#inHand) return;
    this.#acknowledged = this.#inHand.cursor;
    this.#inHand = undefined;
    this.#saver?.moved();
  }

  pull(puller: Puller): void {
    this.#puller = puller;
    this.#serve();
  }

  /** Ends it for the consumer, drops what waits, and resolves behind the last save. */
  close(): Promise<void> {
    this.session.close();
    if (this.#end) this.#finish({ ...ending(this.#end), code: this.session.intake.matched ? "complete" : "closed" });
    return this.#telling ?? Promise.resolve();
  }

  retryNow(): boolean {
    return this.session.retryNow();
  }

  /** The session has items: they are put in line, and it is pulled on. */
  arrived(): void {
    const droppedBefore = this.dropped;
    try {
      this.#receive(this.session.hand);
    } catch (error) {
      this.#fail(asStreamError(error, this.#settings.url));
    }
    // A caller's function may have ended it meanwhile.
    if (this.#outcome) this.#inbox.clear();
    this.#pulling = false;
    const items = this.dropped - droppedBefore;
    if (items > 0) this.#notices.notify({ type: "dropped", items, total: this.dropped });
    this.#serve();
    if (this.#pumps) this.#pullOn();
  }

  passed(): void {
    this.#goesOnFrom(this.session.intake.cursor);
  }

  // The end of the session comes as a notice, also when nothing is pulled.
  ended(): void {}
  failed(): void {}

  notify(notice: Notice): void {
    if (notice.type !== "closed") return this.#notices.notify(notice);
    const { outcome } = notice;
    const error = this.#failure;
    this.#end = error ? { ...ending(outcome), code: error.code, error } : outcome;
    // An end that no pull met (`open()` failed, `totalMs` is over) is the end at once, as without a delivery.
    if (!this.#pulling || !this.#isBehind) return this.#finish(this.#end);
    // The session listens no more. If an abort ended it, that is heard here at once, and what waits is dropped.
    const { signal } = this.#settings;
    if (signal)
      this.#unlisten = onAbort(signal, (reason) => this.#finish({ ...outcome, code: "aborted", error: reason }));
  }

  saved(): void {
    this.#serve();
  }

  unsaved(cursor: Cursor, cause: unknown): void {
    if (!this.#saver?.isExact || this.#outcome) return this.#notices.notify({ type: "unsaved", cursor, error: cause });
    const why = cause instanceof Error ? `: ${cause.message}` : "";
    const error = new StreamError("protocol", `Cannot save the cursor of ${this.#settings.url}${why}`, { cause });
    this.#saver.giveUp();
    this.#fail(error);
    this.#finish({ ...ending(this.#end as Outcome), code: error.code, error });
  }

  /** Items wait, or one is being worked on. */
  get #isBehind(): boolean {
    return this.#inHand !== undefined || this.#inbox.size > 0;
  }

  #take(): Entry<T> | undefined {
    this.ack();
    if (this.#saver?.holds) return undefined;
    const entry = this.#inbox.take();
    if (entry) {
      this.#inHand = entry;
      this.#items++;
    }
    return entry;
  }

  #receive(hand: Hand<T>): void {
    const before = this.session.intake.cursor;
    this.#goesOnFrom(before);
    const cursors = this.#cursorsOf(hand, before);
    for (const [index, item] of hand.items.entries()) {
      if (!this.#inbox.put(item, cursors[index])) {
        throw overflow(this.#settings.url, "the consumer", this.#inbox.capacity);
      }
      hand.taken = hand.acknowledged = index + 1;
    }
  }

  /** A bookmark counts with the last item before it; where none waits, nothing keeps it from being saved. */
  #goesOnFrom(cursor: Cursor | undefined): void {
    const last = this.#inbox.last ?? this.#inHand;
    if (last) last.cursor = cursor;
    else {
      this.#acknowledged = cursor;
      this.#saver?.moved();
    }
  }

  #cursorsOf(hand: Hand<T>, before: Cursor | undefined): (Cursor | undefined)[] {
    try {
      return cursorsAfterEach(hand, before, this.#settings.opener.rules.cursorOf);
    } catch {
      // The caller's function threw: that ends the session at its next pull, behind these items.
      return hand.items.map(() => before);
    }
  }

  #pullOn(): void {
    if (this.#pulling || this.#end) return;
    this.#pulling = true;
    this.session.pull(this);
  }

  /** Answers the pull that waits, if it can be answered. */
  #serve(): void {
    if (!this.#puller) return;
    if (this.#outcome) return this.#answerEnd();
    if (this.#saver?.holds) return;
    if (this.#inbox.size > 0) return this.#answered()?.arrived();
    if (this.#end) return this.#finish(this.#end);
    this.#saver?.paused();
    this.#pullOn();
  }

  #answered(): Puller | undefined {
    const puller = this.#puller;
    this.#puller = undefined;
    return puller;
  }

  #answerEnd(): void {
    const outcome = this.#outcome;
    if (!outcome || !this.#isTold) return;
    if ("error" in outcome) this.#answered()?.failed(outcome.error);
    else this.#answered()?.ended();
  }

  /** Ends the session; what waits is still handed out. */
  #fail(error: StreamError): void {
    this.#failure = error;
    this.session.close();
  }

  #finish(end: Outcome): void {
    if (this.#outcome) return;
    this.#outcome = { ...end, items: this.#items, cursor: this.cursor };
    this.#inbox.clear();
    this.#unlisten?.();
    const saved = this.#saver?.close();
    if (saved) this.#telling = saved.then(() => this.#tell(this.#outcome as Outcome));
    else this.#tell(this.#outcome);
  }

  #tell(outcome: Outcome): void {
    this.#isTold = true;
    this.#settings.running?.delete(this);
    this.#settle?.(outcome);
    this.#notices.notify({ type: "closed", outcome });
    this.#answerEnd();
  }
}

/** An outcome without its error. */
function ending({ error: _, ...rest }: Outcome): Outcome {
  return rest;
}
