import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { badUsage, exitCodes, outputFailed } from "./exit-codes.ts";
import { relay } from "./relay/relay.ts";
import { relayCommand } from "./relay/relay-command.ts";
import { serve } from "./serve/serve.ts";
import { serveCommand } from "./serve/serve-command.ts";
import { tail } from "./tail/tail.ts";
import { tailCommand } from "./tail/tail-command.ts";
import { UsageError } from "./usage-error.ts";
import type { Terminal, World } from "./world.ts";

/**
 * The `longwire` command: runs it with the arguments after its name, and answers with the exit code.
 *
 * @example
 * ```ts
 * import { longwire, type World } from "@longwire/cli";
 *
 * export async function version(world: World): Promise<number> {
 *   return longwire(["--version"], world);
 * }
 * ```
 */
export async function longwire(words: readonly string[], world: World): Promise<number> {
  const { stdout, stderr, interrupted } = world;
  // Who reads them may leave; each write is told whether it could be done.
  for (const output of [stdout, stderr]) output.on("error", () => {});
  let help = Promise.resolve<Error | null | undefined>(undefined);
  let exitCode = 0;
  const subcommands = [
    tailCommand(async (url, flags) => {
      exitCode = await tail(url, flags, world);
    }),
    serveCommand(async (flags) => {
      exitCode = await serve(flags, world);
    }),
    relayCommand(async (flags) => {
      exitCode = await relay(flags, world);
    }),
  ];
  const program = new Command("longwire")
    .description("Keeps one wire open: HTTP streams that outlive their connections.")
    .version(version());
  for (const command of subcommands) program.addCommand(command);
  for (const command of [program, ...subcommands]) {
    command
      .exitOverride()
      .showHelpAfterError(`Try: ${command === program ? "longwire" : `longwire ${command.name()}`} --help`)
      .configureOutput({
        writeOut(text) {
          help = new Promise((resolve) => stdout.write(text, resolve));
        },
        writeErr: (text) => void stderr.write(text),
      });
  }
  try {
    await program.parseAsync(words, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? helped(await help, stderr) : badUsage;
    if (interrupted.aborted) return exitCodes.aborted;
    if (!(error instanceof UsageError)) throw error;
    stderr.write(`error: ${error.message}\nTry: longwire ${words[0]} --help\n`);
    return badUsage;
  }
}

/** Help was asked for, or the version: whether it could be printed. */
function helped(error: NodeJS.ErrnoException | null | undefined, stderr: Terminal): number {
  if (!error || error.code === "EPIPE") return 0;
  stderr.write(`longwire: Cannot write to stdout: ${error.message}\n`);
  return outputFailed;
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };
  return manifest.version;
}
