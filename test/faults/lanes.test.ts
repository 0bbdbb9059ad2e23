// Long streams and short calls to one origin have connections of their own: neither starves the other, and who waits is told for what.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { createServer as createSecureServer } from "node:https";
import { fakeClock } from "@longwire/core/testing";
import { loopbackServer } from "@longwire/testing";
import { createClient, type StreamError } from "longwire";
import { Agent, MockAgent, request } from "undici";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { Authority } from "./certificates.ts";
import { answerH2, h2Server } from "./h2-server.ts";
import { listening } from "./listening.ts";
import { turns } from "./peer.ts";
import { raceServer } from "./race-server.ts";

const authority = new Authority();
afterAll(() => authority[Symbol.dispose]());
const tls = { ca: authority.cert };
const local = authority.issue("DNS:localhost");

type Options = NonNullable<Parameters<typeof createClient>[0]>;

/** A client without a budget, gone with the test. */
function clientWith(options: Options): ReturnType<typeof createClient> {
  const client = createClient({ budget: { perSecond: 1e6, burst: 1e4 }, ...options });
  onTestFinished(() => client.destroy());
  return client;
}

type LaneStats = ReturnType<ReturnType<typeof createClient>["stats"]>["lanes"][number];

const laneOf = (client: ReturnType<typeof createClient>, name: LaneStats["lane"]): LaneStats | undefined =>
  client.stats().lanes.find(({ lane }) => lane === name);

/** An HTTP/1.1 server that answers calls at once, and lets streams end when it is told to. */
async function holdingServer() {
  const streams: ServerResponse[] = [];
  const asked: string[] = [];
  const server = createServer({ keepAliveTimeout: 60_000 }, ({ url = "" }: IncomingMessage, response) => {
    asked.push(url);
    server.emit("asked");
    if (!url.startsWith("/stream")) return void response.end(url);
    response.write("begin\n");
    streams.push(response);
  });
  const bound = await listening(server, {});
  return {
    url: `http://127.0.0.1:${bound.port}`,
    sockets: bound.sockets,
    streams,
    /** Paths, in order. */
    asked: asked as readonly string[],
    async requests(count: number): Promise<void> {
      while (asked.length < count) await once(server, "asked");
    },
    [Symbol.asyncDispose]: () => bound[Symbol.asyncDispose](),
  };
}

/** Streams that have begun, and wait for more. */
async function opened(client: ReturnType<typeof createClient>, url: string, count: number) {
  const streams = Array.from({ length: count }, () => client.lines(`${url}/stream`, { reconnect: false }));
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  for (const items of iterators) expect((await items.next()).value).toBe("begin");
  return iterators;
}

const held = 200;
const spare = 8;
const calls = Array.from({ length: 500 }, (_, number) => `/call/${number}`);

describe(`500 calls beside ${held} streams to the same origin`, () => {
  test("are all answered within their deadlines, with as many connections as starve them in a plain Agent", async () => {
    await using server = await holdingServer();
    const client = clientWith({ lanes: { stream: { connections: held }, call: { connections: spare } } });
    const open = await opened(client, server.url, held);
    // As many more as there are connections for calls: they wait, and take none of those.
    const more = Array.from({ length: spare }, () => client.lines(`${server.url}/stream`, { reconnect: false }));
    const waiting = more.map((stream) => stream[Symbol.asyncIterator]().next());
    for (const one of waiting) one.catch(() => {});
    await turns(5);
    expect(laneOf(client, "stream")).toMatchObject({ open: held, inUse: held, free: 0, waiting: spare });

    const options = { timeouts: { connectMs: 10_000, headersMs: 10_000, totalMs: 20_000 } };
    const answers = await Promise.all(
      calls.map(async (path) => (await client.request(server.url + path, options)).text()),
    );
    expect(answers).toEqual(calls);
    expect(laneOf(client, "call")).toMatchObject({ open: spare, free: spare, waiting: 0, requests: 500, reused: 492 });
    expect(laneOf(client, "stream")).toMatchObject({ open: held, inUse: held, waiting: spare });
    expect([server.streams.length, server.sockets.length]).toEqual([held, held + spare]);

    // All of the streams are still there.
    for (const response of server.streams.slice()) response.write("more\n");
    for (const items of open) expect((await items.next()).value).toBe("more");
  });

  test("get no answer from a plain Agent with as many connections, until a stream ends", async () => {
    await using server = await holdingServer();
    const total = held + spare;
    const dispatcher = new Agent({ connections: total });
    onTestFinished(() => dispatcher.destroy());
    const streams = Array.from({ length: total }, () => request(`${server.url}/stream`, { dispatcher }));
    for (const { body } of await Promise.all(streams)) body.on("error", () => {});
    let answered = 0;
    const replies = calls.map(async (path) => {
      const { body } = await request(server.url + path, { dispatcher, headersTimeout: 1_000 });
      answered++;
      return body.text();
    });
    // The whole of the 500 calls above takes fewer turns.
    await turns(5_000);
    expect([answered, server.asked.length]).toEqual([0, total]);
    const first = (await streams[0])?.body;
    first?.resume();
    server.streams[0]?.end();
    expect(await Promise.all(replies)).toEqual(calls);
  });
});

