// Our client against our publisher, over real sockets: what is published arrives once, through restarts, evictions and stalls.

import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import { createSecureServer, type ServerHttp2Session } from "node:http2";
import { fakeClock } from "@longwire/core/testing";
import { createPublisher, memoryReplayLog, type Publisher, publisherHandler, sseHandler } from "@longwire/server";
import { createClient } from "longwire";
import { afterAll, describe, expect, test } from "vitest";
import { Authority } from "./certificates.ts";
import { listening } from "./listening.ts";

const authority = new Authority();
afterAll(() => authority[Symbol.dispose]());
const tls = { ca: authority.cert };
const local = authority.issue("DNS:localhost");

type Handler = ReturnType<typeof sseHandler>;

/** A handler on HTTP/1.1, or by TLS on HTTP/2; a port of 0 is a free one. */
async function served(
  protocol: "h1" | "h2",
  handler: Handler,
  port = 0,
): Promise<AsyncDisposable & { url: string; port: number }> {
  const sessions = new Set<ServerHttp2Session>();
  const server = protocol === "h1" ? createServer({ keepAliveTimeout: 0 }) : createSecureServer(local);
  server.on("request", handler as never);
  server.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on("error", () => {});
    session.once("close", () => sessions.delete(session));
  });
  const open = await listening(server, { port });
  return {
    url: protocol === "h1" ? `http://localhost:${open.port}` : `https://localhost:${open.port}`,
    port: open.port,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await open[Symbol.asyncDispose]();
    },
  };
}

const reconnect = { firstMs: 10, floorMs: 1, maxMs: 50 } as const;

