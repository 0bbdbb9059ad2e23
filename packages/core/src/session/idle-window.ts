import { Cadence } from "./cadence.ts";

/** The longest silence that a stream is allowed, as it is now. */
export class IdleWindow {
  /** Milliseconds; `0`: any. */
  ms: number;
  readonly #mostMs: number;
  readonly #by: "caller" | "server" | "cadence";
  readonly #cadence: Cadence | undefined;

  /** `by`: who sets it. With `caller` it stays as it is. */
  constructor(ms: number, by: "caller" | "server" | "cadence") {
    this.ms = this.#mostMs = ms;
    this.#by = by;
    this.#cadence = by === "cadence" ? new Cadence() : undefined;
  }

  /** The server names one; what is no time is not taken. */
  told(ms: number | undefined): void {
    if (this.#by === "server" && ms !== undefined && ms >= 0 && ms < Number.POSITIVE_INFINITY) this.ms = ms;
  }

  /** A silence is over, or was too long. */
  heard(silenceMs: number, nowMs: number): void {
    if (!this.#cadence) return;
    this.#cadence.heard(silenceMs, nowMs);
    this.ms = this.#cadence.windowMs(this.#mostMs);
  }
}
