import { expect, test } from "vitest";
import { linesDialect } from "../../src/events/lines-dialect.ts";
import { seededRandom } from "../../src/testing/index.ts";
import { left, nothingLeft, reading, rig, streamOf, texts } from "./stream-of.ts";

const old = { timeouts: { maxAgeMs: 60_000 } } as const;

test("maxAgeMs changes a healthy connection for a new one behind the last item: uncounted, without a wait", async () => {
  const { stream, clock, transport } = streamOf(
    [{ chunks: ["7=a\n", { waitMs: 40_000 }, "8=b\nun", "stall"] }, { chunks: ["9=c\n", "stall"] }],
    old,
  );
  const notices = reading(stream.notices());
  const seen = reading(stream);
  await clock.advance(59_999);
  expect(transport.requests.length).toBe(1);
  await clock.advance(1);
  expect(transport.requests.map(({ headers }) => headers["last-id"])).toEqual([undefined, "8"]);
  expect([texts(seen.items), stream.state.name, stream.state.tally.retries]).toEqual([["a", "b", "c"], "open", 0]);
  expect(notices.items.slice(2)).toMatchObject([
    { type: "aged", recycled: true },
    { type: "waiting", cause: "aged", waitMs: 0, retry: 0 },
    { type: "opening", attempt: 2 },
    { type: "open" },
    { type: "resumed", cursor: "8" },
  ]);
  expect([transport.released, transport.open]).toEqual([1, 1]);
  await stream.close();
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("it is measured from the headers of each connection, up to a fifth sooner by chance", async () => {
  const opened: number[] = [];
  const { stream, clock } = streamOf(
    () => {
      opened.push(clock.now());
      return { connectMs: 1_000, headersMs: 1_000, chunks: ["7=a\n", "stall"] };
    },
    { ...old, random: seededRandom(5), timeouts: { maxAgeMs: 60_000, connectMs: 2_000 } },
  );
  reading(stream);
  await clock.advance(4_000_000);
  const ages = opened.slice(1).map((at, i) => at - (opened[i] as number) - 2_000);
  expect(ages.length).toBeGreaterThan(50);
  expect(Math.min(...ages)).toBeGreaterThanOrEqual(48_000);
  expect(Math.max(...ages)).toBeLessThanOrEqual(60_000);
  expect(Math.max(...ages) - Math.min(...ages)).toBeGreaterThan(10_000);
  await stream.close();
});

test("an age that comes over a busy consumer is acted on behind the items it had in hand", async () => {
  const { stream, clock, transport } = streamOf(
    [{ chunks: ["1=a\n2=b\n", "stall"] }, { chunks: ["3=c\n", "stall"] }],
    old,
  );
  const items = stream[Symbol.asyncIterator]();
  expect([await items.next(), await items.next()]).toMatchObject([{ value: { text: "a" } }, { value: { text: "b" } }]);
  await clock.advance(500_000);
  expect(transport.requests.length).toBe(1);
  const next = items.next();
  await clock.advance(60_000);
  expect(await next).toMatchObject({ value: { text: "c" } });
  expect(transport.requests[1]?.headers["last-id"]).toBe("2");
  await stream.close();
});

test.each([
  ["no way to resume", rig(linesDialect(), [{ chunks: ["a\n", "stall"] }], old)],
  ["no cursor yet", streamOf([{ chunks: ["a\n", "stall"] }], old)],
  ["reconnect: false", streamOf([{ chunks: ["7=a\n", "stall"] }], { ...old, reconnect: false })],
  ["a request that may not be sent again", streamOf([{ chunks: ["7=a\n", "stall"] }], { ...old, method: "POST" })],
])("with %s the connection is kept, and that is told once", async (_, { stream, clock, transport }) => {
  const notices = reading(stream.notices());
  reading(stream as AsyncIterable<unknown>);
  await clock.advance(200_000);
  expect([transport.requests.length, stream.state.name]).toEqual([1, "open"]);
  expect(notices.items.filter(({ type }) => type === "aged")).toEqual([{ type: "aged", recycled: false }]);
  await stream.close();
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("a stream that ended while it aged is not opened again for its age", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["7=a\n"] }], { ...old, until: ({ text }) => text === "a" });
  const seen = reading(stream);
  await clock.advance(500_000);
  expect([seen.end, transport.requests.length]).toEqual(["done", 1]);
});

test("close() in the middle of a recycle is final", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["7=a\n", "stall"] }, { headersMs: 5_000 }], old);
  const seen = reading(stream);
  await clock.advance(60_001);
  expect(stream.state.name).toBe("opening");
  await stream.close();
  await clock.advance(0);
  expect([seen.end, (await stream.outcome).code]).toEqual(["done", "closed"]);
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("a connection that is kept is told also after one that was changed, and only once", async () => {
  const { stream, clock } = streamOf([{ chunks: ["7=a\n", "stall"] }, { chunks: ["@\n", "stall"] }], old);
  const notices = reading(stream.notices());
  reading(stream);
  await clock.advance(400_000);
  expect(notices.items.filter(({ type }) => type === "aged")).toEqual([
    { type: "aged", recycled: true },
    { type: "aged", recycled: false },
  ]);
  await stream.close();
});

test("a connection that was kept for want of a cursor is changed once there is one", async () => {
  const chunks = ["a\n", { waitMs: 70_000 }, "7=b\n", "stall"] as const;
  const { stream, clock, transport } = streamOf([{ chunks }, { chunks: ["stall"] }], old);
  reading(stream);
  await clock.advance(119_999);
  expect(transport.requests.length).toBe(1);
  await clock.advance(1);
  expect(transport.requests.map(({ headers }) => headers["last-id"])).toEqual([undefined, "7"]);
  await stream.close();
});
