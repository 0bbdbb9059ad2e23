// CPU of a gigabyte of body, chunked in 64 KiB writes.
import type { BodyReader } from "./contenders/contender.ts";
import { goMeasured } from "./contenders/go.ts";
import { median, option, printTable, spread } from "./measure.ts";
import { atMost, column, contestOverTheWire, cost, quick, ratios, shownRatio } from "./wire-contest.ts";

const readers = {
  "socket, static onread": async () => (await import("./contenders/socket.ts")).socketBody,
  "socket on data": async () => (await import("./contenders/socket.ts")).socketDataBody,
  "undici dispatch": async () => (await import("./contenders/undici.ts")).dispatchBody,
  "longwire bytes() batches": async () => (await import("./contenders/longwire.ts")).longwireBodyBatches,
  "longwire bytes() for await": async () => (await import("./contenders/longwire.ts")).longwireBody,
  "undici.request on data": async () => (await import("./contenders/undici.ts")).requestDataBody,
  "undici.request for await": async () => (await import("./contenders/undici.ts")).requestBody,
  "node:http on data": async () => (await import("./contenders/node-http.ts")).nodeHttpBody,
  fetch: async () => (await import("./contenders/fetch.ts")).fetchBody,
} satisfies Record<string, () => Promise<BodyReader>>;

type Contender = keyof typeof readers | "Go";
const contenders: readonly Contender[] = [...(Object.keys(readers) as (keyof typeof readers)[]), "Go"];
const warmUpBytes = 128 * 1024 * 1024;

const figures = await contestOverTheWire<Contender, "chunked", "cpuPerGb" | "mbPerSecond">({
  file: import.meta.filename,
  contenders,
  cells: ["chunked"],
  withGo: true,
  async measure(contender, _, origin, go) {
    const bytes = Number(option("--gib") ?? (quick ? 0.5 : 2)) * 1024 ** 3;
    const url = (count: number): string => `${origin}/body?bytes=${count}`;
    const perGb = ({ cpuUs, wallUs }: { cpuUs: number; wallUs: number }) => ({
      cpuPerGb: (cpuUs / bytes) * 1e3,
      mbPerSecond: bytes / wallUs,
    });
    if (contender === "Go") {
      const measured = await goMeasured(go as string, "body", url(warmUpBytes), url(bytes));
      check(contender, measured.bytes, bytes);
      return perGb(measured);
    }
    const read = await readers[contender]();
    let received = 0;
    const receive = (piece: Uint8Array): void => {
      received += piece.length;
    };
    await read(url(warmUpBytes), receive);
    received = 0;
    const spent = await cost(() => read(url(bytes), receive));
    check(contender, received, bytes);
    return perGb(spent);
  },
});

function check(contender: Contender, received: number, bytes: number): void {
  if (received !== bytes) throw new Error(`${contender} read ${received} of ${bytes} bytes`);
}

const bare = figures.chunked["undici dispatch"]?.cpuPerGb ?? [];
console.log("\nBody, chunked 64 KiB writes");
printTable([
  ["", "CPU s/GB", "to undici dispatch", "MB/s"],
  ...column(figures.chunked, contenders, "cpuPerGb").map(([contender, cpuPerGb]) => [
    contender,
    spread(cpuPerGb, 3),
    shownRatio(cpuPerGb, bare),
    median(figures.chunked[contender]?.mbPerSecond ?? []).toFixed(0),
  ]),
]);
const ours: readonly Contender[] = ["longwire bytes() batches", "longwire bytes() for await"];
for (const [contender, cpuPerGb] of column(figures.chunked, ours, "cpuPerGb")) {
  atMost("goal", `${contender} to undici dispatch`, median(ratios(cpuPerGb, bare)), 1.1);
}
