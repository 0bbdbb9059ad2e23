// Memory of 10,000 open SSE streams in one process, each of which has had one event.
import type { BodyReader, EventReader } from "./contenders/contender.ts";
import { assertEnoughFiles, memoryEach } from "./held-open.ts";
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

assertEnoughFiles(streams);

const figures = await contestOverTheWire<Contender, "open", "rssKb" | "heapKb" | "seconds">({
  file: import.meta.filename,
  contenders,
  cells: ["open"],
  nodeFlags: ["--expose-gc"],
  async measure(contender, _, origin) {
    const open = await openers[contender]();
    return memoryEach(streams, () => open(`${origin}/held`));
  },
});

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
