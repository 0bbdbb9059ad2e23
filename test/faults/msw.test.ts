// A user's own test needs no socket: msw replaces the global fetch, and the fetch transport looks it up when it is called. Each fault of
// a plan is to the client what msw can show of it: a connection that ends early has always been broken.

import { getEventListeners } from "node:events";
import type { StreamError } from "@longwire/core";
import { fakeClock } from "@longwire/core/testing";
import { type Answer, type FaultPlan, type FaultPlans, mswAnswer } from "@longwire/testing/msw";
import { createClient, fetchTransport } from "longwire";
import { http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

const server = setupServer();
beforeAll(() => server.listen({ onUnhandledFrame: "error" }));
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

const url = "https://api.example.com/feed";
const sse: Answer = { headers: { "content-type": "text/event-stream" }, framing: "chunked" };
const ndjson: Answer = { headers: { "content-type": "application/x-ndjson" } };

function client(options: Parameters<typeof createClient>[0] = {}) {
  return createClient({ transport: fetchTransport(), reconnect: { floorMs: 1, firstMs: 1 }, ...options });
}

test("a client on the fetch transport streams from msw handlers, and resumes there", async () => {
  const lastIds: (string | null)[] = [];
  const resolver = mswAnswer(
    ({ headers }) => {
      const lastId = headers.get("last-event-id");
      lastIds.push(lastId);
      return {
        ...sse,
        body: lastId === null ? "id: 1\ndata: one\n\nid: 2\ndata: two\n\n" : "id: 2\ndata: two\n\ndata: [DONE]\n\n",
      };
    },
    { plan: [{ slice: 7, cutAfter: 20 }, { slice: 1 }] },
  );
  server.use(http.get(url, resolver));
  await using longwire = client();
  const events = longwire.sse(url, { until: "[DONE]" });
  const data: string[] = [];
  for await (const event of events) data.push(event.data);
  expect(data).toEqual(["one", "two"]);
  expect(lastIds).toEqual([null, "1"]);
  expect(await events.outcome).toMatchObject({ code: "complete", items: 2, attempts: 2, cursor: "2" });
});

/** How a stream of rows ends, without a retry. */
async function ending(answer: Answer, plan: FaultPlans, options: Parameters<typeof createClient>[0] = {}) {
  server.use(http.get(url, mswAnswer(answer, { plan })));
  await using longwire = client({ reconnect: false, ...options });
  const rows: unknown[] = [];
  const stream = longwire.ndjson(url);
  try {
    for await (const row of stream) rows.push(row);
  } catch {
    // The outcome tells.
  }
  const { code, error } = await stream.outcome;
  return { code, rows, error: error as StreamError | undefined };
}

const body = '{"a":1}\n{"a":2}\n';
const idle = { timeouts: { idleMs: 40 } };

describe("the outcome of", () => {
  const endings: [plan: FaultPlan, code: string, rows: number, framing?: Answer["framing"], options?: object][] = [
    [{}, "complete", 2, "length"],
    [{}, "ended", 2, "chunked"],
    [{ slice: 1 }, "complete", 2, "length"],
    [{ cutAfter: 12 }, "reset", 1, "length"],
    [{ cutAfter: 12 }, "reset", 1, "chunked"],
    [{ cutAfter: 8 }, "reset", 1, "chunked"],
    [{ cutAfter: 0 }, "reset", 0, "chunked"],
    [{ halfClose: 12 }, "reset", 1, "chunked"],
    [{ resetAfter: 12 }, "reset", 1, "chunked"],
    // fetch does not tell that a body broke that is delimited by the close.
    [{ resetAfter: 12 }, "truncated", 1, "close"],
    [{ cutAfter: 8 }, "ended", 1, "close"],
    [{ stall: 8 }, "idle", 1, "chunked", idle],
    [{ stall: 0 }, "idle", 0, "chunked", idle],
    [{ gzipStall: 8 }, "idle", 1, "chunked", idle],
    [{ blackhole: true }, "deadline", 0, "chunked", { timeouts: { connectMs: 20, headersMs: 20 } }],
    [{ badUtf8: 2 }, "protocol", 0, "length"],
    [{ splitBom: true }, "complete", 2, "length"],
    [{ status: 404 }, "refused", 0],
    [{ retryAfter: 7 }, "refused", 0],
  ];
  test.each(endings)(
    "%j is %s, after %i rows (framing %s)",
    async (plan, code, count, framing = "length", options = {}) => {
      const seen = await ending({ ...ndjson, body, framing }, plan, options);
      expect({ code: seen.code, rows: seen.rows }).toEqual({ code, rows: [{ a: 1 }, { a: 2 }].slice(0, count) });
      if (plan.retryAfter) expect(seen.error).toMatchObject({ status: 503, retryAfterMs: 7_000 });
    },
  );
});

test("a fake clock drives the waits of a plan", async () => {
  const clock = fakeClock();
  const plan = { delay: { firstMs: 60_000 }, drip: { bytes: 8, everyMs: 60_000 } };
  server.use(http.get(url, mswAnswer({ ...ndjson, body }, { plan, clock })));
  await using longwire = client();
  const rows = longwire.ndjson(url)[Symbol.asyncIterator]();
  const due = async (): Promise<void> => {
    // The request and the first row go over msw's own socket, which takes turns of the event loop.
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(60_000);
  };
  const first = rows.next();
  await due();
  expect(await first).toEqual({ done: false, value: { a: 1 } });
  const second = rows.next();
  await due();
  expect(await second).toEqual({ done: false, value: { a: 2 } });
  expect(await rows.next()).toEqual({ done: true, value: undefined });
  expect(clock.now()).toBe(120_000);
});

test("a generator as a body is read once, and said to be so from then on", async () => {
  const resolver = mswAnswer({ ...ndjson, body: [body].values() });
  const first = await resolver({ request: new Request(url) });
  expect(await first.text()).toBe(body);
  await expect(resolver({ request: new Request(url) })).rejects.toThrow("was read already");
});

test("an answer is told when the client leaves", async () => {
  let left: Promise<unknown> | undefined;
  server.use(
    http.get(
      url,
      mswAnswer(
        ({ signal }) => {
          left = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
          return { ...ndjson, body: [body, body] };
        },
        { plan: { stall: 16 } },
      ),
    ),
  );
  await using longwire = client();
  for await (const _ of longwire.ndjson(url)) break;
  await left;
});

test("a reader that asks and leaves in one breath breaks nothing", async () => {
  const rejections: unknown[] = [];
  const note = (reason: unknown): unknown => rejections.push(reason);
  process.on("unhandledRejection", note);
  const { body: stream } = await mswAnswer({ ...ndjson, body: [body] })({ request: new Request(url) });
  const reader = (stream as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  // The head was read. Two turns later the first piece waits to be asked for.
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  const asked = reader.read();
  await reader.cancel();
  expect(await asked).toEqual({ done: true, value: undefined });
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(rejections).toEqual([]);
});

test("a request that is given up while its answer is made is a broken one", async () => {
  const leaving = new AbortController();
  const answered = mswAnswer(async () => {
    leaving.abort();
    return { ...ndjson, body };
  })({ request: new Request(url, { signal: leaving.signal }) });
  expect((await answered).type).toBe("error");
});

test("an answer that throws leaves no listener behind", async () => {
  const request = new Request(url);
  const fails = mswAnswer(() => {
    throw new Error("no answer");
  });
  await expect(fails({ request })).rejects.toThrow("no answer");
  expect(getEventListeners(request.signal, "abort")).toEqual([]);
});

test.each([204, 205, 304])(
  "an answer of status %d has no body, whatever it is given, and leaves nothing",
  async (status) => {
    const request = new Request(url);
    const response = await mswAnswer({ status, body })({ request });
    expect([response.status, response.body]).toEqual([status, null]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(getEventListeners(request.signal, "abort")).toEqual([]);
  },
);
