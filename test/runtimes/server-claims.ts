// What the servers of `@longwire/server` promise, over real sockets and with raw clients. No `await using`: Node 22 cannot read it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { acceptUpgrade, createPublisher, publisherHandler, relay, sseHandler, takeOver } from "@longwire/server";
import { openSse } from "@longwire/sse";
import { RawClient } from "../faults/relay-server.ts";
import type { Claim, World } from "./claim.ts";

const asks = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
const upgrade = "GET /up HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\n";

/** Each with its title, in the order in which they are shown. */
export const serverClaims: readonly (readonly [title: string, show: Claim])[] = [
  [
    "a publisher's items arrive once, through an eviction, and a goodbye at its end",
    async (world) => {
      const publisher = createPublisher({ retryMs: 1 });
      const port = await serving(world, createServer(publisherHandler(publisher)));
      const stream = openSse(`http://127.0.0.1:${port}/`, { reconnect: { firstMs: 0, floorMs: 0 } });
      await stream.open();
      const seen: string[] = [];
      for (let n = 0; n < 3; n++) await publisher.publish("t", n);
      for await (const { data } of stream) if (seen.push(data) === 3) break;
      assert.deepEqual(seen, ["0", "1", "2"]);
      await publisher.close();
      assert.equal(publisher.stats.subscribers, 0);
    },
  ],
  [
    "all that a client asked for in advance is let go when it leaves: sources, and requests to an upstream",
    async (world) => {
      const left = Array.from({ length: 24 }, () => Promise.withResolvers<void>());
      let asked = 0;
      const source = createServer(
        sseHandler(({ signal }) => {
          const mine = left[asked++];
          signal.addEventListener("abort", () => mine?.resolve());
          return { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
        }),
      );
      const port = await serving(world, source);
      const passing = relay(`http://127.0.0.1:${port}`);
      world.after(() => passing.destroy());
      const front = await serving(world, createServer(passing));
      // More than the listeners of one kind that Node takes without a warning.
      for (const [place, requests] of [
        [port, left.slice(0, 12)],
        [front, left.slice(12)],
      ] as const) {
        const before = asked;
        const client = new RawClient(place);
        client.write(requests.map((_, index) => asks(`/${index}`)).join(""));
        while (asked < before + requests.length) await new Promise((resolve) => setImmediate(resolve));
        client.socket.destroy();
        await Promise.all(requests.map(({ promise }) => promise));
      }
    },
  ],
  [
    "a connection that was taken is alone on its bytes, and no server's to close",
    async (world) => {
      const http = createServer((request, response) => {
        if (request.url !== "/") return void response.end("an answer to somebody else");
        const socket = takeOver(request, response);
        socket.write("taken;");
        return void socket.on("data", (chunk) => socket.write(`<${String(chunk)}>`));
      });
      http.timeout = 20;
      const client = new RawClient(await serving(world, http));
      await client.write(asks("/") + asks("/behind")).until("taken;");
      http.close();
      await client.write("more").until("<more>");
      assert.equal(client.received, "taken;<more>");
      client.socket.destroy();
    },
  ],
  [
    "an upgrade behind a request that is not answered yet is refused, by acceptUpgrade and by the relay",
    async (world) => {
      const refused = Promise.withResolvers<string>();
      const http = createServer((_request, response) => void refused.promise.then(() => response.end("the answer")));
      http.on("upgrade", (request, socket, head) => {
        try {
          acceptUpgrade("echo/1", request, socket, head);
        } catch (error) {
          refused.resolve(String(error));
        }
      });
      const port = await serving(world, http);
      const client = new RawClient(port);
      await client.write(asks("/") + upgrade).until("the answer");
      assert.match(await refused.promise, /yet to be sent/);
      client.socket.destroy();
      const passing = relay(`http://127.0.0.1:${port}`);
      world.after(() => passing.destroy());
      const relayed = new RawClient(await serving(world, createServer(passing).on("upgrade", passing.upgrade)));
      relayed.write(asks("/") + upgrade);
      await relayed.ended;
      assert.equal(relayed.received, "");
      relayed.socket.destroy();
    },
  ],
];

/** Listens on loopback until the claim is over; answers its port. */
async function serving(world: World, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket.on("close", () => sockets.delete(socket)));
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  world.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}
