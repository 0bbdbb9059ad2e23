import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// One run, one result. Decoder tests (test/**/decoding/** and packages/*/test/decoding/**) run twice, on each pair of byte primitives.

const root = fileURLToPath(new URL("..", import.meta.url));
const native = (file: string) => `${root}packages/core/src/bytes/${file}`;
const bytes = (file: string) => [{ find: /^(#native|@longwire\/core\/bytes)$/, replacement: native(file) }];
const decoding = ["packages/*/test/decoding/**/*.test.ts", "test/conformance/**/*.test.ts"];
const limits = {
  testTimeout: 30_000,
  hookTimeout: 60_000,
  dangerouslyIgnoreUnhandledErrors: false,
  // Each test leaves nothing behind.
  setupFiles: [`${root}test/leaks.setup.ts`],
};

/** The grids of cuts take a third of the time in two files, which are short and would come last, one worker left alone with them. */
class GridsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isGrid = ({ moduleId }: TestSpecification): number => Number(moduleId.includes("cut-everywhere"));
    return (await super.sort(files)).toSorted((a, b) => isGrid(b) - isGrid(a));
  }
}

export default defineConfig({
  root,
  test: {
    sequence: { sequencer: GridsFirst },
    // Half of the time is spent waiting for peers and clocks. Vitest leaves one core free, which of two is half of them.
    maxWorkers: "100%",
    reporters: ["default", ["json", { outputFile: `${root}.reports/vitest.json` }]],
    projects: [
      {
        resolve: { alias: bytes("native.node.ts") },
        test: { ...limits, name: "decoding on Node's primitives", root, include: decoding },
      },
      {
        resolve: { alias: bytes("native.ts") },
        test: { ...limits, name: "decoding on portable primitives", root, include: decoding },
      },
      {
        resolve: { alias: bytes("native.node.ts") },
        test: {
          ...limits,
          name: "packages",
          root,
          include: ["packages/*/test/**/*.test.ts"],
          exclude: [...decoding, "**/node_modules/**"],
        },
      },
      {
        test: {
          ...limits,
          name: "whole",
          root,
          include: ["test/{faults,interop,package,browser,runtimes,hosts}/**/*.test.ts", "examples/**/*.test.ts"],
        },
      },
    ],
  },
});
