import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

const longwire = fileURLToPath(new URL("../../packages/cli/bin/longwire.js", import.meta.url));

/** What a command that ended by itself left behind. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real command, in a process of its own; killed when it does not end in time. */
export interface CliProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What stands on its outputs so far. */
  readonly seen: Readonly<Record<"stdout" | "stderr", string>>;
  /** Resolves when this stands on stdout or stderr; rejects when the process ended without it. */
  printed(on: "stdout" | "stderr", text: string): Promise<void>;
}

export interface CliOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Leaves stdout alone, so that nobody reads it. */
  readonly unread?: boolean;
  /** The most files and sockets that it may have open. Default: as the system has it. */
  readonly mostFiles?: number;
  /** When it is killed. Default 20_000. */
  readonly deadlineMs?: number;
}

export function startCli(
  words: readonly string[],
  { input = "", env, unread = false, mostFiles, deadlineMs = 20_000 }: CliOptions = {},
): CliProcess {
  const limited = mostFiles === undefined ? [] : ["sh", "-c", `ulimit -n ${mostFiles} && exec "$0" "$@"`];
  const [command, ...args] = [...limited, process.execPath, longwire, ...words] as [string, ...string[]];
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: "pipe",
    timeout: deadlineMs,
    killSignal: "SIGKILL",
  });
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const seen = { stdout: "", stderr: "" };
  let wake = (): void => {};
  const gather = (on: "stdout" | "stderr", stream: Readable): void => {
    stream.setEncoding("utf8").on("data", (text: string) => {
      seen[on] += text;
      wake();
    });
  };
  if (!unread) gather("stdout", child.stdout);
  gather("stderr", child.stderr);
  let over = false;
  // `close` waits for the pipes as well, which an unread one delays for ever.
  const ended = once(child, unread ? "exit" : "close").then(([code, signal]) => {
    over = true;
    wake();
    return { code, signal, ...seen } as Ended;
  });
  return {
    child,
    ended,
    seen,
    async printed(on, text) {
      while (!seen[on].includes(text)) {
        if (over)
          throw new Error(`The command ended without ${JSON.stringify(text)} on ${on}: ${JSON.stringify(seen)}`);
        await new Promise<void>((resolve) => {
          const before = wake;
          wake = () => {
            before();
            resolve();
          };
        });
      }
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Runs it until it ends. */
export async function runCli(words: readonly string[], options?: CliOptions): Promise<Ended> {
  await using command = startCli(words, options);
  return await command.ended;
}
