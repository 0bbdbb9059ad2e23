import { systemClock } from "@longwire/core";
import { longwire } from "./longwire.ts";

const interrupt = new AbortController();
// Once: a second Ctrl-C finds no listener and ends the process.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => interrupt.abort());

const { stdout, stderr } = process;
process.exitCode = await longwire(process.argv.slice(2), {
  stdin: () => process.stdin,
  stdout,
  stderr,
  clock: systemClock,
  interrupted: interrupt.signal,
});
