import { StreamError } from "@longwire/core";
import { expect, test } from "vitest";
import { clientOf, read, sse } from "./client-of.ts";

const cut = { error: new StreamError("reset", "The wire was cut") } as const;

test("sse reads events, and resumes with Last-Event-ID by itself", async () => {
  const { client, clock, transport } = clientOf([
    { headers: sse, chunks: ["id: 7\ndata: one\n\n", "data: tw", cut] },
    { headers: sse, chunks: ["id: 8\ndata: two\n\n"] },
    { status: 204 },
  ]);
  const events = client.sse("/events");
  const items = read(events);
  await clock.advance(60_000);
  expect((await items).map(({ data, lastEventId }) => [data, lastEventId])).toEqual([
    ["one", "7"],
    ["two", "8"],
  ]);
  expect(transport.requests.map(({ url }) => url)).toEqual(
    Array.from({ length: 3 }, () => "https://a.example/v1/events"),
  );
  expect(transport.requests.map(({ headers }) => headers["last-event-id"])).toEqual([undefined, "7", "8"]);
  expect(await events.outcome).toMatchObject({ code: "complete", items: 2, attempts: 3, cursor: "8" });
});

test("Last-Event-ID goes as UTF-8", async () => {
  const { client, clock, transport } = clientOf([
    { headers: sse, chunks: ["id: é€\ndata: one\n\n", cut] },
    { status: 204 },
  ]);
  const items = read(client.sse("/events"));
  await clock.advance(60_000);
  await items;
  const sent = transport.requests[1]?.headers["last-event-id"] ?? "";
  expect(new TextDecoder().decode(Uint8Array.from(sent, (char) => char.charCodeAt(0)))).toBe("é€");
});

test("an answer of a model: a POST with a terminal marker is not sent again, and is not taken for complete when cut", async () => {
  const { client, clock, transport } = clientOf((_, index) =>
    index === 0
      ? { headers: sse, chunks: ["data: a\n\ndata: [DONE]\n\n", "stall"] }
      : { headers: sse, chunks: ["data: a\n\n"] },
  );
  const ask = () => client.sse("/chat", { method: "POST", json: { ask: 1 }, until: "[DONE]" });
  const whole = ask();
  expect((await read(whole)).map(({ data }) => data)).toEqual(["a"]);
  expect(await whole.outcome).toMatchObject({ code: "complete" });
  const short = ask();
  await expect(read(short)).rejects.toMatchObject({ code: "truncated" });
  await clock.advance(3_600_000);
  expect(transport.requests.length).toBe(2);
  expect(transport.requests[0]?.body).toBe('{"ask":1}');
});

test("ndjson reads records, and goes on with resume", async () => {
  const { client, clock, transport } = clientOf([
    { chunks: ['{"seq":1}\n{"seq":2}\n', cut] },
    { chunks: ['{"seq":3}\n'] },
  ]);
  const rows = client.ndjson<{ seq: number }>("/changes?feed=continuous", {
    resume: { cursor: (row) => row.seq, apply: (request, since) => request.withQuery({ since }) },
  });
  const items = read(rows);
  await clock.advance(60_000);
  expect(await items).toEqual([{ seq: 1 }, { seq: 2 }, { seq: 3 }]);
  expect(transport.requests[1]?.url).toBe("https://a.example/v1/changes?feed=continuous&since=2");
});

test("ndjson without resume ends with what broke it, once a record was delivered", async () => {
  const { client, clock, transport } = clientOf([{ chunks: ["{}\n", cut] }]);
  const items = read(client.ndjson("/changes"));
  items.catch(() => {});
  await clock.advance(60_000);
  await expect(items).rejects.toMatchObject({ code: "reset" });
  expect(transport.requests.length).toBe(1);
});

test("ndjson ends at a marker that is no JSON, and does not deliver it", async () => {
  const { client } = clientOf([{ chunks: ['{"a":1}\n[DONE]\n{"a":2}\n', "stall"] }]);
  const rows = client.ndjson("/changes", { until: "[DONE]" });
  expect(await read(rows)).toEqual([{ a: 1 }]);
  expect(await rows.outcome).toMatchObject({ code: "complete", items: 1 });
});

test("lines and bytes read any body to its end", async () => {
  const { client } = clientOf([{ chunks: ["a\nb\n"] }, { chunks: ["ab", "c"] }]);
  expect(await read(client.lines("/log"))).toEqual(["a", "b"]);
  expect((await read(client.bytes("/image"))).map((chunk) => chunk.length)).toEqual([2, 1]);
});

test("options of one call override the client's, by name", async () => {
  const { client, clock } = clientOf(() => ({ headers: sse, chunks: ["stall"] }), {
    timeouts: { idleMs: 100, totalMs: 5_000 },
    reconnect: { retries: 2, floorMs: 1 },
  });
  const own = client.sse("/events");
  const other = client.sse("/events", { timeouts: { idleMs: 200 }, reconnect: { retries: 0 } });
  for (const stream of [own, other]) read(stream).catch(() => {});
  await clock.advance(10_000);
  expect(await own.outcome).toMatchObject({ code: "exhausted", attempts: 3 });
  expect(await other.outcome).toMatchObject({
    code: "idle",
    attempts: 1,
    error: { message: expect.stringContaining("200 ms") },
  });
});

