// A publisher's WebSocket subscribers, beside those of SSE and NDJSON: one encoding, the same ids, the same policies.

import { once } from "node:events";
import { createServer, get } from "node:http";
import { faultProxy } from "@longwire/testing";
import {
  createPublisher,
  memoryReplayLog,
  type Publisher,
  type PublisherHubOptions,
  type PublisherOptions,
  publisherHandler,
  publisherHub,
} from "@longwire/server";
import { createClient, type WebSocketOptions } from "longwire";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { listening } from "./listening.ts";
import { turns } from "./peer.ts";

interface Row {
  readonly id?: string;
  readonly type?: string;
  readonly data: unknown;
}

interface Served extends AsyncDisposable {
  readonly publisher: Publisher;
  readonly hub: ReturnType<typeof publisherHub>;
  readonly port: number;
  readonly url: string;
}

async function served(options: PublisherOptions = {}, hubOptions: PublisherHubOptions = {}, port = 0): Promise<Served> {
  const publisher = createPublisher(options);
  const hub = publisherHub(publisher, hubOptions);
  const handler = publisherHandler(publisher);
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => void handler(request, response));
  const open = await listening(server.on("upgrade", hub.upgrade), { port });
  return {
    publisher,
    hub,
    port: open.port,
    url: `http://127.0.0.1:${open.port}/`,
    async [Symbol.asyncDispose]() {
      await publisher.close({ deadlineMs: 0 });
      await hub.close({ deadlineMs: 0 });
      await open[Symbol.asyncDispose]();
      expect([publisher.stats.subscribers, hub.stats.sockets]).toEqual([0, 0]);
    },
  };
}

const rowOf = (message: unknown): Row => JSON.parse(String(message)) as Row;

/** How our client reads such a feed: rows without an id are the publisher's own. */
const resuming: WebSocketOptions = {
  heartbeat: (message) => rowOf(message).type === "goodbye",
  resume: {
    cursor: (message) => rowOf(message).id,
    apply: (request, id) => request.withQuery({ lastEventId: String(id) }),
  },
  reconnect: { firstMs: 1, floorMs: 1, maxMs: 5 },
  timeouts: { totalMs: 20_000 },
};

/** What a handshake is answered with; a connection that comes about is left open. */
async function statusOf(url: string, origin?: string): Promise<number> {
  const socket = new WebSocket(url.replace("http", "ws"), origin === undefined ? {} : { origin });
  socket.on("error", () => {});
  const answer = await Promise.race([
    once(socket, "open").then(() => 101),
    once(socket, "unexpected-response").then(([, { statusCode }]) => statusCode as number),
  ]);
  if (answer !== 101) socket.terminate();
  return answer;
}

test("the same item comes to SSE, NDJSON and WebSockets, under one id, in topics of their own", async () => {
  await using server = await served({}, { topics: ({ url }) => [String(url).slice(1)] });
  await using client = createClient();
  const events = client.sse(server.url);
  const rows = client.ndjson<Row>(server.url, { accept: "application/x-ndjson" });
  const [news, other] = [client.webSocket(`${server.url}news`), client.webSocket(`${server.url}other`)];
  await Promise.all([events.open(), rows.open(), news.open(), other.open()]);
  while (server.publisher.stats.subscribers < 4) await turns(1);
  const id = await server.publisher.publish("news", { text: "grüße" }, { type: "note" });
  await server.publisher.publish("other", "plain text");
  const row = { id, type: "note", data: { text: "grüße" } };
  for await (const event of events) {
    expect([event.lastEventId, event.type, JSON.parse(event.data)]).toEqual([id, "note", row.data]);
    break;
  }
  for await (const one of rows) {
    expect(one).toEqual(row);
    break;
  }
  for await (const message of news) {
    expect(rowOf(message)).toEqual(row);
    break;
  }
  for await (const message of other) {
    expect(rowOf(message).data).toBe("plain text");
    break;
  }
});

test("cut behind every byte, by FIN and RST, our client goes on by its cursor: nothing is lost, nothing twice", async () => {
  await using server = await served();
  await using client = createClient();
  const ids: string[] = [await server.publisher.publish("t", "before")];
  for (let n = 1; n <= 4; n++) ids.push(await server.publisher.publish("t", { n }));
  const url = new URL(server.url);
  url.searchParams.set("lastEventId", ids[0] as string);
  let length = 0;
  for (const fault of ["cutAfter", "resetAfter"] as const) {
    for (let after = 0; after === 0 || after < length; after++) {
      await using proxy = await faultProxy({ to: { port: server.port } });
      proxy.plan = length === 0 ? [] : [{ [fault]: after }, {}];
      const stream = client.webSocket(`${proxy.url}/${url.search}`, resuming);
      const seen: unknown[] = [];
      for await (const message of stream) if (seen.push(rowOf(message).id) === 4) break;
      expect([fault, after, seen]).toEqual([fault, after, ids.slice(1)]);
      if (length > 0) continue;
      // The uncut one tells how many bytes there are to cut behind.
      length = proxy.counts.down;
      after = -1;
    }
  }
  expect(length).toBeGreaterThan(250);
}, 120_000);

test("what the log has forgotten is told as a row of type gap, and what is left follows", async () => {
  await using server = await served({ log: memoryReplayLog({ maxItems: 2 }) });
  await using client = createClient();
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) ids.push(await server.publisher.publish("t", n));
  const stream = client.webSocket(`${server.url}?lastEventId=${ids[0]}`);
  const seen: Row[] = [];
  for await (const message of stream) if (seen.push(rowOf(message)) === 3) break;
  expect(seen).toEqual([
    { id: ids[2], type: "gap", data: { from: ids[0], to: ids[2] } },
    { id: ids[3], data: 3 },
    { id: ids[4], data: 4 },
  ]);
});

