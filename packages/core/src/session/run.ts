// The one driver: the only loop, and the only place that opens a stream again.
//
// It is pulled. A pull acknowledges the batch before, then opens, reads, waits and reopens until there are items or the end.
// Whatever ends it (the consumer, the caller's signal, a clock, the policy) goes through `#close`, which is final, and from
// then on every pending pull settles at once: waits and openings by the run's signal, a read by the release of its attempt.

import { abortable } from "abort-controller-x";
import pRetry from "p-retry";
import { asStreamError, type ClockName, type Cursor, type Outcome, type OutcomeCode, StreamError } from "../errors.ts";
import type { Attempt, Batch, Head, Opener } from "../events/opener.ts";
import type { Terminator } from "../events/until.ts";
import type { Mark } from "../frames/decoder.ts";
import { onAbort } from "../signal/on-abort.ts";
import { backoff } from "../time/backoff.ts";
import type { Clock } from "../time/clock.ts";
import { Deadlines } from "../time/deadlines.ts";
import type { Random } from "../time/random.ts";
import { wait } from "../time/wait.ts";
import type { TransportEvents } from "../transport/transport.ts";
import type { Budget } from "./budget.ts";
import { clockError } from "./clock-error.ts";
import { cursorAfter, type Hand } from "./hand.ts";
import type { Notice } from "./notice.ts";
import { type AttemptEnd, type ReconnectPolicy, type RetryOn, verdict } from "./policy.ts";
import { idle, move, type SessionMove, type SessionState, type WaitCause } from "./state.ts";

/** All that a session is made of: every default filled in, every value checked. */
export interface SessionSettings<T> {
  readonly opener: Opener<T>;
  /** What errors call the stream: its URL, masked. */
  readonly url: string;
  readonly origin: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly budget: Budget;
  readonly timeouts: Readonly<Record<ClockName, number>>;
  /** Silence counts from the attempt, not from the headers. */
  readonly idleFromAttempt: boolean;
  readonly reconnect: ReconnectPolicy | false;
  readonly retryOn: RetryOn | undefined;
  readonly endless: boolean;
  readonly resumable: boolean;
  readonly forever: boolean;
  readonly cursorOf: ((item: T) => Cursor | undefined) | undefined;
  readonly until: Terminator<T> | undefined;
  /** Whether a request that may have been sent may be sent once more after this end. */
  repeatable(end: AttemptEnd): boolean;
  readonly signal: AbortSignal | undefined;
  readonly running: Running | undefined;
  /** The caller's first resume point. */
  readonly from: Cursor | undefined;
}

/** Streams that were begun and have not ended, for who wants to close them; a Set is one. */
export interface Running {
  add(stream: { close(): void }): unknown;
  delete(stream: { close(): void }): unknown;
}

/** What a session has counted. Times are of its clock, `undefined` until there was one. */
export interface SessionCounts {
  bytes: number;
  items: number;
  heartbeats: number;
  lastByteMs: number | undefined;
  lastItemMs: number | undefined;
}

export class Session<T> {
  readonly counts: SessionCounts = { bytes: 0, items: 0, heartbeats: 0, lastByteMs: undefined, lastItemMs: undefined };
  /** The batch that the consumer is at. */
  hand: Hand<T> = nothing;

  readonly #settings: SessionSettings<T>;
  readonly #notify: (notice: Notice) => void;
  readonly #deadlines: Deadlines;
  #state: SessionState = idle;
  /** Lives as long as the session is running; aborted by `#close`. */
  #run: AbortController | undefined;
  /** Aborts the attempt that is being opened, and it alone. */
  #opening: AbortController | undefined;
  #connecting: Promise<Attempt<T>> | undefined;
  #attempt: Attempt<T> | undefined;
  #head: Head | undefined;
  #unlisten: (() => void) | undefined;
  #settle: ((outcome: Outcome) => void) | undefined;
  /** How the attempt ended; told when its last items were taken. */
  #end: AttemptEnd | undefined;
  /** `until` matched: the end is the stream's. */
  #matched = false;
  #cursor: Cursor | undefined;
  #cursorAtOpen: Cursor | undefined;
  #retryMs = 0;
  /** The transport does not show the connection. */
  #hidden = false;
  #sent = false;
  #healthy = false;
  /** New items of this attempt. */
  #freshItems = 0;
  #pulls = 0;

