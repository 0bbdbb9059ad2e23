import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A program that tells what it sees line by line. Disposing of it kills it. */
export interface LineProgram extends AsyncDisposable {
  /** The next line that is not empty; rejects when it has ended. */
  line(): Promise<string>;
  /** Reads on to this line, and behind it. */
  until(wanted: string): Promise<void>;
  /** A line for its stdin. */
  tell(line: string): void;
  /** What it ended with. */
  readonly code: Promise<number | null>;
}

export function lineProgram([command, ...args]: readonly string[]): LineProgram {
  const child = spawn(command as string, args, { stdio: ["pipe", "pipe", "inherit"], timeout: 20_000 });
  // What is told to one that has ended is lost, and its lines tell that it has.
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const code = once(child, "close").then(([code]) => code as number | null);
  const line = async (): Promise<string> => {
    for (;;) {
      const { done, value } = await lines.next();
      if (done) throw new Error(`${command} ended with ${await code}`);
      if (value !== "") return value;
    }
  };
  return {
    line,
    async until(wanted) {
      while ((await line()) !== wanted);
    },
    tell: (said) => void child.stdin.write(`${said}\n`),
    code,
    async [Symbol.asyncDispose]() {
      child.kill();
      await code;
    },
  };
}
