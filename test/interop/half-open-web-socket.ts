// Runs inside a network namespace of its own, where a firewall rule can touch nothing else: a server, a client, and a rule that
// drops what they send each other without a word. Prints what happened as JSON.

import { execFile } from "node:child_process";
import { networkInterfaces } from "node:os";
import { promisify } from "node:util";
import { createClient, type Notice } from "longwire";
import type { WebSocket } from "ws";
import { startWs } from "./ws-server.ts";

/** What was seen in there. */
export interface HalfOpenWebSocketReport {
  /** All messages, in order. */
  readonly seen: readonly string[];
  /** Why the stream waited, in order, and whether the server's first connection was gone by then. */
  readonly waits: readonly {
    readonly code: string;
    readonly clock: string | undefined;
    readonly serverKnew: boolean;
  }[];
  /** What came of a message that was sent into the silence. */
  readonly sent: string;
  readonly outcome: unknown;
  /** Sockets of this process to the server when one that was closed into the silence was past `closeMs`. */
  readonly leftOfClosed: number;
}

if (Object.keys(networkInterfaces()).join() !== "lo") throw new Error("This program needs a network of its own");

// The server: numbers, to each subscriber from the one after `since`.
let published = 0;
let closed = 0;
const subscribers = new Map<WebSocket, number>();
const publish = (upTo: number): void => {
  published = upTo;
  for (const [socket, sent] of subscribers) {
    for (let n = sent + 1; n <= upTo; n++) socket.send(String(n));
    subscribers.set(socket, upTo);
  }
};
const server = await startWs((socket, { url }) => {
  subscribers.set(socket, Number(new URL(url ?? "/", "http://a").searchParams.get("since") ?? 0));
  socket.on("close", () => {
    closed++;
    subscribers.delete(socket);
  });
  publish(published);
});

const nft = (rules: string) => promisify(execFile)("nft", [rules]);
const dropAll = async (): Promise<void> => {
  await nft("add table inet half_open");
  await nft("add chain inet half_open out { type filter hook output priority 0; }");
  for (const side of ["sport", "dport"]) await nft(`add rule inet half_open out tcp ${side} ${server.port} drop`);
};
const heal = () => nft("delete table inet half_open");

const client = createClient({
  baseUrl: `http://127.0.0.1:${server.port}`,
  timeouts: { connectMs: 500, totalMs: 20_000 },
  reconnect: { firstMs: 10, floorMs: 1, maxMs: 50 },
});
const stream = client.webSocket("/", {
  resume: { cursor: Number, apply: (request, since) => request.withQuery({ since }) },
  pingMs: 200,
  pongMs: 500,
  until: "40",
});
const notices = stream.notices();
const seen: string[] = [];
let sent = "never settled";
const all = (async () => {
  for await (const message of stream) {
    seen.push(String(message));
    if (message === "10") {
      await dropAll();
      publish(20);
      stream.send("x".repeat(10_000_000)).then(
        () => (sent = "left"),
        (error: { readonly code: string }) => (sent = error.code),
      );
    }
    if (message === "30") publish(40);
  }
})();

const waits: HalfOpenWebSocketReport["waits"][number][] = [];
publish(10);
for await (const notice of notices) {
  if (notice.type !== "waiting") continue;
  const { code, clock } = errorOf(notice);
  waits.push({ code, clock, serverKnew: closed > 0 });
  // The first was the silence, the second a connection that could not be made.
  if (waits.length === 2) {
    await heal();
    publish(30);
    break;
  }
}
await all;

// A close that nobody answers: without a deadline of its own, `ws` waits half a minute.
const connections = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
for (const socket of server.open) socket.terminate();
while (connections() > 0) await new Promise((resolve) => setTimeout(resolve, 10));
const left = client.webSocket("/?since=40", { closeMs: 300 });
await left.open();
await dropAll();
await left.close();
// The server's end stays, for it is told nothing.
for (let waited = 0; connections() > 1 && waited < 5_000; waited += 50)
  await new Promise((resolve) => setTimeout(resolve, 50));
const leftOfClosed = connections() - 1;

const report: HalfOpenWebSocketReport = { seen, waits, sent, outcome: await stream.outcome, leftOfClosed };
console.log(JSON.stringify(report));
process.exit();

function errorOf({ cause }: Extract<Notice, { type: "waiting" }>) {
  if (typeof cause === "string") throw new Error(`The stream waits for a reason that is no error: ${cause}`);
  return cause;
}
