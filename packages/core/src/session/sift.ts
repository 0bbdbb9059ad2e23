import { asStreamError } from "../errors.ts";
import type { Gap, ItemRules } from "../events/item-rules.ts";
import type { Batch } from "../events/opener.ts";
import type { Mark } from "../frames/decoder.ts";
import type { Replay } from "./replay.ts";

/** A batch without what is not handed out, and what was found on the way. */
export interface Sifted<T> extends Batch<T> {
  readonly heartbeats: number;
  readonly replayed: number;
  /** Gaps that the stream goes on behind. */
  readonly gaps: readonly PlacedGap[];
  /** The gap that nothing is handed out behind. */
  readonly stop: Gap | undefined;
}

/** A gap before the item at `at`. */
export interface PlacedGap extends Gap {
  readonly at: number;
}

/**
 * Takes heartbeats, items that come again and what follows a gap that stops out of a batch. The cursor of a heartbeat stays, as a
 * bookmark; those of what comes again lie behind, and go. What a rule throws ends the batch before its item.
 */
export function sift<T>(
  batch: Batch<T>,
  rules: ItemRules<T>,
  replay: Replay | undefined,
  stopsAt: (gap: Gap) => boolean,
  url: string,
): Sifted<T> {
  const items: T[] = [];
  const marks: Mark<T>[] = [];
  const gaps: PlacedGap[] = [];
  let stop: Gap | undefined;
  let heartbeats = 0;
  let replayed = 0;
  let nextMark = 0;

  function marksUpTo(index: number): void {
    for (; nextMark < batch.marks.length; nextMark++) {
      const mark = batch.marks[nextMark] as Mark<T>;
      if (mark.at > index) return;
      if (mark.kind !== "cursor" || !replay?.isBehind(mark.value)) marks.push({ ...mark, at: items.length });
    }
  }

  function take(item: T): void {
    const gap = rules.gapOf?.(item);
    if (gap && stopsAt(gap)) {
      stop = gap;
      return;
    }
    if (rules.isHeartbeat?.(item)) {
      heartbeats++;
      const value = rules.cursorOf?.(item);
      if (value !== undefined && !replay?.isBehind(value)) marks.push({ at: items.length, kind: "cursor", value });
    } else if (replay?.hasSeen((rules.ownCursorOf ?? rules.cursorOf)?.(item))) replayed++;
    else {
      if (gap) gaps.push({ ...gap, at: items.length });
      items.push(item);
    }
    const idleMs = rules.idleMsOf?.(item);
    if (idleMs !== undefined) marks.push({ at: items.length, kind: "idle", value: idleMs });
  }

  try {
    for (let i = 0; i < batch.items.length && !stop; i++) {
      marksUpTo(i);
      take(batch.items[i] as T);
    }
  } catch (error) {
    return { items, marks, bytes: batch.bytes, error: asStreamError(error, url), heartbeats, replayed, gaps, stop };
  }
  if (stop) return { items, marks, bytes: batch.bytes, heartbeats, replayed, gaps, stop };
  marksUpTo(batch.items.length);
  return { ...batch, items, marks, heartbeats, replayed, gaps, stop };
}
