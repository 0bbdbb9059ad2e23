// What a relay costs: CPU of its process per GB of one body, and per 10,000 chunks of 200 B, each sent when the one before has arrived, beside
// `http-proxy-3` and Go's ReverseProxy. Origin and reader are the process of the bench. `--rounds N`, `--cells TEXT`, `--quick`; needs /proc.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { buildGo } from "./contenders/go.ts";
import { option, printTable, rotated, spread } from "./measure.ts";
import { shownRatio } from "./wire-contest.ts";

const quick = process.argv.includes("--quick");
const rounds = Number(option("--rounds") ?? (quick ? 2 : 7));
interface Cell {
  readonly path: string;
  readonly warmUp: number;
  readonly size: number;
  readonly unit: string;
  readonly per: number;
}
const asked = option("--cells") ?? "";
const allCells: Readonly<Record<string, Cell>> = {
  body: { path: "/body", warmUp: 128, size: quick ? 256 : 1024, unit: "CPU s/GB", per: 1e9 / 1024 ** 2 },
  chunks: {
    path: "/chunks",
    warmUp: 3_000,
    size: quick ? 10_000 : 50_000,
    unit: "CPU ms per 10,000 chunks",
    per: 10_000 * 1_000,
  },
};
const cells = Object.entries(allCells).filter(([cell]) => cell.includes(asked));
const go = buildGo("relay");
const contenders = ["longwire", "http-proxy-3", ...(go ? ["go"] : [])];

const block = Buffer.alloc(1024 ** 2, "a block of the body ");
const origin = createServer((request, response) => {
  const [path, size] = (request.url as string).split("?");
  void (path === "/body" ? sendBody : sendChunks)(response, Number(size));
}).listen(0, "127.0.0.1");
await once(origin, "listening");
const upstream = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;

const lastByte = "~";
let chunkArrived = (): void => {};

const figures = Object.fromEntries(
  cells.map(([cell]) => [cell, Object.fromEntries(contenders.map((contender) => [contender, [] as number[]]))]),
) as Record<string, Record<string, number[]>>;
for (let round = 0; round < rounds; round++)
  for (const contender of rotated(contenders, round))
    for (const [cell, settings] of cells) figures[cell]?.[contender]?.push(await cpu(contender, settings));
origin.close();
for (const [cell, { unit }] of cells) {
  const theirs = figures[cell]?.["http-proxy-3"] as number[];
  console.log("");
  printTable([
    [cell, unit, "to http-proxy-3"],
    ...Object.entries(figures[cell] as Record<string, number[]>).map(([contender, seen]) => [
      contender,
      spread(seen, 2),
      shownRatio(seen, theirs),
    ]),
  ]);
}

/** Of a relay in a process of its own, after a warm-up. */
async function cpu(contender: string, { path, warmUp, size, per }: Cell): Promise<number> {
  const [command, ...start] =
    contender === "go"
      ? [go as string]
      : [process.execPath, fileURLToPath(new URL("contenders/relays.ts", import.meta.url)), contender];
  const child = spawn(command as string, [...start, upstream], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const port = Number((await once(createInterface(child.stdout), "line"))[0]);
    await read(port, `${path}?${warmUp}`);
    const before = cpuSeconds(child.pid as number);
    await read(port, `${path}?${size}`);
    return ((cpuSeconds(child.pid as number) - before) / size) * per;
  } finally {
    child.kill("SIGKILL");
  }
}

async function sendBody(response: ServerResponse, mebibytes: number): Promise<void> {
  for (let sent = 0; sent < mebibytes; sent++) if (!response.write(block)) await once(response, "drain");
  response.end();
}

/** Sent faster, several would be read and passed on as one, the more the slower a relay is. */
function sendChunks(response: ServerResponse, count: number): void {
  const chunk = Buffer.from(`${"x".repeat(199)}${lastByte}`);
  let sent = 0;
  chunkArrived = () => {
    if (sent++ < count) response.write(chunk);
    else response.end();
  };
  chunkArrived();
}

async function read(port: number, path: string): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(64 * 1_024);
  const callback = (length: number): boolean => {
    if (path.startsWith("/chunks") && buffer.subarray(0, length).includes(lastByte)) chunkArrived();
    return true;
  };
  const socket = connect({ port, host: "127.0.0.1", onread: { buffer, callback } });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  await once(socket, "close");
}

/** User and system time of a process: fields 14 and 15 of its stat, in hundredths of a second. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
