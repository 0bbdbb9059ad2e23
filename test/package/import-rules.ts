// The rules of ARCHITECTURE, "The pipe, and the one rule", as a function from sources to faults. A source is read with a real
// parser, so a name in a comment or a string is no import. A fault is one line that names the file and the offending edge.

import { builtinModules } from "node:module";
import { posix } from "node:path";
import { parseAst } from "vitest/node";

/** One source file, by its path from the root of the repository: `packages/core/src/open.ts`. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** What is read of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** The packages by folder name, with what each publishes. */
export type Packages = Readonly<Record<string, Manifest>>;

/** Every breach of the rules in these sources and manifests; empty when there is none. */
export function importFaults(files: readonly SourceFile[], packages: Packages): string[] {
  return [...manifestFaults(packages), ...files.flatMap((file) => fileFaults(file, packages))];
}

/** The order between packages, left to right; siblings stand in one row. */
const packageOrder: readonly (readonly string[])[] = [
  ["core"],
  ["sse", "ndjson", "node", "websocket"],
  ["testing"],
  ["client", "server"],
  ["cli"],
];

/** The pipe inside a package, left to right. What stands beside it (`testing/`) has rules of its own. */
const pipe: readonly string[] = [
  "errors.ts",
  "signal",
  "time",
  "request",
  "transport",
  "layers",
  "bytes",
  "frames",
  "events",
  "session",
  "consumer",
  "options.ts",
  "checked-options.ts",
  "open.ts",
  "index.ts",
];

/** What core's `testing/` may see: contracts and time. */
const contracts =
  /^(errors\.ts|(signal|time|request|testing)\/.*|transport\/(transport|layer)\.ts|frames\/decoder\.ts|events\/(dialect|opener|socket-opener)\.ts)$/;

/** Packages that run everywhere, and the two files that are exempt because they are the Node half of a pair. */
const portable = new Set(["core", "sse", "ndjson", "websocket"]);
const nodeHalf = new Set(["packages/core/src/bytes/native.node.ts", "packages/core/src/bytes/node-buffer.d.ts"]);
/** Of the server what is in \`node/\`, and the list that has it, run under Node; the rest runs everywhere. */
const serversNodeHalf = /^packages\/server\/src\/(node\/.*|index\.node\.ts)$/;
const runtimeDependencies = new Set(["p-retry", "abort-controller-x"]);
const withoutDependencies = new Set(["core", "sse", "ndjson", "websocket"]);

function isPortable(path: string): boolean {
  if (path.startsWith("packages/server/src/")) return !serversNodeHalf.test(path);
  return portable.has(path.split("/")[1] as string) && !nodeHalf.has(path);
}

/** The only homes of ambient time and chance. */
const ambient = new Set(["packages/core/src/time/clock.ts", "packages/core/src/time/random.ts"]);

const nodeGlobals = new Set([
  "process",
  "Buffer",
  "global",
  "setImmediate",
  "clearImmediate",
  "__dirname",
  "__filename",
  "require",
]);
const ambientGlobals = new Set(["setTimeout", "setInterval", "performance"]);
const ambientMembers = new Set(["Date.now", "Math.random", "AbortSignal.timeout"]);
const globalObjects = new Set(["globalThis", "window", "self"]);

function rowOf(folder: string): number {
  return packageOrder.findIndex((row) => row.includes(folder));
}

/** A package depends on packages to its left only, also for its tests: turbo refuses the cycle otherwise. */
function manifestFaults(packages: Packages): string[] {
  return Object.entries(packages).flatMap(([folder, manifest]) => {
    if (rowOf(folder) === -1) return [`packages/${folder}: has no place in the order of packages`];
    return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).flatMap((name) => {
      const other = folderOf(name, packages);
      if (other !== undefined)
        return packageEdge(folder, other).map((why) => `packages/${folder}/package.json → ${name}: ${why}`);
      if (
        !withoutDependencies.has(folder) ||
        runtimeDependencies.has(name) ||
        manifest.dependencies?.[name] === undefined
      )
        return [];
      return [
        `packages/${folder}/package.json → ${name}: ${folder} has no runtime dependency but p-retry and abort-controller-x`,
      ];
    });
  });
}

