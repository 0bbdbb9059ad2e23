// CPU and speed of a body: read in chunks of 64 KiB, piped into a Writable, and as the bytes of a connection that was taken over.
import type { BodyReader } from "./contenders/contender.ts";
import { goMeasured } from "./contenders/go.ts";
import { median, option, printTable, spread } from "./measure.ts";
import { atLeast, atMost, column, contestOverTheWire, cost, quick, ratios } from "./wire-contest.ts";

type Readers = Readonly<Record<string, () => Promise<BodyReader>>>;

const readers = {
  "socket, static onread": async () => (await import("./contenders/socket.ts")).socketBody,
  "socket on data": async () => (await import("./contenders/socket.ts")).socketDataBody,
  "undici dispatch": async () => (await import("./contenders/undici.ts")).dispatchBody,
  "longwire bytes() batches": async () => (await import("./contenders/longwire.ts")).longwireBodyBatches,
  "longwire bytes() for await": async () => (await import("./contenders/longwire.ts")).longwireBody,
  "undici.request on data": async () => (await import("./contenders/undici.ts")).requestDataBody,
  "undici.request for await": async () => (await import("./contenders/undici.ts")).requestBody,
  "undici.stream": async () => (await import("./contenders/undici.ts")).streamBody,
  "node:http on data": async () => (await import("./contenders/node-http.ts")).nodeHttpBody,
  fetch: async () => (await import("./contenders/fetch.ts")).fetchBody,
  axios: async () => (await import("./contenders/axios.ts")).axiosBody,
  got: async () => (await import("./contenders/got.ts")).gotBody,
} satisfies Readers;

const pipes = {
  "longwire client.pipe": async () => (await import("./contenders/longwire.ts")).longwirePipe,
  "undici.stream": readers["undici.stream"],
  "pipeline of undici.request": async () => (await import("./contenders/undici.ts")).requestPipeline,
} satisfies Readers;

const takers = {
  "net.Socket": async () => (await import("./contenders/socket.ts")).rawSocket,
  "longwire takeOver": async () => (await import("./contenders/longwire.ts")).longwireTakeOver,
} satisfies Readers;

type Contender = keyof typeof readers | keyof typeof pipes | keyof typeof takers | "Go";
const contenders = {
  read: [...(Object.keys(readers) as (keyof typeof readers)[]), "Go"],
  piped: Object.keys(pipes) as (keyof typeof pipes)[],
  "taken over": Object.keys(takers) as (keyof typeof takers)[],
} as const satisfies Record<string, readonly Contender[]>;
type Cell = keyof typeof contenders;
const cells = Object.keys(contenders) as Cell[];
type Figure = "cpuPerGb" | "mbPerSecond";
const warmUpBytes = 128 * 1024 * 1024;

const figures = await contestOverTheWire<Contender, Cell, Figure>({
  file: import.meta.filename,
  contenders,
  cells,
  withGo: true,
  async measure(contender, cell, origin, go) {
    const bytes = Number(option("--gib") ?? (quick ? 0.5 : 2)) * 1024 ** 3;
    const url = (count: number): string => `${origin}/${cell === "taken over" ? "raw" : "body"}?bytes=${count}`;
    const perGb = ({ cpuUs, wallUs }: { cpuUs: number; wallUs: number }) => ({
      cpuPerGb: (cpuUs / bytes) * 1e3,
      mbPerSecond: bytes / wallUs,
    });
    if (contender === "Go") {
      const measured = await goMeasured(go as string, "body", url(warmUpBytes), url(bytes));
      check(contender, measured.bytes, bytes);
      return perGb(measured);
    }
    const read = await { ...readers, ...pipes, ...takers }[contender]();
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

/** A socket that is read as it is has the head of the answer before the bytes. */
function check(contender: Contender, received: number, bytes: number): void {
  const headBytes = contender === "net.Socket" ? received - bytes : 0;
  if (headBytes >= 0 && headBytes < 200 && received - headBytes === bytes) return;
  throw new Error(`${contender} read ${received} of ${bytes} bytes`);
}

const bases: Record<Cell, readonly Contender[]> = {
  read: ["undici dispatch", "socket on data", "Go"],
  piped: ["undici.stream"],
  "taken over": ["net.Socket"],
};

for (const cell of cells.filter((name) => name in figures)) {
  console.log(`\nBody of 64 KiB writes, ${cell}`);
  const shown = bases[cell].filter((base) => base in figures[cell]);
  printTable([
    ["", "CPU s/GB", ...shown.map((base) => `to ${base}`), "MB/s", ...shown.map((base) => `to ${base}`)],
    ...column<Contender, Figure>(figures[cell], contenders[cell], "cpuPerGb").map(([contender, cpuPerGb]) => [
      contender,
      spread(cpuPerGb, 3),
      ...shown.map((base) => ratio(cell, contender, base, "cpuPerGb").toFixed(2)),
      spread(figures[cell][contender]?.mbPerSecond ?? [], 0),
      ...shown.map((base) => ratio(cell, contender, base, "mbPerSecond").toFixed(2)),
    ]),
  ]);
}

const limits: readonly Contender[] = ["socket, static onread", "socket on data", "undici dispatch", "Go"];
for (const ours of ["longwire bytes() batches", "longwire bytes() for await"] as const) {
  if (!figures.read?.[ours]) continue;
  for (const other of contenders.read.filter((name) => name in figures.read && !name.startsWith("longwire"))) {
    const bare = other === "undici dispatch";
    if (limits.includes(other) && !bare) continue;
    atMost("goal", `CPU of ${ours} to ${other}`, ratio("read", ours, other, "cpuPerGb"), bare ? 1.1 : 1);
    atLeast("goal", `MB/s of ${ours} to ${other}`, ratio("read", ours, other, "mbPerSecond"), bare ? 0.95 : 1);
  }
}

/** Of two contenders, the median over the rounds. */
function ratio(cell: Cell, contender: Contender, base: Contender, name: Figure): number {
  return median(ratios(figures[cell][contender]?.[name] ?? [], figures[cell][base]?.[name] ?? []));
}
