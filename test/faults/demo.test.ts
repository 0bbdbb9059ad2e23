// The demo as `npm run demo` starts it, after the build.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const demo = fileURLToPath(new URL("../../examples/demo.ts", import.meta.url));

describe("the demo", () => {
  test("shows cuts, waits and resumes, loses nothing, and exits 0", async () => {
    const { code, stdout, stderr } = await run();
    expect(code, stdout + stderr).toBe(0);
    expect(rowsOf(stdout)).toEqual({
      events: { sent: 120, received: 120, lost: 0, twice: 0, code: 0 },
      rows: { sent: 120, received: 120, lost: 0, twice: 0, code: 0 },
    });
    expect(stdout).toContain("None lost, none twice");
    for (const feed of ["events", "rows"]) {
      for (const word of ["cut", "wait", "resume"]) expect(stderr).toMatch(new RegExp(`^${feed} +\\* ${word} `, "m"));
    }
    for (const how of ["RST inside", "FIN inside", "RST after", "clean end after"])
      expect(stderr).toContain(`a ${how} item`);
  });

  test("exits 1 when an item was lost, and names it", async () => {
    const { code, stdout } = await run("--lose-one");
    expect(code).toBe(1);
    expect(rowsOf(stdout)).toMatchObject({ events: { sent: 120, received: 119, lost: 1 }, rows: { lost: 0 } });
    expect(stdout).toContain("events: lost 60");
  });
});

function run(...words: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [demo, ...words], { timeout: 25_000 }, (_, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
  });
}

/** The table of the summary, without the count of cuts. */
function rowsOf(stdout: string): Record<string, Record<string, number>> {
  const rows = [...stdout.matchAll(/^(events|rows) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$/gm)];
  return Object.fromEntries(
    rows.map(([, feed, sent, received, , lost, twice, code]) => [
      feed,
      Object.fromEntries(
        Object.entries({ sent, received, lost, twice, code }).map(([name, text]) => [name, Number(text)]),
      ),
    ]),
  );
}
