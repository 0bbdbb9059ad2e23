import { checkPlan, type FaultPlan } from "@longwire/testing";

/**
 * The faults that a query asks for, by the names that fault plans have.
 *
 * @throws TypeError, RangeError on what is no plan
 */
export function faultsOf(query: URLSearchParams): FaultPlan {
  const number = (name: string): number | undefined => {
    const text = query.get(name);
    return text === null ? undefined : numberOf(name, text);
  };
  const numbers = (name: string): number[] | undefined =>
    query
      .get(name)
      ?.split(",")
      .map((text) => numberOf(name, text));
  const flag = (name: string): true | undefined => (query.has(name) && query.get(name) !== "0" ? true : undefined);
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

/**
 * The faults that the query of an upgrade asks for: those of a connection.
 *
 * @throws TypeError, RangeError on what is no plan, and on what changes a body
 */
export function connectionFaultsOf(query: URLSearchParams): FaultPlan {
  const plan = faultsOf(query);
  const foreign = (["gzipStall", "badUtf8", "splitBom"] as const).find((name) => plan[name] !== undefined);
  if (foreign === undefined) return plan;
  throw new TypeError(`${foreign} changes a body, and a WebSocket has none`);
}

/** Whether a query asks for any. */
export function asksForFaults(plan: FaultPlan): boolean {
  return Object.values(plan).some((value) => value !== undefined);
}

function numberOf(name: string, text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!Number.isNaN(value)) return value;
  throw new RangeError(`${name} must be a number, not ${JSON.stringify(text)}`);
}
