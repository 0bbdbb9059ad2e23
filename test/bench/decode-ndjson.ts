// NDJSON decoding: CPU time per row, ours and the libraries', against JSON.parse over rows that are split and text already.
// Every library is given its chunks one after another, synchronously, and makes one array of the rows of each; JSON.parse alone
// keeps nothing.

import { createInterface } from "node:readline";
import { PassThrough, type Transform } from "node:stream";
import { emptySink } from "@longwire/core";
import { ndjsonDecoder } from "@longwire/ndjson";
import ndjson from "ndjson";
import split2 from "split2";
import { chunkSizes, corpus, inChunks, ndjsonCorpora, type Random } from "./corpora.ts";
import { judge, measured, median, printTable, spread, timesFaster } from "./measure.ts";

const parse = "JSON.parse";
const contenders = [parse, "longwire", "split2 + JSON.parse", "readline + JSON.parse", "ndjson"] as const;
type Contender = (typeof contenders)[number];
const rowMakers = {
  "127 B": ndjsonCorpora["127 B"],
  "1 KB UTF-8": ndjsonCorpora["1 KB UTF-8"],
  "20 KB of records": records,
  "20 KB of text": ndjsonCorpora["20 KB"],
};
type Row = keyof typeof rowMakers;
const sizes = ["64 KiB", "1.4 KiB", "64 B"] as const;
const cells = (Object.keys(rowMakers) as Row[]).flatMap((row) => sizes.map((size) => `${row} in ${size}` as const));
type Cell = (typeof cells)[number];

/** Least ratio to JSON.parse. None for long text, which JSON.parse copies as fast as memory: there every pass over it shows. */
const hard: Partial<Record<Cell, number>> = {
  "127 B in 64 KiB": 0.88,
  "1 KB UTF-8 in 64 KiB": 0.6,
  "20 KB of records in 64 B": 0.75,
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
  const [row, size] = cell.split(" in ") as [Row, (typeof sizes)[number]];
  const bytes = corpus(rowMakers[row]);
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

function streaming(stream: Transform, chunks: readonly Uint8Array[]): () => number {
  // A transform that flows hands its rows on while it is written to.
  return collecting(
    chunks,
    (take) => stream.on("data", take),
    (chunk) => stream.write(chunk),
  );
}

function reading(chunks: readonly Uint8Array[]): () => number {
  const input = new PassThrough();
  return collecting(
    chunks,
    (take) => createInterface({ input }).on("line", (line) => take(JSON.parse(line))),
    (chunk) => input.emit("data", chunk),
  );
}

function collecting(
  chunks: readonly Uint8Array[],
  listen: (take: (row: unknown) => void) => void,
  feed: (chunk: Uint8Array) => void,
): () => number {
  let rows: unknown[] = [];
  listen((row) => rows.push(row));
  return () => {
    let items = 0;
    for (const chunk of chunks) {
      feed(chunk);
      if (rows.length === 0) continue;
      items += rows.length;
      rows = [];
    }
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

/** 20 KB of small records, as a feed sends them in batches. */
function records(random: Random): string {
  const list: string[] = [];
  for (let bytes = 0; bytes < 20_000; bytes += list[list.length - 1]?.length ?? 0) {
    list.push(ndjsonCorpora["127 B"](random).trimEnd());
  }
  return `{"records":[${list.join(",")}]}\n`;
}