describe("a lane", () => {
  test("opens no more connections than it may have, though all requests come at once", async () => {
    await using server = await holdingServer();
    const client = clientWith({ lanes: { call: { connections: 3 } } });
    const paths = Array.from({ length: 30 }, (_, number) => `/${number}`);
    expect(await Promise.all(paths.map(async (path) => (await client.request(server.url + path)).text()))).toEqual(
      paths,
    );
    expect(server.sockets.length).toBe(3);
  });

  test("opens as many as it may have when HTTP/1.1 is all that the server turns out to speak", async () => {
    const server = createSecureServer(local, ({ url }, response) => void response.end(url));
    await using bound = await listening(server);
    const client = clientWith({ tls, lanes: { call: { connections: 10 } } });
    const paths = Array.from({ length: 50 }, (_, number) => `/${number}`);
    const url = `https://localhost:${bound.port}`;
    expect(await Promise.all(paths.map(async (path) => (await client.request(url + path)).text()))).toEqual(paths);
    expect(bound.sockets.length).toBe(10);
    expect(laneOf(client, "call")).toMatchObject({ protocol: "h1", requests: 50, reused: 40 });
  });

  test("is of one origin: that another one is full is nothing to it", async () => {
    await using one = await holdingServer();
    await using other = await holdingServer();
    const client = clientWith({ lanes: { stream: { connections: 1 } } });
    await opened(client, one.url, 1);
    await opened(client, other.url, 1);
    expect(client.stats().lanes.map(({ origin, inUse }) => [origin, inUse])).toEqual([
      [one.url, 1],
      [other.url, 1],
    ]);
  });

  test("has at first 256 connections for calls, and as many as are asked for by streams", async () => {
    await using server = await holdingServer();
    const client = clientWith({});
    await opened(client, server.url, 300);
    const replies = Array.from({ length: 300 }, () => client.request(`${server.url}/stream`));
    await Promise.all(replies.slice(0, 256));
    expect([laneOf(client, "stream"), laneOf(client, "call")]).toMatchObject([
      { open: 300, inUse: 300, waiting: 0 },
      { open: 256, inUse: 256, waiting: 44 },
    ]);
    for (const reply of replies.slice(0, 44)) (await reply).release();
    await Promise.all(replies);
  });

  test.each([
    ["lanes.call.connections", { lanes: { call: { connections: 0 } } }, RangeError],
    ["lanes.stream.connections", { lanes: { stream: { connections: 1.5 } } }, RangeError],
    ["lanes.call.maxConcurrentStreams", { lanes: { call: { maxConcurrentStreams: -1 } } }, RangeError],
    ["lanes.stream.maxConcurrentStreams", { lanes: { stream: { maxConcurrentStreams: Number.NaN } } }, RangeError],
    ["allowH2", { allowH2: "no" as unknown as boolean }, TypeError],
  ] as const)("with a bad %s is an error at once, that names it", (name, options, kind) => {
    expect(() => createClient(options)).toThrow(kind);
    expect(() => createClient(options)).toThrow(name);
  });
});

