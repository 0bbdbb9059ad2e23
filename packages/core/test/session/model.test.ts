import { expect, test } from "vitest";
import { modelRuns } from "./model-run.ts";

// Another seed is another ten thousand runs; a failure prints the seed and the shrunk commands.
const seed = Number(process.env.LONGWIRE_MODEL_SEED ?? 20_261_120);
const runs = Number(process.env.LONGWIRE_MODEL_RUNS ?? 10_000);

test.each([
  ["events with ids that never end", 0.4, { endless: true, resumable: true }],
  ["records with a cursor", 0.4, { endless: false, resumable: true }],
  ["all sorts of items", 0.2, {}],
])(
  `a stream of %s does what the model says, in %f of ${runs} random runs from seed ${seed}`,
  async (_, share, options) => {
    console.info(`seed ${seed} (LONGWIRE_MODEL_SEED), ${share * runs} runs`);
    const met = await modelRuns({ runs: share * runs, seed, options });
    // Whoever narrows the commands so far that an ending is never met sees it here.
    expect([...met.keys()]).toEqual(expect.arrayContaining(endings));
  },
  120_000,
);

const endings = [
  "complete",
  "ended",
  "closed",
  "aborted",
  "truncated",
  "reset",
  "unreachable",
  "refused",
  "idle",
  "deadline",
  "exhausted",
];
