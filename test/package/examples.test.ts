import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type CodeFence, docCommentFences, markdownFences } from "./code-fences.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
// Beside the other results and not in a temporary folder: the examples import the packages by name.
const folder = `${root}.reports/examples`;

describe("the examples in doc comments and documents", () => {
  it("type-check as they stand", { timeout: 120_000 }, async () => {
    const examples = [
      ...globSync(["*.md", "packages/*/*.md"], { cwd: root }).flatMap((path) => examplesOf(path, markdownFences)),
      ...globSync("packages/*/src/**/*.ts", { cwd: root }).flatMap((path) => examplesOf(path, docCommentFences)),
    ];
    expect(examples.length).toBeGreaterThan(0);
    // One wrong example goes along, so that this cannot pass without having looked.
    const planted = { path: "planted", line: 1, code: `export const one: string = 1;` };
    const errors = await typeErrors([...examples, planted]);
    expect(errors).toEqual([expect.stringMatching(/^planted:1: error TS2322/)]);
  });

  it("are found wherever a fence says ts, and nowhere else", () => {
    expect(markdownFences("a\n```ts\nx;\n```\n```sh\ny\n```\n  ```ts\nz;\n  ```")).toEqual([
      { line: 3, code: "x;" },
      { line: 9, code: "z;" },
    ]);
    const source =
      'const a = 1;\n/**\n * Text.\n * ```ts\n * if (a) {\n *   b();\n * }\n * ```\n */\nconst c = "/** ```ts */";';
    expect(docCommentFences(source)).toEqual([{ line: 5, code: "if (a) {\n  b();\n}" }]);
    expect(() => markdownFences("```ts\nx")).toThrow("never closed");
  });
});

interface Example extends CodeFence {
  readonly path: string;
}

function examplesOf(path: string, fences: (text: string) => CodeFence[]): Example[] {
  return fences(readFileSync(`${root}${path}`, "utf8")).map((fence) => ({ path, ...fence }));
}

/** What tsc says of them, one line an error, each with the place where the example stands. */
async function typeErrors(examples: readonly Example[]): Promise<string[]> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const config = { extends: "../../test/tsconfig.json", include: ["*.ts"] };
  await writeFile(`${folder}/tsconfig.json`, JSON.stringify(config));
  // Each is a module of its own, so that two examples may use one name.
  await Promise.all(examples.map(({ code }, index) => writeFile(`${folder}/${index}.ts`, `${code}\nexport {};\n`)));
  const output = await new Promise<string>((resolve) => {
    const options = { cwd: folder, timeout: 100_000 };
    execFile(`${root}node_modules/.bin/tsc`, ["-p", ".", "--pretty", "false"], options, (_, stdout) => resolve(stdout));
  });
  return output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) =>
      line.replace(/^(\d+)\.ts\((\d+),\d+\)/, (_, index, inside) => {
        const { path, line } = examples[Number(index)] as Example;
        return `${path}:${line + Number(inside) - 1}`;
      }),
    );
}
