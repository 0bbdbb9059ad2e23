// The one driver: the only loop, and the only place that opens a stream again.
//
// It is pulled. A pull acknowledges the batch before, then opens, reads, waits and reopens until there are items or the end.
// Whatever ends it (the consumer, the caller's signal, a clock, the policy) goes through `#close`, which is final, and from
// then on every pending pull settles at once: waits and openings by an abort, a read by the release of its attempt.

import { abortable } from "abort-controller-x";
import pRetry from "p-retry";
import { asStreamError, type ClockName, type GapEnds, type Outcome, type OutcomeCode, StreamError } from "../errors.ts";
import { type Attempt, type AttemptEnd, type Batch, type Head, isEmpty } from "../events/opener.ts";
import { onAbort } from "../signal/on-abort.ts";
import { backoff } from "../time/backoff.ts";
import { Deadlines } from "../time/deadlines.ts";
import { wait } from "../time/wait.ts";
import { clockError } from "./clock-error.ts";
import { checkedCursor, type Hand } from "./hand.ts";
import { IdleWindow } from "./idle-window.ts";
import { Intake, type Notified } from "./intake.ts";
import { nowhereToGoOn, refusedCursor } from "./lost.ts";
import { Opening } from "./opening.ts";
import { verdict } from "./policy.ts";
import type { SessionSettings } from "./settings.ts";
import { idle, move, type SessionMove, type SessionState, type WaitCause } from "./state.ts";

/** Who pulls a session: one of these is called, once a pull. */
export interface Puller {
  /** There are items in hand. */
  arrived(): void;
  /** What came is no item, but may have moved the cursor. */
  passed?(): void;
  /** The session ended well. */
  ended(): void;
  /** It ended with this. */
  failed(error: unknown): void;
}

export class Session<T> {
  readonly intake: Intake<T>;
  readonly #settings: SessionSettings<T>;
  readonly #notices: Notified;
  readonly #deadlines: Deadlines;
  #state: SessionState = idle;
  #begun = false;
  #connecting: Promise<Attempt<T>> | undefined;
  /** The attempt that is waited for or being opened: given up by its clocks, and by `#close`. */
  #opening: Opening<T> | undefined;
  #attempt: Attempt<T> | undefined;
  #head: Head | undefined;
  /** How the attempt ended; told when its last items were taken. */
  #end: AttemptEnd | "aged" | undefined;
  #unlisten: (() => void) | undefined;
  #settle: ((outcome: Outcome) => void) | undefined;
  /** The wait in hand is over, by the caller's word. */
  #hurried = false;
  /** The request of the last attempt may have been sent. */
  #sent = false;
  #loaded = false;
  #pulls = 0;
  #puller: Puller | undefined;
  readonly #idle: IdleWindow;
  /** `maxAgeMs` is over for the attempt in hand. */
  #aged = false;
  #toldAged = false;

  constructor(settings: SessionSettings<T>, notices: Notified) {
    this.intake = new Intake(settings, notices);
    this.#settings = settings;
    this.#notices = notices;
    this.#deadlines = new Deadlines(settings.clock, this);
    this.#idle = new IdleWindow(settings.timeouts.idleMs, settings.idleBy);
  }

  get state(): SessionState {
    return this.#state;
  }

  /** The batch that the consumer is at. */
  get hand(): Hand<T> {
    return this.intake.hand;
  }

