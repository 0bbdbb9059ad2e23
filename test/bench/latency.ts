// Time from the server's write of an event to its consumer, at 1,000 events a second.
import type { EventReader } from "./contenders/contender.ts";
import { median, option, printTable, spread } from "./measure.ts";
import { tickStamp } from "./origin.ts";
import { atMost, column, contestOverTheWire, quick, ratios, shownRatio } from "./wire-contest.ts";

const readers = {
  "socket limit": async () => (await import("./contenders/socket.ts")).socketEvents,
  "undici dispatch + eventsource-parser": async () => (await import("./contenders/undici.ts")).dispatchEvents,
  "longwire for await": async () => (await import("./contenders/longwire.ts")).longwireEvents,
  "fetch + eventsource-parser": async () => (await import("./contenders/fetch.ts")).fetchEvents,
  "eventsource-client": async () => (await import("./contenders/eventsource-client.ts")).eventSourceClientEvents,
  eventsource: async () => (await import("./contenders/eventsource.ts")).eventSourceEvents,
} satisfies Record<string, () => Promise<EventReader>>;

type Contender = keyof typeof readers;
const contenders = Object.keys(readers) as Contender[];
const warmUpEvents = 1_000;

const figures = await contestOverTheWire<Contender, "ticks", "p50" | "p99">({
  file: import.meta.filename,
  contenders,
  cells: ["ticks"],
  async measure(contender, _, origin) {
    const events = Number(option("--seconds") ?? (quick ? 3 : 10)) * 1_000;
    const read = await readers[contender]();
    const delaysUs: number[] = [];
    await read(`${origin}/ticks?events=${warmUpEvents + events}`, warmUpEvents + events, (data) => {
      const written = BigInt(data.slice(tickStamp.from, tickStamp.to));
      delaysUs.push(Number(process.hrtime.bigint() - written) / 1_000);
    });
    const sorted = delaysUs.slice(warmUpEvents).sort((a, b) => a - b);
    if (sorted.length !== events) throw new Error(`${contender} read ${sorted.length} of ${events} events`);
    const percentile = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] as number;
    return { p50: percentile(0.5), p99: percentile(0.99) };
  },
});

const base = figures.ticks["undici dispatch + eventsource-parser"];
console.log("\nLatency at 1,000 events/s");
printTable([
  ["", "p50 µs", "p99 µs", "p50 to undici dispatch", "p99"],
  ...column(figures.ticks, contenders, "p50").map(([contender, p50]) => {
    const p99 = figures.ticks[contender]?.p99 ?? [];
    const toBase = [shownRatio(p50, base?.p50 ?? []), shownRatio(p99, base?.p99 ?? [])];
    return [contender, spread(p50, 0), spread(p99, 0), ...toBase];
  }),
]);
for (const name of ["p50", "p99"] as const) {
  const ours = figures.ticks["longwire for await"]?.[name];
  if (ours && base)
    atMost(
      "goal",
      `${name} of longwire to undici dispatch + eventsource-parser`,
      median(ratios(ours, base[name])),
      1.2,
    );
}
