import { type Clock, wait } from "@longwire/core";
import { seededRandom } from "@longwire/core/testing";
import { type Answer, checkPlan, type FaultPlan } from "@longwire/testing";
import { parseDuration } from "../duration.ts";
import { faultsOf } from "./fault-query.ts";
import { queryNumber } from "./query-number.ts";
import { answerOf, type Served } from "./served.ts";

/** How a feed of numbered items is written. */
export interface Format<Item> {
  readonly path: string;
  item(seq: number, padding: string): Item;
  /** Behind the last item of a feed that has one. */
  readonly last: Item | undefined;
  /** As it is sent. */
  bytesOf(item: Item): number;
  /** Bytes before the first item. */
  openingBytes(retryMs: number | undefined): number;
  /** How it is cut now and then. */
  readonly cuts: readonly CutKind[];
  /** `retryMs`: what clients are told to wait before they come back, where there is a way to. */
  respond(source: (signal: AbortSignal) => AsyncIterable<Item>, retryMs: number | undefined): Response;
}

/** `inside`: in the midst of the item behind. */
export type CutKind = "a RST inside" | "a FIN inside" | "a RST after" | "a clean end after";

/** One connection's share of a feed, from the item behind `from`. */
export interface NumberedCall {
  readonly from: number;
  readonly query: URLSearchParams;
  readonly clock: Clock;
  /** Told of a cut that was made. */
  readonly onCut: (how: string) => void;
}

/**
 * Items from where the client goes on, one every so many ms, to the last, or to a cut. Every connection of the same seed that goes on at the
 * same place is cut at the same place.
 *
 * @throws TypeError, RangeError on a bad query
 */
export function numbered<Item>(format: Format<Item>, { from, query, clock, onCut }: NumberedCall): Served<Answer> {
  const count = queryNumber(query, "count", 0);
  const everyMs = parseDuration(query.get("every") ?? "250ms");
  const padding = "x".repeat(queryNumber(query, "size", 0, mostPadding));
  const retryMs = query.has("retry") ? queryNumber(query, "retry", 0) : undefined;
  const lost = queryNumber(query, "lose", 0);
  const cut = query.has("cuts") ? cutOf(format, from, count, queryNumber(query, "cuts", 0)) : undefined;
  const end = cut?.kind === "a clean end after" ? cut.seq : count === 0 ? Number.POSITIVE_INFINITY : count;
  let made = from;

  async function* items(signal: AbortSignal): AsyncGenerator<Item, void, undefined> {
    const startMs = clock.now();
    for (let seq = from + 1; seq <= end; seq++) {
      const dueMs = startMs + (seq - from - 1) * everyMs;
      if (dueMs > clock.now()) await wait(dueMs - clock.now(), clock, signal);
      made = seq;
      if (seq !== lost) yield format.item(seq, padding);
    }
    if (end === count && format.last !== undefined) yield format.last;
  }

  function planOf(): FaultPlan {
    const plan = faultsOf(query);
    if (!cut || cut.kind === "a clean end after") return plan;
    let at = format.openingBytes(retryMs);
    for (let seq = from + 1; seq < cut.seq; seq++) if (seq !== lost) at += format.bytesOf(format.item(seq, padding));
    const bytes = format.bytesOf(format.item(cut.seq, padding));
    at += cut.kind.endsWith("inside") ? Math.ceil(bytes / 2) : bytes;
    return checkPlan({ ...plan, ...(cut.kind.startsWith("a RST") ? { resetAfter: at } : { cutAfter: at }) });
  }

  return {
    answer: answerOf(format.respond(items, retryMs)),
    plan: planOf(),
    over: () => {
      if (cut && made >= cut.seq) onCut(`${cut.kind} item ${cut.seq} of ${format.path}`);
    },
  };
}

/** Where the answer that goes on behind `from` is cut: 6 to 21 items later; not behind the last item. */
function cutOf(
  { path, cuts }: Pick<Format<unknown>, "path" | "cuts">,
  from: number,
  count: number,
  seed: number,
): { readonly seq: number; readonly kind: CutKind } | undefined {
  const random = seededRandom(seed * 1_000_003 + from * 101 + path.length);
  const seq = from + 6 + Math.floor(random() * 16);
  const kind = cuts[Math.floor(random() * cuts.length)] as CutKind;
  return count > 0 && seq >= count ? undefined : { seq, kind };
}

const mostPadding = 16 * 1_048_576;
