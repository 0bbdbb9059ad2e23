// Many SSE streams through fault proxies for minutes: whatever is cut, reset and stalled, what the client holds stays flat, and no
// event is lost or comes twice. `--streams N` (10,000), `--minutes M` (5). Servers and proxies are processes of their own.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { getEventListeners, once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as passed } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { seededRandom } from "@longwire/core/testing";
import { nodeTransport } from "@longwire/node";
import { openSse } from "@longwire/sse";
import { type FaultPlan, faultProxy } from "@longwire/testing";
import { option } from "./measure.ts";

const eventEveryMs = 2_000;
const idleMs = 10_000;
const sampleEveryMs = 5_000;
const openedAtOnce = 200;

/** A file for each socket; so many more for all else. */
const spareFiles = 500;

async function soak(streams: number, minutes: number): Promise<void> {
  const servers = await startServers(streams);
  const transport = nodeTransport();
  const everything = new AbortController();
  const counts = { items: 0, wrong: 0, ended: 0 };
  const opened = Array.from({ length: streams }, (_, index) =>
    openSse(servers.urls[index % servers.urls.length] as string, {
      transport,
      signal: everything.signal,
      timeouts: { idleMs },
    }),
  );

  async function follow(stream: (typeof opened)[number]): Promise<void> {
    let last = 0;
    try {
      for await (const { lastEventId } of stream) {
        counts.items++;
        if (Number(lastEventId) !== last + 1) counts.wrong++;
        last = Number(lastEventId);
      }
    } finally {
      if (!everything.signal.aborted) counts.ended++;
    }
  }

  try {
    console.log(`Opening ${streams} streams through ${servers.urls.length} fault proxies`);
    const following: Promise<unknown>[] = [];
    for (let from = 0; from < streams; from += openedAtOnce) {
      const some = opened.slice(from, from + openedAtOnce);
      const open = some.map((stream) => stream.open());
      following.push(...some.map((stream) => follow(stream).catch((error: unknown) => error)));
      await Promise.all(open);
    }
    console.log(headings.map((heading) => heading.padStart(columnWidth)).join(""));
    const samples: Sample[] = [];
    const startedMs = performance.now();
    for (let at = 1; at * sampleEveryMs <= minutes * 60_000; at++) {
      await passed(startedMs + at * sampleEveryMs - performance.now());
      const reconnects = opened.reduce((sum, { stats }) => sum + stats.reconnects, 0);
      const held = holdings(everything.signal);
      const seconds = (performance.now() - startedMs) / 1_000;
      samples.push({ seconds, ...held, items: counts.items, reconnects });
      console.log(row(samples.at(-1) as Sample));
    }
    judgeFlatness(samples, minutes);
    judgeThat(`every event came once and in its order (${counts.items} events)`, counts.wrong === 0);
    judgeThat("no stream ended", counts.ended === 0);
    judgeThat(
      "there were faults in every sample",
      samples.every(({ reconnects }, i) => reconnects > (samples[i - 1]?.reconnects ?? 0)),
    );
    everything.abort();
    await Promise.all(following);
    await transport.destroy();
    const { timers, sockets, listeners } = holdings(everything.signal);
    judgeThat(
      `nothing is left at the end: ${timers} timers, ${sockets} sockets, ${listeners} abort listeners`,
      timers + sockets + listeners === 0,
    );
  } finally {
    servers.stop();
  }
}

/** What the process holds, and what came until then. */
interface Sample {
  readonly seconds: number;
  readonly heapMb: number;
  readonly rssMb: number;
  readonly sockets: number;
  readonly timers: number;
  readonly listeners: number;
  readonly items: number;
  readonly reconnects: number;
}

