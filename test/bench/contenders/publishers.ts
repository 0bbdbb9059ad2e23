// One publisher in a process of its own: `fork(publishers.ts, [NAME, POLICY])`. It does what it is asked by IPC.

import { once } from "node:events";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createPublisher, publisherHandler } from "@longwire/server";
import { createChannel, createSession } from "better-sse";
import { type Contender, item, type Order, type Policy } from "../publishing.ts";

/** 16 MiB: more than a queue and what the system takes for one that does not read. */
const mostBulk = 1_024;

interface Made {
  readonly subscribe: RequestListener;
  publish(): void;
  /** Resolves when the subscriber of `/bulk` has no room for one item more; one that reads gets as many. */
  bulk?(): Promise<void>;
}

const makers: Record<Contender, (policy: Policy) => Made> = {
  longwire(policy) {
    const capacity = 256;
    const publisher = createPublisher({ policy, capacity });
    const items = publisherHandler(publisher, { topics: ["items"] });
    const all = publisherHandler(publisher);
    return {
      subscribe: (request, response) => (request.url === "/bulk" ? all : items)(request, response),
      publish: () => void publisher.publish("items", item()),
      async bulk() {
        // Of the connection of one that stalls the system takes some more while they are published.
        const before = publisher.stats.delivered;
        for (let sent = 0; sent - (publisher.stats.delivered - before) < capacity && sent < mostBulk; sent++) {
          await publisher.publish("bulk", "-".repeat(16 * 1_024));
          await new Promise(setImmediate);
        }
      },
    };
  },
  "better-sse"() {
    const channel = createChannel();
    return {
      // Its keep-alives go out beside items too, ours do not: without them both send items and nothing else.
      subscribe: async (request, response) =>
        void channel.register(await createSession(request, response, { keepAlive: null })),
      publish: () => void channel.broadcast(item()),
    };
  },
  "response.write"() {
    const responses = new Set<ServerResponse>();
    let id = 0;
    return {
      subscribe(_request, response) {
        response.writeHead(200, { "content-type": "text/event-stream" }).write(": \n\n");
        responses.add(response);
        response.once("close", () => responses.delete(response));
      },
      publish() {
        const bytes = Buffer.from(`id: ${++id}\ndata: ${JSON.stringify(item())}\n\n`);
        for (const response of responses) response.write(bytes);
      },
    };
  },
};

const [contender, policy] = process.argv.slice(2) as [Contender, Policy];
const { subscribe, publish, bulk } = makers[contender](policy);
const server = createServer(subscribe).listen({ host: "127.0.0.1", port: 0, backlog: 4_096 });
await once(server, "listening");

const answers: Record<Order, () => number | void | Promise<void>> = {
  port: () => (server.address() as AddressInfo).port,
  cpuUs() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  publish,
  bulk: () => bulk?.(),
};
process.once("disconnect", () => process.exit());
process.on("message", async (order: Order) => {
  process.send?.((await answers[order]()) ?? 0);
});
