import { describe, expect, test } from "vitest";
import { type ErrorCode, type OutcomeCode, StreamError } from "../../src/errors.ts";
import { openBytes } from "../../src/open.ts";
import { fakeClock, type ScriptedAnswer, scriptedTransport } from "../../src/testing/index.ts";
import { left, nothingLeft, reading, type RigOptions, streamOf, texts, type Tick } from "./stream-of.ts";

type Options = RigOptions<Tick> & { readonly endless?: boolean };

const once = { reconnect: false } as const;
const failure = (code: ErrorCode, details = {}) => new StreamError(code, `Cannot go on: ${code}`, details);

const good: [title: string, code: OutcomeCode, items: string[], answer: ScriptedAnswer, options: Options][] = [
  ["until matched", "complete", ["a"], { chunks: ["a\n[DONE]\nb\n", "stall"] }, { until: "[DONE]" }],
  ["204", "complete", [], { status: 204 }, {}],
  ["205", "complete", [], { status: 205 }, {}],
  ["an end by length", "complete", ["a"], { chunks: ["a\n"], framing: "length" }, { endless: false }],
  ["an end by chunks", "complete", ["a"], { chunks: ["a\n"], framing: "chunked" }, { endless: false }],
  ["an end by an h2 flag", "complete", ["a"], { chunks: ["a\n"], framing: "h2" }, { endless: false }],
  ["an end of SSE, framed as it may be", "ended", ["a"], { chunks: ["a\n"], framing: "chunked" }, once],
  [
    "an unframed end at an item boundary",
    "ended",
    ["a"],
    { chunks: ["a\n"], framing: "close" },
    { ...once, endless: false },
  ],
  [
    "an end whose framing is not known",
    "ended",
    ["a"],
    { chunks: ["a\n"], framing: "unknown" },
    { ...once, endless: false },
  ],
];

describe.each(good)("%s", (_, code, items, answer, options) => {
  test(`is ${code}, and the loop ends`, async () => {
    const { stream, clock, transport } = streamOf([answer], options);
    const seen = reading(stream);
    await clock.advance(0);
    expect([texts(seen.items), seen.end]).toEqual([items, "done"]);
    expect(await stream.outcome).toMatchObject({ code, items: items.length, attempts: 1 });
    expect("error" in (await stream.outcome)).toBe(false);
    expect(left({ clock, transport })).toEqual(nothingLeft);
  });
});

const bad: [title: string, code: ErrorCode, details: object, answer: ScriptedAnswer, options: Options][] = [
  ["a FIN inside an item", "truncated", {}, { chunks: ["a\nb"], framing: "close" }, once],
  ["a framed body that ended short", "truncated", {}, { chunks: ["a\n", { error: failure("truncated") }] }, once],
  ["an EOF where until did not match", "truncated", {}, { chunks: ["a\n"] }, { ...once, until: "[DONE]" }],
  ["a broken connection", "reset", {}, { chunks: ["a\n", { error: failure("reset") }] }, once],
  ["no connection", "unreachable", { phase: "name" }, { error: failure("unreachable", { phase: "name" }) }, once],
  [
    "a status",
    "refused",
    { status: 404, excerpt: "no such log", headers: { "content-type": "text/plain" } },
    { status: 404, headers: { "content-type": "text/plain" }, chunks: ["no such log"] },
    once,
  ],
  ["a media type", "refused", { status: 200 }, { headers: { "content-type": "text/html" } }, once],
  ["silence", "idle", { clock: "idleMs" }, { chunks: ["stall"] }, { ...once, timeouts: { idleMs: 50 } }],
  ["no item", "idle", { clock: "firstItemMs" }, { chunks: ["stall"] }, { ...once, timeouts: { firstItemMs: 50 } }],
  ["no progress", "idle", { clock: "progressMs" }, { chunks: ["stall"] }, { ...once, timeouts: { progressMs: 50 } }],
  [
    "no connection in time",
    "deadline",
    { clock: "connectMs" },
    { connectMs: 99 },
    { ...once, timeouts: { connectMs: 50 } },
  ],
  [
    "no headers in time",
    "deadline",
    { clock: "headersMs" },
    { headersMs: 99 },
    { ...once, timeouts: { headersMs: 50 } },
  ],
  ["the end of all time", "deadline", { clock: "totalMs" }, { chunks: ["stall"] }, { timeouts: { totalMs: 50 } }],
  ["an item too long", "limit", { limit: "maxItemBytes" }, { chunks: ["x".repeat(1_001)] }, {}],
  ["what the format does not allow", "protocol", {}, { chunks: [{ error: failure("protocol") }] }, {}],
];

