// What each layer costs: the same answer read through the pipe, cut off behind one layer after another.
//
// A layer more can cost less. Node reads a socket into new memory each time, and V8 looks through the whole heap ("full collections") for
// each 64 MB of that which is not freed before; where a layer makes small objects, they are collected often, and old reads along with them.
import { setImmediate as nextTurn } from "node:timers/promises";
import { constants, PerformanceObserver } from "node:perf_hooks";
import { emptySink } from "@longwire/core";
import { type ServerSentEvent, sseDecoder } from "@longwire/sse";
import { drained } from "./contenders/contender.ts";
import {
  longwireBody,
  longwireBodyBatches,
  longwireEventBatches,
  longwireEvents,
  transportBody,
} from "./contenders/longwire.ts";
import { unreadSocket, unreadStaticSocket } from "./contenders/socket.ts";
import { dispatchBody } from "./contenders/undici.ts";
import { median, option, printTable, spread } from "./measure.ts";
import { contestOverTheWire, cost, quick } from "./wire-contest.ts";

/** Reads an answer of so many items, or bytes, to its end. */
type Reader = (url: string, items: number) => Promise<void>;

const wire = {
  "socket, one buffer for all reads": drained(unreadStaticSocket),
  "socket, a buffer for each read": drained(unreadSocket),
  "undici's parser": drained(dispatchBody),
  "body to pull": drained(transportBody),
} satisfies Record<string, Reader>;

const events = {
  ...wire,
  decoder: decodedBody,
  "session, batches()": (url, items) => longwireEventBatches(url, items, () => {}),
  "for await": (url, items) => longwireEvents(url, items, () => {}),
} satisfies Record<string, Reader>;

const bytes = {
  ...wire,
  "session, batches()": drained(longwireBodyBatches),
  "for await": drained(longwireBody),
} satisfies Record<string, Reader>;

const million = (quick ? 0.2 : 1) * 1_000_000;
const gib = Number(option("--gib") ?? (quick ? 0.5 : 2)) * 1024 ** 3;
const cells = {
  "one event a chunk": {
    layers: events,
    items: million,
    warmUp: 40_000,
    path: "/sse?perChunk=1&events=",
    unit: "µs/event",
    per: 1,
  },
  "80 events a chunk": {
    layers: events,
    items: million,
    warmUp: 40_000,
    path: "/sse?perChunk=80&events=",
    unit: "µs/event",
    per: 1,
  },
  "bytes, 64 KiB chunks": {
    layers: bytes,
    items: gib,
    warmUp: 128 * 1024 ** 2,
    path: "/body?bytes=",
    unit: "s/GB",
    per: 1e3,
  },
} satisfies Record<string, Cell>;

interface Cell {
  readonly layers: Readonly<Record<string, Reader>>;
  readonly items: number;
  readonly warmUp: number;
  /** On the origin, up to the number of items. */
  readonly path: string;
  readonly unit: string;
  /** Of CPU µs per item, how many units they are. */
  readonly per: number;
}

const names = Object.keys(cells) as (keyof typeof cells)[];
type Layer = keyof typeof events;
const layersOf = (cell: keyof typeof cells): Layer[] => Object.keys(cells[cell].layers) as Layer[];
const figures = await contestOverTheWire<Layer, keyof typeof cells, "cpuUs" | "collections">({
  file: import.meta.filename,
  contenders: Object.fromEntries(names.map((name) => [name, layersOf(name)])) as Record<keyof typeof cells, Layer[]>,
  cells: names,
  async measure(layer, name, origin) {
    const { layers, items, warmUp, path }: Cell = cells[name];
    const read = layers[layer] as Reader;
    await read(`${origin}${path}${warmUp}`, warmUp);
    let collections = 0;
    const observer = new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries() as GcEntry[])
        if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) collections++;
    });
    observer.observe({ entryTypes: ["gc"] });
    const { cpuUs } = await cost(() => read(`${origin}${path}${items}`, items));
    await nextTurn();
    return { cpuUs: cpuUs / items, collections };
  },
});

for (const name of names.filter((name) => name in figures)) {
  const { unit, per }: Cell = cells[name];
  const shown = layersOf(name);
  const spent = shown.map((layer) => (figures[name][layer]?.cpuUs ?? []).map((cpuUs) => cpuUs * per));
  const all = median(spent.at(-1) ?? []);
  console.log(`\n${name}`);
  printTable([
    ["up to and with", `CPU ${unit}`, "this layer", "of all", "full collections"],
    ...spent.map((sum, place) => {
      const own = median(sum) - (place === 0 ? 0 : median(spent[place - 1] ?? []));
      const layer = shown[place] as Layer;
      const collections = median(figures[name][layer]?.collections ?? []).toFixed(0);
      return [layer, spread(sum, 3), own.toFixed(3), `${((own / all) * 100).toFixed(0)} %`, collections];
    }),
  ]);
}

interface GcEntry extends PerformanceEntry {
  readonly detail: { readonly kind: number };
}

async function decodedBody(url: string): Promise<void> {
  const decoder = sseDecoder();
  await transportBody(url, (piece) => decoder.push(piece, emptySink<ServerSentEvent>()));
}
