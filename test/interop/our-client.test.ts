// Our client and our server, with nginx and our relay in between. Each item is published when the one before was read, so nothing that
// holds bytes back gets through.

import { createServer } from "node:http";
import {
  createPublisher,
  memoryReplayLog,
  type Publisher,
  publisherHandler,
  publisherHub,
  sseHandler,
  type WebSocketHub,
  webSocketHub,
} from "@longwire/server";
import { createClient } from "longwire";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Listening, listening } from "../faults/listening.ts";
import { turns } from "../faults/peer.ts";
import { describeEachWay, type Front } from "./ways.ts";

const log = memoryReplayLog();
const echo = webSocketHub(async (socket) => {
  for await (const message of socket) await socket.send(message);
});
const throwing = sseHandler(async function* ({ lastEventId }) {
  for (let n = Number(lastEventId ?? 0) + 1; n <= 9; n++) {
    yield { id: String(n), data: String(n) };
    if (n % 3 === 0 && n < 9) throw new Error("the database is gone");
  }
  yield "[DONE]";
});

let publisher: Publisher;
let hub: WebSocketHub;
let server: Listening;
let client: ReturnType<typeof createClient>;

/** A publisher on the log, and its hub, in the place of the one before. */
function renew(): void {
  publisher = createPublisher({ log, retryMs: 5 });
  hub = publisherHub(publisher);
}

beforeEach(async () => {
  renew();
  const http = createServer((request, response) => {
    void (request.url === "/throwing" ? throwing : publisherHandler(publisher))(request, response);
  });
  http.on("upgrade", (request, socket, head) => (request.url === "/echo" ? echo : hub).upgrade(request, socket, head));
  server = await listening(http);
  client = createClient({ reconnect: { firstMs: 5, floorMs: 1, maxMs: 20 }, timeouts: { totalMs: 20_000 } });
});
afterEach(async () => {
  await client.close();
  await publisher.close({ deadlineMs: 0 });
  await hub.close({ deadlineMs: 0 });
  await server[Symbol.asyncDispose]();
});

interface Row {
  readonly id?: string;
  readonly type?: string;
  readonly data: number;
}
const isGoodbye = ({ type }: Row): boolean => type === "goodbye";
const rowOf = (message: unknown): Row => JSON.parse(String(message)) as Row;

/** The numbers that are published, as a client reads them. */
const readers: Readonly<Record<string, (url: string) => AsyncIterable<number>>> = {
  async *events(url) {
    for await (const { data } of client.sse(url)) yield Number(data);
  },
  async *rows(url) {
    const rows = client.ndjson<Row>(url, {
      accept: "application/x-ndjson",
      heartbeat: isGoodbye,
      resume: {
        cursor: ({ id }) => id,
        apply: (request, id) => request.withHeader("last-event-id", String(id)),
        forever: true,
      },
    });
    for await (const { data } of rows) yield data;
  },
  async *messages(url) {
    const messages = client.webSocket(url, {
      heartbeat: (message) => isGoodbye(rowOf(message)),
      resume: {
        cursor: (message) => rowOf(message).id,
        apply: (request, id) => request.withQuery({ lastEventId: String(id) }),
      },
    });
    for await (const message of messages) yield rowOf(message).data;
  },
};

const disturbances: Readonly<Record<number, () => unknown>> = {
  3() {
    for (const socket of server.sockets) socket.destroy();
  },
  6() {
    for (const socket of server.sockets) socket.resetAndDestroy();
  },
  async 9() {
    const [before, itsHub] = [publisher, hub];
    renew();
    await before.close();
    await itsHub.close();
  },
};

describeEachWay((way) => {
  let front: Front;
  beforeEach(async () => {
    front = await way.to(server.port);
    return () => front[Symbol.asyncDispose]();
  });

  it.each(Object.keys(readers))(
    "%s of a publisher are read one by one, and through a FIN, a RST and a new publisher: none lost, none twice",
    async (format) => {
      const numbers = (readers[format] as (typeof readers)[string])(`${front.url}/`)[Symbol.asyncIterator]();
      let next = numbers.next();
      while (publisher.stats.subscribers === 0) await turns(1);
      for (let n = 0; n < 12; n++) {
        await publisher.publish("t", n);
        expect(await next).toEqual({ value: n, done: false });
        await disturbances[n]?.();
        next = numbers.next();
      }
      await client.close();
      await next;
    },
  );

  it("messages of a WebSocket go both ways, each when the one before was back", async () => {
    await using socket = client.webSocket(`${front.url}/echo`);
    await socket.open();
    const messages = socket[Symbol.asyncIterator]();
    for (const message of ["one", Uint8Array.of(0, 255), "", "long ".repeat(60_000)]) {
      await socket.send(message);
      expect((await messages.next()).value).toEqual(message);
    }
  });

  it("a source that throws is a cut that is resumed from, never an end", async () => {
    const stream = client.sse(`${front.url}/throwing`, { until: "[DONE]" });
    const seen: string[] = [];
    for await (const { data } of stream) seen.push(data);
    expect(seen).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    expect(await stream.outcome).toMatchObject({ code: "complete", attempts: 3 });
  });
});
