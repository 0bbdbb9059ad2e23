// CPU of one SSE event from the socket to the consumer, in two shapes: each event in its own HTTP chunk, and 80 to a chunk.
import type { EventReader } from "./contenders/contender.ts";
import { goMeasured } from "./contenders/go.ts";
import { median, option, printTable, spread } from "./measure.ts";
import { charactersPerEvent } from "./origin.ts";
import { atMost, column, contestOverTheWire, cost, quick, ratios, shownRatio } from "./wire-contest.ts";

const readers = {
  "socket limit": async () => (await import("./contenders/socket.ts")).socketEvents,
  "socket, decoder once a read": async () => (await import("./contenders/socket.ts")).packedSocketEvents,
  "longwire batches()": async () => (await import("./contenders/longwire.ts")).longwireEventBatches,
  "longwire for await": async () => (await import("./contenders/longwire.ts")).longwireEvents,
  "undici dispatch + eventsource-parser": async () => (await import("./contenders/undici.ts")).dispatchEvents,
  "undici.request + eventsource-parser": async () => (await import("./contenders/undici.ts")).requestEvents,
  "eventsource-client": async () => (await import("./contenders/eventsource-client.ts")).eventSourceClientEvents,
  "fetch-event-source": async () => (await import("./contenders/fetch-event-source.ts")).fetchEventSourceEvents,
  eventsource: async () => (await import("./contenders/eventsource.ts")).eventSourceEvents,
  openai: async () => (await import("./contenders/openai.ts")).openaiEvents,
} satisfies Record<string, () => Promise<EventReader>>;

type Contender = keyof typeof readers | "Go";
const contenders = [...(Object.keys(readers) as (keyof typeof readers)[]), "Go"] as const satisfies Contender[];
const others = contenders.slice(contenders.indexOf("longwire for await") + 1, -1);
const perChunk = { "one event a chunk": 1, "80 events a chunk": 80 };
const goals: Record<keyof typeof perChunk, Partial<Record<Contender, number>>> = {
  "one event a chunk": { "longwire for await": 1.5 },
  "80 events a chunk": { "longwire batches()": 1.7 },
};
const cells = Object.keys(perChunk) as (keyof typeof perChunk)[];

/** These read fewer events: their figure is steady long before a million. */
const slow: readonly Contender[] = ["eventsource", "fetch-event-source", "openai"];
const warmUpEvents = 40_000;

const figures = await contestOverTheWire<Contender, keyof typeof perChunk, "cpuUs" | "perSecond">({
  file: import.meta.filename,
  contenders,
  cells,
  withGo: true,
  async measure(contender, cell, origin, go) {
    const all = Number(option("--events") ?? (quick ? 200_000 : 1_000_000));
    const events = slow.includes(contender) ? Math.min(all, 200_000) : all;
    const url = (count: number): string => `${origin}/sse?events=${count}&perChunk=${perChunk[cell]}`;
    const perEvent = ({ cpuUs, wallUs }: { cpuUs: number; wallUs: number }) => ({
      cpuUs: cpuUs / events,
      perSecond: (events / wallUs) * 1e6,
    });
    if (contender === "Go") {
      const measured = await goMeasured(go as string, "sse", url(warmUpEvents), url(events));
      check(contender, measured.items, measured.bytes, events);
      return perEvent(measured);
    }
    const read = await readers[contender]();
    let received = 0;
    let characters = 0;
    // One character is looked at, so that no decoder gets by with a promise of a string.
    const receive = (data: string): void => {
      received++;
      characters += data.length;
      if (data.charCodeAt(data.length - 1) === 0) throw new RangeError("The data of an event ends in NUL");
    };
    await read(url(warmUpEvents), warmUpEvents, receive);
    received = characters = 0;
    const spent = await cost(() => read(url(events), events, receive));
    // What openai hands out is parsed, so its length is another one.
    check(contender, received, contender === "openai" ? events * charactersPerEvent : characters, events);
    return perEvent(spent);
  },
});

function check(contender: Contender, received: number, characters: number, events: number): void {
  if (received === events && characters === events * charactersPerEvent) return;
  throw new Error(`${contender} read ${received} events and ${characters} characters of ${events} events`);
}

for (const cell of cells.filter((name) => name in figures)) {
  const limit = figures[cell]["socket limit"]?.cpuUs ?? [];
  console.log(`\nSSE end to end, ${cell}`);
  printTable([
    ["", "CPU µs/event", "to the socket limit", "events/s"],
    ...column(figures[cell], contenders, "cpuUs").map(([contender, cpuUs]) => [
      contender,
      spread(cpuUs, 3),
      shownRatio(cpuUs, limit),
      median(figures[cell][contender]?.perSecond ?? []).toFixed(0),
    ]),
  ]);
  for (const [ours, ourCpuUs] of column(
    figures[cell],
    ["longwire for await", "longwire batches()"] as const,
    "cpuUs",
  )) {
    const goal = goals[cell][ours];
    if (goal !== undefined) atMost("goal", `${ours} to the socket limit`, median(ratios(ourCpuUs, limit)), goal);
    for (const [other, cpuUs] of column(figures[cell], others, "cpuUs")) {
      atMost("goal", `${ours} to ${other}`, median(ratios(ourCpuUs, cpuUs)), 1);
    }
  }
}
