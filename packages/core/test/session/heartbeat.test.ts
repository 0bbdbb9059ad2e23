import { expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { reading, rig, streamOf, type Tick, texts, ticks } from "./stream-of.ts";

const cut = { error: new StreamError("reset", "the connection broke") };
const heartbeat = ({ text }: Tick): boolean => text === "ping";

test("an item that the caller calls a heartbeat is not handed out; its cursor counts behind the items before it", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["7=a\n8=ping\n", cut] }, { chunks: ["9=b\n", "stall"] }], {
    heartbeat,
  });
  const seen = reading(stream);
  await clock.advance(1_000);
  expect([texts(seen.items), stream.stats.heartbeats, stream.stats.items]).toEqual([["a", "b"], 1, 2]);
  expect(transport.requests[1]?.headers["last-id"]).toBe("8");
  await stream.close();
});

test("a dialect may call items heartbeats, and the caller's rule goes before it", async () => {
  const dialect = { ...ticks(), isHeartbeat: heartbeat };
  const script = [{ chunks: ["a\nping\npong\n"] }];
  const theirs = rig(dialect, script, { reconnect: false });
  const own = rig(dialect, script, { reconnect: false, heartbeat: ({ text }) => text === "pong" });
  const seen = [reading(theirs.stream), reading(own.stream)];
  await theirs.clock.advance(0);
  await own.clock.advance(0);
  expect(seen.map(({ items }) => texts(items))).toEqual([
    ["a", "pong"],
    ["a", "ping"],
  ]);
});

test.each([
  ["comments", ":still here\n"],
  ["blank lines", "\n"],
  ["items that are heartbeats", "ping\n"],
])("%s reset idleMs and not progressMs", async (_, beat) => {
  const beats = Array.from({ length: 20 }, () => [{ waitMs: 900 }, beat] as const).flat();
  const options = { heartbeat, reconnect: false, timeouts: { idleMs: 1_000, progressMs: 10_000 } } as const;
  const { stream, clock } = streamOf([{ chunks: ["a\n", ...beats] }], options);
  const seen = reading(stream);
  await clock.advance(9_999);
  expect(seen.end).toBe("reading");
  await clock.advance(1);
  expect(seen.end).toMatchObject({ thrown: { code: "idle", clock: "progressMs" } });
  expect(stream.stats.heartbeats).toBe(11);
});

test("until is not asked about a heartbeat", async () => {
  const { stream, clock } = streamOf([{ chunks: ["a\nping\nb\n"] }], {
    heartbeat,
    until: ({ text }) => text === "ping" || text === "b",
  });
  const seen = reading(stream);
  await clock.advance(0);
  expect([texts(seen.items), (await stream.outcome).code]).toEqual([["a", "b"], "complete"]);
});

test("a heartbeat is not a first item, and makes no attempt healthy", async () => {
  const first = streamOf([{ chunks: ["ping\n", "stall"] }], {
    heartbeat,
    reconnect: false,
    timeouts: { firstItemMs: 500 },
  });
  const seen = reading(first.stream);
  await first.clock.advance(500);
  expect(seen.end).toMatchObject({ thrown: { code: "idle", clock: "firstItemMs" } });
  const again = streamOf(() => ({ chunks: ["ping\n", cut] }), { heartbeat, reconnect: { retries: 2 } });
  const tried = reading(again.stream);
  await again.clock.advance(60_000);
  expect([again.stream.state.tally.attempts, tried.end]).toMatchObject([3, { thrown: { code: "exhausted" } }]);
});

test("a heartbeat rule that throws ends the stream behind the items before it", async () => {
  const { stream, clock } = streamOf([{ chunks: ["a\nb\n"] }], {
    heartbeat: ({ text }) => {
      if (text === "b") throw new TypeError("no such thing");
      return false;
    },
  });
  const seen = reading(stream);
  await clock.advance(0);
  expect([texts(seen.items), seen.end]).toMatchObject([["a"], { thrown: { code: "protocol" } }]);
});
