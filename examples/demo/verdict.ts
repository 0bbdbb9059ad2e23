import type { Tailed } from "./tailed.ts";

/** What was sent against what was received. */
export interface Verdict {
  readonly sent: number;
  readonly received: number;
  readonly cuts: number;
  readonly lost: readonly number[];
  readonly twice: readonly number[];
  readonly exitCode: number | null;
  readonly good: boolean;
}

/** Compares number by number with a feed of so many items: as many sent as received proves nothing. */
export function verdict(items: number, cuts: number, { received, exitCode }: Tailed): Verdict {
  const sent = new Set(Array.from({ length: items }, (_, index) => index + 1));
  const seen = new Set<number>();
  const twice = received.filter((seq) => seen.size === seen.add(seq).size);
  const lost = [...sent].filter((seq) => !seen.has(seq));
  const inOrder = received.every((seq, index) => index === 0 || seq > (received[index - 1] as number));
  const known = received.every((seq) => sent.has(seq));
  const good = exitCode === 0 && cuts > 0 && lost.length === 0 && twice.length === 0 && inOrder && known;
  return { sent: items, received: received.length, cuts, lost, twice, exitCode, good };
}