describe("who waits for a connection", () => {
  test.each(["call", "stream"] as const)("waits for connectMs, and is told for what: lane %s", async (lane) => {
    await using server = await holdingServer();
    const clock = fakeClock();
    const client = clientWith({ clock, lanes: { [lane]: { connections: 2 } }, timeouts: { connectMs: 3_000 } });
    const url = `${server.url}/stream?token=secret`;
    const ask = (): Promise<unknown> =>
      lane === "call" ? client.request(url) : client.lines(url, { reconnect: false }).open();
    await Promise.all([ask(), ask()]);
    const late = ask().catch((reason: unknown) => reason);
    await clock.advance(2_999);
    expect(laneOf(client, lane)).toMatchObject({ open: 2, inUse: 2, waiting: 1 });
    await clock.advance(1);
    const error = (await late) as StreamError;
    expect(error).toMatchObject({ name: "StreamError", code: "deadline", clock: "connectMs" });
    expect(error.message).toContain("3000 ms (connectMs)");
    expect(error.message).toMatch(new RegExp(`waited for a connection: the lane "${lane}" may have 2 `));
    expect(error.message).not.toContain("secret");
    expect(laneOf(client, lane)).toMatchObject({ open: 2, waiting: 0 });
    expect(server.asked.length).toBe(2);
  });

  test("is retried as other deadlines are, where retries are asked for", async () => {
    await using server = await holdingServer();
    const clock = fakeClock();
    const client = clientWith({
      clock,
      lanes: { stream: { connections: 1 } },
      timeouts: { connectMs: 1_000 },
      reconnect: { firstMs: 0, floorMs: 0, retries: 2 },
    });
    await opened(client, server.url, 1);
    const stream = client.lines(`${server.url}/stream`);
    const items = stream[Symbol.asyncIterator]();
    const first = items.next();
    await clock.advance(1_500);
    expect(stream.stats.attempts).toBe(2);
    server.streams[0]?.end();
    expect((await first).value).toBe("begin");
  });

  test("is told nothing of waiting when it waits for a connection of its own to be made", async () => {
    await using server = await listening((await import("node:net")).createServer());
    const clock = fakeClock();
    const client = clientWith({ clock, tls, timeouts: { connectMs: 1_000 } });
    const late = client.request(`https://localhost:${server.port}`).catch((reason: unknown) => reason);
    while (server.sockets.length === 0) await turns(1);
    await clock.advance(1_000);
    expect(await late).toMatchObject({ code: "deadline", clock: "connectMs" });
    expect(String(await late)).not.toContain("lane");
  });

  test("is served in the order of coming", async () => {
    await using server = await holdingServer();
    const client = clientWith({ lanes: { call: { connections: 1 } } });
    const first = await client.request(`${server.url}/stream`);
    const paths = Array.from({ length: 20 }, (_, number) => `/${number}`);
    const replies = paths.map(async (path) => (await client.request(server.url + path)).text());
    await turns(5);
    expect(laneOf(client, "call")).toMatchObject({ waiting: 20 });
    server.streams[0]?.end();
    await first.text();
    await Promise.all(replies);
    expect(server.asked).toEqual(["/stream", ...paths]);
    expect(server.sockets.length).toBe(1);
  });

  test("leaves the queue at once by an abort, and its request is never sent", async () => {
    await using server = await holdingServer();
    const client = clientWith({ lanes: { call: { connections: 1 } } });
    const first = await client.request(`${server.url}/stream`);
    const aborts = Array.from({ length: 5 }, () => new AbortController());
    const replies = aborts.map(({ signal }, number) => client.request(`${server.url}/${number}`, { signal }));
    const settled = Promise.allSettled(replies);
    await turns(5);
    for (const [index, left] of [
      [2, 4],
      [0, 3],
      [4, 2],
    ] as const) {
      aborts[index]?.abort(`enough of ${index}`);
      await expect(replies[index]).rejects.toBe(`enough of ${index}`);
      expect(laneOf(client, "call")).toMatchObject({ waiting: left });
    }
    server.streams[0]?.end();
    await first.text();
    for (const index of [1, 3]) expect(await (await replies[index])?.text()).toBe(`/${index}`);
    await settled;
    expect(server.asked).toEqual(["/stream", "/1", "/3"]);
  });

  test("may be let go of as a stream that was closed, which is never sent either", async () => {
    await using server = await holdingServer();
    const client = clientWith({ lanes: { stream: { connections: 1 } } });
    await opened(client, server.url, 1);
    const stream = client.lines(`${server.url}/never`);
    const next = stream[Symbol.asyncIterator]().next();
    await turns(5);
    await stream.close();
    expect(await next).toMatchObject({ done: true });
    expect(laneOf(client, "stream")).toMatchObject({ waiting: 0, inUse: 1 });
    expect(server.asked).toEqual(["/stream"]);
  });

  const endings: [how: string, end: (items: AsyncIterator<string>, response: ServerResponse) => unknown][] = [
    ["its server ends it", (_items, response) => response.end()],
    ["its server breaks it", (_items, response) => response.socket?.resetAndDestroy()],
    ["its reader leaves", (items) => items.return?.()],
  ];
  test.each(endings)("gets the connection of a stream, or its place, when %s", async (_how, end) => {
    await using server = await holdingServer();
    const client = clientWith({ lanes: { stream: { connections: 1 } } });
    const [items] = await opened(client, server.url, 1);
    const next = opened(client, server.url, 1);
    await turns(5);
    expect(laneOf(client, "stream")).toMatchObject({ inUse: 1, waiting: 1, requests: 1 });
    const rest = (items as AsyncIterator<string>).next().catch((error: unknown) => error);
    await end(items as AsyncIterator<string>, server.streams[0] as ServerResponse);
    await next;
    await rest;
    expect(laneOf(client, "stream")).toMatchObject({ open: 1, inUse: 1, waiting: 0, requests: 2 });
  });

  test("hears that nothing can be connected to, each of them", async () => {
    const server = await holdingServer();
    await server[Symbol.asyncDispose]();
    const client = clientWith({ lanes: { call: { connections: 1 } } });
    const replies = await Promise.allSettled(Array.from({ length: 5 }, () => client.request(server.url)));
    expect(replies).toMatchObject(Array(5).fill({ reason: { code: "unreachable", phase: "connect" } }));
    expect(client.stats()).toMatchObject({ sockets: [] });
  });

  test.each([1, 4])(
    "loses nothing to a server that closes a connection just when a request comes on it: %i connections",
    async (connections) => {
      await using server = await raceServer("reset");
      const client = clientWith({ lanes: { call: { connections } } });
      const paths = Array.from({ length: 80 }, (_, number) => `/${number}`);
      expect(await Promise.all(paths.map(async (path) => (await client.request(server.url + path)).text()))).toEqual(
        paths,
      );
      expect(server.answered.toSorted()).toEqual(paths.map((path) => `GET ${path}`).toSorted());
    },
  );

  test("is served before close() is done, and broken by destroy()", async () => {
    await using server = await holdingServer();
    for (const end of ["close", "destroy"] as const) {
      const client = clientWith({ lanes: { call: { connections: 1 } } });
      const first = await client.request(`${server.url}/stream`);
      const waiting = client.request(`${server.url}/waiting`).then(
        (reply) => reply.text(),
        (error: unknown) => error,
      );
      await turns(5);
      const ended = client[end]();
      await turns(5);
      if (end === "close") {
        server.streams.at(-1)?.end();
        expect([await first.text(), await waiting]).toEqual(["begin\n", "/waiting"]);
      } else expect(await waiting).toBeInstanceOf(Error);
      await ended;
      expect(client.stats()).toMatchObject({ requests: 0, sockets: [] });
    }
    expect(server.asked.filter((path) => path === "/waiting").length).toBe(1);
  });
});

