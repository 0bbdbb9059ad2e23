import fc from "fast-check";
import { expect, test } from "vitest";
import type { SubscriberPolicy } from "../src/index.ts";
import { byKey, publisherRun, type RunCounts, type Step, topics } from "./publisher-run.ts";

// Another seed is other runs; a failure prints the seed and the shrunk steps.
const seed = Number(process.env.LONGWIRE_MODEL_SEED ?? 20_261_120);
const runs = Number(process.env.LONGWIRE_MODEL_RUNS ?? 10_000) / 10;

const policies: readonly [name: string, policy: SubscriberPolicy, met: readonly (keyof RunCounts)[]][] = [
  ["evict", "evict", ["evicted", "goodbyes"]],
  ["block", "block", ["evicted", "goodbyes"]],
  ["dropOldest", "dropOldest", ["dropped"]],
  ["latestBy", byKey, ["dropped"]],
];
test.each(policies)(
  `with %s each subscriber has each item of its topics once and in order, or is told the gap, in ${runs} random runs from seed ${seed}`,
  async (_name, policy, met) => {
    const sum = { items: 0, gaps: 0, goodbyes: 0, evicted: 0, dropped: 0, replayed: 0 };
    const property = fc.asyncProperty(chosen, steps, async (options, given) => {
      const counts = await publisherRun({ ...options, policy }, given);
      for (const name of names(sum)) sum[name] += counts[name];
    });
    await fc.assert(property, { numRuns: runs, seed, endOnFailure: false });
    // Whoever narrows the steps so far that these are never met sees it here.
    for (const name of ["items", "gaps", "replayed", ...met] as const)
      expect([name, sum[name] > runs / 10]).toEqual([name, true]);
  },
  120_000,
);

const names = (counts: RunCounts): (keyof RunCounts)[] => Object.keys(counts) as (keyof RunCounts)[];

const chosen = fc.record({
  capacity: fc.constantFrom(1, 2, 3, 5),
  maxItems: fc.constantFrom(1, 3, 8, 1_000),
  waitsMs: fc
    .array(fc.constantFrom(0, 0, 0, 1, 2, 7, -1), { minLength: 1, maxLength: 7 })
    .filter((all) => all.some((ms) => ms >= 0)),
});

const reader = fc.nat(4);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("publish" as const), topic: fc.nat(topics.length - 1) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("come" as const), reader }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("pull" as const), reader, count: fc.constantFrom(1, 2, 5, 100) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("leave" as const), reader, lost: fc.constantFrom(0, 0, 1, 3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("beat" as const), reader }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(0, 1, 3, 10, 40) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
);
const steps = fc.array(step, { maxLength: 60, size: "max" });
