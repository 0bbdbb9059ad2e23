import { expect, test } from "vitest";
import { type ErrorCode, StreamError } from "../../src/errors.ts";
import { type ScriptedAnswer, scriptedTransport } from "../../src/testing/index.ts";
import { reading, type RigOptions, streamOf, type Tick } from "./stream-of.ts";

const failure = (code: ErrorCode) => new StreamError(code, code);
const cut: ScriptedAnswer = { chunks: ["1=a\n", { error: failure("reset") }] };
const over: ScriptedAnswer = { status: 204 };
const post: RigOptions<Tick> = { method: "POST", body: "{}" };

async function attempts(
  script: ScriptedAnswer[],
  options: RigOptions<Tick>,
): Promise<[requests: number, code: string]> {
  const { stream, clock, transport } = streamOf(script, options);
  reading(stream);
  await clock.advance(3_600_000);
  await stream.close();
  return [transport.requests.length, (await stream.outcome).code];
}

test.each<[string, ScriptedAnswer, string]>([
  ["a cut after the request", { error: failure("reset") }, "reset"],
  ["a FIN before the head", { error: failure("truncated") }, "truncated"],
  ["no headers in time", { headersMs: 1_000_000 }, "deadline"],
  ["a cut in the body", cut, "reset"],
  ["silence in the body", { chunks: ["stall"] }, "idle"],
  ["a clean end", { chunks: ["1=a\n"] }, "ended"],
  ["a 500", { status: 500 }, "refused"],
  ["a 408", { status: 408 }, "refused"],
])("a POST is never sent again once its first byte may have been written: %s", async (_, answer, code) => {
  expect(await attempts([answer, over], post)).toEqual([1, code]);
});

test.each(["PUT", "PATCH", "DELETE"])("a %s neither", async (method) => {
  expect(await attempts([cut, over], { method })).toEqual([1, "reset"]);
});

test.each(["GET", "HEAD", "OPTIONS"])("a %s may be", async (method) => {
  expect(await attempts([cut, over], { method })).toEqual([2, "complete"]);
});

test("a POST whose connection was refused was not sent: it is tried again", async () => {
  expect(await attempts([{ error: failure("unreachable") }, over], post)).toEqual([2, "complete"]);
});

test("a POST that got no connection in time was not sent: it is tried again", async () => {
  expect(await attempts([{ connectMs: 20_000 }, over], post)).toEqual([2, "complete"]);
});

test("where the connection is hidden, a POST counts as sent with the call", async () => {
  expect(await attempts([{ error: failure("unreachable") }, over], { ...post, hidden: true })).toEqual([
    1,
    "unreachable",
  ]);
});

test.each([429, 503])("a POST is sent again on %d, which says that it was not processed", async (status) => {
  expect(await attempts([{ status }, over], post)).toEqual([2, "complete"]);
});

test.each<[string, RigOptions<Tick>]>([
  ["replayable: true", { replayable: true }],
  ["an Idempotency-Key", { headers: { "Idempotency-Key": "k1" } }],
  ["an Idempotency-Key of a headers function", { headers: () => ({ "idempotency-key": "k1" }) }],
  ["a resume of its own", { resume: { apply: (request) => request.withHeader("x-go-on", "1") } }],
])("a POST is sent again with %s", async (_, options) => {
  expect(await attempts([cut, over], { ...post, ...options })).toEqual([2, "complete"]);
});

test("replayable: true sends it again after a clean end of SSE too", async () => {
  expect(await attempts([{ chunks: ["1=a\n"] }, over], { ...post, replayable: true })).toEqual([2, "complete"]);
});

async function* source() {
  yield new Uint8Array([1]);
}

test.each<[string, ScriptedAnswer, RigOptions<Tick>]>([
  ["replayable", cut, { replayable: true }],
  ["with an Idempotency-Key", cut, { headers: { "idempotency-key": "k1" } }],
  ["with a resume of its own", cut, { resume: { apply: (request) => request } }],
  ["on 503", { status: 503 }, {}],
  ["with a safe method", cut, { method: "GET" }],
])("a body that cannot be made again is never sent twice: %s", async (_, answer, options) => {
  expect((await attempts([answer, over], { ...post, body: source(), ...options }))[0]).toBe(1);
});

test("a body that a function makes is made anew", async () => {
  expect(await attempts([cut, over], { ...post, body: source, replayable: true })).toEqual([2, "complete"]);
});

test("replayable: false keeps a safe request from being sent twice", async () => {
  expect(await attempts([cut, over], { replayable: false })).toEqual([1, "reset"]);
});

test("what the last attempt sent counts, not the ones before", async () => {
  const unreachable = { error: failure("unreachable") };
  expect(await attempts([unreachable, unreachable, cut, over], post)).toEqual([3, "reset"]);
});

test.each<[string, ScriptedAnswer]>([
  ["a stream", cut],
  ["a refusal", { status: 500 }],
])("an answer proves that a POST was sent, also where the transport does not tell: %s", async (_, answer) => {
  const silent = scriptedTransport([answer, over]);
  expect(
    (await attempts([], { ...post, transport: (request, { signal }) => silent(request, { signal }) }))[1],
  ).not.toBe("complete");
  expect(silent.requests.length).toBe(1);
});
