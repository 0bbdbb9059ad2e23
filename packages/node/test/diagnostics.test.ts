import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import { type LinesOptions, openLines, StreamError, type StreamOptions } from "@longwire/core";
import { fakeClock, type Script, scriptedTransport } from "@longwire/core/testing";
import { afterEach, expect, test, vi } from "vitest";
import { diagnostics } from "../src/diagnostics.ts";

const names = [
  "longwire:attempt:start",
  "longwire:attempt:open",
  "longwire:attempt:end",
  "longwire:stream:open",
  "longwire:stream:end",
] as const;

const undo: (() => void)[] = [];
afterEach(() => {
  for (const step of undo.splice(0)) step();
});

/** What is published on these channels from now on, in order. */
function heard(...on: readonly string[]): [name: string, message: Record<string, unknown>][] {
  const messages: [string, Record<string, unknown>][] = [];
  for (const name of on) {
    const listener = (message: unknown): void => void messages.push([name, message as Record<string, unknown>]);
    subscribe(name, listener);
    undo.push(() => unsubscribe(name, listener));
  }
  return messages;
}

const url = "https://ann:word@a.example/log?token=secret";
const shown = "https://a.example/log?token=***";
const secrets = /ann|word|secret|cookie|body of/;

function linesOf(script: Script, options: StreamOptions<string> & LinesOptions = {}) {
  const clock = fakeClock();
  const transport = scriptedTransport(script, { clock });
  const stream = openLines(url, { transport, clock, random: () => 0, watch: diagnostics(), ...options });
  const read = async (): Promise<void> => {
    const reading = (async () => {
      for await (const _ of stream);
    })().catch(() => {});
    await clock.advance(60_000);
    await reading;
  };
  return { stream, clock, read };
}

const reset = new StreamError("reset", "The wire was cut");
const resume = { cursor: (line: string) => line, apply: (request: { withQuery: unknown }) => request } as never;
const goingOn: Script = [
  { status: 503, headers: { "set-cookie": "secret", "retry-after": "2" }, chunks: ["body of an error"] },
  { chunks: ["a\n", { error: reset }] },
  { chunks: ["b\n", "c\n"], framing: "length" },
];

test("attempts and the stream are told in order, with what is known of each", async () => {
  const messages = heard(...names);
  const { stream, read } = linesOf(goingOn, { resume });
  await read();
  const at = (attempt: number) => ({ stream, url: shown, attempt });
  expect(messages).toEqual([
    ["longwire:attempt:start", at(1)],
    ["longwire:attempt:end", { ...at(1), code: "refused", status: 503, waitMs: 2_000 }],
    ["longwire:attempt:start", at(2)],
    ["longwire:attempt:open", { ...at(2), status: 200 }],
    ["longwire:stream:open", { stream, url: shown, status: 200 }],
    ["longwire:attempt:end", { ...at(2), code: "reset", waitMs: 100 }],
    ["longwire:attempt:start", at(3)],
    ["longwire:attempt:open", { ...at(3), status: 200 }],
    ["longwire:attempt:end", { ...at(3), code: "complete" }],
    ["longwire:stream:end", { stream, url: shown, code: "complete", items: 3, bytes: 6, attempts: 3 }],
  ]);
});

test("nothing that is told is a secret", async () => {
  const messages = heard(...names);
  await linesOf(goingOn, { resume }).read();
  expect(messages.length).toBe(10);
  for (const [, message] of messages) {
    expect(JSON.stringify(message)).not.toMatch(secrets);
    for (const value of Object.values(message)) expect(value).not.toBeInstanceOf(Error);
  }
});

test("nothing is published, and no message made, on a channel that nobody listens to", async () => {
  const publish = names.map((name) => vi.spyOn(channel(name), "publish"));
  undo.push(() => publish.forEach((spy) => spy.mockRestore()));
  await linesOf(goingOn, { resume }).read();
  expect(publish.map((spy) => spy.mock.calls.length)).toEqual([0, 0, 0, 0, 0]);
  heard("longwire:stream:end");
  await linesOf(goingOn, { resume }).read();
  expect(publish.map((spy) => spy.mock.calls.length)).toEqual([0, 0, 0, 0, 1]);
  expect(publish[4]?.mock.calls[0]?.[0]).toMatchObject({ code: "complete" });
});

test("who listens late hears the end of what had begun", async () => {
  const { stream, clock } = linesOf([{ chunks: ["a\n", "stall"] }]);
  const items = stream[Symbol.asyncIterator]();
  void items.next();
  await clock.advance(0);
  const messages = heard(...names);
  await stream.close();
  expect(messages.map(([name, { attempt, code }]) => [name, attempt, code])).toEqual([
    ["longwire:attempt:end", 1, "closed"],
    ["longwire:stream:end", undefined, "closed"],
  ]);
});

test("a stream that gave up tells how its last attempt ended, and that it gave up", async () => {
  const messages = heard("longwire:attempt:end", "longwire:stream:end");
  const unreachable = new StreamError("unreachable", "Cannot reach it", { phase: "name" });
  await linesOf([{ error: unreachable }, { headersMs: 20_000 }], {
    reconnect: { retries: 1 },
    timeouts: { headersMs: 10_000 },
  }).read();
  expect(messages.map(([, { stream: _, url: __, ...rest }]) => rest)).toEqual([
    { attempt: 1, code: "unreachable", phase: "name", waitMs: 100 },
    { attempt: 2, code: "deadline", clock: "headersMs" },
    { code: "exhausted", items: 0, bytes: 0, attempts: 2 },
  ]);
});

test("a stream that is closed while it waits has no attempt that ends", async () => {
  const messages = heard(...names);
  const { stream, clock } = linesOf([{ error: reset }]);
  void stream.open();
  await clock.advance(50);
  expect(stream.state.name).toBe("waiting");
  await stream.close();
  expect(messages.map(([name]) => name)).toEqual([
    "longwire:attempt:start",
    "longwire:attempt:end",
    "longwire:stream:end",
  ]);
});

test("a stream that made no attempt tells nothing", async () => {
  const messages = heard(...names);
  await linesOf([]).stream.close();
  expect(messages).toEqual([]);
});

test("a wait for the budget of an origin ends no attempt", async () => {
  const messages = heard(...names);
  const { read, stream } = linesOf([{ framing: "length" }], { budget: { take: () => 1_000, giveBack: () => {} } });
  await read();
  expect((await stream.outcome).code).toBe("complete");
  expect(messages.map(([name]) => name)).toEqual([
    "longwire:attempt:start",
    "longwire:attempt:open",
    "longwire:stream:open",
    "longwire:attempt:end",
    "longwire:stream:end",
  ]);
});

test("a listener that throws does not touch the stream", async () => {
  const thrown: unknown[] = [];
  const before = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => thrown.push(error));
  undo.push(() => {
    process.removeAllListeners("uncaughtException");
    for (const listener of before) process.on("uncaughtException", listener);
  });
  const error = new Error("a listener of its own");
  const listener = (): void => {
    throw error;
  };
  subscribe("longwire:attempt:start", listener);
  undo.push(() => unsubscribe("longwire:attempt:start", listener));
  const { read, stream } = linesOf([{ chunks: ["a\n"], framing: "length" }]);
  await read();
  await new Promise((resolve) => setImmediate(resolve));
  expect(await stream.outcome).toMatchObject({ code: "complete", items: 1 });
  // Node tells of it, as of every subscriber's.
  expect(thrown).toEqual([error]);
});
