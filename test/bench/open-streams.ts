// Memory of 10,000 open SSE streams in one process, each of which has had one event.
import { execFileSync } from "node:child_process";
import type { BodyReader, EventReader } from "./contenders/contender.ts";
import { median, option, printTable, spread } from "./measure.ts";
import { atMost, column, contestOverTheWire, quick, ratios, shownRatio } from "./wire-contest.ts";

const openers = {
  "bare socket": async () => body((await import("./contenders/socket.ts")).socketDataBody),
  "undici dispatch": async () => body((await import("./contenders/undici.ts")).dispatchBody),
  "longwire sse": async () => events((await import("./contenders/longwire.ts")).longwireEvents),
  eventsource: async () => events((await import("./contenders/eventsource.ts")).eventSourceEvents),
} satisfies Record<string, () => Promise<Opener>>;

/** Opens a stream and leaves it open; resolves with its first event. */
type Opener = (url: string) => Promise<void>;

const events =
  (read: EventReader): Opener =>
  (url) =>
    new Promise((resolve, reject) => read(url, Number.POSITIVE_INFINITY, () => resolve()).catch(reject));

const body =
  (read: BodyReader): Opener =>
  (url) =>
    new Promise((resolve, reject) => read(url, () => resolve()).catch(reject));

type Contender = keyof typeof openers;
const contenders = Object.keys(openers) as Contender[];
const streams = Number(option("--streams") ?? (quick ? 2_000 : 10_000));
const warmUpStreams = 200;
const openingAtOnce = 100;

assertEnoughFiles();

const figures = await contestOverTheWire<Contender, "open", "rssKb" | "heapKb" | "seconds">({
  file: import.meta.filename,
  contenders,
  cells: ["open"],
  nodeFlags: ["--expose-gc"],
  async measure(contender, _, origin) {
    const open = await openers[contender]();
    const openMany = async (count: number): Promise<void> => {
      for (let left = count; left > 0; left -= openingAtOnce)
        await Promise.all(Array.from({ length: Math.min(left, openingAtOnce) }, () => open(`${origin}/held`)));
    };
    await openMany(warmUpStreams);
    const before = await settledMemory();
    const started = process.hrtime.bigint();
    await openMany(streams);
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    const after = await settledMemory();
    const kbEach = (kind: "rss" | "heapUsed"): number => (after[kind] - before[kind]) / 1024 / streams;
    return { rssKb: kbEach("rss"), heapKb: kbEach("heapUsed"), seconds };
  },
});

/** After several collections with turns of the event loop between them: finalizers free more. */
async function settledMemory(): Promise<NodeJS.MemoryUsage> {
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return process.memoryUsage();
}

/** Client and server are two processes, each with a file descriptor a stream. Node raises its own limit to the hard one. */
function assertEnoughFiles(): void {
  const limit = execFileSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" }).trim();
  const needed = streams + warmUpStreams + 100;
  if (limit === "unlimited" || Number(limit) >= needed) return;
  console.error(
    `Cannot open ${streams} streams: a process may have ${limit} files and needs ${needed}. ` +
      `Raise the hard limit as root (\`ulimit -Hn ${needed}\`, then start the bench in that shell), or try fewer with \`--streams ${Number(limit) - warmUpStreams - 100}\`.`,
  );
  process.exit(1);
}

const bare = figures.open["undici dispatch"]?.rssKb ?? [];
console.log(`\n${streams} open SSE streams in one process`);
printTable([
  ["", "RSS KB/stream", "to undici dispatch", "heap KB/stream", "s to open all"],
  ...column(figures.open, contenders, "rssKb").map(([contender, rssKb]) => [
    contender,
    spread(rssKb, 1),
    shownRatio(rssKb, bare),
    median(figures.open[contender]?.heapKb ?? []).toFixed(1),
    median(figures.open[contender]?.seconds ?? []).toFixed(1),
  ]),
]);
const ours = figures.open["longwire sse"]?.rssKb;
if (ours && bare.length > 0)
  atMost("hard", "RSS of a longwire stream to a bare dispatch handler", median(ratios(ours, bare)), 1.35);
