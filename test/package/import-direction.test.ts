import { globSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { importFaults, type Manifest, type Packages } from "./import-rules.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

describe("the imports of this repository", () => {
  it("go to the left, through published entry points", () => {
    const files = globSync("packages/*/src/**/*.ts", { cwd: root }).map((path) => ({
      path: path.replaceAll("\\", "/"),
      text: readFileSync(`${root}${path}`, "utf8"),
    }));
    const packages: Packages = Object.fromEntries(
      globSync("packages/*/package.json", { cwd: root }).map((path) => [
        basename(dirname(path)),
        JSON.parse(readFileSync(`${root}${path}`, "utf8")) as Manifest,
      ]),
    );
    expect(files.length).toBeGreaterThan(20);
    expect(importFaults(files, packages)).toEqual([]);
  });
});

describe("the checker", () => {
  const allowed: [path: string, text: string][] = [
    ["core/src/session/run.ts", `import { StreamError } from "../errors.ts"; import { move } from "./table.ts";`],
    ["core/src/session/run.ts", `import type { Opener } from "../events/opener.ts"; import pRetry from "p-retry";`],
    ["core/src/frames/lines.ts", `import { indexOfByte } from "#native";`],
    ["core/src/testing/fake-clock.ts", `import type { Clock } from "../time/clock.ts";`],
    ["core/src/testing/scripted.ts", `import type { Transport } from "../transport/transport.ts";`],
    ["core/src/bytes/native.node.ts", `import { Buffer } from "node:buffer";`],
    ["core/src/time/clock.ts", `export const now = () => performance.now() + Date.now(); setTimeout(now, 1);`],
    ["core/src/request/date.ts", `export const at = (ms: number) => new Date(ms); Date.parse("x");`],
    [
      "core/src/layers/x.ts",
      `// setTimeout, Date.now and import "node:fs"\nexport const text = 'from "node:fs" process';`,
    ],
    ["core/src/layers/x.ts", `export const x = (process: { Buffer: number }) => process.Buffer;`],
    [
      "core/src/layers/x.ts",
      `export type Handle = ReturnType<typeof setTimeout>; export const now = clock.performance;`,
    ],
    ["sse/src/open-sse.ts", `import { run } from "@longwire/core"; import { flat } from "@longwire/core/bytes";`],
    ["node/src/agent.ts", `import net from "node:net"; import { Client } from "undici"; process.exit;`],
    ["client/src/create-client.ts", `import { openSse } from "@longwire/sse"; import { helper } from "./helper.ts";`],
    ["core/src/index.ts", `export { StreamError } from "./errors.ts"; export type { Clock } from "./time/clock.ts";`],
  ];
  it.each(allowed)("lets %s have: %s", (path, text) => {
    expect(importFaults([{ path: `packages/${path}`, text }], packages)).toEqual([]);
  });

  const offending: [path: string, text: string, why: string][] = [
    ["core/src/bytes/x.ts", `import { run } from "../session/run.ts";`, "session stands to the right of bytes"],
    ["core/src/bytes/x.ts", `import type { Run } from "../session/run.ts";`, "session stands to the right of bytes"],
    ["core/src/bytes/x.ts", `export { run } from "../session/run.ts";`, "session stands to the right of bytes"],
    ["core/src/bytes/x.ts", `await import("../session/run.ts");`, "session stands to the right of bytes"],
    ["core/src/bytes/x.ts", `export type X = import("../session/run.ts").Run;`, "session stands to the right of bytes"],
    ["core/src/time/clock.ts", `import { of } from "../request/x.ts";`, "request stands to the right of time"],
    ["core/src/consumer/x.ts", `import { open } from "../open.ts";`, "open.ts stands to the right of consumer"],
    ["core/src/open.ts", `import { x } from "./index.ts";`, "index.ts stands to the right of open.ts"],
    ["core/src/transport/x.ts", `import { flat } from "#native";`, "bytes stands to the right of transport"],
    ["core/src/open.ts", `import { fake } from "./testing/fake-clock.ts";`, "testing is an entry point of its own"],
    ["core/src/testing/x.ts", `import { run } from "../session/run.ts";`, "testing sees contracts and time only"],
    ["core/src/tools/x.ts", `import { StreamError } from "../errors.ts";`, "tools has no place in the pipe"],
    ["core/src/open.ts", `import { x } from "../../sse/src/index.ts";`, "leaves packages/core/src/"],
    ["core/src/open.ts", `import { x } from "./errors.js";`, "does not end in .ts"],
    ["core/src/open.ts", `await import(name);`, "imports something that cannot be read"],
    ["core/src/open.ts", `import { openSse } from "@longwire/sse";`, "sse stands to the right of core"],
    ["sse/src/x.ts", `import { openNdjson } from "@longwire/ndjson";`, "sse and ndjson are siblings"],
    [
      "sse/src/x.ts",
      `import { x } from "@longwire/core/dist/open.js";`,
      `@longwire/core publishes no entry point "./dist/open.js"`,
    ],
    ["sse/src/x.ts", `import { flat } from "#native";`, "is core's own"],
    ["sse/src/x.ts", `import { x } from "@longwire/sse";`, "is the package itself"],
    ["sse/src/events/x.ts", `import { x } from "../index.ts";`, "index.ts stands to the right of events"],
    ["sse/src/decoder.ts", `import { x } from "./index.ts";`, "index.ts is only a list"],
    ["sse/src/x.ts", `import { x } from "zod";`, "sse has no runtime dependency but p-retry and abort-controller-x"],
    ["ndjson/src/x.ts", `import { readFile } from "node:fs/promises";`, "ndjson names no Node module"],
    ["ndjson/src/x.ts", `import { readFile } from "fs";`, "ndjson names no Node module"],
    ["server/src/x.ts", `import type { Server } from "node:http";`, "server names no Node module"],
    ["server/src/x.ts", `export const x = () => process.pid;`, "uses process, a global of Node"],
    ["server/src/x.ts", `import { send } from "./node/send.ts";`, "runs under Node only"],
    ["server/src/index.ts", `export { send } from "./node/send.ts";`, "runs under Node only"],
    ["server/src/node/x.ts", `import { createClient } from "longwire";`, "server and client are siblings"],
    ["node/src/x.ts", `import { setTimeout } from "node:timers/promises";`, "brings ambient time; take a Clock"],
    ["core/src/bytes/x.ts", `export const x = () => Buffer.alloc(1);`, "uses Buffer, a global of Node"],
    ["core/src/bytes/x.ts", `export const x = () => globalThis.process;`, "uses process, a global of Node"],
    ["core/src/bytes/x.ts", `export const x = { setImmediate };`, "uses setImmediate, a global of Node"],
    ["node/src/x.ts", `setTimeout(() => {}, 1);`, "uses setTimeout; take a Clock"],
    ["node/src/x.ts", `globalThis.setInterval(() => {}, 1);`, "uses setInterval; take a Clock"],
    ["node/src/x.ts", `export const x = (performance as Timer).now();`, "uses performance; take a Clock"],
    ["cli/src/x.ts", `export const x = () => Date.now();`, "uses Date.now; take a Clock or a Random"],
    ["cli/src/x.ts", `export const x = () => Math["random"]();`, "uses Math.random; take a Clock or a Random"],
    ["cli/src/x.ts", `export const x = AbortSignal.timeout(5);`, "uses AbortSignal.timeout; take a Clock or a Random"],
    ["client/src/x.ts", `export const x = new Date();`, "makes a Date of now; take a Clock"],
    ["client/src/x.ts", `export default 1;`, "has a default export"],
    ["client/src/x.ts", `export * from "./y.ts";`, "exports everything of a file; name what is exported"],
    ["client/src/x.ts", `export enum X { A }`, "has an enum"],
    ["client/src/x.ts", `export namespace X { export const a = 1; }`, "has a namespace"],
    ["client/src/x.ts", `export let count = 0;`, "keeps state in the module"],
    ["client/src/index.ts", `export const x = 1;`, "is an index, which is a list of `export … from` and nothing else"],
  ];
  it.each(offending)("stops %s with: %s", (path, text, why) => {
    const faults = importFaults([{ path: `packages/${path}`, text }], packages);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(new RegExp(`^packages/${path}( → .+|): (line 1: )?`));
    expect(faults[0]?.endsWith(`: ${why}`)).toBe(true);
  });

  it("prints the offending edge: file, import and reason", () => {
    const file = { path: "packages/core/src/bytes/x.ts", text: `import { run } from "../session/run.ts";` };
    expect(importFaults([file], packages)).toEqual([
      "packages/core/src/bytes/x.ts → ../session/run.ts: session stands to the right of bytes",
    ]);
  });

  it("reads dependencies and devDependencies of every package", () => {
    const cyclic = {
      ...packages,
      sse: { ...packages["sse"], name: "@longwire/sse", devDependencies: { longwire: "1" } },
    };
    expect(importFaults([], cyclic)).toEqual([
      "packages/sse/package.json → longwire: client stands to the right of sse",
    ]);
    const heavy = { core: { name: "@longwire/core", dependencies: { lodash: "1" } } };
    expect(importFaults([], heavy)).toHaveLength(1);
    expect(importFaults([], { extra: { name: "extra" } })).toEqual([
      "packages/extra: has no place in the order of packages",
    ]);
  });

  const packages: Packages = {
    core: { name: "@longwire/core", exports: { ".": {}, "./testing": {}, "./bytes": {} } },
    sse: { name: "@longwire/sse", exports: { ".": {} } },
    ndjson: { name: "@longwire/ndjson", exports: { ".": {} } },
    node: { name: "@longwire/node", exports: { ".": {} } },
    client: { name: "longwire", exports: { ".": {} } },
    cli: { name: "@longwire/cli", exports: { ".": {} } },
  };
});
