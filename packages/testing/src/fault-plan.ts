import type { Clock } from "@longwire/core";
import { type Check, type Checks, checkFields, clock, flag, ms, shown, whole } from "./checks.ts";

/**
 * What goes wrong with one flow of bytes, as data: it can be written to JSON and read back.
 *
 * **A flow** is what a carrier was given to carry: for the loopback server and the msw handlers the body of one answer, before
 * framing; for the proxy all that one connection brings from the server to the client, heads and framing included. All offsets
 * count its bytes from its start. `0` is allowed; an offset past the end is no fault.
 *
 * A plan has one end at most (`cutAfter`, `resetAfter`, `halfClose`, `stall`, `gzipStall`, `blackhole`); all else goes together, but
 * for `drip`, which is a `slice` with a wait. An empty plan is no fault.
 *
 * @example
 * ```ts
 * import type { FaultPlan } from "@longwire/testing";
 *
 * const plan: FaultPlan = { slice: [1, 7], delay: { firstMs: 20 }, resetAfter: 1_000 };
 * console.log(JSON.stringify(plan));
 * ```
 */
export interface FaultPlan {
  /** After so many bytes: FIN, and the connection is over. A framed body ends short, one delimited by the close looks whole. */
  readonly cutAfter?: number | undefined;
  /** After so many bytes: RST. */
  readonly resetAfter?: number | undefined;
  /** After so many bytes: FIN, while the other direction stays open and is read on. */
  readonly halfClose?: number | undefined;
  /** After so many bytes nothing more comes; the connection stays open. */
  readonly stall?: number | undefined;
  /**
   * The body goes out under `content-encoding: gzip`; after so many bytes (before the encoding) it is flushed, one more block is
   * begun, and nothing more comes. Not for the proxy.
   */
  readonly gzipStall?: number | undefined;
  /** The connection is accepted, what the peer sends is read, and nothing is ever answered. */
  readonly blackhole?: boolean | undefined;

  /** `firstMs`: before the first byte of the answer, its head included. `chunkMs`: between each chunk and the next. */
  readonly delay?: { readonly firstMs?: number | undefined; readonly chunkMs?: number | undefined } | undefined;
  /** Sizes of the chunks that leave, in bytes; the last one holds on. `1` cuts at every byte. No byte is held back for it. */
  readonly slice?: number | readonly number[] | undefined;
  /** `bytes` at once, then a wait of `everyMs`. */
  readonly drip?: { readonly bytes: number; readonly everyMs: number } | undefined;

  /** Puts a byte that UTF-8 never has (0xFF) behind so many bytes of the body. Not for the proxy. */
  readonly badUtf8?: number | undefined;
  /** Puts a byte order mark before the body, each of its three bytes in a chunk of its own. Not for the proxy. */
  readonly splitBom?: boolean | undefined;

  /** Answers with this status and an empty body; nobody else is asked. */
  readonly status?: number | undefined;
  /** As `status` (503 when there is none), with a `Retry-After`: seconds, or a date as HTTP writes it. */
  readonly retryAfter?: number | string | undefined;
}

/**
 * A plan for each connection (proxy) or request (server, msw): one for all; a list, the first for number 0, whose last one holds on
 * (`[]`: no faults); or a function of the number, from 0.
 */
export type FaultPlans = FaultPlan | readonly FaultPlan[] | ((index: number) => FaultPlan | undefined);

/** Checks plans as far as they are known, and answers the plan by number. @throws TypeError, RangeError */
export function plansOf(plans: FaultPlans): (index: number) => FaultPlan {
  if (typeof plans === "function") return (index) => checkPlan(plans(index) ?? {});
  if (!isList(plans)) {
    const plan = checkPlan(plans);
    return () => plan;
  }
  const list = plans.map(checkPlan);
  return (index) => list[Math.min(index, list.length - 1)] ?? {};
}

/** Checks of the options of whatever obeys plans. */
export const planOptions: Checks<{ plan: FaultPlans; clock: Clock }> = {
  plan: (_name, plans) => void plansOf(plans as FaultPlans),
  clock,
};

/**
 * Answers the plan if it is one.
 *
 * @throws TypeError on what is no plan: an unknown fault, two ends, a value of the wrong kind; RangeError on a number out of range.
 *   Both name the fault and print the value.
 */
export function checkPlan(plan: FaultPlan): FaultPlan {
  checkFields<FaultPlan>("A fault plan", plan, checks);
  const set = Object.entries(plan).filter(([, value]) => value !== undefined);
  const ending = set.filter(([name, value]) => ends.has(name) && value !== false).map(([name]) => name);
  if (ending.length > 1) throw new TypeError(`A fault plan has one end; this one has ${ending.join(" and ")}`);
  if (plan.drip && (plan.slice !== undefined || plan.delay?.chunkMs !== undefined)) {
    throw new TypeError("drip is a slice with a wait: a fault plan has it, or slice and delay.chunkMs");
  }
  return plan;
}

/** The status that a plan answers with in place of the answer, and its headers. */
export function answerInstead({ status, retryAfter }: FaultPlan): Instead | undefined {
  if (status === undefined && retryAfter === undefined) return undefined;
  return {
    status: status ?? 503,
    headers: retryAfter === undefined ? {} : { "retry-after": String(retryAfter) },
  };
}

export interface Instead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

const ends: ReadonlySet<string> = new Set(["cutAfter", "resetAfter", "halfClose", "stall", "gzipStall", "blackhole"]);

const offset = whole(0);

const record =
  (fields: Readonly<Record<string, Check>>, required: boolean): Check =>
  (name, value) => {
    const known = Object.keys(fields);
    if (typeof value !== "object" || value === null || Object.keys(value).some((key) => !known.includes(key))) {
      throw new TypeError(`${name} must be an object of ${known.join(" and ")}, not ${shown(value)}`);
    }
    for (const [key, check] of Object.entries(fields)) {
      const field = (value as Readonly<Record<string, unknown>>)[key];
      if (required || field !== undefined) check(`${name}.${key}`, field);
    }
  };

const checks: Checks<FaultPlan> = {
  cutAfter: offset,
  resetAfter: offset,
  halfClose: offset,
  stall: offset,
  gzipStall: offset,
  blackhole: flag,
  delay: record({ firstMs: ms, chunkMs: ms }, false),
  slice(name, value) {
    const sizes = Array.isArray(value) ? value : [value];
    if (sizes.length === 0) throw new RangeError(`${name} must have a size in its list`);
    for (const size of sizes) whole(1)(name, size);
  },
  drip: record({ bytes: whole(1), everyMs: ms }, true),
  badUtf8: offset,
  splitBom: flag,
  status: whole(200, 599),
  retryAfter(name, value) {
    if (typeof value === "number") offset(name, value);
    else if (typeof value !== "string" || !isRetryAfter(value)) {
      throw new TypeError(
        `${name} must be seconds or a date, such as "Fri, 20 Nov 2026 12:00:00 GMT", not ${shown(value)}`,
      );
    }
  },
};

/** Seconds, or a date in any of HTTP's three forms: https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats */
function isRetryAfter(text: string): boolean {
  return (
    /^\d+$/.test(text) ||
    (/^[a-z]{3,9},? [a-z0-9 -]+ \d\d:\d\d:\d\d (GMT|\d{4})$/i.test(text) && !Number.isNaN(Date.parse(text)))
  );
}

// Array.isArray does not narrow a readonly array away.
function isList(plans: FaultPlan | readonly FaultPlan[]): plans is readonly FaultPlan[] {
  return Array.isArray(plans);
}