test("stats count each step", async () => {
  await using server = await holdingServer();
  const client = clientWith({ lanes: { call: { connections: 2 } } });
  const count = (): Partial<LaneStats> | undefined => {
    const { open, connecting, inUse, free, waiting, reused, requests } = laneOf(client, "call") as LaneStats;
    return { open, connecting, inUse, free, waiting, reused, requests };
  };
  expect(client.stats().lanes).toEqual([]);

  const [first, second, third] = [0, 1, 2].map(() => client.request(`${server.url}/stream`));
  await turns(0);
  while (!laneOf(client, "call")) await Promise.resolve();
  expect(laneOf(client, "call")).toMatchObject({ origin: server.url, lane: "call", open: 0, inUse: 0, requests: 0 });
  const one = await first;
  const two = await second;
  expect(count()).toEqual({ open: 2, connecting: 0, inUse: 2, free: 0, waiting: 1, reused: 0, requests: 2 });

  server.streams[0]?.end();
  await one?.text();
  const three = await third;
  expect(count()).toEqual({ open: 2, connecting: 0, inUse: 2, free: 0, waiting: 0, reused: 1, requests: 3 });

  server.streams[2]?.end();
  await three?.text();
  await turns(5);
  expect(count()).toEqual({ open: 2, connecting: 0, inUse: 1, free: 1, waiting: 0, reused: 1, requests: 3 });
  const sockets = client
    .stats()
    .sockets.map(({ lane, protocol, state, requests }) => [lane, protocol, state, requests]);
  expect(sockets.toSorted()).toEqual([
    ["call", "h1", "busy", 1],
    ["call", "h1", "idle", 2],
  ]);

  two?.release();
  await expect.poll(count).toEqual({ open: 1, connecting: 0, inUse: 0, free: 1, waiting: 0, reused: 1, requests: 3 });
  expect(laneOf(client, "stream")).toBeUndefined();
});