  constructor(settings: SessionSettings<T>, notify: (notice: Notice) => void) {
    this.#settings = settings;
    this.#notify = notify;
    this.#cursor = settings.from;
    this.#deadlines = new Deadlines(settings.clock, (name) => this.#ranOut(name));
  }

  get state(): SessionState {
    return this.#state;
  }

  /** The resume point of the last item that the consumer finished with. */
  get cursor(): Cursor | undefined {
    try {
      return cursorAfter(this.hand, this.hand.acknowledged, this.#cursor, this.#settings.cursorOf);
    } catch {
      // The caller's function threw. That ends the session when it is pulled, and must not keep it from being closed here.
      return this.#cursor;
    }
  }

  /** Resolves when the session is closed; never rejects. */
  outcome(): Promise<Outcome> {
    const state = this.#state;
    if (state.name === "closed") return Promise.resolve(state.outcome);
    return new Promise((resolve) => {
      const earlier = this.#settle;
      this.#settle = (outcome) => {
        earlier?.(outcome);
        resolve(outcome);
      };
      this.#listen();
    });
  }

  /** The head of the first good answer. Reads no item. Rejects with what ended the session before there was one. */
  async open(): Promise<Head> {
    this.#pullBegins();
    try {
      if (!this.#head && this.#state.name !== "closed") await this.#connect();
    } catch (error) {
      this.#unexpected(error);
    } finally {
      this.#pullEnds();
    }
    if (this.#head) return this.#head;
    this.#result();
    throw new DOMException("The stream was closed before it was open", "AbortError");
  }

  /** The next items, never none; `undefined` once the session ended well. Throws what it ended with. One at a time. */
  async next(): Promise<readonly T[] | undefined> {
    this.#pullBegins();
    try {
      while (this.#state.name !== "closed") {
        this.#acknowledgeAll();
        if (this.#end !== undefined) {
          this.#turn(this.#end);
          continue;
        }
        const attempt = this.#attempt ?? (await this.#connect());
        const items = this.#received(await this.#read(attempt));
        if (items.length > 0) return items;
      }
    } catch (error) {
      this.#unexpected(error);
    } finally {
      this.#pullEnds();
    }
    this.#result();
    return undefined;
  }

  /** Ends the session for the consumer; final, at once, and nothing after it is. */
  close(): void {
    this.#close(this.#matched ? "complete" : "closed");
  }

  /** Throws what the session ended with, if that is an error. */
  #result(): void {
    if (this.#state.name === "closed" && this.#state.outcome.error !== undefined) throw this.#state.outcome.error;
  }

  #pullBegins(): void {
    if (this.#state.name === "closed") return;
    if (!this.#run) {
      this.#run = new AbortController();
      this.#deadlines.start("totalMs", this.#settings.timeouts.totalMs);
      this.#settings.running?.add(this);
      this.#listen();
    }
    this.#pulls++;
    this.#deadlines.resume();
  }

  #pullEnds(): void {
    if (--this.#pulls === 0) this.#deadlines.hold();
  }

  #listen(): void {
    const { signal } = this.#settings;
    if (!signal || this.#unlisten || this.#state.name === "closed") return;
    this.#unlisten = onAbort(signal, (reason) => this.#close("aborted", reason));
  }

  #connect(): Promise<Attempt<T>> {
    this.#connecting ??= pRetry(() => this.#openAttempt(), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 0,
      signal: this.#running(),
      shouldRetry: ({ error }) => this.#turn(error as StreamError),
    }).finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  #running(): AbortSignal {
    return (this.#run as AbortController).signal;
  }

