import { execFile } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { launch } from "./launch.ts";
import { scratchFolder } from "./scratch-folder.ts";

/** A program of `test/interop/go`, built into a folder of its own. */
export interface GoProgram extends AsyncDisposable {
  /** The file that was built, for a program that is no server. */
  readonly binary: string;
  /** Starts it on a free port, or on the port it had before, with arguments of its own. */
  start(port?: number, args?: readonly string[]): Promise<GoServer>;
}

/** A running one. Disposing of it kills it. */
export interface GoServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** By its pid. Default SIGKILL: sockets are cut as they are. Resolves when the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** Builds `test/interop/go/NAME` without network and without the user's Go folders. */
export async function buildGo(name: string): Promise<GoProgram> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await scratchFolder("go"));
  const binary = join(path, name);
  const env = {
    ...process.env,
    GO111MODULE: "off",
    GOPROXY: "off",
    GOFLAGS: "",
    // The second is where Debian's packages put the sources of libraries.
    GOPATH: [join(path, "path"), "/usr/share/gocode"].join(delimiter),
    GOCACHE: join(path, "cache"),
  };
  const cwd = fileURLToPath(new URL(`go/${name}`, import.meta.url));
  await promisify(execFile)("go", ["build", "-o", binary, "."], { cwd, env, timeout: buildMs });
  const owned = stack.move();
  return {
    binary,
    start: (port = 0, args = []) => startGo(binary, port, args),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

// A cold build compiles net/http too.
const buildMs = 120_000;

async function startGo(binary: string, port: number, args: readonly string[]): Promise<GoServer> {
  const { ready, kill } = await launch(binary, ["-port", String(port), ...args], { ready: /"port":(\d+)/ });
  return { port: Number(ready[1]), url: `http://127.0.0.1:${ready[1]}`, kill, [Symbol.asyncDispose]: () => kill() };
}
