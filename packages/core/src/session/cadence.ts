// The idle window that is learned: what is much longer than the silences so far is no silence, but a dead wire.

/** Learns how long the silences of a stream are: the longest of this span of time and of the one before it. */
export class Cadence {
  #longestMs = 0;
  #longestBeforeMs = 0;
  #spanBeganMs: number | undefined;
  #learned = false;

  /** A silence is over. */
  heard(silenceMs: number, nowMs: number): void {
    this.#spanBeganMs ??= nowMs - silenceMs;
    this.#longestMs = Math.max(this.#longestMs, silenceMs);
    const longestMs = Math.max(this.#longestMs, this.#longestBeforeMs);
    if (nowMs - this.#spanBeganMs < Math.max(leastSpanMs, silencesInSpan * longestMs)) return;
    this.#longestBeforeMs = this.#longestMs;
    this.#longestMs = 0;
    this.#spanBeganMs = nowMs;
    this.#learned = true;
  }

  /** Four times the longest silence, at least 1,000 and at most `mostMs` (0: no limit); until a span is over `mostMs`. */
  windowMs(mostMs: number): number {
    if (!this.#learned) return mostMs;
    const windowMs = Math.max(leastWindowMs, tolerance * Math.max(this.#longestMs, this.#longestBeforeMs));
    return mostMs === 0 ? windowMs : Math.min(mostMs, windowMs);
  }
}

const tolerance = 4;
const leastWindowMs = 1_000;
// A burst of chunks says nothing about the silence between two bursts: a span has to hold several of those.
const leastSpanMs = 60_000;
const silencesInSpan = 4;
