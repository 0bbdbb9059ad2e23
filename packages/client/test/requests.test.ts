import { StreamError } from "@longwire/core";
import { expect, test } from "vitest";
import type { Reply } from "../src/reply.ts";
import type { RequestOptions } from "../src/send-request.ts";
import { clientOf, settled } from "./client-of.ts";

const down = new StreamError("unreachable", "Nobody is there", { phase: "connect" });

test.each([200, 204, 304, 401, 404, 429, 500, 503])("request() resolves with status %d", async (status) => {
  const { client, transport } = clientOf([{ status, headers: { "x-one": "1" } }]);
  const reply = await client.request("/status");
  expect([reply.status, reply.ok, reply.headers.get("x-one")]).toEqual([status, status < 300, "1"]);
  expect(reply.url).toBe("https://a.example/v1/status");
  reply.release();
  expect(transport.open).toBe(0);
});

test("request() reads nothing until asked", async () => {
  const { client, clock, transport } = clientOf([{ chunks: ["a", "b"] }]);
  const reply = await client.request("/status");
  await clock.advance(10_000);
  expect(transport.pulled).toBe(0);
  expect(await reply.text()).toBe("ab");
  expect([transport.pulled, transport.open]).toEqual([2, 0]);
});

test("bytes(), text() and json() gather the body, over any cuts", async () => {
  const body = new TextEncoder().encode('{"é":"€"}');
  const { client } = clientOf(() => ({ chunks: [...body].map((byte) => new Uint8Array([byte])) }));
  expect(await (await client.request("/status")).bytes()).toEqual(body);
  expect(await (await client.request("/status")).text()).toBe('{"é":"€"}');
  expect(await (await client.request("/status")).json()).toEqual({ é: "€" });
});

test("text() drops a BOM, and an empty body is empty", async () => {
  const { client } = clientOf([{ chunks: ["\ufeffa"] }, {}, {}]);
  expect(await (await client.request("/status")).text()).toBe("a");
  expect(await (await client.request("/status")).text()).toBe("");
  expect(await (await client.request("/status")).bytes()).toEqual(new Uint8Array(0));
});

test("json() of what is no JSON is protocol", async () => {
  const { client } = clientOf([{ chunks: ["<html>"] }]);
  const reply = await client.request("/status?key=secret");
  await expect(reply.json()).rejects.toMatchObject({
    code: "protocol",
    message: "Cannot read the answer of https://a.example/v1/status?key=*** as JSON",
    cause: { name: "SyntaxError" },
  });
});

test("a body that ended short throws truncated", async () => {
  const { client } = clientOf([{ chunks: ["a", { error: new StreamError("truncated", "short") }] }]);
  const reply = await client.request("/status");
  await expect(reply.text()).rejects.toMatchObject({ code: "truncated" });
});

test("maxBytes limits what is gathered, and lets the connection go", async () => {
  const { client, transport } = clientOf(() => ({ chunks: ["abc", "de", "stall"] }));
  const reply = await client.request("/status", { maxBytes: 4 });
  await expect(reply.bytes()).rejects.toMatchObject({
    code: "limit",
    limit: "maxBytes",
    message: expect.stringContaining("4 bytes"),
  });
  expect(transport.open).toBe(0);
});

test("orThrow() answers the reply when it is ok, and throws refused with all that was told when it is not", async () => {
  const { client, transport } = clientOf([
    { chunks: ["fine"] },
    { status: 429, headers: { "retry-after": "3", "x-one": "1" }, chunks: ["slow ", "down"] },
  ]);
  const fine = await client.request("/status");
  expect(await fine.orThrow()).toBe(fine);
  expect(await fine.text()).toBe("fine");
  const refused = await client.request("/status");
  await expect(refused.orThrow()).rejects.toMatchObject({
    code: "refused",
    status: 429,
    excerpt: "slow down",
    retryAfterMs: 3_000,
    headers: { "x-one": "1" },
  });
  expect(transport.open).toBe(0);
});

test("request() makes one attempt", async () => {
  const { client, transport } = clientOf([{ error: down }]);
  await expect(client.request("/status")).rejects.toBe(down);
  expect(transport.requests.length).toBe(1);
});

test("request() makes one attempt whatever the client's reconnect says", async () => {
  const { client, transport } = clientOf([{ error: down }], { reconnect: { retries: 5 } });
  await expect(client.request("/status")).rejects.toBe(down);
  expect(transport.requests.length).toBe(1);
});

test("retries: n opts in to retries of network errors and of statuses that say later", async () => {
  const { client, clock, transport } = clientOf([{ error: down }, { status: 503 }, { chunks: ["ok"] }]);
  const reply = client.request("/status", { retries: 2 });
  await clock.advance(10_000);
  expect(await (await reply).text()).toBe("ok");
  expect(transport.requests.length).toBe(3);
});

