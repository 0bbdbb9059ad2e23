// NDJSON decoding: CPU time per row, ours and the libraries', against JSON.parse over rows that are split and text already.
// Every contender is given its chunks one after another, synchronously; what it makes is counted and dropped.

import { createInterface } from "node:readline";
import { PassThrough, type Transform } from "node:stream";
import { emptySink } from "@longwire/core";
import { ndjsonDecoder } from "@longwire/ndjson";
import ndjson from "ndjson";
import split2 from "split2";
import { chunkSizes, corpus, inChunks, ndjsonCorpora } from "./corpora.ts";
import { judge, measured, median, printTable, spread, timesFaster } from "./measure.ts";

const parse = "JSON.parse";
const contenders = [parse, "longwire", "split2 + JSON.parse", "readline + JSON.parse", "ndjson"] as const;
type Contender = (typeof contenders)[number];
const sizes = ["64 KiB", "1.4 KiB", "64 B"] as const;
const rows = Object.keys(ndjsonCorpora) as (keyof typeof ndjsonCorpora)[];
const cells = rows.flatMap((row) => sizes.map((size) => `${row} in ${size}` as const));
type Cell = (typeof cells)[number];

/** Least ratio to JSON.parse. */
const hard: Partial<Record<Cell, number>> = {
  "127 B in 64 KiB": 0.88,
  "1 KB UTF-8 in 64 KiB": 0.6,
  "20 KB in 64 B": 0.75,
};

const figures = await measured<Contender, Cell>({ file: import.meta.filename, contenders, cells, job });
const judged = Object.entries(figures) as [Cell, Record<Contender, number[]>][];

console.log("NDJSON decode: CPU ns per row of JSON.parse, and how fast the others are beside it: median (min-max)");
printTable([
  ["rows in chunks", ...contenders],
  ...judged.map(([cell, ns]) => [
    cell,
    ...contenders.map((contender) =>
      contender === parse ? spread(ns[parse], 0) : spread(timesFaster(ns[contender], ns[parse]), 2),
    ),
  ]),
]);
for (const [cell, ns] of judged) {
  const least = hard[cell];
  if (least !== undefined) judge(`${cell}: of JSON.parse`, median(timesFaster(ns.longwire, ns[parse])), least);
  judge(`${cell}: times split2`, median(timesFaster(ns.longwire, ns["split2 + JSON.parse"])), 1);
}

async function job(contender: Contender, cell: Cell): Promise<() => number> {
  const [row, size] = cell.split(" in ") as [keyof typeof ndjsonCorpora, keyof typeof chunkSizes];
  const bytes = corpus(ndjsonCorpora[row]);
  const chunks = inChunks(bytes, chunkSizes[size]);
  switch (contender) {
    case "JSON.parse":
      return parsing(inRows(bytes));
    case "longwire":
      return decoding(chunks);
    case "split2 + JSON.parse":
      return streaming(split2(JSON.parse), chunks);
    case "ndjson":
      return streaming(ndjson.parse(), chunks);
    case "readline + JSON.parse":
      return reading(chunks);
    default:
      return contender satisfies never;
  }
}

function parsing(texts: readonly string[]): () => number {
  return () => {
    let items = 0;
    for (const text of texts) if (JSON.parse(text) !== undefined) items++;
    return items;
  };
}

function decoding(chunks: readonly Uint8Array[]): () => number {
  return () => {
    const decoder = ndjsonDecoder();
    let items = 0;
    let sink = emptySink();
    for (const chunk of chunks) {
      decoder.push(chunk, sink);
      if (sink.items.length === 0) continue;
      items += sink.items.length;
      sink = emptySink();
    }
    return items;
  };
}

/** A transform that flows hands its items on while it is written to. */
function streaming(stream: Transform, chunks: readonly Uint8Array[]): () => number {
  let items = 0;
  stream.on("data", () => items++);
  return () => {
    items = 0;
    for (const chunk of chunks) stream.write(chunk);
    return items;
  };
}

function reading(chunks: readonly Uint8Array[]): () => number {
  const input = new PassThrough();
  let items = 0;
  createInterface({ input }).on("line", (line) => {
    if (JSON.parse(line) !== undefined) items++;
  });
  return () => {
    items = 0;
    for (const chunk of chunks) input.emit("data", chunk);
    return items;
  };
}

/** Each row as text of its own. */
function inRows(bytes: Uint8Array): string[] {
  const texts: string[] = [];
  for (let start = 0, end: number; start < bytes.length; start = end + 1) {
    end = bytes.indexOf(0x0a, start);
    texts.push(Buffer.from(bytes.subarray(start, end)).toString());
  }
  return texts;
}
