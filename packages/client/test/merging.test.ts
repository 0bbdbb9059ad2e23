import { expect, test } from "vitest";
import type { ClientOptions } from "../src/index.ts";
import { clientOf, read, settled, sse } from "./client-of.ts";

test("an option of a call that is undefined leaves the client's as it is", async () => {
  const { client, clock, transport } = clientOf(
    [{ headers: sse, chunks: ["stall"] }, { status: 503 }, { status: 503 }],
    {
      timeouts: { idleMs: 100 },
      reconnect: { retries: 1 },
    },
  );
  const quiet = client.sse("/events", {
    timeouts: { idleMs: undefined },
    reconnect: false,
    transport: undefined,
    clock: undefined,
  });
  read(quiet).catch(() => {});
  await clock.advance(100);
  expect(await quiet.outcome).toMatchObject({ code: "idle" });
  const busy = client.sse("/events", { timeouts: undefined, reconnect: { retries: undefined }, random: undefined });
  read(busy).catch(() => {});
  await clock.advance(10_000);
  expect(await busy.outcome).toMatchObject({ code: "exhausted", attempts: 2 });
  expect(transport.requests.length).toBe(3);
});

test("totalMs of a request that is undefined is its default", async () => {
  const { client, clock } = clientOf([{ headersMs: 1e9 }]);
  const reply = client.request("/status", { timeouts: { headersMs: 0, totalMs: undefined } });
  reply.catch(() => {});
  await clock.advance(300_000);
  expect(await settled(reply, clock)).toMatchObject({ thrown: { clock: "totalMs" } });
});

test.each<[string, object, object]>([
  ["reconnect", { reconnect: true }, {}],
  ["timeouts", { timeouts: 5 }, {}],
  ["headers", { headers: "x-one: 1" }, { headers: { "x-team": "ops" } }],
])("a bad option of a call is a TypeError under a client, too: %s", (_, call, options) => {
  const { client, transport } = clientOf([], options);
  expect(() => client.sse("/events", call)).toThrow(TypeError);
  expect(transport.requests.length).toBe(0);
});

test.each([
  ["1k", TypeError],
  [null, TypeError],
  [Number.NaN, RangeError],
  [-1, RangeError],
])("a bad maxBytes is an error before anything is sent: %s", async (maxBytes, Kind) => {
  const { client, transport } = clientOf([]);
  await expect(client.request("/status", { maxBytes: maxBytes as number })).rejects.toThrow(Kind);
  expect(transport.requests.length).toBe(0);
});

test("request() of a closed client rejects", async () => {
  const { client } = clientOf([]);
  await client.close();
  await expect(client.request("/status")).rejects.toThrow(new TypeError("This client is closed"));
});

test.each([500, 503, 429])("retries are for safe methods only: the %d that a POST got is its reply", async (status) => {
  const { client, clock, transport } = clientOf(() => ({ status }));
  const reply = client.request("/status", { method: "POST", body: "{}", retries: 2 });
  await clock.advance(10_000);
  expect([(await reply).status, transport.requests.length]).toEqual([status, 1]);
  (await reply).release();
});

test("every clock of a call is set over the client's, also one that is learned, and all are the stream's", async () => {
  const timeouts = { idleMs: "learn", maxAgeMs: 1_000 } as const;
  const { client, clock, transport } = clientOf(() => ({ headers: sse, chunks: ["id: 1\ndata: a\n\n", "stall"] }), {
    timeouts,
  });
  const aged = client.sse("/events", { timeouts: { totalMs: 10_000 } });
  const kept = client.sse("/events", { timeouts: { maxAgeMs: 0, idleMs: 5_000 } });
  for (const stream of [aged, kept]) read(stream).catch(() => {});
  await clock.advance(1_500);
  expect([aged.stats.reconnects, kept.stats.reconnects, transport.requests.length]).toEqual([1, 0, 3]);
  await client.close();
});

test.each<[what: string, client: ClientOptions["retryOn"], call: ClientOptions["retryOn"], retried: number[]]>([
  ["a call without any leaves the client's", { 404: true, 503: false }, undefined, [404]],
  ["two tables: entries of the call over the client's", { 404: true, 410: true }, { 410: false, 503: false }, [404]],
  ["an entry that is undefined leaves the client's", { 404: true, 503: false }, { 404: undefined }, [404]],
  ["the closest word counts, whoever said it", { 404: true, 503: false }, { "4xx": false, "5xx": true }, [404]],
  ["a function of the call replaces a table", { 404: true }, ({ status }) => status === 410, [410]],
  ["a table of the call replaces a function", () => true, { 404: true, 503: false }, [404]],
])("retryOn: %s", async (_, clientSide, call, retried) => {
  const seen: number[] = [];
  for (const status of [404, 410, 503]) {
    const { client, clock, transport } = clientOf(() => ({ status }), {
      retryOn: clientSide,
      reconnect: { retries: 1 },
    });
    const events = client.sse("/events", { retryOn: call });
    read(events).catch(() => {});
    await clock.advance(10_000);
    if (transport.requests.length === 2) seen.push(status);
  }
  expect(seen).toEqual(retried);
});
