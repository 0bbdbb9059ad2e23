// The size table: `npm run sizes` prints it beside the committed one, `npm run sizes -- --write` commits to the new one.

import { readFile, writeFile } from "node:fs/promises";
import { minified } from "./minified.ts";

/** What is measured: the name in the table, and the module whose bundle it is. */
const measured = {
  "longwire (all of it)": `export * from "longwire";`,
  "openSse alone": `export { openSse } from "@longwire/sse";`,
  "openNdjson alone": `export { openNdjson } from "@longwire/ndjson";`,
  "openWebSocket alone": `export { openWebSocket } from "@longwire/websocket";`,
  "sseDecoder alone": `export { sseDecoder } from "@longwire/sse";`,
} as const;

/** Bytes minified and under gzip, by name. */
export type SizeTable = Readonly<Record<string, number>>;

/** How far a size may be from the table without being told, as a part of it. */
export const tolerance = 0.02;

const file = new URL("sizes.json", import.meta.url);

export async function committedSizes(): Promise<SizeTable> {
  return JSON.parse(await readFile(file, "utf8")) as SizeTable;
}

export async function measuredSizes(): Promise<SizeTable> {
  const sizes: Record<string, number> = {};
  for (const [name, source] of Object.entries(measured)) sizes[name] = (await minified(source)).gzipBytes;
  return sizes;
}

/** One line for each size that is off by more than the tolerance, grown or shrunk, or not in both tables. */
export function sizeFaults(committed: SizeTable, now: SizeTable): string[] {
  return [...new Set([...Object.keys(committed), ...Object.keys(now)])].flatMap((name) => {
    const [was, is] = [committed[name], now[name]];
    if (was !== undefined && is !== undefined && Math.abs(is - was) <= was * tolerance) return [];
    return [`${name}: ${is ?? "not measured"}, in the table ${was ?? "nothing"}. If meant: npm run sizes -- --write`];
  });
}

if (import.meta.main) {
  const now = await measuredSizes();
  if (process.argv.includes("--write")) await writeFile(file, `${JSON.stringify(now, null, 2)}\n`);
  console.table({ now, committed: await committedSizes() });
}