describe("HTTP/2", () => {
  /** As {@link holdingServer}. */
  async function holdingH2Server(maxConcurrentStreams?: number) {
    const streams: ServerHttp2Stream[] = [];
    // What waits for readers is held by the server, which refuses more over a limit of its own, in MB.
    const maxSessionMemory = 1_000;
    const settings = maxConcurrentStreams === undefined ? {} : { settings: { maxConcurrentStreams } };
    const server = await h2Server(
      local,
      (stream, headers) => {
        if (headers[":path"] !== "/stream") return answerH2(stream, String(headers[":path"]));
        streams.push(stream);
        stream.respond({ ":status": 200 });
        stream.write("begin\n");
      },
      { maxSessionMemory, ...settings },
    );
    return Object.assign(server, { streams });
  }

  test(`answers 500 calls beside ${held} streams, 100 of these to a connection`, async () => {
    await using server = await holdingH2Server();
    const client = clientWith({ tls });
    const open = await opened(client, server.url, held);
    expect(laneOf(client, "stream")).toMatchObject({ protocol: "h2", open: 2, inUse: 2, waiting: 0, requests: held });
    const answers = calls.map(async (path) => (await client.request(server.url + path)).text());
    expect(await Promise.all(answers)).toEqual(calls);
    for (const stream of server.streams) stream.write("more\n");
    for (const items of open) expect((await items.next()).value).toBe("more");
    const load = server.sessions.map(
      (_, index) => server.streams.filter(({ session }) => session === server.sessions[index]).length,
    );
    expect(load.toSorted((a, b) => b - a).slice(0, 2)).toEqual([100, 100]);
  });

  test("has calls answered while the one connection for streams is full of readers that do not read", async () => {
    await using server = await holdingH2Server();
    const client = clientWith({ tls, lanes: { stream: { connections: 1 }, call: { connections: 1 } } });
    const open = await opened(client, server.url, 100);
    for (const stream of server.streams) stream.write(Buffer.alloc(1024 * 1024, "x\n"));
    const late = client.lines(`${server.url}/stream`, { reconnect: false });
    const first = late[Symbol.asyncIterator]().next();
    await turns(500);
    expect(laneOf(client, "stream")).toMatchObject({ open: 1, inUse: 1, waiting: 1, requests: 100 });
    const answers = calls.map(async (path) => (await client.request(server.url + path)).text());
    expect(await Promise.all(answers)).toEqual(calls);
    expect(server.sockets.length).toBe(2);
    // One that is read goes on, beside 99 that are not.
    for (let line = 0; line < 1_000; line++) expect((await open[7]?.next())?.value).toBe("x");
    await open[3]?.return?.();
    expect((await first).value).toBe("begin");
  });

  test.each([
    ["fewer, by what the server says", 10, {}],
    ["fewer, by our own option", 1_000, { maxConcurrentStreams: 10 }],
  ])("has so many streams on a connection: %s", async (_claim, says, own) => {
    await using server = await holdingH2Server(says);
    const client = clientWith({ tls, lanes: { stream: { connections: 2, ...own } } });
    // The first one knows of no limit of the server's; those behind it do.
    await opened(client, server.url, 1);
    await opened(client, server.url, 19);
    const late = client.lines(`${server.url}/stream`, { reconnect: false })[Symbol.asyncIterator]().next();
    await turns(20);
    expect(laneOf(client, "stream")).toMatchObject({ open: 2, inUse: 2, waiting: 1 });
    server.streams[0]?.end();
    expect((await late).value).toBe("begin");
    expect(server.sockets.length).toBe(2);
  });

  test("waits no longer than connectMs for a stream of a full connection, and is told for what", async () => {
    await using server = await holdingH2Server();
    const clock = fakeClock();
    const lanes = { call: { connections: 1, maxConcurrentStreams: 2 } };
    const client = clientWith({ tls, clock, lanes, timeouts: { connectMs: 1_000 } });
    for (const _ of [1, 2]) await client.request(`${server.url}/stream`);
    const late = client.request(`${server.url}/late`).catch((reason: unknown) => reason);
    await clock.advance(1_000);
    expect(await late).toMatchObject({ code: "deadline", clock: "connectMs" });
    expect(String(await late)).toMatch(/waited for .*"call"/);
    expect(server.asked).toEqual(["0 /stream", "0 /stream"]);
  });
});