  /** Resolves when the session is closed; never rejects. */
  outcome(): Promise<Outcome> {
    const state = this.#state;
    if (state.name === "closed") return Promise.resolve(state.outcome);
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#listen();
    });
  }

  /** The head of the first good answer. Reads no item. Rejects with what ended the session before there was one. */
  async open(): Promise<Head> {
    this.#pullBegins();
    try {
      if (!this.#head && this.#state.name !== "closed") await this.#connect();
    } catch (error) {
      this.#closeFor(error);
    } finally {
      this.#pullEnds();
    }
    if (this.#state.name === "closed" && "error" in this.#state.outcome) throw this.#state.outcome.error;
    if (this.#head) return this.#head;
    throw new DOMException("The stream was closed before it was open", "AbortError");
  }

  /** Calls back once: when there are items in hand, when the session ended well, or with what it ended with. One at a time. */
  pull(puller: Puller): void {
    this.#puller = puller;
    this.#pullBegins();
    this.#advance();
  }

  /** Ends the session for the consumer; final, at once, and nothing after it is. */
  close(): void {
    this.#close(this.intake.matched ? "complete" : "closed");
  }

  /** Makes the next attempt now, when it waits for one; answers whether it did. The origin's budget is still waited for. */
  retryNow(): boolean {
    if (this.#state.name !== "waiting" || this.#state.cause === "budget" || this.#hurried) return false;
    this.#hurried = true;
    this.#opening?.hurry();
    return true;
  }

  /** A clock ran out: of an attempt, or of all. */
  ranOut(name: ClockName): void {
    if (name === "maxAgeMs") return this.#recycle();
    const { clock, timeouts, url } = this.#settings;
    const idleMs = this.#attempt ? this.#idle.ms : timeouts.idleMs;
    const error = clockError(name, { ...timeouts, idleMs }, url, this.#opening);
    if (name === "idleMs" && this.#attempt) this.#idle.heard(this.#idle.ms, clock.now());
    if (name === "totalMs") this.intake.matched ? this.#close("complete") : this.#close("deadline", error);
    else if (this.#opening) this.#opening.giveUp(error);
    else this.#attempt?.release(error);
  }

  // The loop. It has no async frame, which 10,000 quiet streams would hold as many times.
  #advance(): void {
    try {
      while (this.#state.name !== "closed") {
        this.intake.acknowledgeAll();
        if (this.#end !== undefined) this.#turn(this.#end);
        else if (this.#attempt) return this.#attempt.pull((batch) => this.#arrived(batch));
        else
          return void this.#connect().then(
            () => this.#advance(),
            (error: unknown) => this.#unexpected(error),
          );
      }
    } catch (error) {
      return this.#unexpected(error);
    }
    this.#pullEnds();
    const { outcome } = this.#state;
    if ("error" in outcome) this.#puller?.failed(outcome.error);
    else this.#puller?.ended();
  }

  #arrived(batch: Batch<T>): void {
    try {
      this.#received(batch);
    } catch (error) {
      return this.#unexpected(error);
    }
    if (this.hand.items.length === 0) {
      this.#puller?.passed?.();
      return this.#advance();
    }
    this.#pullEnds();
    this.#puller?.arrived();
  }

  /** What no attempt throws came out of a caller's function. It ends the session, which ends the pull. */
  #unexpected(error: unknown): void {
    this.#closeFor(error);
    this.#advance();
  }

  #pullBegins(): void {
    if (this.#state.name === "closed") return;
    if (!this.#begun) {
      this.#begun = true;
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

  /** Opens attempts, with the waits between them, until one is answered. */
  #connect(): Promise<Attempt<T>> {
    this.#connecting ??= pRetry(() => this.#openAttempt(), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 0,
      shouldRetry: ({ error }) => this.#state.name !== "closed" && this.#turn(error as StreamError),
    }).finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #openAttempt(): Promise<Attempt<T>> {
    const { clock, budget, origin, opener, timeouts, url } = this.#settings;
    const opening = new Opening(opener);
    this.#opening = opening;
    try {
      await this.#loadCursor(opening.signal);
      if (this.#state.name === "waiting") await opening.waitOut(this.#hurried ? 0 : this.#state.waitMs, clock);
      const waitMs = budget.take(origin);
      if (waitMs > 0) {
        this.#wait("budget", waitMs, false);
        await wait(waitMs, clock, opening.signal).catch((reason: unknown) => {
          budget.giveBack(origin);
          throw reason;
        });
      }
      opening.signal.throwIfAborted();
      this.#attemptBegins();
      const attempt = await opening.answer(this.intake.cursor, this.#deadlines, timeouts);
      // Given up between the answer and here: too late for the opening to let it go.
      if (opening.signal.aborted) attempt.release(opening.signal.reason);
      opening.signal.throwIfAborted();
      this.#opened(attempt);
      return attempt;
    } catch (error) {
      throw opening.signal.aborted ? opening.signal.reason : asStreamError(error, url);
    } finally {
      this.#sent = opening.sent;
      this.#opening = undefined;
    }
  }

  async #loadCursor(signal: AbortSignal): Promise<void> {
    const { cursorStore, url } = this.#settings;
    if (!cursorStore || this.#loaded) return;
    this.#loaded = true;
    try {
      const cursor = await abortable(signal, Promise.resolve(cursorStore.load()));
      if (cursor !== undefined) this.intake.goOnFrom(checkedCursor("cursorStore.load", cursor));
    } catch (error) {
      const why = asStreamError(error, `the stored cursor of ${url}`);
      throw why.code === "protocol" ? why : new StreamError("protocol", why.message, { cause: error });
    }
  }

  #attemptBegins(): void {
    const { timeouts, idleFromAttempt } = this.#settings;
    this.#aged = this.#hurried = false;
    this.intake.begin();
    this.#move({ to: "opening" });
    this.#notices.notify({ type: "opening", attempt: this.#state.tally.attempts });
    this.#deadlines.start("connectMs", timeouts.connectMs);
    this.#deadlines.start("headersMs", timeouts.headersMs);
    this.#deadlines.start("firstItemMs", timeouts.firstItemMs);
    // A window that was told or learned is one of silences on the wire, not of how long an answer takes.
    if (idleFromAttempt) this.#deadlines.start("idleMs", timeouts.idleMs);
  }

  #opened(attempt: Attempt<T>): void {
    const { clock, timeouts } = this.#settings;
    const nowMs = clock.now();
    this.#attempt = attempt;
    this.#head ??= attempt.head;
    this.#deadlines.stop("connectMs");
    this.#deadlines.stop("headersMs");
    this.#idle.told(attempt.idleMs);
    this.#deadlines.start("idleMs", this.#idle.ms, nowMs);
    this.#deadlines.start("progressMs", timeouts.progressMs, nowMs);
    this.#ageFrom(nowMs);
    this.#move({ to: "open", nowMs });
    const { attempts, opens } = this.#state.tally;
    this.#notices.notify({ type: "open", attempt: attempts, url: this.#settings.url, status: attempt.head.status });
    if (opens === 1) return;
    const { cursor } = this.intake;
    if (this.#lacksCursor) this.intake.leaveGap({ from: cursor, to: undefined });
    else if (cursor !== undefined) this.#notices.notify({ type: "resumed", cursor });
  }

  /** Opened again, it could not say where to go on, and items may be missing. */
  get #lacksCursor(): boolean {
    const { opener } = this.#settings;
    const { cursor, items } = this.intake;
    return (opener.endless || items > 0) && !(opener.resumable && cursor !== undefined);
  }

  #received(batch: Batch<T>): void {
    if (this.#state.name === "closed") return;
    const { clock, timeouts, reconnect } = this.#settings;
    const nowMs = clock.now();
    const { openedAtMs = nowMs } = this.#state.tally;
    const quietSinceMs = Math.max(openedAtMs, this.intake.lastByteMs ?? openedAtMs);
    const end = this.intake.receive(batch, nowMs);
    // A caller's rule may have closed it meanwhile.
    if (this.#isClosed()) return this.intake.close();
    if (batch.bytes > 0) {
      // With the time in which the consumer was busy: how long the wire was quiet then is not seen, so it is not taken as short.
      this.#idle.heard(nowMs - quietSinceMs, nowMs);
      this.#idle.told(this.intake.idleMs);
      this.#deadlines.start("idleMs", this.#idle.ms, nowMs);
    }
    // Nothing more is read of it, however long the consumer takes for its last items.
    if (end !== undefined) this.#attempt?.release(end);
    this.#end = this.#aged ? "aged" : this.#checked(end);
    if (this.hand.items.length === 0) return;
    this.#deadlines.stop("firstItemMs");
    this.#deadlines.start("progressMs", timeouts.progressMs, nowMs);
    const { retries, failingSinceMs } = this.#state.tally;
    const failing = retries > 0 || failingSinceMs !== undefined;
    if (failing && reconnect && this.intake.freshItems >= reconnect.healthyAfterItems) this.#move({ to: "healthy" });
  }

  #ageFrom(nowMs: number): void {
    const { timeouts, random } = this.#settings;
    // Streams that were opened together are not to be opened again together.
    if (timeouts.maxAgeMs > 0) this.#deadlines.start("maxAgeMs", timeouts.maxAgeMs * (1 - random() / 5), nowMs);
  }

  /** The connection is as old as it may be: changes it, where the next one can go on behind the last item. */
  #recycle(): void {
    const { opener, reconnect, clock } = this.#settings;
    if (!this.#attempt || this.#end !== undefined) return;
    const recycled =
      reconnect !== false && opener.resumable && this.intake.received !== undefined && opener.mayRepeat("ended");
    if (recycled || !this.#toldAged) this.#notices.notify({ type: "aged", recycled });
    this.#toldAged ||= !recycled;
    // It may have a cursor by then.
    if (!recycled) return this.#ageFrom(clock.now());
    this.#aged = true;
    this.#attempt.release(new DOMException("The connection is as old as maxAgeMs allows", "AbortError"));
  }

  /** Where an end was declared, a clean end without it is none. */
  #checked(end: AttemptEnd | undefined): AttemptEnd | undefined {
    const { until, url } = this.#settings;
    const declared = until !== undefined && !this.intake.matched && this.#attempt && !isEmpty(this.#attempt.head);
    if (!declared || typeof end !== "string") return end;
    return new StreamError("truncated", `Cannot finish ${url}: it ended before what \`until\` names`);
  }

  /** An attempt is over: waits for the next one (`true`), or closes the session. */
  #turn(ending: AttemptEnd | "aged"): boolean {
    const { clock, reconnect, retryOn, forever, opener, onGap, url } = this.#settings;
    const nowMs = clock.now();
    const { tally } = this.#state;
    const healthy = this.#isHealthy(nowMs);
    const [end, gap] = this.#withGap(ending);
    // An answer proves that the request was sent, whatever the transport told.
    const answered = this.#attempt !== undefined || (typeof end !== "string" && end.status !== undefined);
    const situation = {
      tally,
      nowMs,
      waitMs: end === "aged" ? 0 : this.#nextWaitMs(end, healthy),
      healthy,
      endless: opener.endless,
      resumable: opener.resumable,
      forever,
      delivered: this.intake.items > 0,
      repeatable: !(this.#sent || answered) || end === "aged" || opener.mayRepeat(end),
      restarting: gap !== undefined && onGap === "restart",
    };
    this.#attempt?.release(end);
    this.#attempt = this.#end = undefined;
    this.#deadlines.stopAttempt();
    const decision =
      end === "aged" ? "reopen" : this.intake.matched ? "final" : verdict(end, situation, reconnect, retryOn);
    if (end !== "aged" && (decision === "final" || decision === "exhausted")) {
      this.#finish(end, decision === "exhausted");
      return false;
    }
    if (gap && situation.restarting) {
      this.intake.goOnFrom(checkedCursor("resume.gap", gap.to));
      this.intake.leaveGap(gap);
    } else if (onGap === "error" && tally.opens > 0 && this.#lacksCursor) {
      const error = nowhereToGoOn(url, end, this.intake.cursor);
      this.#close(error.code, error);
      return false;
    }
    if (situation.healthy) this.#move({ to: "healthy" });
    this.#wait(
      typeof end === "string" ? (end === "aged" ? end : "ended") : end,
      situation.waitMs,
      decision === "retry",
    );
    return true;
  }

  /** How an attempt ended, and the gap that the server told by it: by an item, or by refusing the cursor it was asked with. */
  #withGap(end: AttemptEnd | "aged"): [end: AttemptEnd | "aged", gap: GapEnds | undefined] {
    if (typeof end === "string") return [end, undefined];
    if (end.gap) return [end, end.gap];
    const { opener, onGap } = this.#settings;
    const { cursor } = this.intake;
    if (this.#attempt || end.code !== "refused" || cursor === undefined || !opener.resumable) return [end, undefined];
    const lost = opener.rules.isLost ? opener.rules.isLost(end) : end.status === 410;
    return lost ? [refusedCursor(end, cursor, onGap), { from: cursor, to: undefined }] : [end, undefined];
  }

  /** Whether the attempt in hand proved itself: by new items, or by the time that it was open. */
  #isHealthy(nowMs: number): boolean {
    const { reconnect } = this.#settings;
    if (!reconnect || !this.#attempt) return false;
    const { openedAtMs = nowMs } = this.#state.tally;
    const { freshItems } = this.intake;
    return (
      (freshItems > 0 && freshItems >= reconnect.healthyAfterItems) || nowMs - openedAtMs >= reconnect.healthyAfterMs
    );
  }

  /** The wait before the next attempt, should there be one. */
  #nextWaitMs(end: AttemptEnd, healthy: boolean): number {
    const { reconnect, random } = this.#settings;
    if (!reconnect) return 0;
    const retry = healthy ? 1 : this.#state.tally.retries + 1;
    const retryAfterMs = typeof end === "string" ? 0 : (end.retryAfterMs ?? 0);
    return backoff(retry, reconnect, Math.max(this.intake.retryMs, retryAfterMs), random);
  }

  #wait(cause: WaitCause, waitMs: number, counted: boolean): void {
    const { clock } = this.#settings;
    this.#move({ to: "waiting", cause, waitMs, retryAt: clock.date() + waitMs, nowMs: clock.now(), counted });
    this.#notices.notify({ type: "waiting", cause, waitMs, retry: this.#state.tally.retries });
  }

  #finish(end: AttemptEnd, exhausted: boolean): void {
    if (!exhausted) return typeof end === "string" ? this.#close(end) : this.#close(end.code, end);
    const { retries } = this.#state.tally;
    const [why, details] = typeof end === "string" ? ["the stream ended at once", {}] : [end.message, { cause: end }];
    const message = `Gave up on ${this.#settings.url} after ${retries} ${retries === 1 ? "retry" : "retries"}: ${why}`;
    this.#close("exhausted", new StreamError("exhausted", message, details));
  }

  #closeFor(error: unknown): void {
    if (this.#state.name === "closed") return;
    const failed = asStreamError(error, this.#settings.url);
    this.#close(failed.code, failed);
  }

  #close(code: OutcomeCode, error?: unknown): void {
    if (this.#state.name === "closed") return;
    const { attempts } = this.#state.tally;
    this.intake.close();
    const { items, bytes, cursor } = this.intake;
    const outcome = { code, items, bytes, attempts, cursor, ...(code in quiet ? {} : { error }) };
    this.#move({ to: "closed", outcome });
    const reason = error ?? new DOMException("The stream was closed", "AbortError");
    this.#deadlines.close();
    this.#unlisten?.();
    this.#settings.running?.delete(this);
    this.#attempt?.release(reason);
    this.#attempt = undefined;
    this.#opening?.giveUp(reason);
    this.#settle?.(outcome);
    this.#notices.notify({ type: "closed", outcome });
  }

  #isClosed(): boolean {
    return this.#state.name === "closed";
  }

  #move(step: SessionMove): void {
    this.#state = move(this.#state, step);
  }
}

/** The endings that throw nothing. */
const quiet: Readonly<Partial<Record<OutcomeCode, true>>> = { complete: true, ended: true, closed: true };
