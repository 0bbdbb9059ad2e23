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
import { median, option } from "./measure.ts";

const quick = process.argv.includes("--quick");
const rounds = Number(option("--rounds") ?? (quick ? 2 : 7));
const cells = {
  body: { path: "/body", warmUp: 128, size: quick ? 256 : 1024, unit: "CPU s/GB", per: 1e9 / 1024 ** 2 },
  chunks: {
    path: "/chunks",
    warmUp: 3_000,
    size: quick ? 10_000 : 50_000,
    unit: "CPU ms per 10,000 chunks",
    per: 10_000 * 1_000,
  },
};
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

const figures: Record<string, number[]> = {};
for (let round = 0; round < rounds; round++) {
  for (const contender of [
    ...contenders.slice(round % contenders.length),
    ...contenders.slice(0, round % contenders.length),
  ]) {
    for (const [cell, { path, warmUp, size, per }] of Object.entries(cells)) {
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
        (figures[`${cell} ${contender}`] ??= []).push(((cpuSeconds(child.pid as number) - before) / size) * per);
      } finally {
        child.kill("SIGKILL");
      }
    }
  }
}
origin.close();
for (const [cell, { unit }] of Object.entries(cells)) {
  for (const contender of contenders) {
    const seen = figures[`${cell} ${contender}`] as number[];
    const [least, most] = [Math.min(...seen), Math.max(...seen)];
    console.log(
      `${cell.padEnd(8)}${contender.padEnd(14)}${median(seen).toPrecision(3)} (${least.toPrecision(3)} to ${most.toPrecision(3)}) ${unit}`,
    );
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