describe("a dispatcher that is borrowed", () => {
  test("carries everything, and is never closed: an Agent", async () => {
    await using server = await loopbackServer(({ path }) => ({ body: `${path}\n` }));
    const dispatcher = new Agent({ connections: 3 });
    onTestFinished(() => dispatcher.destroy());
    for (const end of ["close", "destroy"] as const) {
      const client = createClient({ dispatcher });
      expect(await (await client.request(`${server.url}/call`)).text()).toBe("/call\n");
      expect(await Array.fromAsync(client.lines(`${server.url}/lines`))).toEqual(["/lines"]);
      expect(client.stats()).toMatchObject({ sockets: [], lanes: [] });
      await client[end]();
      expect([dispatcher.closed, dispatcher.destroyed]).toEqual([false, false]);
      const { body } = await request(`${server.url}/own`, { dispatcher });
      expect(await body.text()).toBe("/own\n");
    }
    expect(server.connections.length).toBeLessThanOrEqual(3);
  });

  test("has its streams ended by the client, not its connections", async () => {
    await using server = await holdingServer();
    const dispatcher = new Agent();
    onTestFinished(() => dispatcher.destroy());
    const client = createClient({ dispatcher });
    const [items] = await opened(client, server.url, 1);
    const own = await request(`${server.url}/stream`, { dispatcher });
    own.body.on("error", () => {});
    await client.close();
    expect(await items?.next()).toMatchObject({ done: true });
    const piece = own.body[Symbol.asyncIterator]();
    await piece.next();
    server.streams[1]?.write("more\n");
    expect(String((await piece.next()).value)).toBe("more\n");
  });

  test("may be undici's MockAgent, so that the tests of an application need no server", async () => {
    const dispatcher = new MockAgent();
    onTestFinished(() => dispatcher.close());
    dispatcher.disableNetConnect();
    const pool = dispatcher.get("https://api.example.com");
    pool.intercept({ path: "/status" }).reply(200, { fine: true });
    pool
      .intercept({ path: "/rows" })
      .reply(200, '{"n":1}\n{"n":2}\n', { headers: { "content-type": "application/x-ndjson" } });
    pool.intercept({ path: "/broken" }).replyWithError(new Error("scripted"));
    const client = createClient({ dispatcher, baseUrl: "https://api.example.com" });
    expect(await (await client.request("/status")).json()).toEqual({ fine: true });
    expect(await Array.fromAsync(client.ndjson("/rows"))).toEqual([{ n: 1 }, { n: 2 }]);
    await expect(client.request("/broken")).rejects.toThrow("scripted");
    await client.close();
    pool.intercept({ path: "/after" }).reply(200, "still open");
    const { body } = await request("https://api.example.com/after", { dispatcher });
    expect(await body.text()).toBe("still open");
    dispatcher.assertNoPendingInterceptors();
  });

  test.each([
    ["lanes", { lanes: { call: { connections: 1 } } }],
    ["tls", { tls }],
    ["proxy", { proxy: "http://127.0.0.1:1" }],
    ["allowH2", { allowH2: false }],
  ])("goes with no option of sockets of our own: %s", (name, options) => {
    const dispatcher = new MockAgent();
    onTestFinished(() => dispatcher.close());
    expect(() => createClient({ dispatcher, ...options })).toThrow(name);
  });
});