describe.each(["h1", "h2"] as const)("a publisher over %s", (protocol) => {
  test("is read through restarts with its log kept: nothing lost, nothing twice", async () => {
    const log = memoryReplayLog();
    await using client = createClient({ tls, reconnect, timeouts: { totalMs: 20_000 } });
    const made = (): Publisher => createPublisher({ log, retryMs: 10 });
    let publisher = made();
    let server = await served(protocol, publisherHandler(publisher));
    const { port } = server;
    const stream = client.sse(`${server.url}/`);
    await stream.open();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const event of stream) {
        seen.push(Number(event.data));
        if (event.data === "59") break;
      }
    })();
    for (let n = 0; n < 60; n++) {
      await publisher.publish("t", n);
      if (n % 20 !== 10) continue;
      // It is there again, or it would be one restart for it.
      while (seen.length === 0 || (seen.at(-1) as number) < n - 5) await new Promise(setImmediate);
      // Once as a deployment does it, once as a crash does.
      if (n < 20) await publisher.close();
      await server[Symbol.asyncDispose]();
      if (n >= 20) await publisher.close({ deadlineMs: 0 });
      publisher = made();
      // Nobody listens yet: what is published now is in the log alone.
      await publisher.publish("t", ++n);
      server = await served(protocol, publisherHandler(publisher), port);
    }
    await reading;
    expect(seen).toEqual(Array.from({ length: 60 }, (_, n) => n));
    expect(stream.stats.reconnects).toBeGreaterThanOrEqual(2);
    await publisher.close();
    await server[Symbol.asyncDispose]();
  });

  test("evicts who stalls, who then has it all from the log; nobody else waits", async () => {
    const publisher = createPublisher({ capacity: 8, retryMs: 10, log: memoryReplayLog({ maxBytes: 2 ** 27 }) });
    await using server = await served(protocol, publisherHandler(publisher));
    await using client = createClient({ tls, reconnect, timeouts: { totalMs: 20_000 } });
    const stalled = client.sse(`${server.url}/`);
    await stalled.open();
    const quick = client.sse(`${server.url}/`);
    await quick.open();
    const [all, some] = [quick[Symbol.asyncIterator](), stalled[Symbol.asyncIterator]()];
    const data = "x".repeat(64 * 1_024);
    const count = 200;
    for (let n = 0; n < count; n++) {
      await publisher.publish("t", `${data} ${n}`);
      // At the pace of the one who reads; the other has read nothing yet.
      expect((await all.next()).value?.data.endsWith(` ${n}`)).toBe(true);
    }
    expect(publisher.stats.evicted).toBeGreaterThanOrEqual(1);
    expect(quick.stats.reconnects).toBe(0);
    for (let n = 0; n < count; n++) expect((await some.next()).value?.data.endsWith(` ${n}`)).toBe(true);
    expect(stalled.stats.reconnects).toBeGreaterThanOrEqual(1);
    await quick.close();
    await stalled.close();
    await publisher.close();
  });

  test("tells a gap that our client tells on, when the log has forgotten", async () => {
    const publisher = createPublisher({ log: memoryReplayLog({ maxItems: 2 }), retryMs: 10 });
    const first = await publisher.publish("t", 0);
    for (let n = 1; n < 5; n++) await publisher.publish("t", n);
    await using server = await served(protocol, publisherHandler(publisher));
    await using client = createClient({ tls, reconnect });
    const stream = client.sse(`${server.url}/`, {
      resume: {
        from: first,
        gap: (event) => (event.type === "gap" ? { to: JSON.parse(event.data).to, reopen: false } : undefined),
        onGap: "restart",
      },
    });
    const seen: string[] = [];
    for await (const event of stream) {
      seen.push(event.type === "gap" ? "gap" : event.data);
      if (event.data === "4") break;
    }
    expect(seen).toEqual(["gap", "3", "4"]);
    await publisher.close();
  });

  test("serves rows that resume by their own ids", async () => {
    const log = memoryReplayLog();
    const publisher = createPublisher({ log, retryMs: 10 });
    await using server = await served(protocol, publisherHandler(publisher));
    await using client = createClient({ tls, reconnect });
    const start = (await log.since(undefined)).cursor;
    for (let n = 0; n < 3; n++) await publisher.publish("t", { n });
    const rows = client.ndjson<{ id?: string; data: { n: number } }>(`${server.url}/`, {
      accept: "application/x-ndjson",
      resume: {
        from: start,
        cursor: (row) => row.id,
        apply: (request, id) => request.withHeader("last-event-id", String(id)),
      },
    });
    const seen: number[] = [];
    for await (const row of rows) {
      seen.push(row.data.n);
      if (seen.length === 3) break;
    }
    expect(seen).toEqual([0, 1, 2]);
    await publisher.close();
  });

  test("a source that throws is a cut that our client resumes from, never an end", async () => {
    let calls = 0;
    const handler = sseHandler(async function* ({ lastEventId }) {
      const from = Number(lastEventId ?? 0) + 1;
      calls++;
      for (let n = from; n <= 9; n++) {
        yield { id: String(n), data: String(n) };
        if (n % 3 === 0 && n < 9) throw new Error("the database is gone");
      }
      yield "[DONE]";
    });
    await using server = await served(protocol, handler);
    await using client = createClient({ tls, reconnect });
    const stream = client.sse(`${server.url}/`, { until: "[DONE]" });
    const data = [];
    for await (const event of stream) data.push(event.data);
    expect(data).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    expect([calls, (await stream.outcome).code]).toEqual([3, "complete"]);
  });
});

test("one that is stalled in mid-close is cut at the deadline, and the others have everything", async () => {
  const clock = fakeClock();
  const publisher = createPublisher({ retryMs: 10, clock });
  await using server = await served("h1", publisherHandler(publisher));
  const request = get(server.url, { agent: false });
  const [stalled] = (await once(request, "response")) as [IncomingMessage];
  const broken = once(stalled, "error");
  const reader = get(server.url, { agent: false });
  const [reading] = (await once(reader, "response")) as [IncomingMessage];
  const data = "x".repeat(1_024 * 1_024);
  let got = "";
  reading.setEncoding("utf8").on("data", (text: string) => {
    got += text.replaceAll("x", "");
  });
  const ended = once(reading, "end");
  for (let n = 0; n < 20; n++) await publisher.publish("t", `${data}${n}`);
  const closed = publisher.close({ deadlineMs: 1_000 });
  await ended;
  expect(publisher.stats.subscribers).toBe(1);
  await clock.advance(1_000);
  await closed;
  expect(reading.complete).toBe(true);
  expect([...got.matchAll(/data: (\d+)/g)].map(([, n]) => n)).toEqual(Array.from({ length: 20 }, (_, n) => String(n)));
  expect(got).toMatch(/: goodbye\nretry: \d+\n\n$/);
  stalled.resume();
  expect((await broken)[0]).toMatchObject({ code: "ECONNRESET" });
});
