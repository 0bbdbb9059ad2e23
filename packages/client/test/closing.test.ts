import { expect, test } from "vitest";
import { createClient as createNodeClient } from "../src/index.node.ts";
import { clientOf, read, settled, sse } from "./client-of.ts";

const open = { headers: sse, chunks: ["data: a\n\n", "stall"] } as const;

test("stats count streams, requests and attempts that are under way", async () => {
  const { client, clock } = clientOf((request) =>
    request.url.endsWith("/events") ? open : { chunks: ["a", "stall"] },
  );
  expect(client.stats()).toEqual({ streams: 0, requests: 0, attempts: 0, sockets: [] });
  const idle = client.sse("/events");
  void read(client.sse("/events"));
  const reply = await client.request("/status");
  await clock.advance(0);
  expect(client.stats()).toEqual({ streams: 1, requests: 1, attempts: 2, sockets: [] });
  expect(idle.state.name).toBe("idle");
  reply.release();
  expect(client.stats()).toMatchObject({ streams: 1, requests: 0 });
  await client.close();
  expect(client.stats()).toMatchObject({ streams: 0, requests: 0, attempts: 2 });
});

test("close() ends every stream, in any state, as closed", async () => {
  const { client, clock, transport } = clientOf((_, index) => [open, { headersMs: 1e6 }, { status: 503 }][index] ?? {});
  const streams = ["/a", "/b", "/c"].map((path) => client.sse(path));
  const reads = streams.map((stream) => read(stream));
  await clock.advance(10);
  expect(streams.map(({ state }) => state.name)).toEqual(["open", "opening", "waiting"]);
  await client.close();
  expect((await Promise.all(reads)).map(({ length }) => length)).toEqual([1, 0, 0]);
  expect(await Promise.all(streams.map(async ({ outcome }) => (await outcome).code))).toEqual([
    "closed",
    "closed",
    "closed",
  ]);
  expect([clock.pending, transport.open]).toEqual([0, 0]);
});

test("close() waits for the requests that are not read or released yet", async () => {
  const { client, clock, transport } = clientOf(() => ({ headersMs: 100, chunks: ["a", { waitMs: 100 }, "b"] }));
  const reply = client.request("/status");
  const other = client.request("/status");
  await clock.advance(50);
  let closed = false;
  const closing = client.close().then(() => {
    closed = true;
  });
  await clock.advance(50);
  const text = (await reply).text();
  await clock.advance(100);
  expect([await text, closed]).toEqual(["ab", false]);
  (await other).release();
  await closing;
  expect([closed, transport.open, clock.pending]).toEqual([true, 0, 0]);
});

test("close() waits for the last save of a stream's cursor", async () => {
  const { client, clock } = clientOf([{ headers: sse, chunks: ["id: 7\ndata: a\n\n", "stall"] }]);
  const saved: unknown[] = [];
  let free = (): void => {};
  const cursorStore = {
    load: () => undefined,
    save: (cursor: unknown) =>
      new Promise<void>((resolve) => {
        free = () => resolve(void saved.push(cursor));
      }),
  };
  const stream = client.sse("/events", { cursorStore });
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  stream.ack();
  let closed = false;
  const closing = client.close().then(() => {
    closed = true;
  });
  await clock.advance(1_000);
  expect([closed, saved]).toEqual([false, []]);
  free();
  await closing;
  expect([saved, client.stats().streams, clock.pending]).toEqual([["7"], 0, 0]);
});

test("destroy() waits for nothing: what is under way ends at once", async () => {
  const { client, clock, transport } = clientOf((_, index) =>
    index === 0 ? open : { headersMs: index === 1 ? 1e6 : 0, chunks: ["stall"] },
  );
  const events = read(client.sse("/events"));
  await clock.advance(0);
  const opening = client.request("/status");
  opening.catch(() => {});
  await clock.advance(0);
  const text = (await client.request("/status")).text();
  text.catch(() => {});
  await clock.advance(0);
  await client.destroy();
  expect((await events).length).toBe(1);
  await expect(opening).rejects.toMatchObject({ name: "AbortError" });
  await settled(text, clock);
  expect([transport.open, clock.pending, client.stats().requests]).toEqual([0, 0, 0]);
});

test("a closed client opens nothing", async () => {
  const { client, transport } = clientOf([]);
  await client.close();
  expect(() => client.sse("/events")).toThrow(new TypeError("This client is closed"));
  expect(() => client.lines("/log")).toThrow(TypeError);
  expect(transport.requests.length).toBe(0);
});

test("a stream that was made before and is first pulled after the close is closed", async () => {
  const { client, clock, transport } = clientOf([]);
  const events = client.sse("/events");
  await client.close();
  expect(await read(events)).toEqual([]);
  expect(await events.outcome).toMatchObject({ code: "closed", attempts: 0 });
  expect([transport.requests.length, clock.pending]).toEqual([0, 0]);
});

test("await using closes a client", async () => {
  const { client } = clientOf([]);
  {
    await using held = client;
    void held;
  }
  expect(() => client.sse("/events")).toThrow("This client is closed");
});

test("a bad option of the client is an error that prints it", () => {
  expect(() => clientOf([], { baseUrl: "/v1" })).toThrow(TypeError);
  expect(() => clientOf([], { budget: { perSecond: 0 } })).toThrow(
    new RangeError("budget.perSecond must be a number above 0, and finite, not 0"),
  );
});

test("a client on undici has the same doors, and shows its sockets", async () => {
  const client = createNodeClient({ baseUrl: "https://a.example" });
  expect(client.stats()).toEqual({ streams: 0, requests: 0, attempts: 0, sockets: [], lanes: [] });
  await client.close();
  expect(() => client.sse("/events")).toThrow("This client is closed");
});