/** After a collection. Listeners are those on the signal that all streams share; timers and sockets those that keep a process alive. */
function holdings(signal: AbortSignal): Omit<Sample, "seconds" | "items" | "reconnects"> {
  collectGarbage();
  const { heapUsed, rss } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  const count = (kind: string): number => resources.filter((resource) => resource === kind).length;
  return {
    heapMb: heapUsed / 2 ** 20,
    rssMb: rss / 2 ** 20,
    sockets: count("TCPSocketWrap"),
    timers: count("Timeout"),
    listeners: getEventListeners(signal, "abort").length,
  };
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const headings = ["s", "heap MB", "RSS MB", "sockets", "timers", "listeners", "events", "reconnects"];
const columnWidth = 12;

function row({ seconds, heapMb, rssMb, sockets, timers, listeners, items, reconnects }: Sample): string {
  const cells = [
    seconds.toFixed(0),
    heapMb.toFixed(1),
    rssMb.toFixed(1),
    sockets,
    timers,
    listeners,
    items,
    reconnects,
  ];
  return cells.map((cell) => String(cell).padStart(columnWidth)).join("");
}

/** What must stay flat, and how flat. */
const limits = { heapMb: 1.1, sockets: 1.1, timers: 1.1, listeners: 1 } as const;
const mostDriftPercent = 2;

/** From the second minute on, or from the middle of a run that is too short for that. */
function judgeFlatness(samples: readonly Sample[], minutes: number): void {
  const fromS = minutes > 1.5 ? 60 : minutes * 30;
  const settled = samples.filter(({ seconds }) => seconds > fromS);
  const times = settled.map(({ seconds }) => seconds);
  console.log(`\nAfter ${fromS} s, in ${settled.length} samples`);
  for (const [name, mostSpread] of Object.entries(limits)) {
    const figures = settled.map((sample) => sample[name as keyof typeof limits]);
    const drift = (100 * riseOf(times, figures)) / meanOf(figures);
    const spread = Math.max(...figures) / Math.min(...figures);
    const driftText = `drift ${drift.toFixed(2)} % (at most ${mostDriftPercent})`;
    const spreadText = `max/min ${spread.toFixed(3)} (at most ${mostSpread})`;
    judgeThat(`${name} flat: ${driftText}, ${spreadText}`, drift <= mostDriftPercent && spread <= mostSpread);
  }
}

/** By how much the line of least squares rises from the first time to the last. */
function riseOf(times: readonly number[], figures: readonly number[]): number {
  const [meanTime, meanFigure] = [meanOf(times), meanOf(figures)];
  const products = times.map((time, i) => (time - meanTime) * ((figures[i] as number) - meanFigure));
  const slope = meanOf(products) / meanOf(times.map((time) => (time - meanTime) ** 2));
  return slope * ((times.at(-1) as number) - (times[0] as number));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function judgeThat(claim: string, holds: boolean): void {
  console.log(`${holds ? "pass" : "FAIL"}  ${claim}`);
  if (!holds) process.exitCode = 1;
}

/** As many processes as it takes for none of them to run out of files: a stream is three sockets of a server with its proxy. */
async function startServers(streams: number): Promise<{ urls: string[]; stop(): void }> {
  const files = mostFiles();
  if (files < streams + spareFiles) {
    console.error(
      `Cannot hold ${streams} streams: a process may have ${files} files and needs ${streams + spareFiles}. Raise the hard limit ` +
        `as root (\`ulimit -Hn ${streams + spareFiles}\`, then start the bench in that shell), or try \`--streams ${Math.max(0, files - spareFiles)}\`.`,
    );
    process.exit(1);
  }
  const processes = Math.ceil((3 * streams) / (Math.min(files, 20_000) - spareFiles));
  const children = Array.from({ length: processes }, (_, seed) =>
    spawn(process.execPath, [import.meta.filename, "--serve", String(seed)], { stdio: ["ignore", "pipe", "inherit"] }),
  );
  for (const child of children) child.once("exit", (code) => code !== null && process.exit(1));
  const urls = await Promise.all(children.map(firstLine));
  return { urls, stop: () => children.forEach((child) => child.kill("SIGKILL")) };
}

/** Node raises its own limit to the hard one. */
function mostFiles(): number {
  const limit = execFileSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" }).trim();
  return limit === "unlimited" ? Number.POSITIVE_INFINITY : Number(limit);
}

async function firstLine(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) return line;
  throw new Error(`A server of the soak ended before it printed its URL; exit code ${child.exitCode}`);
}

/** Events with ids at a steady pace for every connection, behind a proxy that breaks each of them sooner or later. */
async function serve(seed: number): Promise<void> {
  const numbers = new Map<ServerResponse, number>();
  const server = createServer({ noDelay: true, keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    numbers.set(response, Number(request.headers["last-event-id"] ?? 0));
    response.once("close", () => numbers.delete(response));
  });
  server.listen({ host: "127.0.0.1", port: 0, backlog: 4_096 });
  await once(server, "listening");
  const random = seededRandom(seed);
  const proxy = await faultProxy({ to: { port: (server.address() as AddressInfo).port }, plan: () => fault(random) });
  console.log(proxy.url);

  const parts = 20;
  for (let part = 0; ; part = (part + 1) % parts) {
    await passed(eventEveryMs / parts);
    let place = 0;
    for (const [response, number] of numbers) {
      if (place++ % parts !== part) continue;
      response.write(`id: ${number + 1}\ndata: ${padding}\n\n`);
      numbers.set(response, number + 1);
    }
  }
}

const padding = "x".repeat(180);

/** The wire breaks within a minute, somewhere in an event or between two. */
function fault(random: () => number): FaultPlan {
  const bytes = 300 + Math.floor(random() * 6_000);
  const kind = random();
  if (kind < 0.4) return { cutAfter: bytes };
  return kind < 0.8 ? { resetAfter: bytes } : { stall: bytes };
}

if (process.argv.includes("--serve")) await serve(Number(option("--serve")));
else await soak(Number(option("--streams") ?? 10_000), Number(option("--minutes") ?? 5));
