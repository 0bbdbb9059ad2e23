import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

/** The real command line, in a process of its own; killed when `deadlineMs` have passed. */
export function started(
  words: readonly string[],
  { env, deadlineMs = 30_000 }: { readonly env?: NodeJS.ProcessEnv; readonly deadlineMs?: number } = {},
): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [longwire, ...words], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: deadlineMs,
  });
}

const longwire = fileURLToPath(new URL("../bin/longwire.js", import.meta.resolve("@longwire/cli")));
