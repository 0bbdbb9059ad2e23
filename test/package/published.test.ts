import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { access, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

// Packs every public package, unpacks the tarballs into an empty project beside nothing but the dependencies they declare, and
// uses them there.

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly version: string;
  readonly license?: string;
  readonly type?: string;
  readonly engines?: { readonly node?: string };
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, Target>>;
}

/** A file, or a target for each condition. */
type Target = string | { readonly [condition: string]: Target };

interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

const manifests = globSync("packages/*/package.json", { cwd: root })
  .map((path) => JSON.parse(readFileSync(`${root}${path}`, "utf8")) as Manifest)
  .filter((manifest) => manifest.private !== true);

describe.each(manifests)("the tarball of $name", ({ name }) => {
  it("has the built files, the documents and nothing else", () => {
    const paths = (packed.get(name)?.files ?? []).map((file) => file.path);
    const expected =
      /^(package\.json|LICENSE|README\.md|bin\/[\w-]+\.js|cases\/[\w-]+\.json|dist\/[\w./-]+\.(js|d\.ts))$/;
    expect(paths.filter((path) => !expected.test(path))).toEqual([]);
    expect(paths).toEqual(expect.arrayContaining(["package.json", "LICENSE"]));
    expect(paths.some((path) => path.startsWith("dist/"))).toBe(true);
  });

  it("says what it needs and what it is", async () => {
    const manifest = await unpackedManifest(name);
    expect(manifest).toMatchObject({ type: "module", license: "MIT", engines: { node: ">=22.19" } });
    expect(await readFile(join(unpacked(name), "LICENSE"), "utf8")).toBe(readFileSync(`${root}LICENSE`, "utf8"));
  });

  it("imports at every entry point", async () => {
    const { exports } = await unpackedManifest(name);
    for (const entry of Object.keys(exports)) expect(await namesOf(`${name}${entry.slice(1)}`)).not.toEqual([]);
  });

  it("offers the same names under every condition but what only Node can do, and types for them", async () => {
    const { exports } = await unpackedManifest(name);
    for (const target of Object.values(exports)) {
      const files = filesOf(target);
      for (const file of files) await access(join(unpacked(name), file));
      const modules = files.filter((file) => file.endsWith(".js"));
      expect(modules.length).toBeLessThan(files.length);
      const names = await Promise.all(modules.map((file) => namesOf(join(unpacked(name), file))));
      const [first, ...others] = names.map((all) => all.filter((exported) => !onlyOfNode.has(exported)));
      for (const other of others) expect(other).toEqual(first);
    }
  });
});

/** What has no counterpart elsewhere. */
const onlyOfNode: ReadonlySet<string> = new Set([
  "fileCursorStore",
  "sseHandler",
  "ndjsonHandler",
  "publisherHandler",
  "relay",
  "takeOver",
  "acceptUpgrade",
  "webSocketHub",
  "publisherHub",
]);

const commands = manifests.flatMap(({ name, bin = {} }) =>
  Object.entries(bin).map(([command, path]) => ({ command, file: join(name, path) })),
);

describe.each(commands)("the command $command", ({ file }) => {
  it("starts", async () => {
    const start = run(process.execPath, [unpacked(file), "--help"], { cwd: project, timeout: 20_000 });
    expect((await start).stdout).toContain("Usage:");
  });
});

describe("the packages together", () => {
  it("bring one command", () => {
    expect(commands.map(({ command }) => command)).toEqual(["longwire"]);
  });

  it("are all there, and ask for each other in the version that is published", () => {
    expect([...packed.keys()].sort()).toEqual(manifests.map((manifest) => manifest.name).sort());
    const versions = new Map(manifests.map((manifest) => [manifest.name, manifest.version]));
    for (const { dependencies = {} } of manifests) {
      for (const [name, range] of Object.entries(dependencies)) expect(range).toBe(versions.get(name) ?? range);
    }
  });
});

const packed = new Map<string, Packed>();
let project = "";

beforeAll(async () => {
  project = await realpath(await mkdtemp(join(tmpdir(), "longwire-published-")));
  await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const names = manifests.flatMap(({ name }) => ["--workspace", name]);
  const { stdout } = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", project, ...names], {
    cwd: root,
    timeout: 60_000,
  });
  for (const one of JSON.parse(stdout) as Packed[]) packed.set(one.name, one);
  for (const { name, dependencies = {} } of manifests) {
    await mkdir(unpacked(name), { recursive: true });
    const tarball = join(project, packed.get(name)?.filename ?? "");
    await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", unpacked(name)], { timeout: 20_000 });
    for (const dependency of Object.keys(dependencies)) {
      if (!manifests.some((manifest) => manifest.name === dependency)) await provide(dependency);
    }
  }
});

afterAll(() => rm(project, { recursive: true, force: true }));

function filesOf(target: Target): string[] {
  return typeof target === "string" ? [target] : Object.values(target).flatMap(filesOf);
}

function unpacked(name: string): string {
  return join(project, "node_modules", name);
}

async function unpackedManifest(name: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(unpacked(name), "package.json"), "utf8")) as Manifest;
}

/** A dependency from outside, as `npm ci` has fetched it. */
async function provide(name: string): Promise<void> {
  await mkdir(dirname(unpacked(name)), { recursive: true });
  await symlink(join(root, "node_modules", name), unpacked(name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}

/** The names a module exports, as Node sees them in the empty project. */
async function namesOf(specifier: string): Promise<string[]> {
  const script = `console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(specifier)}))))`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], {
    cwd: project,
    timeout: 20_000,
  });
  return JSON.parse(stdout) as string[];
}
