import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** Builds one of the Go programs into a folder of its own that goes with this process. `undefined`, after a line on stderr, without Go. */
export function buildGo(program: "client" | "relay"): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "longwire-bench-go-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const binary = join(folder, program);
  const own = { GO111MODULE: "off", GOPROXY: "off", GOFLAGS: "", GOPATH: join(folder, "path") };
  const env = { ...process.env, ...own, GOCACHE: join(folder, "cache") };
  const cwd = join(import.meta.dirname, `../go/${program}`);
  try {
    execFileSync("go", ["build", "-o", binary, "."], { cwd, env, stdio: "inherit", timeout: 120_000 });
    return binary;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    console.error("No `go` on the PATH: the Go contender is left out (apt-get install golang).");
    return undefined;
  }
}

/** What the Go client measured of itself: CPU and wall time of the second URL, the first being its warm-up. */
export async function goMeasured(
  binary: string,
  job: "sse" | "body",
  warmUp: string,
  url: string,
): Promise<{ cpuUs: number; wallUs: number; items: number; bytes: number }> {
  const { stdout } = await promisify(execFile)(binary, [job, warmUp, url]);
  return JSON.parse(stdout);
}
