// What a publisher costs with 2,000 subscribers of SSE, each on a connection of its own: CPU of its process for each item delivered, beside
// `better-sse` and a loop of `response.write`. And whether one subscriber that stalls delays the others: time from the publishing of an item to
// its arrival, with each policy. Readers are the process of the bench. `--rounds N`, `--cells TEXT`, `--subscribers N`, `--quick`.

import { setTimeout as wait } from "node:timers/promises";
import { assertEnoughFiles } from "./held-open.ts";
import { median, option, printTable, rotated, spread } from "./measure.ts";
import { type Contender, type Policy, PublisherProcess } from "./publishing.ts";
import { Subscribers } from "./subscribers.ts";
import { atMost, ratios, shownRatio } from "./wire-contest.ts";

const quick = process.argv.includes("--quick");
const rounds = Number(option("--rounds") ?? (quick ? 2 : 7));
const subscribers = Number(option("--subscribers") ?? 2_000);
const asked = (cell: string): boolean => cell.includes(option("--cells") ?? "");

const contenders: readonly Contender[] = ["longwire", "better-sse", "response.write"];
const warmUpItems = 30;
/** An item is published when the one before has reached all, and not sooner than so many ms after it. */
const paces = {
  "one item a second": { everyMs: 1_000, items: quick ? 5 : 15 },
  "items back to back": { everyMs: 0, items: quick ? 50 : 200 },
} as const;
type Pace = keyof typeof paces;

const policies: readonly Policy[] = ["evict", "dropOldest", "block"];
/** Whatever becomes of the one before: what is published while it is held up comes when it comes. */
const timed = { everyMs: 250, items: quick ? 12 : 24 };

assertEnoughFiles(subscribers);
await costs(Object.keys(paces).filter(asked) as Pace[]);
await delays(policies.filter((policy) => asked(`stalled ${policy}`)));

async function costs(cells: readonly Pace[]): Promise<void> {
  const figures = Object.fromEntries(
    cells.map((cell) => [cell, Object.fromEntries(contenders.map((contender) => [contender, [] as number[]]))]),
  ) as Record<Pace, Record<Contender, number[]>>;
  for (let round = 0; round < rounds; round++)
    for (const cell of cells)
      for (const contender of rotated(contenders, round))
        figures[cell][contender].push(await cpuUsPerItem(contender, paces[cell]));
  for (const cell of cells) {
    console.log(
      `\n${cell}, to each of ${subscribers}: user and system time of the publisher's process, nothing taken off`,
    );
    const theirs = figures[cell]["better-sse"];
    printTable([
      ["", "CPU µs/delivered item", "to better-sse"],
      ...contenders.map((contender) => {
        const cpuUs = figures[cell][contender];
        return [contender, spread(cpuUs, 2), shownRatio(cpuUs, theirs)];
      }),
    ]);
    atMost("goal", `longwire to better-sse, ${cell}`, median(ratios(figures[cell].longwire, theirs)), 0.8);
  }
}

async function cpuUsPerItem(contender: Contender, { everyMs, items }: (typeof paces)[Pace]): Promise<number> {
  await using publisher = new PublisherProcess(contender, "evict");
  using readers = new Subscribers(await publisher.ask("port"));
  await readers.open(subscribers);
  await publishOneByOne(publisher, readers, warmUpItems, 0);
  const before = await publisher.ask("cpuUs");
  await publishOneByOne(publisher, readers, items, everyMs);
  return ((await publisher.ask("cpuUs")) - before) / (items * subscribers);
}

async function delays(cells: readonly Policy[]): Promise<void> {
  const figures = Object.fromEntries(cells.map((policy) => [policy, { nobody: [], one: [] }])) as unknown as Record<
    Policy,
    Record<"nobody" | "one", Delays[]>
  >;
  for (let round = 0; round < rounds; round++)
    for (const policy of cells)
      for (const stalled of rotated(["nobody", "one"] as const, round))
        figures[policy][stalled].push(await delaysOf(policy, stalled));
  if (cells.length === 0) return;
  console.log(`\nFrom publish() to the arrival at each of ${subscribers} that read, an item every ${timed.everyMs} ms`);
  printTable([
    ["policy, who is stalled", "p50 ms", "p99 ms", "longest ms", "p99 to nobody"],
    ...cells.flatMap((policy) => {
      const of = (stalled: "nobody" | "one", name: keyof Delays): number[] =>
        figures[policy][stalled].map((delays) => delays[name]);
      return (["nobody", "one"] as const).map((stalled) => [
        `${policy}, ${stalled}`,
        ...(["p50", "p99", "longest"] as const).map((name) => spread(of(stalled, name), 1)),
        shownRatio(of(stalled, "p99"), of("nobody", "p99")),
      ]);
    }),
  ]);
}

/** In ms. */
interface Delays {
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
}

async function delaysOf(policy: Policy, stalled: "nobody" | "one"): Promise<Delays> {
  await using publisher = new PublisherProcess("longwire", policy);
  using readers = new Subscribers(await publisher.ask("port"));
  await readers.open(subscribers);
  await publishOneByOne(publisher, readers, warmUpItems, 0);
  // What it is sent costs its publisher something in any case.
  await readers.openOther(stalled === "one" ? "stall" : "read");
  await publisher.ask("bulk");
  readers.timing = true;
  const all = readers.received(timed.items * subscribers);
  for (let n = 0; n < timed.items; n++) await Promise.all([publisher.ask("publish"), wait(timed.everyMs)]);
  await all;
  const sorted = readers.delaysUs.sort((a, b) => a - b);
  const at = (share: number): number => (sorted[Math.floor((sorted.length - 1) * share)] as number) / 1_000;
  return { p50: at(0.5), p99: at(0.99), longest: at(1) };
}

async function publishOneByOne(
  publisher: PublisherProcess,
  readers: Subscribers,
  items: number,
  everyMs: number,
): Promise<void> {
  for (let n = 0; n < items; n++) {
    const all = readers.received(subscribers);
    await Promise.all([publisher.ask("publish"), all, everyMs > 0 && wait(everyMs)]);
  }
}