test("reconnect: false of the client holds, of a call it overrides, and a call may turn it on again", async () => {
  const attempts = async (client: object, call: object) => {
    const made = clientOf(() => ({ status: 503 }), client);
    const stream = made.client.sse("/events", call);
    read(stream).catch(() => {});
    await made.clock.advance(60_000);
    await stream.close();
    return (await stream.outcome).attempts;
  };
  expect(await attempts({ reconnect: false }, {})).toBe(1);
  expect(await attempts({}, { reconnect: false })).toBe(1);
  expect(await attempts({ reconnect: false }, { reconnect: { retries: 2 } })).toBe(3);
});

test("retryOn of the client is asked where the call has none", async () => {
  const { client, clock } = clientOf((_, index) => (index === 0 ? { status: 404 } : { status: 204 }), {
    retryOn: ({ status }) => status === 404,
  });
  const own = client.sse("/events");
  const items = read(own);
  await clock.advance(1_000);
  await items;
  expect(await own.outcome).toMatchObject({ code: "complete", attempts: 2 });
});

test("headers of the call are set over the client's, in any letter case, and both may be functions", async () => {
  const { client, transport } = clientOf(() => ({ status: 204 }), { headers: { "X-Team": "ops", "X-Zone": "1" } });
  await read(client.sse("/a", { headers: { "x-team": "dev" } }));
  await read(client.sse("/b", { headers: () => ({ "x-zone": "2" }) }));
  const sent = transport.requests.map(({ headers }) => [headers["x-team"], headers["x-zone"]]);
  expect(sent).toEqual([
    ["dev", "1"],
    ["ops", "2"],
  ]);
});

test("auth and a headers function are asked for every attempt", async () => {
  let asked = 0;
  const { client, clock, transport } = clientOf((_, index) => (index < 2 ? { status: 503 } : { status: 204 }), {
    auth: () => `Bearer ${++asked}`,
    headers: () => ({ "x-asked": String(asked) }),
  });
  const items = read(client.sse("/events"));
  await clock.advance(60_000);
  await items;
  const sent = transport.requests.map(({ headers }) => [headers.authorization, headers["x-asked"]]);
  expect(sent).toEqual([
    ["Bearer 1", "0"],
    ["Bearer 2", "1"],
    ["Bearer 3", "2"],
  ]);
});

test("the client's auth, authorization and cookie go only to its own origin", async () => {
  const headers = { Authorization: "Basic x", Cookie: "id=1", "x-team": "ops" };
  const { client, transport } = clientOf(() => ({ status: 204 }), { headers });
  await read(client.sse("/events"));
  await read(client.sse("https://a.example/elsewhere"));
  await read(client.sse("https://b.example/events"));
  await read(client.sse("http://a.example/events"));
  const sent = transport.requests.map(({ headers: { authorization, cookie, "x-team": team } }) => [
    authorization,
    cookie,
    team,
  ]);
  expect(sent).toEqual([
    ["Basic x", "id=1", "ops"],
    ["Basic x", "id=1", "ops"],
    [undefined, undefined, "ops"],
    [undefined, undefined, "ops"],
  ]);
  const authed = clientOf(() => ({ status: 204 }), { auth: () => "Bearer t" });
  await read(authed.client.sse("/events"));
  await read(authed.client.sse("https://b.example/events"));
  expect(authed.transport.requests.map((request) => request.headers.authorization)).toEqual(["Bearer t", undefined]);
});

test("auth of a call goes to the origin of its URL", async () => {
  const { client, transport } = clientOf(() => ({ status: 204 }), { auth: () => "Bearer client" });
  await read(client.sse("https://b.example/events", { auth: () => "Bearer call" }));
  expect(transport.requests[0]?.headers.authorization).toBe("Bearer call");
});

test("userinfo in baseUrl is basic auth for the paths behind it", async () => {
  const { client, transport } = clientOf(() => ({ status: 204 }), { baseUrl: "https://ann:secret@a.example/v1" });
  await read(client.sse("/events"));
  await read(client.sse("https://b.example/events"));
  expect(transport.requests.map(({ headers }) => headers.authorization)).toEqual([
    `Basic ${btoa("ann:secret")}`,
    undefined,
  ]);
});

test("all streams of a client share one budget of attempts an origin", async () => {
  const { client, clock } = clientOf(() => ({ headers: sse, chunks: ["stall"] }), {
    budget: { perSecond: 1, burst: 2 },
  });
  const streams = ["/a", "/b", "/c"].map((path) => client.sse(path));
  for (const stream of streams) void read(stream);
  await clock.advance(10);
  expect(streams.map(({ state }) => state.name)).toEqual(["open", "open", "waiting"]);
  expect(streams[2]?.state).toMatchObject({ cause: "budget" });
  await clock.advance(1_000);
  expect(streams[2]?.state.name).toBe("open");
  await client.destroy();
});

test("requests are no part of that budget, but for their retries", async () => {
  const { client, clock, transport } = clientOf(() => ({ status: 503 }), { budget: { perSecond: 1, burst: 2 } });
  const statuses = Promise.all(Array.from({ length: 50 }, async () => (await client.request("/")).status));
  await clock.advance(1);
  expect(await statuses).toEqual(Array(50).fill(503));
  const retried = Array.from({ length: 4 }, () => client.request("/", { retries: 1 }));
  for (const reply of retried) reply.catch(() => {});
  await clock.advance(600);
  expect(transport.requests.length).toBe(50 + 4 + 2);
  await client.destroy();
});

test("a transport of the call is used in place of the client's", async () => {
  const { client, transport } = clientOf([]);
  const other = clientOf([{ status: 204 }]).transport;
  await read(client.sse("/events", { transport: other }));
  expect([transport.requests.length, other.requests.length]).toEqual([0, 1]);
});
