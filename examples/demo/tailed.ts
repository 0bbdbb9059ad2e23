import { once } from "node:events";
import { createInterface } from "node:readline";
import { started } from "./longwire.ts";

/** What the real command line printed. */
export interface Tailed {
  /** Numbers of the items, in the order they came. */
  readonly received: readonly number[];
  readonly exitCode: number | null;
}

export interface Watcher {
  onItem(seq: number): void;
  /** A line of stderr. */
  onNotice(line: string): void;
}

/** Runs `longwire tail` with these arguments until it ends by itself, or `deadlineMs` have passed. */
export async function tailed(words: readonly string[], deadlineMs: number, watcher: Watcher): Promise<Tailed> {
  const received: number[] = [];
  const env = process.stderr.hasColors?.() ? { FORCE_COLOR: "1" } : {};
  const child = started(["tail", ...words, "--output", "json"], { env, deadlineMs });
  createInterface(child.stdout).on("line", (line) => {
    const { data } = JSON.parse(line) as { data: string | { seq: number } };
    const { seq } = typeof data === "string" ? (JSON.parse(data) as { seq: number }) : data;
    received.push(seq);
    watcher.onItem(seq);
  });
  createInterface(child.stderr).on("line", watcher.onNotice);
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { received, exitCode };
}