test("limits and origins of the publisher hold for all of its subscribers together", async () => {
  await using server = await served({ maxSubscribers: 2, origins: ["https://app.example"] });
  const status = (origin?: string): Promise<number> => statusOf(server.url, origin);
  expect(await status("https://evil.example")).toBe(403);
  const reading = get(server.url);
  const [response] = await once(reading, "response");
  expect(response.statusCode).toBe(200);
  expect(await status("https://app.example")).toBe(101);
  expect(await status()).toBe(503);
  expect(server.publisher.stats).toMatchObject({ subscribers: 2, refused: 1 });
  reading.destroy();
  while (server.publisher.stats.subscribers > 1) await turns(1);
  expect(await status()).toBe(101);
});

test("without origins of the publisher only pages of the same host come in", async () => {
  await using server = await served();
  expect(await statusOf(server.url, "https://evil.example")).toBe(403);
  expect(await statusOf(server.url, server.url.slice(0, -1))).toBe(101);
});

test("topics that are a text are refused when the hub is made", async () => {
  const publisher = createPublisher();
  expect(() => publisherHub(publisher, { topics: "news" })).toThrow("topics must be a list of strings");
});

test.each([
  [{ capacity: 0 }, "capacity must be a whole number from 1 up, got 0"],
  [{ policy: "never" as "evict" }, 'policy must be "block"'],
])("%j is refused when the hub is made, and when the handler is", (options, why) => {
  expect(() => publisherHub(createPublisher(), options)).toThrow(why);
  expect(() => publisherHandler(createPublisher(), options)).toThrow(why);
});

test("items that are longer than what may wait to be sent, or than many, come all the same", async () => {
  await using server = await served({ capacity: 1_000 }, { maxUnsentBytes: 1_000 });
  await using client = createClient();
  const stream = client.webSocket(server.url);
  await stream.open();
  while (server.publisher.stats.subscribers === 0) await turns(1);
  const lengths = [5, 200_000, 1, 2, 3_000_000, 4];
  await Promise.all(lengths.map((length) => server.publisher.publish("t", "x".repeat(length))));
  const seen: number[] = [];
  for await (const message of stream) if (seen.push(String(rowOf(message).data).length) === lengths.length) break;
  expect(seen).toEqual(lengths);
  expect(server.publisher.stats.evicted).toBe(0);
});

test("what clients send is read and dropped, and one that leaves is a subscriber no more", async () => {
  await using server = await served();
  const socket = new WebSocket(server.url.replace("http", "ws"));
  await once(socket, "open");
  for (let n = 0; n < 100; n++) socket.send("x".repeat(10_000));
  while (server.publisher.stats.subscribers === 0) await turns(1);
  socket.close(4_000);
  expect(await once(socket, "close")).toEqual([4_000, Buffer.alloc(0)]);
  while (server.publisher.stats.subscribers > 0) await turns(1);
});

test("one that stalls is evicted with 1013 behind a goodbye, and has the rest from the log when it comes back", async () => {
  const log = memoryReplayLog({ maxBytes: 2 ** 28 });
  await using server = await served({ capacity: 4, log, retryMs: 1 });
  await using client = createClient();
  const stalled = client.webSocket(server.url, { ...resuming, maxItemBytes: 1_000_000 });
  const quick = client.webSocket(server.url, resuming);
  await Promise.all([stalled.open(), quick.open()]);
  while (server.publisher.stats.subscribers < 2) await turns(1);
  const [all, some] = [quick[Symbol.asyncIterator](), stalled[Symbol.asyncIterator]()];
  const filler = "x".repeat(100_000);
  const numberOf = (message: unknown): number => Number.parseFloat(String(rowOf(message).data));
  for (let n = 0; n < 120; n++) {
    await server.publisher.publish("t", `${n} ${filler}`);
    expect(numberOf((await all.next()).value)).toBe(n);
  }
  expect(server.publisher.stats.evicted).toBeGreaterThanOrEqual(1);
  const notices = stalled.notices();
  for (let n = 0; n < 120; n++) expect(numberOf((await some.next()).value)).toBe(n);
  expect(stalled.stats.reconnects).toBeGreaterThanOrEqual(1);
  expect(quick.stats.reconnects).toBe(0);
  const causes: unknown[] = [];
  await stalled.close();
  for await (const notice of notices) if (notice.type === "waiting") causes.push(notice.cause);
  expect(causes[0]).toMatchObject({ code: "refused", closeCode: 1_013 });
});

test.each(["the publisher", "the hub"])(
  "when %s closes each has what waits, a goodbye and 1001, and is nobody's any more",
  async (who) => {
    await using server = await served();
    const socket = new WebSocket(server.url.replace("http", "ws"));
    const messages: Row[] = [];
    socket.on("message", (data) => messages.push(rowOf(data)));
    await once(socket, "open");
    while (server.publisher.stats.subscribers === 0) await turns(1);
    const ids = await Promise.all([1, 2, 3].map((n) => server.publisher.publish("t", n)));
    const closed = once(socket, "close");
    await (who === "the hub" ? server.hub.close() : server.publisher.close());
    expect((await closed)[0]).toBe(1_001);
    expect(messages).toEqual([
      ...ids.map((id, index) => ({ id, data: index + 1 })),
      { type: "goodbye", data: { retryMs: expect.any(Number) } },
    ]);
    expect(server.publisher.stats.subscribers).toBe(0);
  },
);
