// SSE decoding, ns of CPU per event: ours on both byte primitives against eventsource-parser behind a streaming TextDecoder.

import { registerHooks } from "node:module";
import { emptySink } from "@longwire/core";
import type { ServerSentEvent } from "@longwire/sse";
import { createParser } from "eventsource-parser";
import { chunkSizes, corpus, inChunks, sseCorpora } from "./corpora.ts";
import { geometricMean, judge, measured, median, printTable, spread, timesFaster } from "./measure.ts";

const ours = "longwire";
const portable = "longwire, portable";
const parser = "eventsource-parser";
const cells = Object.keys(sseCorpora).flatMap((name) => Object.keys(chunkSizes).map((size) => `${name}, ${size}`));

const figures = await measured({ file: import.meta.filename, contenders: [ours, parser, portable], cells, job });

async function job(contender: string, cell: string): Promise<() => number> {
  const [name, size] = cell.split(", ") as [keyof typeof sseCorpora, keyof typeof chunkSizes];
  const chunks = inChunks(corpus(sseCorpora[name]), chunkSizes[size]);
  if (contender === parser) return () => parsed(chunks);
  if (contender === portable) {
    registerHooks({
      resolve: (specifier, context, next) => {
        const resolved = next(specifier, context);
        return { ...resolved, url: resolved.url.replace("native.node.js", "native.js") };
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
    return events;
  };
}

function parsed(chunks: readonly Uint8Array[]): number {
  let events = 0;
  const decoder = new TextDecoder();
  const { feed } = createParser({
    onEvent(event) {
      consume(event.data);
      events++;
    },
  });
  for (const chunk of chunks) feed(decoder.decode(chunk, { stream: true }));
  return events;
}

/** What a consumer at least does, so that no text is left unmade. */
function consume(data: string): void {
  seen += data.length + data.charCodeAt(data.length >> 1);
}

var seen = 0;

const ratios = Object.fromEntries(
  Object.entries(figures).map(([cell, by]) => [cell, median(timesFaster(by[ours], by[parser]))]),
);
printTable([
  ["ns per event: median (least-greatest)", ours, parser, "times faster", portable],
  ...Object.entries(figures).map(([cell, by]) => [
    cell,
    spread(by[ours], 0),
    spread(by[parser], 0),
    spread(timesFaster(by[ours], by[parser]), 2),
    spread(by[portable], 0),
  ]),
]);
for (const [cell, ratio] of Object.entries(ratios)) judge(cell, ratio, cell.endsWith("64 B") ? 1.3 : 0.95);
judge("geometric mean", geometricMean(Object.values(ratios)), 1.25);
