// Random commands to a session and to its model, which must agree on everything after each.

import fc from "fast-check";
import { expect } from "vitest";
import type { Cursor } from "../../src/errors.ts";
import { agree, commands } from "./model-commands.ts";
import { type ModelOptions, pending } from "./model-terms.ts";
import { ObservedStream } from "./observed-stream.ts";
import { SessionModel } from "./session-model.ts";

/** How many runs, begun with which seed, and what is fixed of their options. */
export interface ModelRuns {
  readonly runs: number;
  readonly seed: number;
  readonly options?: Partial<ModelOptions>;
}

/** Runs them. Answers how many ended in each outcome, so that what was not met can be told. @throws what the first one fails by */
export async function modelRuns({ runs, seed, options = {} }: ModelRuns): Promise<Map<string, number>> {
  const met = new Map<string, number>();
  const property = fc.asyncProperty(
    optionsOf(options),
    fc.commands(commands, { maxCommands: 50, size: "max" }),
    async (chosen, given) => {
      const model = new SessionModel(chosen);
      const real = new ObservedStream(chosen);
      await fc.asyncModelRun(() => ({ model, real }), given);
      const outcome = model.outcome ?? `left ${model.state}`;
      met.set(outcome, (met.get(outcome) ?? 0) + 1);
      await end(model, real);
    },
  );
  await fc.assert(property, { numRuns: runs, seed, endOnFailure: false });
  return met;
}

/** Whatever it was at, a stream that is closed leaves nothing, and what it handed out is what the server has, in order. */
async function end(model: SessionModel, real: ObservedStream): Promise<void> {
  model.close();
  real.close();
  await real.clock.advance(0);
  agree(model, real);
  const closed = structuredClone(real.view);
  await real.clock.advance(1e9);
  expect(real.view).toEqual(closed);
  expect(real.left).toEqual({ timers: 0, exchanges: 0, listeners: 0 });
  if (model.options.saveMs !== undefined && closed.cursor !== undefined) expect(real.saved).toBe(closed.cursor);
  expect([...closed.pulls, ...closed.opens, closed.outcome]).not.toContain(pending);
  if (model.options.resumable) expectNoneLost(real);
}

/** Of a server with ids nothing is missing but what a gap tells, and nothing comes twice unless it was sent twice. */
function expectNoneLost({ received, view, wentBack }: ObservedStream): void {
  const gaps = view.notices.filter((notice) => notice.startsWith("gap "));
  const seen = new Set<number>();
  let last = numberOf(view.requests[0]);
  for (const text of received) {
    const number = Number(text.slice(1));
    let next = last + 1;
    while (seen.has(next)) next++;
    const mayCome = number === next || gaps.includes(`gap ${last} ${number}`) || (wentBack && number < next);
    if (!mayCome) expect.fail(`t${number} came after t${last}, of ${received}; told were ${gaps}`);
    seen.add(number);
    last = number;
  }
}

/** The item that a cursor stands behind. */
function numberOf(cursor: Cursor | undefined): number {
  return Number.parseInt(String(cursor ?? 0), 10);
}

function optionsOf(fixed: Partial<ModelOptions>): fc.Arbitrary<ModelOptions> {
  const often = (share: number): fc.Arbitrary<boolean> => fc.nat(99).map((n) => n < share);
  const chosen = fc.record({
    endless: fc.boolean(),
    resumable: often(75),
    unsafe: often(15),
    hidden: often(25),
    batches: often(33),
    until: often(25),
    forever: often(25),
    from: often(20),
    stored: often(10),
    saveMs: fc.constantFrom(undefined, undefined, 0, 1_000),
    dropReplayed: often(40),
    onGap: fc.constantFrom(undefined, "error" as const, "restart" as const),
    // Times 5 of powers of 2, so that sums are exact.
    dice: fc.constantFrom(0, 0.3125, 0.625, 0.9375),
    timeouts: fc.record({
      connectMs: fc.constantFrom(0, 53, 10_000),
      headersMs: fc.constantFrom(0, 211, 60_000),
      firstItemMs: fc.constantFrom(0, 0, 307),
      idleMs: fc.constantFrom(0, 401, 5_000),
      progressMs: fc.constantFrom(0, 0, 601),
      maxAgeMs: fc.constantFrom(0, 0, 800),
      // Never at the same moment as the end of a wait.
      totalMs: fc.constantFrom(0, 0, 0, 4_003.125),
    }),
    reconnect: fc.oneof(
      { weight: 1, arbitrary: fc.constant(false as const) },
      {
        weight: 9,
        arbitrary: fc.record({
          retries: fc.constantFrom(0, 1, 2, Number.POSITIVE_INFINITY),
          firstMs: fc.constantFrom(0, 64, 500),
          maxMs: fc.constantFrom(100, 30_000),
          floorMs: fc.constantFrom(0, 100),
          maxElapsedMs: fc.constantFrom(0, 0, 3_001),
          healthyAfterItems: fc.constantFrom(0, 1, 1, 3),
          healthyAfterMs: fc.constantFrom(997, 10_000),
          withoutCursor: often(25),
        }),
      },
    ),
    budget: fc.constantFrom({ perSecond: 50, burst: 100 }, { perSecond: 4, burst: 1 }),
  });
  return chosen.map((options) => {
    const resumable = fixed.resumable ?? options.resumable;
    // Without a way to go on a resume point is refused.
    const { from, stored, saveMs } = options;
    const resuming = { from: from && resumable, stored: stored && resumable, saveMs: resumable ? saveMs : undefined };
    return { ...options, ...fixed, ...resuming };
  });
}
