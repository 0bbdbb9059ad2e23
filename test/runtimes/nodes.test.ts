// What the transports promise, on the other Nodes that the packages allow: each runs the same claims over real sockets, in a process
// of its own, and every claim is a test here.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Authority } from "../faults/certificates.ts";
import { type ScratchFolder, scratchFolder } from "../interop/scratch-folder.ts";
import type { Verdict } from "./claim.ts";
import { claims } from "./claims.ts";
import { nodes, type NodeRuntime, notHere } from "./nodes.ts";

const script = fileURLToPath(new URL("run-claims.ts", import.meta.url));
const deadlineMs = 45_000;

let folder: ScratchFolder;
beforeAll(async () => {
  folder = await scratchFolder("runtimes");
  const authority = new Authority();
  const { key, cert } = authority.issue("DNS:localhost");
  const files = { "ca.pem": authority.cert, "key.pem": key, "cert.pem": cert };
  for (const [name, pem] of Object.entries(files)) writeFileSync(join(folder.path, name), pem);
  authority[Symbol.dispose]();
});
afterAll(() => folder[Symbol.asyncDispose]());

describe.each(nodes)("on Node $version", (node) => {
  let run: Run;
  beforeAll(async () => {
    if (notHere === undefined) run = await runOn(node);
  }, deadlineMs + 5_000);

  test("the runtime is the one that is meant", ({ skip }) => {
    skip(notHere !== undefined, notHere);
    expect(`${run.version}.`).toContain(`v${node.version}.`);
  });

  test.for(claims.map(([claim]) => claim))("%s", (claim, { skip }) => {
    skip(notHere !== undefined, notHere);
    const verdict = run.verdicts.find((verdict) => verdict.claim === claim);
    expect(verdict ?? run.end).toEqual({ claim });
  });

  test("the process ends by itself, without a warning", ({ skip }) => {
    skip(notHere !== undefined, notHere);
    expect(run.end).toEqual({ code: 0, signal: null, stderr: "" });
  });
});

interface Run {
  readonly verdicts: readonly Verdict[];
  /** Of the runtime, as it says itself. */
  readonly version: string;
  /** How the process ended, or why there was none. */
  readonly end:
    | string
    | { readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly stderr: string };
}

async function runOn(node: NodeRuntime): Promise<Run> {
  const missing = `Node ${node.version} is missing; run npm ci, which installs it (without --ignore-scripts)`;
  if (!existsSync(node.path)) return { verdicts: [], version: missing, end: missing };
  const version = execFileSync(node.path, ["--version"], { encoding: "utf8" }).trim();
  // fetch has no option for an authority.
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: join(folder.path, "ca.pem") };
  // The types are stripped by Node itself, which Node 22 warns of.
  const words = ["--disable-warning=ExperimentalWarning", script, folder.path];
  const child = spawn(node.path, words, {
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: deadlineMs,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  const lines = stdout.split("\n").filter((line) => line !== "");
  return { verdicts: lines.map((line) => JSON.parse(line) as Verdict), version, end: { code, signal, stderr } };
}
