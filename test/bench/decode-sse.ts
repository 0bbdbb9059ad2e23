// SSE decoding, ns of CPU per event: ours on both byte primitives, and eventsource-parser behind a streaming TextDecoder.

import { registerHooks } from "node:module";
import { emptySink } from "@longwire/core";
import type { ServerSentEvent } from "@longwire/sse";
import { createParser } from "eventsource-parser";
import { chunkSizes, corpus, inChunks, sseCorpora } from "./corpora.ts";
import { geometricMean, judge, measured, median, printTable, spread, timesFaster } from "./measure.ts";

const contenders = ["longwire", "eventsource-parser", "longwire, portable"] as const;
const cells = Object.keys(sseCorpora).flatMap((name) => Object.keys(chunkSizes).map((size) => `${name}, ${size}`));
let seen = 0;

const figures = await measured({ file: import.meta.filename, contenders, cells, job });
const rows = Object.entries(figures).map(([cell, by]) => ({
  cell,
  ours: by.longwire,
  parser: by["eventsource-parser"],
  portable: by["longwire, portable"],
  times: timesFaster(by.longwire, by["eventsource-parser"]),
}));
printTable([
  ["ns per event: median (least-greatest)", contenders[0], contenders[1], "times faster", contenders[2]],
  ...rows.map(({ cell, ours, parser, portable, times }) => [
    cell,
    spread(ours, 0),
    spread(parser, 0),
    spread(times, 2),
    spread(portable, 0),
  ]),
]);
for (const { cell, times } of rows) judge(cell, median(times), cell.endsWith(" 64 B") ? 1.3 : 0.95);
judge("geometric mean", geometricMean(rows.map(({ times }) => median(times))), 1.25);

async function job(contender: (typeof contenders)[number], cell: string): Promise<() => number> {
  const [name, size] = cell.split(", ") as [keyof typeof sseCorpora, keyof typeof chunkSizes];
  const chunks = inChunks(corpus(sseCorpora[name]), chunkSizes[size]);
  if (contender === "eventsource-parser") return () => read(parsed(chunks));
  if (contender === "longwire, portable") {
    registerHooks({
      resolve(specifier, context, nextResolve) {
        const resolved = nextResolve(specifier, context);
        return { ...resolved, url: resolved.url.replace("/bytes/native.node.js", "/bytes/native.js") };
      },
    });
  }
  const { sseDecoder } = await import("@longwire/sse");
  return () => {
    const decoder = sseDecoder();
    let sink = emptySink<ServerSentEvent>();
    let events = 0;
    for (const chunk of chunks) {
      decoder.push(chunk, sink);
      if (sink.items.length === 0) continue;
      for (const event of sink.items) consume(event.data);
      events += sink.items.length;
      sink = emptySink();
    }
    return read(events);
  };
}

function parsed(chunks: readonly Uint8Array[]): number {
  const decoder = new TextDecoder();
  let events = 0;
  const { feed } = createParser({
    onEvent(event) {
      consume(event.data);
      events++;
    },
  });
  for (const chunk of chunks) feed(decoder.decode(chunk, { stream: true }));
  return events;
}

function read(events: number): number {
  if (seen === 0) throw new Error("No event was looked at");
  return events;
}

/** The least that a consumer does; one character, so that no text is left a promise. */
function consume(data: string): void {
  seen += data.length + data.charCodeAt(data.length >> 1);
}
