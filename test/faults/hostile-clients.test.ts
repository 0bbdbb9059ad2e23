// Clients that send pieces of requests in any order, cut anywhere, and leave in any way, to everything that answers: nobody else notices.

import { createServer } from "node:http";
import { connect } from "node:net";
import { seededRandom } from "@longwire/core/testing";
import {
  acceptUpgrade,
  createPublisher,
  publisherHandler,
  publisherHub,
  relay,
  sseHandler,
  takeOver,
  webSocketHub,
} from "@longwire/server";
import { expect, test } from "vitest";
import { listening } from "./listening.ts";
import { turns } from "./peer.ts";
import { RawClient } from "./relay-server.ts";

const seed = Number(process.env.LONGWIRE_MODEL_SEED ?? 20_261_120);
const clients = 600;

test(`${clients} random clients from seed ${seed} end no process and no other's connection, and leave nothing`, async () => {
  const random = seededRandom(seed);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
  let inUpstream = 0;
  await using upstream = await listening(
    createServer((request, response) => {
      inUpstream++;
      response.once("close", () => inUpstream--);
      request.on("error", () => {}).resume();
      pick<() => unknown>([
        () => request.socket.destroy(),
        () => response.writeHead(200).write("part of it"),
        () => request.once("end", () => response.end("whole")),
        () => response.writeHead(413).end("no"),
        () => response.end("x".repeat(200_000)),
      ])();
    }).on("upgrade", (request, socket, head) => {
      socket.on("error", () => {});
      if (random() < 0.3) return void socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
      const protocol = request.headers.upgrade?.split(",")[0] ?? "";
      attempt(socket, () => acceptUpgrade(protocol, request, socket, head));
    }),
  );
  await using passing = relay(`http://127.0.0.1:${upstream.port}`, { timeouts: { headersMs: 300, idleMs: 300 } });
  const publisher = createPublisher({ capacity: 4, goodbyeMs: 50 });
  const hub = webSocketHub(async (socket) => {
    for await (const message of socket) await socket.send(message);
  });
  const items = publisherHub(publisher);
  const events = sseHandler(
    async function* ({ signal }) {
      for (let n = 0; n < 5 && !signal.aborted; n++) {
        yield "x".repeat(Math.floor(random() * 30_000));
        await turns(3);
      }
    },
    { heartbeatMs: 5, stallMs: 100 },
  );
  const published = publisherHandler(publisher, { stallMs: 100 });
  const front = createServer((request, response) => {
    if (request.url === "/events") return void events(request, response);
    if (request.url === "/items") return void published(request, response);
    if (request.url === "/take") return attempt(response, () => takeOver(request, response));
    return passing(request, response);
  }).on("upgrade", (request, socket, head) => {
    if (request.url === "/events") return hub.upgrade(request, socket, head);
    if (request.url === "/items") return items.upgrade(request, socket, head);
    if (request.url === "/take") return attempt(socket, () => acceptUpgrade("x", request, socket, head));
    return passing.upgrade(request, socket, head);
  });
  await using server = await listening(front);

  const piece = (): string => {
    const method = pick(["GET", "GET", "POST", "HEAD", "PUT", "OPTIONS"]);
    const target = pick(["/events", "/items", "/take", "/", "/x", "/..%2f", "http://a.example/", "*"]);
    const version = pick(["1.1", "1.1", "1.1", "1.0"]);
    return `${method} ${target} HTTP/${version}\r\nHost: x\r\n${pick(connections)}${pick(fields)}${pick(bodies)}`;
  };
  const visit = async (): Promise<void> => {
    const pieces = Array.from({ length: 1 + Math.floor(random() * 4) }, piece).join("");
    const sent = random() < 0.2 ? pieces.slice(0, Math.floor(random() * pieces.length)) : pieces;
    const socket = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: random() < 0.5 });
    const closed = new Promise((resolve) => socket.on("error", () => {}).once("close", resolve));
    if (random() < 0.8) socket.resume();
    const at = Math.floor(random() * sent.length);
    socket.write(sent.slice(0, at));
    await turns(Math.floor(random() * 20));
    if (!socket.destroyed) socket.write(sent.slice(at));
    await turns(Math.floor(random() * 100));
    pick([() => socket.end(), () => socket.resetAndDestroy(), () => socket.destroy()])();
    await turns(Math.floor(random() * 100));
    socket.destroy();
    await closed;
  };
  using steady = new RawClient(server.port);
  await steady.write("GET /items HTTP/1.1\r\nHost: x\r\n\r\n").until("id: ");
  const rounds = clients / 20;
  for (let round = 0; round < rounds; round++) {
    await Promise.all(Array.from({ length: 20 }, visit));
    await publisher.publish("t", `${round} ${"y".repeat(3_000)}`);
    await steady.until(`data: ${round} y`);
  }
  steady.socket.destroy();
  // What is left of them is in the hands of the clocks.
  const left = () => [inUpstream, publisher.stats.subscribers, hub.stats.sockets, items.stats.sockets];
  await expect.poll(left, { timeout: 10_000 }).toEqual([0, 0, 0, 0]);
  await Promise.all([hub.close(), items.close(), publisher.close()]);
}, 60_000);

const connections = [
  "",
  "",
  "Connection: close\r\n",
  "Connection: keep-alive\r\n",
  "Connection: Upgrade\r\nUpgrade: x\r\n",
  "Connection: Upgrade\r\nUpgrade: websocket\r\n",
  "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
  "Connection: content-length, transfer-encoding\r\n",
];
const fields = [
  "",
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
  "Last-Event-ID: a-1\r\n",
  "Accept: application/x-ndjson\r\n",
  "Origin: http://evil.example\r\n",
];
const bodies = [
  "\r\n",
  "\r\n",
  "\r\n",
  "Content-Length: 4\r\n\r\nbody",
  "Content-Length: 40\r\n\r\nbody",
  "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
  "Transfer-Encoding: chunked\r\n\r\n4\r\nbo",
  "Transfer-Encoding: gzip, chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
  "Expect: 100-continue\r\nContent-Length: 4\r\n\r\nbody",
];

/** Echoes on what can be taken; of what cannot the connection ends. */
function attempt(from: { destroy(): unknown }, take: () => ReturnType<typeof takeOver>): void {
  try {
    const wire = take();
    wire.pipe(wire);
  } catch {
    from.destroy();
  }
}