  async #openAttempt(): Promise<Attempt<T>> {
    await this.#waitForTurn();
    this.#running().throwIfAborted();
    const opening = new AbortController();
    this.#opening = opening;
    this.#attemptBegins();
    const pending = this.#settings.opener({ signal: opening.signal, cursor: this.#cursor, on: this.#wire() });
    // An answer that comes after the attempt was given up is let go.
    pending.then((late) => opening.signal.aborted && late.release(opening.signal.reason), () => {});
    try {
      const attempt = await abortable(opening.signal, pending);
      // Given up between the answer and here: too late for the line above.
      if (opening.signal.aborted) attempt.release(opening.signal.reason);
      opening.signal.throwIfAborted();
      this.#opened(attempt);
      return attempt;
    } catch (error) {
      throw opening.signal.aborted ? opening.signal.reason : asStreamError(error, this.#settings.url);
    } finally {
      this.#opening = undefined;
    }
  }

  /** Waits out the state `waiting`, then for the origin's budget. */
  async #waitForTurn(): Promise<void> {
    const { clock, budget, origin } = this.#settings;
    if (this.#state.name === "waiting") await wait(this.#state.waitMs, clock, this.#running());
    const waitMs = budget.take(origin);
    if (waitMs === 0) return;
    this.#wait("budget", waitMs, false);
    await wait(waitMs, clock, this.#running());
  }

  #attemptBegins(): void {
    const { timeouts, idleFromAttempt } = this.#settings;
    this.#hidden = this.#sent = this.#healthy = false;
    this.#freshItems = 0;
    this.#cursorAtOpen = this.#cursor;
    this.#move({ to: "opening" });
    this.#notify({ type: "opening", attempt: this.#state.tally.attempts });
    this.#deadlines.start("connectMs", timeouts.connectMs);
    this.#deadlines.start("headersMs", timeouts.headersMs);
    this.#deadlines.start("firstItemMs", timeouts.firstItemMs);
    if (idleFromAttempt) this.#deadlines.start("idleMs", timeouts.idleMs);
  }