test("when the retries are used up, the last answer is the reply, and the last error is thrown", async () => {
  const busy = clientOf(() => ({ status: 503, chunks: ["busy"] }));
  const reply = busy.client.request("/status", { retries: 2 });
  await busy.clock.advance(10_000);
  expect([(await reply).status, await (await reply).text(), busy.transport.requests.length]).toEqual([503, "busy", 3]);
  const gone = clientOf(() => ({ error: down }));
  const failed = gone.client.request("/status", { retries: 2 });
  failed.catch(() => {});
  await gone.clock.advance(10_000);
  expect(gone.transport.requests.length).toBe(3);
  await expect(failed).rejects.toMatchObject({ code: "exhausted", cause: down });
});

test("a status that no retry helps is the reply at once", async () => {
  const { client, transport } = clientOf([{ status: 404 }]);
  const reply = await client.request("/status", { retries: 2 });
  expect([reply.status, transport.requests.length]).toEqual([404, 1]);
  reply.release();
});

test.each<[string, RequestOptions]>([
  ["POST", { method: "POST", body: "{}" }],
  ["DELETE", { method: "DELETE" }],
])("retries are for safe methods only: a %s that was sent is not sent again", async (_, options) => {
  const { client, clock, transport } = clientOf([{ error: new StreamError("reset", "cut") }]);
  const failed = client.request("/status", { ...options, retries: 2 });
  failed.catch(() => {});
  await clock.advance(10_000);
  await expect(failed).rejects.toMatchObject({ code: "reset" });
  expect(transport.requests.length).toBe(1);
});

test("a body that breaks is not asked for again, whatever retries says", async () => {
  const { client, clock, transport } = clientOf([{ chunks: ["a", { error: new StreamError("reset", "cut") }] }]);
  const reply = await client.request("/status", { retries: 3 });
  const text = reply.text();
  text.catch(() => {});
  await clock.advance(60_000);
  await expect(text).rejects.toMatchObject({ code: "reset" });
  expect(transport.requests.length).toBe(1);
});

test("request() follows redirects", async () => {
  const { client } = clientOf([{ status: 302, headers: { location: "/elsewhere" } }, { chunks: ["here"] }]);
  const reply = await client.request("/status");
  expect([reply.url, await reply.text()]).toEqual(["https://a.example/elsewhere", "here"]);
});

test("a reply that is not read is released by release() and by await using", async () => {
  const { client, clock, transport } = clientOf(() => ({ chunks: ["a", "stall"] }));
  const reply = await client.request("/status");
  expect(transport.open).toBe(1);
  reply.release();
  reply.release();
  expect(transport.open).toBe(0);
  {
    await using held = await client.request("/status");
    expect([held.ok, transport.open]).toEqual([true, 1]);
  }
  expect([transport.open, clock.pending]).toEqual([0, 0]);
});

test("idleMs of a request is 60 s, totalMs 300 s", async () => {
  const quiet = clientOf([{ chunks: ["stall"] }]);
  const text = (await quiet.client.request("/status")).text();
  text.catch(() => {});
  await quiet.clock.advance(60_000);
  await expect(text).rejects.toMatchObject({ code: "idle", clock: "idleMs" });
  const slow = clientOf([{ headersMs: 1e9 }]);
  const reply = slow.client.request("/status", { timeouts: { headersMs: 0 } });
  reply.catch(() => {});
  await slow.clock.advance(300_000);
  await expect(reply).rejects.toMatchObject({ code: "deadline", clock: "totalMs" });
});

test("an abort rejects with the caller's reason, before and behind the head", async () => {
  const controller = new AbortController();
  const { client, clock, transport } = clientOf(() => ({ headersMs: 10, chunks: ["stall"] }));
  const before = client.request("/status", { signal: controller.signal });
  before.catch(() => {});
  await clock.advance(5);
  controller.abort("enough");
  await expect(before).rejects.toBe("enough");
  const late = new AbortController();
  const reply = client.request("/status", { signal: late.signal });
  await clock.advance(10);
  const text = (await reply).text();
  text.catch(() => {});
  late.abort("enough");
  await expect(text).rejects.toBe("enough");
  expect([transport.open, clock.pending]).toEqual([0, 0]);
});

test("a bad option rejects before anything is sent", async () => {
  const { client, transport } = clientOf([]);
  await expect(client.request("/status", { timeouts: { idleMs: -1 } })).rejects.toThrow(RangeError);
  await expect(client.request("/status", { retries: -1 })).rejects.toThrow(RangeError);
  expect(transport.requests.length).toBe(0);
});

test.each<[string, (rig: ReturnType<typeof clientOf>, reply: Reply) => unknown]>([
  ["release()", (_, reply) => reply.release()],
  ["client.destroy()", ({ client }) => client.destroy()],
  ["disposal", (_, reply) => reply[Symbol.asyncDispose]()],
])("a reply that is cut by %s is no whole one", async (_, cut) => {
  const rig = clientOf([{ headers: { "content-length": "100" }, chunks: ['{"a":1}', "stall"] }]);
  const reply = await rig.client.request("/status");
  const json = reply.json();
  expect(await settled(json, rig.clock)).toBe("pending");
  await cut(rig, reply);
  const thrown = { name: "AbortError", message: "The reply was released before it was read" };
  await expect(json).rejects.toMatchObject(thrown);
});

