import type { Clock } from "@longwire/core";
import type { Feed, FeedReader } from "./feed.ts";
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
 * Timers are set again for what is left, so a piece touches none.
 */
export class ResponseBody implements FeedReader {
  readonly #feed: Feed;
  readonly #settings: BodySettings;
  /** What goes before the feed's next piece: the opening, or a heartbeat that is due. */
  #first: Uint8Array | undefined;
  #waiting: FeedReader | undefined;
  #handedAtMs: number;
  #cancelHeartbeat: (() => void) | undefined;
  #cancelStall: (() => void) | undefined;
  #cut: ((reason: unknown) => void) | undefined;
  #forgetFeed: (() => void) | undefined;
  #left = false;

  constructor(feed: Feed, settings: BodySettings) {
    this.#feed = settings.stallMs > 0 ? slicedFeed(feed) : feed;
    this.#settings = settings;
    this.#first = settings.opening;
    this.#handedAtMs = settings.clock.now();
  }

  /** Calls back, once at most, when the response is to be cut though its client takes nothing. */
  onCut(callback: (reason: unknown) => void): void {
    this.#cut = callback;
    const { cut } = this.#feed;
    this.#forgetFeed = onAbort(cut, () => callback(cut?.reason));
  }

  /** What there is now; `undefined`: nothing yet, or nothing more. @throws what broke the feed */
  take(): Uint8Array | undefined {
    if (this.#left) return undefined;
    const piece = this.#first ?? this.#feed.take();
    this.#first = undefined;
    if (piece) this.#handed();
    return piece;
  }

  /** The feed has ended, or was left. */
  get isOver(): boolean {
    return this.#left || this.#feed.isOver;
  }

  /** After a `take` that gave nothing: the reader is told, once. */
  wait(reader: FeedReader): void {
    this.#waiting = reader;
    this.#feed.wait(this);
    if (!this.#cancelHeartbeat && this.#settings.heartbeatMs > 0) this.#armHeartbeat();
  }

  /** The next piece; `undefined` at the end, and as soon as it was left. Rejects when the feed broke. */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const piece = this.take();
      if (piece || this.isOver) return piece;
      await new Promise<void>((more) => this.wait({ more }));
    }
  }

  /** The response is over, well or not: drops the timers, tells who waits, lets the feed go. */
  leave(): void {
    this.#left = true;
    this.#forgetFeed?.();
    this.more();
    this.#cancelHeartbeat?.();
    this.#cancelStall?.();
    this.#feed.leave();
  }

  /** Called by the feed. */
  more(): void {
    const reader = this.#waiting;
    this.#waiting = undefined;
    reader?.more();
  }

  #handed(): void {
    this.#handedAtMs = this.#settings.clock.now();
    if (!this.#cancelStall && this.#settings.stallMs > 0) this.#armStall();
  }

  #armHeartbeat(): void {
    const { heartbeatMs } = this.#settings;
    this.#cancelHeartbeat = this.#timer(heartbeatMs, () => {
      this.#cancelHeartbeat = undefined;
      if (!this.#waiting) return;
      if (!this.#silentFor(heartbeatMs)) return this.#armHeartbeat();
      this.#first = this.#feed.heartbeat();
      this.more();
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
