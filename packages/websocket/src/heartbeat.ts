import { asStreamError, type Clock, StreamError } from "@longwire/core";

/** How a peer is asked whether it is still there. */
export interface HeartbeatSettings {
  /** As errors print it. */
  readonly url: string;
  readonly clock: Clock;
  /** From one ping to the next, in ms; `0`: none. */
  readonly pingMs: number;
  /** How long a ping may go without a sign of life, in ms; `0`: for ever. */
  readonly pongMs: number;
}

/** What is asked. */
export interface HeartbeatPeer {
  /** Nothing is read, so nothing can be heard. */
  readonly isPaused: boolean;
  /** Changes when bytes move on the wire. */
  readonly progress: number;
  /** Sends a ping. */
  ping(text: string): void;
  /** Bytes have moved, though no frame was whole. */
  moved(): void;
  /** There was no sign of life, or a ping could not be made. */
  died(error: StreamError): void;
}

/**
 * Pings a peer, and notices when it is gone without a word: a half-open connection. Every frame is a sign of life; so are bytes of one that is
 * long under way, and of one that leaves. A pong tells the round trip.
 */
export class Heartbeat {
  /** Of the last ping that was answered, in ms. */
  rttMs: number | undefined;
  readonly #settings: HeartbeatSettings;
  readonly #peer: HeartbeatPeer;
  #cancel: (() => void) | undefined;
  #serial = 0;
  #askedAtMs: number | undefined;
  #heard = false;
  #progress = 0;

  constructor(settings: HeartbeatSettings, peer: HeartbeatPeer) {
    this.#settings = settings;
    this.#peer = peer;
    if (settings.pingMs > 0) this.#after(settings.pingMs, () => this.#ask());
  }

  /** A ping waits for its answer. */
  get isWaiting(): boolean {
    return this.#askedAtMs !== undefined;
  }

  /** A sign of life, or a reason why none can come: reading was paused. */
  heard(): void {
    this.#heard = true;
  }

  /** The answer to a ping came, with its text where it has one. */
  answered(text: string = String(this.#serial)): void {
    this.heard();
    if (this.#askedAtMs === undefined || text !== String(this.#serial)) return;
    const { clock, pingMs } = this.#settings;
    this.rttMs = clock.now() - this.#askedAtMs;
    this.#askedAtMs = undefined;
    if (!this.#cancel) return;
    // No need to wait for what `pongMs` is over: it may be longer than `pingMs`.
    this.#cancel();
    this.#after(Math.max(0, pingMs - this.rttMs), () => this.#ask());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #ask(): void {
    const { clock, pingMs, pongMs, url } = this.#settings;
    if (this.#peer.isPaused) return this.#after(pingMs, () => this.#ask());
    this.#heard = false;
    this.#progress = this.#peer.progress;
    this.#askedAtMs = clock.now();
    this.#serial++;
    if (pongMs === 0) this.#after(pingMs, () => this.#ask());
    else this.#after(pongMs, () => this.#check());
    try {
      this.#peer.ping(String(this.#serial));
    } catch (error) {
      this.#peer.died(asStreamError(error, url));
    }
  }

  #check(): void {
    const { pingMs, pongMs, url } = this.#settings;
    if (this.#heard) return this.#after(Math.max(0, pingMs - pongMs), () => this.#ask());
    const { progress } = this.#peer;
    if (progress !== this.#progress) {
      this.#progress = progress;
      this.#peer.moved();
      return this.#after(pongMs, () => this.#check());
    }
    const why = `no sign of life for ${pongMs} ms after a ping (pongMs)`;
    this.#peer.died(new StreamError("idle", `Cannot keep reading ${url}: ${why}`, { clock: "pongMs" }));
  }

  #after(ms: number, then: () => void): void {
    this.#cancel = this.#settings.clock.timer(ms, then);
  }
}
