// Runs inside a network namespace of its own, where a firewall rule can touch nothing else: a server, a client, and a rule that
// drops what they send each other without a word. Prints what happened as JSON.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { promisify } from "node:util";
import { createClient, type Notice } from "longwire";

/** What was seen in there. */
export interface HalfOpenReport {
  /** The data of all events, in order. */
  readonly seen: readonly string[];
  /** Why the stream waited, in order, and whether the server's first connection was gone by then. */
  readonly waits: readonly {
    readonly code: string;
    readonly clock: string | undefined;
    readonly serverKnew: boolean;
  }[];
  readonly outcome: unknown;
}

if (Object.keys(networkInterfaces()).join() !== "lo") throw new Error("This program needs a network of its own");

// The server: events by number, to each subscriber from the one after its Last-Event-ID.
let published = 0;
let closed = 0;
const subscribers = new Map<ServerResponse, number>();
const publish = (upTo: number): void => {
  published = upTo;
  for (const [response, sent] of subscribers) {
    for (let id = sent + 1; id <= upTo; id++) response.write(`id: ${id}\ndata: ${id}\n\n`);
    subscribers.set(response, upTo);
  }
};
const server = createServer((request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  subscribers.set(response, Number(request.headers["last-event-id"] ?? 0));
  response.on("close", () => {
    closed++;
    subscribers.delete(response);
  });
  publish(published);
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;

const nft = (rules: string) => promisify(execFile)("nft", [rules]);
const dropAll = async (): Promise<void> => {
  await nft("add table inet half_open");
  await nft("add chain inet half_open out { type filter hook output priority 0; }");
  for (const side of ["sport", "dport"]) await nft(`add rule inet half_open out tcp ${side} ${port} drop`);
};
const heal = () => nft("delete table inet half_open");

await using client = createClient({
  baseUrl: `http://127.0.0.1:${port}`,
  timeouts: { idleMs: 1_000, connectMs: 500, totalMs: 20_000 },
  reconnect: { firstMs: 10, floorMs: 1, maxMs: 50 },
});
const stream = client.sse("/", { until: "40" });
const notices = stream.notices();
const seen: string[] = [];
const all = (async () => {
  for await (const { data } of stream) {
    seen.push(data);
    if (data === "10") {
      await dropAll();
      publish(20);
    }
    if (data === "30") publish(40);
  }
})();

const waits: HalfOpenReport["waits"][number][] = [];
publish(10);
for await (const notice of notices) {
  if (notice.type !== "waiting") continue;
  const cause = errorOf(notice);
  waits.push({ code: cause.code, clock: cause.clock, serverKnew: closed > 0 });
  // The first was the silence, the second a connection that could not be made.
  if (waits.length === 2) {
    await heal();
    publish(30);
    break;
  }
}
await all;
const report: HalfOpenReport = { seen, waits, outcome: await stream.outcome };
console.log(JSON.stringify(report));
server.closeAllConnections();
server.close();

function errorOf({ cause }: Extract<Notice, { type: "waiting" }>) {
  if (typeof cause === "string") throw new Error(`The stream waits for a reason that is no error: ${cause}`);
  return cause;
}
