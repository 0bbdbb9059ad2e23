import { expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { linesDialect } from "../../src/events/lines-dialect.ts";
import type { Until } from "../../src/events/until.ts";
import { left, nothingLeft, reading, rig, streamOf, texts, type Tick } from "./stream-of.ts";

const once = { reconnect: false } as const;
const cut = { error: new StreamError("truncated", "The body ended short") } as const;

test.each<[string, Until<Tick>, string[]]>([
  ["a string swallows the item it equals", "done 1", ["a"]],
  ["an event delivers it last", { event: "done" }, ["a", "done 1"]],
  ["a predicate delivers it last", ({ text }) => text.startsWith("done"), ["a", "done 1"]],
])("until: %s", async (_, until, items) => {
  const { stream, clock, transport } = streamOf([{ chunks: ["a\ndone 1\nb\n", "stall"] }], { until });
  const seen = reading(stream);
  await clock.advance(0);
  expect([texts(seen.items), seen.end]).toEqual([items, "done"]);
  expect(await stream.outcome).toMatchObject({ code: "complete", items: items.length });
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("a match lets the connection go at once, however long the consumer takes for the last item", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["done\n", "stall"] }], { until: { event: "done" } });
  const items = stream[Symbol.asyncIterator]();
  expect(await items.next()).toMatchObject({ value: { text: "done" } });
  expect(transport.open).toBe(0);
  await clock.advance(1e9);
  expect(await items.next()).toEqual({ value: undefined, done: true });
  expect(await stream.outcome).toMatchObject({ code: "complete" });
});

test("who leaves the loop at the last item has a complete stream, too", async () => {
  const { stream } = streamOf([{ chunks: ["done\n", "stall"] }], { until: { event: "done" } });
  for await (const _ of stream) break;
  expect(await stream.outcome).toMatchObject({ code: "complete", items: 1 });
});

test("a match never reopens", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["[DONE]\n"] }], { until: "[DONE]" });
  reading(stream);
  await clock.advance(3_600_000);
  expect([transport.requests.length, clock.pending]).toEqual([1, 0]);
});

test.each<[string, Until<Tick>]>([
  ["a string", "done"],
  ["an event", { event: "done" }],
  ["a predicate", ({ text }) => text === "done"],
])("at EOF an unfinished event is tried against until, and delivered never: %s", async (_, until) => {
  for (const chunks of [["a\ndone"], ["a\ndone", cut]]) {
    const { stream, clock } = streamOf([{ chunks }], { ...once, until });
    const seen = reading(stream);
    await clock.advance(0);
    expect([texts(seen.items), seen.end]).toEqual([["a"], "done"]);
    expect(await stream.outcome).toMatchObject({ code: "complete", items: 1 });
  }
});

test("without until an unfinished event is not delivered", async () => {
  const { stream, clock } = streamOf([{ chunks: ["a\nb"] }], once);
  const seen = reading(stream);
  await clock.advance(0);
  expect([texts(seen.items), seen.end]).toMatchObject([["a"], { thrown: { code: "truncated" } }]);
});

test("an EOF without a match is truncated and says so; safe SSE is opened again", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["a\n"] }, { chunks: ["[DONE]\n"] }], { until: "[DONE]" });
  const seen = reading(stream);
  await clock.advance(50);
  expect(stream.state).toMatchObject({
    name: "waiting",
    cause: {
      code: "truncated",
      message: "Cannot finish https://a.example/ticks?key=***: it ended before what `until` names",
    },
  });
  await clock.advance(1_000);
  expect([transport.requests.length, seen.end]).toEqual([2, "done"]);
});

test("an EOF without a match is final for a POST", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["a\n"] }], { until: "[DONE]", method: "POST" });
  const seen = reading(stream);
  await clock.advance(60_000);
  expect([transport.requests.length, seen.end]).toMatchObject([1, { thrown: { code: "truncated" } }]);
});

test("a framed end without a match is truncated too: until was declared", async () => {
  const { stream, clock } = streamOf([{ chunks: ["a\n"], framing: "length" }], {
    ...once,
    endless: false,
    until: "[DONE]",
  });
  reading(stream);
  await clock.advance(0);
  expect(await stream.outcome).toMatchObject({ code: "truncated" });
});

test("204 is complete without a match", async () => {
  const { stream, clock } = streamOf([{ status: 204 }], { until: "[DONE]" });
  reading(stream);
  await clock.advance(0);
  expect(await stream.outcome).toMatchObject({ code: "complete" });
});

test("a predicate that throws ends the stream as protocol, behind the items before it", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["a\nb\nc\n", "stall"] }], {
    until: ({ text }) => {
      if (text === "b") throw new RangeError("no b, please");
      return false;
    },
  });
  const seen = reading(stream);
  await clock.advance(0);
  expect(texts(seen.items)).toEqual(["a"]);
  expect(seen.end).toMatchObject({
    thrown: { code: "protocol", cause: { name: "RangeError", message: "no b, please" } },
  });
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("what comes behind a match moves no cursor", async () => {
  const { stream, clock } = streamOf([{ chunks: ["1=a\n2=done\n3=c\n@4\n"] }], { until: { event: "done" } });
  reading(stream);
  await clock.advance(0);
  expect(await stream.outcome).toMatchObject({ code: "complete", cursor: "2" });
});

test("an unfinished event and a comment that do not match end nothing", async () => {
  const { stream, clock } = streamOf([{ chunks: [":beat\na\n", ":beat\n\nb"] }], { ...once, until: "done" });
  const seen = reading(stream);
  await clock.advance(0);
  expect([texts(seen.items), seen.end]).toMatchObject([["a"], { thrown: { code: "truncated" } }]);
});

test("a framed body that was cut in its last line is tried against until as it is, and its rest is no line", async () => {
  const marker = rig(linesDialect(), [{ framing: "length", chunks: ["a\n[DONE]", cut] }], { until: "[DONE]" });
  const seen = reading(marker.stream);
  await marker.clock.advance(0);
  expect([seen.items, seen.end, (await marker.stream.outcome).code]).toEqual([["a"], "done", "complete"]);
});

test("a bookmark behind the item that ends the stream moves no cursor", async () => {
  const { stream, clock } = streamOf([{ chunks: ["1=a\n2=done\n@4\n"] }], { until: { event: "done" } });
  reading(stream);
  await clock.advance(0);
  expect(await stream.outcome).toMatchObject({ code: "complete", cursor: "2" });
});

test("totalMs over a consumer that is at the last item ends the stream complete", async () => {
  const { stream, clock } = streamOf([{ chunks: ["1=a\n2=done\n", "stall"] }], {
    until: { event: "done" },
    timeouts: { totalMs: 100 },
  });
  const items = stream[Symbol.asyncIterator]();
  expect([await items.next(), await items.next()]).toMatchObject([
    { value: { text: "a" } },
    { value: { text: "done" } },
  ]);
  await clock.advance(200);
  expect([(await stream.outcome).code, await items.next()]).toEqual(["complete", { done: true, value: undefined }]);
});
