import type { Clock } from "@longwire/core";
import type { Feed } from "./feed.ts";
import { onAbort } from "./on-abort.ts";
import { slicedFeed } from "./sliced-feed.ts";

/** What a body adds to its feed. */
export interface BodySettings {
  /** Sent before anything else, at once. */
  readonly opening: Uint8Array | undefined;
  /** Longest silence, in ms; `0`: no heartbeats. */
  readonly heartbeatMs: number;
  /** Longest time between a piece and the pull behind it, in ms; `0`: any. */
  readonly stallMs: number;
  readonly clock: Clock;
}

/**
 * The pieces of a body: the opening, those of the feed, and a heartbeat whenever the client waited for so long that none came. A client
 * that takes nothing gets no heartbeats either: nothing is made that was not asked for.
 *
 * The feed's pull stays pending while heartbeats go out; it has one listener all the while. Timers are set again for what is left, so a
 * piece touches none.
 */
export class ResponseBody {
  readonly #feed: Feed;
  readonly #settings: BodySettings;
  #opening: Uint8Array | undefined;
  /** The feed was asked, and what came has not been handed out. */
  #asked = false;
  #arrived: Promise<Uint8Array | undefined> | undefined;
  #waiting: ((piece: Uint8Array | undefined | Promise<Uint8Array | undefined>) => void) | undefined;
  #handedAtMs: number;
  #cancelHeartbeat: (() => void) | undefined;
  #cancelStall: (() => void) | undefined;
  #cut: ((reason: unknown) => void) | undefined;
  #forgetFeed: (() => void) | undefined;
  #over = false;

  constructor(feed: Feed, settings: BodySettings) {
    this.#feed = settings.stallMs > 0 ? slicedFeed(feed) : feed;
    this.#settings = settings;
    this.#opening = settings.opening;
    this.#handedAtMs = settings.clock.now();
  }

  /** Calls back, once at most, when the response is to be cut though its client takes nothing. */
  onCut(callback: (reason: unknown) => void): void {
    this.#cut = callback;
    const { cut } = this.#feed;
    this.#forgetFeed = onAbort(cut, () => callback(cut?.reason));
  }

  /** The next piece; `undefined` at the end, and as soon as it was left. Rejects when the feed broke. */
  next(): Promise<Uint8Array | undefined> {
    if (this.#over) return Promise.resolve(undefined);
    const opening = this.#opening;
    if (opening) {
      this.#opening = undefined;
      return this.#handed(Promise.resolve(opening));
    }
    if (!this.#asked) this.#ask();
    const arrived = this.#arrived;
    if (arrived) {
      this.#asked = false;
      this.#arrived = undefined;
      return this.#handed(arrived);
    }
    return new Promise((resolve) => {
      this.#waiting = resolve;
      if (!this.#cancelHeartbeat && this.#settings.heartbeatMs > 0) this.#armHeartbeat();
    });
  }

  /** The response is over, well or not: drops the timers, settles a pending pull, lets the feed go. */
  leave(): void {
    this.#over = true;
    this.#forgetFeed?.();
    this.#hand(Promise.resolve(undefined));
    this.#cancelHeartbeat?.();
    this.#cancelStall?.();
    this.#feed.leave();
  }

  #ask(): void {
    this.#asked = true;
    const pull = this.#feed.next();
    const arrive = (): void => {
      if (this.#over) return;
      if (!this.#waiting) {
        this.#arrived = pull;
        return;
      }
      this.#asked = false;
      this.#hand(pull);
    };
    pull.then(arrive, arrive);
  }

  #hand(piece: Promise<Uint8Array | undefined>): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(this.#handed(piece));
  }

  #handed(piece: Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined> {
    this.#handedAtMs = this.#settings.clock.now();
    if (!this.#cancelStall && this.#settings.stallMs > 0 && !this.#over) this.#armStall();
    return piece;
  }

  #armHeartbeat(): void {
    const { heartbeatMs } = this.#settings;
    this.#cancelHeartbeat = this.#timer(heartbeatMs, () => {
      this.#cancelHeartbeat = undefined;
      if (!this.#waiting) return;
      if (this.#silentFor(heartbeatMs)) this.#hand(Promise.resolve(this.#feed.heartbeat()));
      else this.#armHeartbeat();
    });
  }

  #armStall(): void {
    const { stallMs } = this.#settings;
    this.#cancelStall = this.#timer(stallMs, () => {
      this.#cancelStall = undefined;
      if (this.#waiting) return;
      if (this.#silentFor(stallMs)) this.#cut?.(new Error(`The client took nothing for ${stallMs} ms (stallMs)`));
      else this.#armStall();
    });
  }

  /** What is left of so many ms since the last piece. */
  #timer(ms: number, callback: () => void): () => void {
    const { clock } = this.#settings;
    return clock.timer(Math.max(0, this.#handedAtMs + ms - clock.now()), callback);
  }

  #silentFor(ms: number): boolean {
    return this.#settings.clock.now() - this.#handedAtMs >= ms;
  }
}