function fileFaults(file: SourceFile, packages: Packages): string[] {
  const [, folder = "", inside = ""] = /^packages\/([^/]+)\/src\/(.+)$/.exec(file.path) ?? [];
  const found = readSource(file);
  const edges = found.imports.flatMap((specifier) =>
    (specifier.startsWith(".") ? relativeEdge : bareEdge)({ file, folder, inside, specifier, packages }).map(
      (why) => `${file.path} → ${specifier}: ${why}`,
    ),
  );
  return [...edges, ...found.faults.map((why) => `${file.path}: ${why}`)];
}

interface Edge {
  readonly file: SourceFile;
  readonly folder: string;
  readonly inside: string;
  readonly specifier: string;
  readonly packages: Packages;
}

function relativeEdge({ file, folder, inside, specifier }: Edge): string[] {
  const target = posix.join(posix.dirname(file.path), specifier);
  const root = `packages/${folder}/src/`;
  if (!target.startsWith(root)) return [`leaves ${root}`];
  if (!target.endsWith(".ts")) return ["does not end in .ts"];
  if (serversNodeHalf.test(target) && isPortable(file.path)) return ["runs under Node only"];
  return pipeEdge(folder, inside, target.slice(root.length));
}

function bareEdge({ file, folder, specifier, packages }: Edge): string[] {
  if (specifier === "#native") {
    return folder === "core"
      ? pipeEdge(folder, file.path.slice("packages/core/src/".length), "bytes/native.ts")
      : ["is core's own"];
  }
  if (specifier.startsWith("node:") || builtinModules.includes(specifier)) {
    if (/^(node:)?timers(\/|$)/.test(specifier)) return ["brings ambient time; take a Clock"];
    return isPortable(file.path) ? [`${folder} names no Node module`] : [];
  }
  const [scope = "", second = ""] = specifier.split("/");
  const name = scope.startsWith("@") ? `${scope}/${second}` : scope;
  const other = folderOf(name, packages);
  if (other === undefined) {
    return withoutDependencies.has(folder) && !runtimeDependencies.has(name)
      ? [`${folder} has no runtime dependency but p-retry and abort-controller-x`]
      : [];
  }
  if (other === folder) return ["is the package itself"];
  const entry = `.${specifier.slice(name.length)}`;
  if (!Object.hasOwn(packages[other]?.exports ?? {}, entry)) return [`${name} publishes no entry point "${entry}"`];
  return packageEdge(folder, other);
}

function folderOf(name: string, packages: Packages): string | undefined {
  return Object.keys(packages).find((folder) => packages[folder]?.name === name);
}

function packageEdge(from: string, to: string): string[] {
  if (rowOf(to) < rowOf(from)) return [];
  return [rowOf(to) === rowOf(from) ? `${from} and ${to} are siblings` : `${to} stands to the right of ${from}`];
}

function pipeEdge(folder: string, from: string, to: string): string[] {
  const [here, there] = [placeOf(from), placeOf(to)];
  if (here === there && here.indexOf(".") === -1) return [];
  if (folder === "core") {
    if (here === "testing") return contracts.test(to) ? [] : ["testing sees contracts and time only"];
    if (there === "testing") return ["testing is an entry point of its own"];
    for (const place of [here, there]) if (!pipe.includes(place)) return [`${place} has no place in the pipe`];
  }
  if (pipe.indexOf(there) <= pipe.indexOf(here) || !pipe.includes(here))
    return there === "index.ts" ? ["index.ts is only a list"] : [];
  return pipe.includes(there) ? [`${there} stands to the right of ${here}`] : [];
}

/** The folder, or the file when it stands beside the folders; `index.node.ts` is an `index.ts`. */
function placeOf(inside: string): string {
  return (inside.split("/")[0] as string).replace(/\.node\.ts$/, ".ts");
}

