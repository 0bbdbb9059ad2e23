// kill -9 of a real consumer, again and again, with its cursor in a file.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as passed } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { seededRandom } from "@longwire/core/testing";
import { type LoopbackRequest, loopbackServer } from "@longwire/testing";
import { describe, expect, test } from "vitest";

const seed = Number(process.env.LONGWIRE_KILL_SEED ?? 9);
const kills = 50;

describe(`consumers of events and of rows, killed with SIGKILL at random moments from seed ${seed}`, () => {
  test(`lose nothing in ${kills} kills each, and have at most one item twice for each of them, with saveMs: 0`, async () => {
    for (const { numbers, restarts, resumed } of await killedBoth(kills, 0)) {
      const faults = faultsOf(numbers);
      expect(faults.filter(({ at, by }) => by !== 0 || !restarts.has(at))).toEqual([]);
      // Had they not been at it when they were killed, and gone on from their files, this would show nothing.
      expect(faults.length).toBeGreaterThan(0);
      expect(numbers.at(-1)).toBeGreaterThan(kills / 2);
      expect(resumed).toBeGreaterThan(kills / 2);
    }
  }, 120_000);

  test("lose nothing with saveMs: 1_000 either, and have more than one item twice", async () => {
    for (const { numbers, restarts } of await killedBoth(4, 1_000)) {
      const faults = faultsOf(numbers);
      expect(faults.filter(({ at, by }) => by > 1 || !restarts.has(at))).toEqual([]);
      expect(faults.some(({ by }) => by < 0)).toBe(true);
    }
  }, 120_000);
});

function killedBoth(times: number, saveMs: number): Promise<Killed[]> {
  return Promise.all((["events", "rows"] as const).map((kind) => killed(kind, times, saveMs)));
}

/** Where a number is not the next one, and by how much it goes on instead. */
function faultsOf(numbers: readonly number[]): { at: number; by: number }[] {
  const steps = numbers.map((number, at) => ({ at, by: number - (numbers[at - 1] ?? 0) }));
  return steps.filter(({ by }) => by !== 1);
}

interface Killed {
  /** All that was written down, by all of the processes. */
  readonly numbers: readonly number[];
  /** The places in it where a process was killed. */
  readonly restarts: ReadonlySet<number>;
  /** Requests that went on behind an item. */
  readonly resumed: number;
}

async function killed(kind: "events" | "rows", times: number, saveMs: number): Promise<Killed> {
  const random = seededRandom(seed);
  const folder = await mkdtemp(join(tmpdir(), "longwire-kill-"));
  const [store, log] = [join(folder, "cursor"), join(folder, "log")];
  const restarts = new Set<number>();
  await using server = await loopbackServer((request) => feed(kind, request), { plan: { slice: 1_000 } });
  try {
    for (let kill = 0; kill < times; kill++) {
      const child = spawn(process.execPath, [consumer, kind, server.url, store, log, String(saveMs)]);
      await killAt(child, random);
      restarts.add(numbersIn(log).length);
    }
    const resumed = server.requests.filter((request) => cursorOf(request) > 0).length;
    return { numbers: numbersIn(log), restarts, resumed };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const consumer = fileURLToPath(new URL("kill-9-consumer.ts", import.meta.url));

/** Mostly while it receives; one time in five at any moment from its start, loading and connecting among them. */
async function killAt(child: ChildProcess, random: () => number): Promise<void> {
  const ended = once(child, "exit");
  const complaint = text(child.stderr as NodeJS.ReadableStream);
  try {
    const [early, share] = [random() < 0.2, random()];
    if (!early) await Promise.race([once(child.stdout as NodeJS.ReadableStream, "data"), ended]);
    await passed(share * (early ? 200 : 50));
  } finally {
    child.kill("SIGKILL");
  }
  const [code, signal] = (await ended) as [number | null, NodeJS.Signals | null];
  if (signal !== "SIGKILL") throw new Error(`The consumer ended by itself with exit code ${code}: ${await complaint}`);
}

/** An endless feed of numbers, from the one behind the cursor on. */
function feed(kind: "events" | "rows", request: LoopbackRequest) {
  const type = kind === "events" ? "text/event-stream" : "application/x-ndjson";
  const item = kind === "events" ? (n: number) => `id: ${n}\ndata: ${n}\n\n` : (n: number) => `{"seq":${n}}\n`;
  return { headers: { "content-type": type }, body: items(cursorOf(request), item) };
}

function* items(after: number, item: (number: number) => string): Generator<string> {
  for (let number = after + 1; ; number += 50) yield Array.from({ length: 50 }, (_, i) => item(number + i)).join("");
}

function cursorOf({ path, headers }: LoopbackRequest): number {
  return Number(headers.get("last-event-id") ?? new URL(path, "http://a.example").searchParams.get("since"));
}

function numbersIn(log: string): number[] {
  if (!existsSync(log)) return [];
  return readFileSync(log, "utf8").split("\n").slice(0, -1).map(Number);
}
