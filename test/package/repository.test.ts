import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

describe("the repository", () => {
  it("names no folder of one machine, nothing outside of itself and no host of a package registry", () => {
    expect(files().flatMap((path) => leaks(path, readFileSync(`${root}${path}`, "utf8")))).toEqual([]);
  });

  it("has a short top level", () => {
    const top = new Set(files().map((path) => (path.includes("/") ? `${path.split("/")[0]}/` : path)));
    const allowed =
      /^(\..+|packages\/|examples\/|test\/|turbo\.json|package\.json|tsconfig\.base\.json|package-lock\.json|[A-Z]+\.md|LICENSE)$/;
    expect([...top].filter((name) => !allowed.test(name))).toEqual([]);
  });

  it("would notice each of them", () => {
    const planted = [..."work root home Users tmp".split(" ").map((name) => `see "/${name}/x"`), `../${"shared"}/x`];
    const hosts = [`https://${"registry"}.npmjs.org/x`, `${"proxy"}.golang.org`, `https://${"registry"}.corp.example/`];
    for (const text of [...planted, ...hosts]) expect(leaks("a.md", `one\n${text}\n`)).toEqual([`a.md:2: ${text}`]);
    expect(leaks("a.ts", "https://a.example/home/x and ./work/x and ../shared.ts")).toEqual([]);
  });
});

/** What git has, and what it would take if asked to. */
function files(): string[] {
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "--deduplicate"], {
    cwd: root,
    encoding: "utf8",
  });
  const deleted = execFileSync("git", ["ls-files", "-d"], { cwd: root, encoding: "utf8" }).split("\n");
  return listed.split("\n").filter((path) => path !== "" && !deleted.includes(path));
}

/** The lines that leak, as `path:line: text`. */
function leaks(path: string, text: string): string[] {
  return text.split("\n").flatMap((line, index) => (leak.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : []));
}

const leak =
  /(^|[\s"'`(=:])[/](work|root|home|Users|tmp)[/]|\.\.[/]shared[/]|\bregistry\.[a-z0-9-]+\.[a-z]|\bproxy\.golang\.org|\bnpm\.pkg\.github\.com/;