interface Findings {
  readonly imports: readonly string[];
  readonly faults: readonly string[];
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

function readSource(file: SourceFile): Findings {
  const program = parseAst(file.text, { lang: "ts" }) as unknown as Node;
  const imports: string[] = [];
  const faults: string[] = [];
  const bound = boundNames(program);
  const fault = (node: Node, why: string): unknown => faults.push(`line ${lineOf(file.text, node.start)}: ${why}`);

  visit(program, (node, parent, typeOnly) => {
    const source = node["source"] as Node | null | undefined;
    if (typeof source?.["value"] === "string") imports.push(source["value"]);
    else if (node.type === "ImportExpression") fault(node, "imports something that cannot be read");

    if (node.type === "ExportDefaultDeclaration") fault(node, "has a default export");
    if (node.type === "ExportAllDeclaration") fault(node, "exports everything of a file; name what is exported");
    if (node.type === "TSEnumDeclaration") fault(node, "has an enum");
    if (node.type === "TSModuleDeclaration" && !file.path.endsWith(".d.ts")) fault(node, "has a namespace");
    if (typeOnly) return;

    const name = globalName(node, parent);
    if (name === undefined || bound.has(name)) return;
    if (nodeGlobals.has(name) && isPortable(file.path)) {
      fault(node, `uses ${name}, a global of Node`);
    }
    if (ambient.has(file.path)) return;
    if (ambientGlobals.has(name)) fault(node, `uses ${name}; take a Clock`);
    const member = parent?.type === "MemberExpression" ? `${name}.${propertyOf(parent)}` : name;
    if (ambientMembers.has(member)) fault(node, `uses ${member}; take a Clock or a Random`);
    if (name === "Date" && isNow(parent)) fault(node, "makes a Date of now; take a Clock");
  });

  for (const statement of program["body"] as Node[]) {
    const declared = (statement["declaration"] as Node | null | undefined) ?? statement;
    const mutable =
      declared.type === "VariableDeclaration" && declared["kind"] !== "const" && declared["declare"] !== true;
    if (mutable) fault(statement, "keeps state in the module");
    if (isList(file.path) && (statement.type !== "ExportNamedDeclaration" || !statement["source"])) {
      fault(statement, "is an index, which is a list of `export … from` and nothing else");
    }
  }
  return { imports, faults };
}

function isList(path: string): boolean {
  return /\/index(\.node)?\.ts$/.test(path);
}

/** Calls back for every node, with its parent and whether it stands in a type. */
function visit(node: Node, see: (node: Node, parent: Node | undefined, typeOnly: boolean) => void): void {
  const walk = (current: Node, parent: Node | undefined, typeOnly: boolean): void => {
    const inType = typeOnly || (typeNode.test(current.type) && !valueInType.has(current.type));
    see(current, parent, inType);
    for (const key in current) {
      for (const child of [current[key]].flat()) if (isNode(child)) walk(child, current, inType);
    }
  };
  walk(node, undefined, false);
}

const typeNode = /^TS/;
/** TypeScript's wrappers around a value: `x as T`, `x!`, `x satisfies T`, `enum`, `namespace`. */
const valueInType = new Set([
  "TSAsExpression",
  "TSNonNullExpression",
  "TSSatisfiesExpression",
  "TSTypeAssertion",
  "TSInstantiationExpression",
  "TSEnumDeclaration",
  "TSModuleDeclaration",
  "TSModuleBlock",
  "TSParameterProperty",
]);

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}

/** The global an expression may name: `x`, or `x` in `globalThis.x`. */
function globalName(node: Node, parent: Node | undefined): string | undefined {
  if (node.type === "MemberExpression") {
    const object = node["object"] as Node;
    return globalObjects.has(object["name"] as string) ? propertyOf(node) : undefined;
  }
  if (node.type !== "Identifier") return undefined;
  const isKey = (parent?.["property"] === node || parent?.["key"] === node) && parent["computed"] !== true;
  const shorthand = parent?.type === "Property" && parent["shorthand"] === true && parent["value"] === node;
  return isKey && !shorthand ? undefined : (node["name"] as string);
}

function propertyOf(member: Node): string {
  const property = member["property"] as Node;
  return String(property["name"] ?? property["value"]);
}

/** `new Date()` and `Date()`: both read the clock. */
function isNow(parent: Node | undefined): boolean {
  if (parent?.type === "CallExpression") return (parent["callee"] as Node)["name"] === "Date";
  return parent?.type === "NewExpression" && (parent["arguments"] as Node[]).length === 0;
}

/** Names the file binds itself; such a name is no global in it. */
function boundNames(program: Node): Set<string> {
  const names = new Set<string>();
  const bind = (pattern: unknown): void => {
    if (!isNode(pattern)) return;
    if (pattern.type === "Identifier") names.add(pattern["name"] as string);
    else if (pattern.type === "Property") bind(pattern["value"]);
    else
      for (const key of ["properties", "elements", "left", "argument", "parameter"])
        [pattern[key]].flat().forEach(bind);
  };
  visit(program, (node) => {
    if (node.type === "VariableDeclarator") bind(node["id"]);
    if (/Function|Class|^Import.*Specifier$/.test(node.type))
      [node["id"], node["local"], node["params"]].flat().forEach(bind);
  });
  return names;
}

function lineOf(text: string, at: number): number {
  return text.slice(0, at).split("\n").length;
}
