import { checkPlan, type FaultPlan } from "@longwire/testing";

/**
 * The faults that a query asks for, by the names that fault plans have.
 *
 * @throws TypeError, RangeError on what is no plan
 */
export function faultsOf(query: URLSearchParams): FaultPlan {
  const number = (name: string): number | undefined => {
    const text = query.get(name);
    if (text === null) return undefined;
    return text.trim() === "" ? Number.NaN : Number(text);
  };
  const numbers = (name: string): number[] | undefined => query.get(name)?.split(",").map(Number);
  const flag = (name: string): true | undefined => (query.has(name) ? true : undefined);
  const [firstMs, chunkMs] = [number("firstMs"), number("chunkMs")];
  const [bytes = Number.NaN, everyMs = Number.NaN] = numbers("drip") ?? [];
  const retryAfter = query.get("retryAfter");
  return checkPlan({
    cutAfter: number("cutAfter"),
    resetAfter: number("resetAfter"),
    halfClose: number("halfClose"),
    stall: number("stall"),
    gzipStall: number("gzipStall"),
    blackhole: flag("blackhole"),
    delay: firstMs === undefined && chunkMs === undefined ? undefined : { firstMs, chunkMs },
    slice: numbers("slice"),
    drip: query.has("drip") ? { bytes, everyMs } : undefined,
    badUtf8: number("badUtf8"),
    splitBom: flag("splitBom"),
    status: number("status"),
    retryAfter: retryAfter === null ? undefined : /^\d+$/.test(retryAfter) ? Number(retryAfter) : retryAfter,
  });
}

/** Whether a query asks for any. */
export function asksForFaults(plan: FaultPlan): boolean {
  return Object.values(plan).some((value) => value !== undefined);
}
