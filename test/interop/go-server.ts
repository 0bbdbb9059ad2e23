import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** A program of `test/interop/go`, built into a folder of its own. */
export interface GoProgram extends AsyncDisposable {
  /** Starts it on a free port, or on the port it had before. */
  start(port?: number): Promise<GoServer>;
}

/** A running one. Disposing of it kills it. */
export interface GoServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** SIGKILL by its pid: sockets are cut as they are. Resolves when the process is gone. */
  kill(): Promise<void>;
}

/** Builds `test/interop/go/NAME` without network and without the user's Go folders. */
export async function buildGo(name: string): Promise<GoProgram> {
  const folder = await mkdtemp(join(tmpdir(), "longwire-go-"));
  const binary = join(folder, name);
  const env = {
    ...process.env,
    GO111MODULE: "off",
    GOPROXY: "off",
    GOFLAGS: "",
    GOPATH: join(folder, "path"),
    GOCACHE: join(folder, "cache"),
  };
  const cwd = fileURLToPath(new URL(`go/${name}`, import.meta.url));
  await promisify(execFile)("go", ["build", "-o", binary, "."], { cwd, env, timeout: buildMs });
  return {
    start: (port = 0) => startGo(binary, port),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

// A cold build compiles net/http too.
const buildMs = 120_000;

async function startGo(binary: string, port: number): Promise<GoServer> {
  const child = spawn(binary, ["-port", String(port)], { stdio: ["pipe", "pipe", "inherit"] });
  const gone = once(child, "exit");
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await gone;
  };
  const bound = await firstLine(child);
  return { port: bound, url: `http://127.0.0.1:${bound}`, kill, [Symbol.asyncDispose]: kill };
}

async function firstLine(child: ChildProcess): Promise<number> {
  if (child.stdout === null) throw new TypeError("Cannot read the port of a program without stdout");
  for await (const line of createInterface({ input: child.stdout })) return (JSON.parse(line) as { port: number }).port;
  throw new Error(`The Go server ended before it printed its port; exit code ${child.exitCode}`);
}
