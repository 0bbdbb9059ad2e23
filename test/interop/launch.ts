import { spawn } from "node:child_process";
import { delimiter } from "node:path";

/** A program that runs. Disposing of it kills it. */
export interface Launched extends AsyncDisposable {
  /** What of its output said that it serves. */
  readonly ready: RegExpExecArray;
  /** By its pid. Default SIGKILL: sockets are cut as they are. Resolves when the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

export interface LaunchOptions {
  /** What it prints, on stdout or stderr, when it serves. */
  readonly ready: RegExp;
  /** Over the environment of the test. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default 20_000. */
  readonly deadlineMs?: number;
}

/** Starts a program and waits until it serves. One that fails to tells by an error with what it printed. */
export async function launch(
  command: string,
  args: readonly string[],
  { ready, env, deadlineMs = 20_000 }: LaunchOptions,
): Promise<Launched> {
  const [file, ...all] = process.platform === "linux" ? [...boundToTest, command, ...args] : [command, ...args];
  const child = spawn(file as string, all, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, PATH: commandPath, ...env },
  });
  let log = "";
  const serves = new Promise<RegExpExecArray>((resolve) => {
    for (const output of [child.stdout, child.stderr]) {
      output.setEncoding("utf8").on("data", (text: string) => {
        log = (log + text).slice(-mostLogged);
        const match = ready.exec(log);
        if (match) resolve(match);
      });
    }
  });
  const gone = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`it did not start: ${error.message}`));
    child.once("close", (code, signal) => resolve(`it ended with ${signal ?? code}`));
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`it did not say ${ready} in ${deadlineMs} ms`), deadlineMs);
  });
  const kill = async (signal: NodeJS.Signals = "SIGKILL"): Promise<void> => {
    child.kill(signal);
    await gone;
  };
  const first = await Promise.race([serves, gone, late]);
  clearTimeout(timer);
  if (typeof first !== "string") return { ready: first, kill, [Symbol.asyncDispose]: () => kill() };
  await kill();
  throw new Error(`Cannot use ${command}: ${first}. It printed: ${log === "" ? "nothing" : log}`);
}

/** Where commands are looked for. Debian keeps servers where only root's PATH looks. */
export const commandPath: string = [process.env["PATH"], "/usr/sbin", "/sbin"].join(delimiter);

/** The kernel kills the program when the test's process is gone, however that went; the pid stays the program's own. */
const boundToTest = ["setpriv", "--pdeathsig", "KILL"];

const mostLogged = 20_000;
