// All clocks of one stream on one timer.
//
// The timer is lazy: moving a deadline later touches no timer; when it fires early it is armed again for what is left. So a
// byte costs one store, and a stream one timer. While the stream is held (its consumer is busy) time stands still for every
// clock but `totalMs`.

import type { ClockName } from "../errors.ts";
import type { Clock } from "./clock.ts";

/**
 * Clocks by name, in ms, on one timer. The owner is told the name of each that runs out, which then runs no more; `close()` drops the
 * timer.
 *
 * @example
 * ```ts
 * import { Deadlines, systemClock } from "@longwire/core";
 *
 * const deadlines = new Deadlines(systemClock, { ranOut: (name) => console.log(name, "is over") });
 * deadlines.start("connectMs", 5_000);
 * deadlines.start("idleMs", 45_000);
 * deadlines.stop("connectMs");
 * deadlines.close();
 * ```
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #owner: { ranOut(name: ClockName): void };
  /** When each runs out, by {@link order}; Infinity: it does not run. */
  readonly #due: number[] = order.map(() => Number.POSITIVE_INFINITY);
  #heldAt: number | undefined;
  #armedFor = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, owner: { ranOut(name: ClockName): void }) {
    this.#clock = clock;
    this.#owner = owner;
  }

  /** Runs `name` from `nowMs`; `0` ms means for ever. */
  start(name: ClockName, ms: number, nowMs: number = this.#clock.now()): void {
    const due = ms === 0 ? Number.POSITIVE_INFINITY : nowMs + ms;
    this.#due[order.indexOf(name)] = due;
    if (due < this.#armedFor && this.#heldAt === undefined) this.#arm(due, nowMs);
  }

  stop(name: ClockName): void {
    this.#due[order.indexOf(name)] = Number.POSITIVE_INFINITY;
  }

  /** Ends every clock but `totalMs`: an attempt is over. */
  stopAttempt(): void {
    for (let i = 0; i < total; i++) this.#due[i] = Number.POSITIVE_INFINITY;
  }

  /** The consumer is busy. */
  hold(nowMs: number = this.#clock.now()): void {
    this.#heldAt ??= nowMs;
  }

  /** The consumer asks again. */
  resume(): void {
    const heldAt = this.#heldAt;
    if (heldAt === undefined) return;
    const nowMs = this.#clock.now();
    this.#heldAt = undefined;
    for (let i = 0; i < total; i++) (this.#due[i] as number) += nowMs - heldAt;
    const next = Math.min(...this.#due);
    if (next <= nowMs) this.#fire();
    else if (next < this.#armedFor) this.#arm(next, nowMs);
  }

  /** Drops the timer and every clock. */
  close(): void {
    this.#due.fill(Number.POSITIVE_INFINITY);
    this.#disarm();
  }

  #arm(due: number, nowMs: number): void {
    this.#disarm();
    this.#armedFor = due;
    this.#cancel = this.#clock.timer(Math.max(0, due - nowMs), () => this.#fire());
  }

  #disarm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
  }

  #fire(): void {
    this.#disarm();
    const nowMs = this.#clock.now();
    const next = this.#heldAt === undefined ? Math.min(...this.#due) : (this.#due[total] as number);
    if (next > nowMs) {
      if (next !== Number.POSITIVE_INFINITY) this.#arm(next, nowMs);
      return;
    }
    const index = this.#heldAt === undefined ? this.#due.indexOf(next) : total;
    this.#due[index] = Number.POSITIVE_INFINITY;
    this.#owner.ranOut(order[index] as ClockName);
    const left = Math.min(...this.#due);
    if (left < this.#armedFor) this.#arm(left, nowMs);
  }
}

/** `totalMs` last: it alone spans attempts and runs while the consumer is busy. */
const order: readonly ClockName[] = [
  "connectMs",
  "headersMs",
  "firstItemMs",
  "idleMs",
  "progressMs",
  "maxAgeMs",
  "totalMs",
];
const total: number = order.indexOf("totalMs");