test("a reply that was released has no text, and one without a body has an empty one", async () => {
  const { client } = clientOf([{ chunks: ["a"] }, { status: 204 }, { status: 304 }, {}]);
  const reply = await client.request("/status");
  reply.release();
  await expect(reply.text()).rejects.toMatchObject({ name: "AbortError" });
  for (const method of ["GET", "GET", "HEAD"]) {
    expect(await (await client.request("/status", { method })).text()).toBe("");
  }
});

test("a HEAD holds no connection, in any letter case", async () => {
  const { client, transport } = clientOf([{ chunks: ["stall"] }]);
  const reply = await client.request("/status", { method: "head" });
  expect([await reply.text(), transport.open, client.stats().requests]).toEqual(["", 0, 0]);
});

test("retryOn decides about statuses, and the answer that it leaves is the reply", async () => {
  const never = clientOf(() => ({ status: 503, chunks: ["busy"] }));
  const reply = await never.client.request("/status", { retries: 2, retryOn: () => false });
  expect([reply.status, await reply.text(), never.transport.requests.length]).toEqual([503, "busy", 1]);
  const asked: unknown[] = [];
  const always = clientOf(() => ({ status: 404, chunks: ["none"] }));
  const retried = always.client.request("/status", {
    retries: 2,
    retryOn: ({ code, status }) => {
      asked.push([code, status]);
      return true;
    },
  });
  await always.clock.advance(60_000);
  expect([(await retried).status, await (await retried).text(), always.transport.requests.length]).toEqual([
    404,
    "none",
    3,
  ]);
  expect(asked).toEqual([
    ["refused", 404],
    ["refused", 404],
  ]);
});

test("a status is asked about once: retryOn that changes its mind does not lose the answer", async () => {
  const { client, clock, transport } = clientOf(() => ({ status: 503 }));
  let answers = 0;
  const reply = client.request("/status", { retries: 2, retryOn: () => answers++ === 0 });
  await clock.advance(60_000);
  expect([(await reply).status, transport.requests.length, answers]).toEqual([503, 2, 2]);
});

test("what retryOn throws is thrown, and the connection is let go", async () => {
  const { client, clock, transport } = clientOf([{ status: 503, chunks: ["busy"] }]);
  const boom = new Error("boom");
  const reply = client.request("/status", {
    retries: 2,
    retryOn: () => {
      throw boom;
    },
  });
  expect(await settled(reply, clock)).toMatchObject({ thrown: { code: "protocol", cause: boom } });
  expect([transport.open, clock.pending]).toEqual([0, 0]);
});

test.each<[string, RequestOptions]>([
  ["a body that can be made once", { method: "OPTIONS", body: (async function* () {})() }],
  ["replayable: false", { replayable: false }],
])("what cannot be sent again gets its one answer: %s", async (_, options) => {
  const { client, clock, transport } = clientOf(() => ({ status: 500 }));
  const reply = client.request("/status", { ...options, retries: 2 });
  await clock.advance(60_000);
  expect([(await reply).status, transport.requests.length]).toEqual([500, 1]);
});

test.each<[string, object, string]>([
  ["timeouts", { timeouts: null }, "timeouts must be a plain object, not null"],
  ["timeouts", { timeouts: true }, "timeouts must be a plain object, not true"],
  ["timeouts", { timeouts: 5 }, "timeouts must be a plain object, not 5"],
  ["timeouts", { timeouts: Number.NaN }, "timeouts must be a plain object, not NaN"],
  [
    "retryOn",
    { retryOn: [503] },
    "retryOn must be a table such as { 404: true, idle: false }, or a function, not [object Array]",
  ],
  ["retries", { retries: -1 }, "retries must be a whole number from 0 up, not -1"],
  ["retries", { retries: 1.5 }, "retries must be a whole number from 0 up, not 1.5"],
  ["retries", { retries: null }, "retries must be a number, not null"],
  ["headers", { headers: new Headers() }, "not [object Headers]; give Object.fromEntries(headers)"],
])("a bad option of a request is an error by its name, for every method: %s %o", async (_, option, message) => {
  const { client, transport } = clientOf([], { headers: { "x-team": "ops" } });
  for (const method of ["GET", "POST"]) {
    const thrown = await client.request("/status", { method, ...option }).catch((error: unknown) => error);
    expect((thrown as Error).message).toContain(message);
    expect((thrown as Error).message).not.toContain("reconnect");
  }
  expect(transport.requests.length).toBe(0);
});

test.each([undefined, null, {}, 5])("a URL that is none is a TypeError: %s", async (url) => {
  const { client, transport } = clientOf([]);
  await expect(client.request(url as unknown as string)).rejects.toThrow(/^The URL must be a string or a URL/);
  expect(() => client.sse(url as unknown as string)).toThrow(/^The URL must be a string or a URL/);
  expect(transport.requests.length).toBe(0);
});
