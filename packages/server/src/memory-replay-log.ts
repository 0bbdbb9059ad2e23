import { type Random, systemRandom } from "@longwire/core";
import type { LogEntry, Published, Replay, ReplayLog } from "./replay-log.ts";
import { wholeFrom } from "./response-options.ts";

/** How much is kept. */
export interface MemoryReplayLogOptions {
  /** Items kept at most, from 1. Default 1_024. */
  readonly maxItems?: number | undefined;
  /** Memory of the kept items' texts at most, in bytes, counted as two for each character. Default 16 MiB. */
  readonly maxBytes?: number | undefined;
  /** Where the log's name comes from, which its ids begin with. Default: the real one. */
  readonly random?: Random | undefined;
}

/**
 * A log in memory: a ring of the latest items. Its ids are `NAME-NUMBER`, the name a new one by chance for each log, so that a cursor
 * from before a restart is a gap and not taken for one of this log.
 *
 * @throws TypeError, RangeError on a bad option
 *
 * @example
 * ```ts
 * import { memoryReplayLog } from "@longwire/server";
 *
 * const log = memoryReplayLog({ maxItems: 10_000 });
 * const id = await log.append({ topic: "news", data: "first", format: "text" });
 * await log.append({ topic: "news", data: "second", format: "text" });
 * console.log((await log.since(id)).entries.length); // 1
 * ```
 */
export function memoryReplayLog(options: MemoryReplayLogOptions = {}): ReplayLog {
  const { maxItems = 1_024, maxBytes = 16 * 1_024 * 1_024, random = systemRandom } = options;
  wholeFrom(1, "maxItems", maxItems);
  wholeFrom(1, "maxBytes", maxBytes);
  const name = Math.floor(random() * 36 ** 8).toString(36);
  const ring: (Published | undefined)[] = [];
  let first = 1;
  let last = 0;
  let bytes = 0;

  function drop(): void {
    const at = (first - 1) % maxItems;
    bytes -= bytesOf(ring[at] as Published);
    ring[at] = undefined;
    first++;
  }

  /** The number in an id of this log; `undefined` for all else. */
  function numberOf(cursor: string): number | undefined {
    const [, itsName, digits] = /^([0-9a-z]+)-(0|[1-9]\d{0,15})$/.exec(cursor) ?? [];
    return itsName === name ? Number(digits) : undefined;
  }

  function entriesAfter(number: number): LogEntry[] {
    return Array.from({ length: last - number }, (_, index) => {
      const at = number + 1 + index;
      return { id: `${name}-${at}`, item: ring[(at - 1) % maxItems] as Published };
    });
  }

  return {
    async append(item) {
      if (last - first + 1 === maxItems) drop();
      last++;
      ring[(last - 1) % maxItems] = item;
      bytes += bytesOf(item);
      while (bytes > maxBytes) drop();
      return `${name}-${last}`;
    },
    async since(cursor): Promise<Replay> {
      const end = `${name}-${last}`;
      if (cursor === undefined) return { entries: [], cursor: end };
      const number = numberOf(cursor);
      if (number !== undefined && number >= first - 1 && number <= last) {
        return { entries: entriesAfter(number), cursor: end };
      }
      return { entries: entriesAfter(first - 1), cursor: end, gap: { from: cursor, to: `${name}-${first - 1}` } };
    },
  };
}

function bytesOf({ topic, type = "", data }: Published): number {
  return 2 * (topic.length + type.length + data.length);
}