describe.each(bad)("%s", (_, code, details, answer, options) => {
  test(`is ${code}, and the loop throws it`, async () => {
    const { stream, clock, transport } = streamOf([answer], options);
    const seen = reading(stream);
    await clock.advance(99);
    const outcome = await stream.outcome;
    expect(outcome).toMatchObject({
      code,
      items: seen.items.length,
      attempts: 1,
      error: { name: "StreamError", code, ...details },
    });
    expect(seen.end).toEqual({ thrown: outcome.error });
    expect((seen.end as { thrown: unknown }).thrown).toBe(outcome.error);
    expect(stream.state).toMatchObject({ name: "closed", outcome });
    expect(left({ clock, transport })).toEqual(nothingLeft);
  });
});

test("the caller's signal is aborted, and their reason is thrown as it is", async () => {
  const controller = new AbortController();
  const { stream, clock } = streamOf([{ chunks: ["a\n", "stall"] }], { signal: controller.signal });
  const seen = reading(stream);
  await clock.advance(0);
  controller.abort("enough");
  await clock.advance(0);
  expect(seen.end).toEqual({ thrown: "enough" });
  expect(await stream.outcome).toMatchObject({ code: "aborted", error: "enough", items: 1 });
});

test("a caller who leaves the loop is closed", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["a\n", "stall"] }]);
  for await (const _ of stream) break;
  expect(await stream.outcome).toEqual({ code: "closed", items: 1, bytes: 2, attempts: 1, cursor: undefined });
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("a policy that gives up is exhausted: the cause is the last attempt's error, and the counts are told", async () => {
  const { stream, clock } = streamOf((_, index) => ({ error: failure(index < 2 ? "unreachable" : "reset") }), {
    reconnect: { retries: 2 },
  });
  const seen = reading(stream);
  await clock.advance(10_000);
  const { error, ...outcome } = await stream.outcome;
  expect(outcome).toEqual({ code: "exhausted", items: 0, bytes: 0, attempts: 3, cursor: undefined });
  expect(error).toMatchObject({
    code: "exhausted",
    message: "Gave up on https://a.example/ticks?key=*** after 2 retries: Cannot go on: reset",
    cause: { code: "reset" },
  });
  expect(seen.end).toEqual({ thrown: error });
});

test("a server that only opens and closes exhausts the policy too", async () => {
  const { stream, clock, transport } = streamOf(() => ({}), { reconnect: { retries: 3 } });
  const seen = reading(stream);
  await clock.advance(10_000);
  expect(transport.requests.length).toBe(4);
  expect(await stream.outcome).toMatchObject({ code: "exhausted", attempts: 4 });
  expect(seen.end).toMatchObject({
    thrown: {
      code: "exhausted",
      message: "Gave up on https://a.example/ticks?key=*** after 3 retries: the stream ended at once",
    },
  });
});

test("when no retry was made, the attempt's own error is the outcome", async () => {
  const { stream, clock } = streamOf([{ error: failure("reset") }], { reconnect: { retries: 0 } });
  reading(stream);
  await clock.advance(0);
  expect(await stream.outcome).toMatchObject({ code: "reset", attempts: 1 });
});

test("an error that no retry helps is the outcome after retries too", async () => {
  const { stream, clock } = streamOf([{ error: failure("reset") }, { status: 404 }]);
  reading(stream);
  await clock.advance(1_000);
  expect(await stream.outcome).toMatchObject({ code: "refused", attempts: 2, error: { status: 404 } });
});

test("the items that came before an error are delivered first", async () => {
  const { stream, clock } = streamOf([{ chunks: [`a\nb\n${"x".repeat(1_001)}\nc\n`] }]);
  const seen = reading(stream);
  await clock.advance(0);
  expect([texts(seen.items), seen.end]).toMatchObject([["a", "b"], { thrown: { code: "limit" } }]);
});

test("the outcome counts items handed out, bytes and attempts over all attempts, and holds the cursor", async () => {
  const { stream, clock } = streamOf([
    { chunks: ["1=a\n2=b\n", { error: failure("reset") }] },
    { chunks: ["3=c\n"] },
    { status: 204 },
  ]);
  reading(stream);
  await clock.advance(10_000);
  expect(await stream.outcome).toEqual({ code: "complete", items: 3, bytes: 12, attempts: 3, cursor: "3" });
});

test("refused holds up to 2 KiB of the body", async () => {
  const { stream, clock } = streamOf([{ status: 400, chunks: ["x".repeat(3_000)] }]);
  reading(stream);
  await clock.advance(0);
  const { error } = await stream.outcome;
  expect((error as StreamError).excerpt).toBe("x".repeat(2_048));
});

test("the outcome never rejects and opens nothing", async () => {
  const clock = fakeClock();
  const transport = scriptedTransport([]);
  const stream = openBytes("https://a.example/", { transport, clock });
  const { outcome } = stream;
  await clock.advance(1_000);
  expect([transport.requests.length, stream.state.name]).toEqual([0, "idle"]);
  await stream.close();
  expect(await outcome).toEqual({ code: "closed", items: 0, bytes: 0, attempts: 0, cursor: undefined });
  expect(stream.outcome).toBe(outcome);
});
