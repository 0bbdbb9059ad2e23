// Event streams and rows as raw clients see them, and what leaves with a client that goes at any moment.

import { once } from "node:events";
import { createServer } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import type { Server } from "node:net";
import {
  createPublisher,
  memoryReplayLog,
  ndjsonHandler,
  type NodeRequest,
  publisherHandler,
  type Source,
  type SseItem,
  sseHandler,
} from "@longwire/server";
import { expect, test } from "vitest";
import { listening } from "./listening.ts";
import { RawClient } from "./relay-server.ts";

const asks = (path = "/", version = "1.1"): string => `GET ${path} HTTP/${version}\r\nHost: x\r\n\r\n`;

type Handler = ReturnType<typeof sseHandler>;
const served = (handler: Handler) => listening(createServer((request, response) => void handler(request, response)));

test("a client of HTTP/1.0 has the stream as it is, and its end by the connection's", async () => {
  await using server = await served(sseHandler(() => of("one", "two")));
  using client = new RawClient(server.port);
  client.write(asks("/", "1.0"));
  expect(await client.ended).toBe("FIN");
  expect(client.head).not.toContain("transfer-encoding");
  expect(client.body).toBe(": \n\ndata: one\n\ndata: two\n\n");
});

test("a connection goes on behind a stream that has ended, and requests sent in advance are answered in their order", async () => {
  await using server = await served(sseHandler(({ request }) => of(`of ${request.url}`)));
  using client = new RawClient(server.port);
  await client.write(asks("/1")).until("0\r\n\r\n");
  await client.write(asks("/2") + asks("/3") + asks("/4")).until("of /4");
  expect(client.received.match(/of \/\d/g)).toEqual(["of /1", "of /2", "of /3", "of /4"]);
  expect(server.sockets.length).toBe(1);
});

test("a stream that never ends holds up those that were asked for behind it, and leaves with them", async () => {
  const gone: string[] = [];
  const source: Source<SseItem, NodeRequest> = ({ request, signal }) => {
    signal.addEventListener("abort", () => gone.push(String(request.url)));
    return forever();
  };
  await using server = await served(sseHandler(source));
  using client = new RawClient(server.port);
  await client.write(asks("/1") + asks("/2")).until(": \n\n");
  client.socket.destroy();
  await expect.poll(() => gone.sort()).toEqual(["/1", "/2"]);
});

test("who asks before it sends a body is told to, and then answered", async () => {
  await using server = await served(ndjsonHandler(() => of({ n: 1 })));
  using client = new RawClient(server.port);
  client.write("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  await client.until("100 Continue");
  await client.write("body").until('{"n":1}\n');
  // The body was none of the handler's, and is no request.
  await client.write(asks()).until(/\{"n":1\}\n[\s\S]*\{"n":1\}\n/);
});

const leavings: readonly [how: string, leave: (client: RawClient) => unknown][] = [
  ["by FIN", ({ socket }) => socket.end()],
  ["by RST", ({ socket }) => socket.resetAndDestroy()],
];
const moments: readonly [when: string, source: () => AsyncIterable<SseItem> | Promise<never>, seen: string][] = [
  ["before the answer", forever, ""],
  ["while the source is being made", () => new Promise<never>(() => {}), ": \n\n"],
  ["while the source is silent", forever, ": \n\n"],
  ["between two items", () => oneThenSilence("one"), "data: one\n\n"],
  ["while it takes nothing", () => endless("x".repeat(100_000)), ": \n\n"],
];
// A FIN of who takes nothing is not to be told from a half-close: that is what stallMs is for.
const cases = moments
  .flatMap(([when, ...rest]) => leavings.map(([how, leave]) => [how, when, leave, ...rest] as const))
  .filter(([how, when]) => how !== "by FIN" || when !== "while it takes nothing");
test.each(cases)("a client that leaves %s %s takes its source with it", async (_how, _when, leave, source, seen) => {
  const told: unknown[] = [];
  const begun = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const handler = sseHandler(
    ({ signal }) => {
      signal.addEventListener("abort", () => gone.resolve());
      begun.resolve();
      return source();
    },
    { onError: (error) => told.push(error) },
  );
  await using server = await served((request, response) => handler(request, response).then(over.resolve));
  using client = new RawClient(server.port);
  client.write(asks());
  if (seen) await client.until(seen);
  else await begun.promise;
  client.socket.pause();
  leave(client);
  await Promise.all([gone.promise, over.promise]);
  expect(told).toEqual([]);
});

test("however a subscriber leaves, its place is free", async () => {
  let isBroken = false;
  const kept = memoryReplayLog();
  const log = {
    append: kept.append,
    since: async (cursor: string | undefined) => {
      if (isBroken) throw new Error("the log is gone");
      return kept.since(cursor);
    },
  };
  const publisher = createPublisher({ log, maxPerAddress: 1, maxSubscribers: 1, retryMs: 1 });
  await using server = await served(publisherHandler(publisher));
  const http2 = createHttp2Server((request, response) => void publisherHandler(publisher)(request, response));
  await using second = await listening(http2 as unknown as Server);
  const session = connectHttp2(`http://127.0.0.1:${second.port}`);
  const ways: Record<string, () => Promise<unknown>> = {
    async "by FIN"() {
      using client = new RawClient(server.port);
      (await client.write(asks()).until("id: ")).socket.end();
      await client.ended;
    },
    async "by RST"() {
      using client = new RawClient(server.port);
      (await client.write(asks()).until("id: ")).socket.resetAndDestroy();
    },
    async "before the answer"() {
      using client = new RawClient(server.port);
      await once(client.socket, "connect");
      client.write(asks()).socket.destroySoon();
    },
    async "with its head alone"() {
      using client = new RawClient(server.port);
      await client.write(asks().replace("GET", "HEAD")).until("\r\n\r\n");
      // The connection stays.
      await client.write(asks().replace("GET", "HEAD")).until(/200 OK[\s\S]*200 OK[\s\S]*\r\n\r\n$/);
    },
    async "since the log failed"() {
      isBroken = true;
      using client = new RawClient(server.port);
      await client.write(asks()).ended;
      isBroken = false;
    },
    async "by RST_STREAM"() {
      const stream = session.request({ ":path": "/" });
      await once(stream, "data");
      stream.close(8);
      await once(stream, "close");
    },
    async "with its session"() {
      const other = connectHttp2(`http://127.0.0.1:${second.port}`);
      await once(
        other.request({ ":path": "/" }).on("error", () => {}),
        "data",
      );
      other.destroy();
    },
  };
  for (const [how, leave] of Object.entries(ways)) {
    await leave();
    await expect.poll(() => [how, publisher.stats.subscribers]).toEqual([how, 0]);
    expect([how, publisher.refusal({ address: "127.0.0.1" })]).toEqual([how, undefined]);
  }
  expect(publisher.stats.refused).toBe(0);
  session.destroy();
  await publisher.close();
});

async function* of<T>(...items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function* endless(item: string): AsyncGenerator<string> {
  for (;;) yield item;
}

function forever(): AsyncIterable<never> {
  return { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
}

async function* oneThenSilence(item: string): AsyncGenerator<string> {
  yield item;
  yield* forever();
}
