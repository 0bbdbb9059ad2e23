import { systemClock } from "@longwire/core";
import { longwire } from "./longwire.ts";

const interrupt = new AbortController();
const signals = ["SIGINT", "SIGTERM"] as const;
const interrupted = (): void => {
  // A second one, of either kind, finds no listener and ends the process.
  for (const signal of signals) process.off(signal, interrupted);
  interrupt.abort();
};
for (const signal of signals) process.on(signal, interrupted);

const { stdout, stderr } = process;
process.exitCode = await longwire(process.argv.slice(2), {
  stdin: () => process.stdin,
  stdout,
  stderr,
  clock: systemClock,
  interrupted: interrupt.signal,
});
