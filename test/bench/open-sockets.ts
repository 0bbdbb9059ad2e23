// Memory of 10,000 open and idle WebSockets in one process, each of which has had one message.
import type { MessageReader } from "./contenders/contender.ts";
import { assertEnoughFiles, memoryEach } from "./held-open.ts";
import { median, option, printTable, spread } from "./measure.ts";
import { column, contestOverTheWire, quick, shownRatio } from "./wire-contest.ts";

const readers = {
  ws: async () => (await import("./contenders/ws.ts")).wsMessages,
  longwire: async () => (await import("./contenders/longwire.ts")).longwireMessages,
  "partysocket over ws": async () => (await import("./contenders/partysocket.ts")).partySocketMessages,
  "Node's own WebSocket": async () => (await import("./contenders/web-socket.ts")).webSocketMessages,
} satisfies Record<string, () => Promise<MessageReader>>;

type Contender = keyof typeof readers;
const contenders = Object.keys(readers) as Contender[];
const sockets = Number(option("--streams") ?? (quick ? 2_000 : 10_000));

assertEnoughFiles(sockets);

const figures = await contestOverTheWire<Contender, "open", "rssKb" | "heapKb" | "seconds">({
  file: import.meta.filename,
  contenders,
  cells: ["open"],
  nodeFlags: ["--expose-gc"],
  async measure(contender, _, origin) {
    const read = await readers[contender]();
    const url = `${origin.replace("http:", "ws:")}/ws?messages=1&type=text`;
    const open = (): Promise<void> =>
      new Promise((resolve, reject) => read(url, Number.POSITIVE_INFINITY, () => resolve()).catch(reject));
    return { ...(await memoryEach(sockets, open)) };
  },
});

const alone = figures.open.ws?.rssKb ?? [];
console.log(`\n${sockets} open WebSockets in one process`);
printTable([
  ["", "RSS KB/socket", "to ws alone", "heap KB/socket", "s to open all"],
  ...column(figures.open, contenders, "rssKb").map(([contender, rssKb]) => [
    contender,
    spread(rssKb, 1),
    shownRatio(rssKb, alone),
    median(figures.open[contender]?.heapKb ?? []).toFixed(1),
    median(figures.open[contender]?.seconds ?? []).toFixed(1),
  ]),
]);