  #wire(): TransportEvents {
    const { connectMs, headersMs } = this.#settings.timeouts;
    return {
      hidden: () => {
        this.#hidden = true;
        this.#deadlines.stop("connectMs");
        this.#deadlines.start("headersMs", headersMs === 0 ? 0 : connectMs + headersMs);
      },
      connected: () => this.#deadlines.stop("connectMs"),
      sent: () => {
        this.#sent = true;
      },
    };
  }

  #opened(attempt: Attempt<T>): void {
    const { clock, timeouts, endless, resumable } = this.#settings;
    const nowMs = clock.now();
    this.#attempt = attempt;
    this.#head ??= attempt.head;
    this.#deadlines.stop("connectMs");
    this.#deadlines.stop("headersMs");
    this.#deadlines.start("idleMs", timeouts.idleMs, nowMs);
    this.#deadlines.start("progressMs", timeouts.progressMs, nowMs);
    this.#move({ to: "open", nowMs });
    const { attempts, opens } = this.#state.tally;
    this.#notify({ type: "open", attempt: attempts, url: this.#settings.url, status: attempt.head.status });
    if (opens === 1) return;
    if (resumable && this.#cursor !== undefined) this.#notify({ type: "resumed", cursor: this.#cursor });
    else if (endless || this.#delivered) this.#notify({ type: "gap" });
  }

  /** A read that breaks ends the attempt, not yet the session. */
  async #read(attempt: Attempt<T>): Promise<Batch<T>> {
    try {
      return await attempt.next();
    } catch (error) {
      return { items: [], marks: [], bytes: 0, error: asStreamError(error, this.#settings.url) };
    }
  }

  #received(batch: Batch<T>): readonly T[] {
    if (this.#state.name === "closed") return [];
    const { clock, timeouts } = this.#settings;
    const nowMs = clock.now();
    if (batch.bytes > 0) {
      this.counts.bytes += batch.bytes;
      this.counts.lastByteMs = nowMs;
      this.#deadlines.start("idleMs", timeouts.idleMs, nowMs);
    }
    for (const mark of batch.marks) this.#marked(mark);
    const cut = this.#upToMatch(batch);
    const { items, marks } = cut;
    this.hand = { items, marks, taken: 0, acknowledged: 0 };
    this.#end = this.#endOf(cut);
    // Nothing more is read of it, however long the consumer takes for its last items.
    if (this.#end !== undefined) this.#attempt?.release(this.#end);
    if (items.length > 0) {
      this.counts.lastItemMs = nowMs;
      this.#deadlines.stop("firstItemMs");
      this.#deadlines.start("progressMs", timeouts.progressMs, nowMs);
      this.#tryHealth(items.length);
    }
    return items;
  }

  #marked(mark: Mark<T>): void {
    switch (mark.kind) {
      case "comment":
        this.counts.heartbeats++;
        return this.#notify({ type: "comment", text: mark.value });
      case "heartbeat":
        this.counts.heartbeats++;
        return;
      case "retry":
        this.#retryMs = mark.value;
        return;
      case "bad":
        return this.#notify({ type: "bad", item: mark.value });
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
        this.#matched = true;
        return { ...batch, items: items.slice(0, match === "deliver" ? i + 1 : i) };
      }
      for (const mark of marks) {
        if (mark.kind === "marker" || (mark.kind === "unfinished" && until(mark.value))) {
          this.#matched = true;
          return { ...batch, items: items.slice(0, mark.at) };
        }
      }
    } catch (error) {
      return { ...batch, items: items.slice(0, i), error: asStreamError(error, url) };
    }
    return batch;
  }

  #endOf({ end, error }: Batch<T>): AttemptEnd | undefined {
    if (this.#matched) return "complete";
    if (error) return error;
    if (end === undefined) return undefined;
    const { until, url } = this.#settings;
    if (end === "truncated") return new StreamError("truncated", `Cannot finish ${url}: its end fell inside an item`);
    if (until && this.#attempt?.head.status !== 204) {
      return new StreamError("truncated", `Cannot finish ${url}: it ended before what \`until\` names`);
    }
    return end;
  }

  /** Items count for health when they are new: where they carry cursors, the cursor moved. */
  #tryHealth(count: number): void {
    const { reconnect, cursorOf } = this.#settings;
    if (this.#healthy || !reconnect) return;
    const cursor = cursorAfter(this.hand, count, this.#cursor, cursorOf);
    if (cursor !== undefined && cursor === this.#cursorAtOpen) return;
    this.#freshItems += count;
    if (this.#freshItems < reconnect.healthyAfterItems) return;
    this.#healthy = true;
    this.#move({ to: "healthy" });
  }

  #acknowledgeAll(): void {
    const { hand } = this;
    if (hand.items.length === 0 && hand.marks.length === 0) return;
    this.#cursor = cursorAfter(hand, hand.items.length, this.#cursor, this.#settings.cursorOf);
    this.counts.items += hand.items.length;
    this.hand = nothing;
  }

  get #delivered(): boolean {
    return this.counts.items + this.hand.taken > 0;
  }

  /** An attempt is over: waits for the next one (`true`), or closes the session. */
  #turn(end: AttemptEnd): boolean {
    const { clock, random, reconnect, retryOn, endless, resumable, forever, repeatable } = this.#settings;
    const nowMs = clock.now();
    const { tally } = this.#state;
    const { openedAtMs = nowMs } = tally;
    const healthy = this.#healthy || (reconnect !== false && this.#attempt !== undefined && nowMs - openedAtMs >= reconnect.healthyAfterMs);
    // An answer proves that the request was sent, whatever the transport told.
    const answered = this.#attempt !== undefined || (typeof end !== "string" && end.status !== undefined);
    this.#attempt?.release(end);
    this.#attempt = undefined;
    this.#end = undefined;
    this.#deadlines.stopAttempt();
    const situation = {
      tally,
      nowMs,
      healthy,
      endless,
      resumable,
      forever,
      delivered: this.#delivered,
      repeatable: !(this.#sent || answered) || repeatable(end),
    };
    const decision = this.#matched ? "final" : verdict(end, situation, reconnect, retryOn);
    if (reconnect === false || decision === "final" || decision === "exhausted") {
      this.#finish(end, decision === "exhausted");
      return false;
    }
    if (healthy) this.#move({ to: "healthy" });
    const counted = decision === "retry";
    const retry = counted ? this.#state.tally.retries + 1 : 1;
    const retryAfterMs = typeof end === "string" ? 0 : (end.retryAfterMs ?? 0);
    const waitMs = backoff(retry, reconnect, Math.max(this.#retryMs, retryAfterMs), random);
    this.#wait(typeof end === "string" ? "ended" : end, waitMs, counted);
    return true;
  }

  #wait(cause: WaitCause, waitMs: number, counted: boolean): void {
    this.#move({ to: "waiting", cause, waitMs, nowMs: this.#settings.clock.now(), counted });
    this.#notify({ type: "waiting", cause, waitMs, retry: this.#state.tally.retries });
  }

  #finish(end: AttemptEnd, exhausted: boolean): void {
    if (!exhausted) return typeof end === "string" ? this.#close(end) : this.#close(end.code, end);
    const { retries } = this.#state.tally;
    const [why, details] = typeof end === "string" ? ["the stream ended at once", {}] : [end.message, { cause: end }];
    const message = `Gave up on ${this.#settings.url} after ${retries} ${retries === 1 ? "retry" : "retries"}: ${why}`;
    this.#close("exhausted", new StreamError("exhausted", message, details));
  }

  #ranOut(name: ClockName): void {
    const { timeouts, url } = this.#settings;
    const error = clockError(name, timeouts, url, this.#hidden);
    if (name === "totalMs") this.#close("deadline", error);
    else if (this.#opening) this.#opening.abort(error);
    else this.#attempt?.release(error);
  }

  /** What no attempt throws came out of a caller's function. */
  #unexpected(error: unknown): void {
    if (this.#state.name === "closed") return;
    const failed = asStreamError(error, this.#settings.url);
    this.#close(failed.code, failed);
  }

  #close(code: OutcomeCode, error?: unknown): void {
    if (this.#state.name === "closed") return;
    const { cursor, counts, hand } = this;
    const { attempts } = this.#state.tally;
    const items = counts.items + hand.taken;
    const outcome = { code, items, bytes: counts.bytes, attempts, cursor, ...(code in quiet ? {} : { error }) };
    this.#cursor = cursor;
    counts.items = items;
    this.hand = nothing;
    this.#move({ to: "closed", outcome });
    const reason = error ?? new DOMException("The stream was closed", "AbortError");
    this.#deadlines.close();
    this.#unlisten?.();
    this.#settings.running?.delete(this);
    this.#attempt?.release(reason);
    this.#attempt = undefined;
    this.#opening?.abort(reason);
    this.#run?.abort(reason);
    this.#settle?.(outcome);
    this.#notify({ type: "closed", outcome });
  }

  #move(step: SessionMove): void {
    this.#state = move(this.#state, step);
  }
}

/** The endings that throw nothing. */
const quiet: Readonly<Partial<Record<OutcomeCode, true>>> = { complete: true, ended: true, closed: true };

const nothing: Hand<never> = Object.freeze({ items: [], marks: [], taken: 0, acknowledged: 0 });
