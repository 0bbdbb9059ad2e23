// What a stream shows of its credentials, and when it asks for them: the layers, put together as a stream does.

import { expect, test } from "vitest";
import type { Outcome } from "../../src/errors.ts";
import { type Auth, basic, bearer } from "../../src/layers/auth.ts";
import { openLines } from "../../src/open.ts";
import type { StreamOptions } from "../../src/options.ts";
import type { StreamRequest } from "../../src/request/stream-request.ts";
import type { Notice } from "../../src/session/notice.ts";
import { fakeClock, type Script, scriptedTransport } from "../../src/testing/index.ts";

interface Run {
  readonly items: readonly string[];
  readonly error: unknown;
  readonly notices: readonly Notice[];
  readonly outcome: Outcome;
  readonly requests: readonly StreamRequest[];
}

/** A stream of lines that is read to its end, and all that it told. */
async function run(script: Script, options: StreamOptions<string> = {}, url = "https://a.example/log"): Promise<Run> {
  const clock = fakeClock();
  const transport = scriptedTransport(script, { clock });
  const stream = openLines(url, { transport, clock, random: () => 0, reconnect: { retries: 2 }, ...options });
  const reader = stream.notices({ comments: true });
  const items: string[] = [];
  const reading = (async () => {
    for await (const line of stream) items.push(line);
  })().catch((error: unknown) => error);
  await clock.advance(3_600_000);
  const error = await reading;
  const notices: Notice[] = [];
  for await (const notice of reader) notices.push(notice);
  return { items, error, notices, outcome: await stream.outcome, requests: transport.requests };
}

const authorizations = ({ requests }: Run) => requests.map(({ headers }) => headers["authorization"]);
const typesOf = ({ notices }: Run) =>
  notices.map((notice) => ("attempt" in notice ? [notice.type, notice.attempt] : [notice.type]));

test("a 401 is asked once more within its attempt: the same attempt number, and no wait", async () => {
  const asked: boolean[] = [];
  const auth = bearer(({ refused }) => {
    asked.push(refused);
    return refused ? "new" : "old";
  });
  const done = await run([{ status: 401 }, { chunks: ["a\n"] }], { auth });
  expect(typesOf(done)).toEqual([["opening", 1], ["open", 1], ["closed"]]);
  expect([done.items, asked, authorizations(done)]).toEqual([["a"], [false, true], ["Bearer old", "Bearer new"]]);
  expect(done.outcome).toMatchObject({ code: "complete", attempts: 1 });
});

test("a second 401 is refused, with its status, and not tried again", async () => {
  let asked = 0;
  const done = await run(() => ({ status: 401, chunks: ["no"] }), { auth: () => `Bearer ${++asked}` });
  expect(done.error).toMatchObject({ code: "refused", status: 401, excerpt: "no" });
  expect([typesOf(done), asked, done.requests.length]).toEqual([[["opening", 1], ["closed"]], 2, 2]);
});

test("every attempt asks anew, also after a reconnect, and a 401 of each is asked once more", async () => {
  const asked: [string, boolean][] = [];
  const auth: Auth = ({ url, refused }) => {
    asked.push([url, refused]);
    return `Bearer ${asked.length}`;
  };
  const done = await run([{ status: 503 }, { status: 401 }, { chunks: ["a\n"] }], { auth });
  expect(asked.map(([, refused]) => refused)).toEqual([false, false, true]);
  expect(authorizations(done)).toEqual(["Bearer 1", "Bearer 2", "Bearer 3"]);
  expect(done.outcome).toMatchObject({ code: "complete", attempts: 2 });
});

test("headers that auth gave by name stay with their origin across redirects, which begin anew with every attempt", async () => {
  const away = { status: 307, headers: { location: "https://b.example/log" } };
  const done = await run([away, { status: 503 }, away, { chunks: ["a\n"] }], { auth: () => ({ "x-api-key": "k" }) });
  expect(done.requests.map(({ url, headers }) => [url, headers["x-api-key"]])).toEqual([
    ["https://a.example/log", "k"],
    ["https://b.example/log", undefined],
    ["https://a.example/log", "k"],
    ["https://b.example/log", undefined],
  ]);
});

test("a redirect loop is refused, and not tried again", async () => {
  const done = await run(() => ({ status: 302, headers: { location: "/log" } }));
  expect(done.error).toMatchObject({ code: "refused", status: 302 });
  expect([done.requests.length, done.outcome.attempts]).toEqual([21, 1]);
});

const secret = "hunter2";
const url = `https://ann:${secret}@a.example/log?token=${secret}`;
const headers = { cookie: `id=${secret}`, "proxy-authorization": `Basic ${secret}`, authorization: `Bearer ${secret}` };
const echoed = {
  "set-cookie": `id=${secret}`,
  location: `https://ann:${secret}@b.example/?token=${secret}`,
  "content-location": `/log?token=${secret}`,
};

test.each<[ending: string, script: Script, options: StreamOptions<string>]>([
  ["refused", () => ({ status: 403, headers: echoed }), { headers }],
  ["refused after a second 401", () => ({ status: 401, headers: echoed }), { auth: basic("ann", secret) }],
  ["refused in a redirect loop", () => ({ status: 302, headers: echoed }), { headers }],
  ["exhausted by statuses", () => ({ status: 503, headers: echoed }), { headers }],
  ["exhausted by silence", () => ({ headersMs: 1e9 }), { headers, timeouts: { headersMs: 10 } }],
  ["idle", () => ({ chunks: ["a\n", "stall"] }), { headers, auth: bearer(secret), timeouts: { idleMs: 10 } }],
  ["deadline", () => ({ chunks: ["stall"] }), { headers, timeouts: { totalMs: 10 } }],
  ["truncated", () => ({ chunks: ["a"], framing: "close" }), { headers, reconnect: false }],
  ["protocol, when a function throws", () => ({ chunks: ["a\n"] }), { headers, resume: { cursor: () => boom() } }],
  ["complete", () => ({ chunks: ["a\n"], headers: echoed }), { headers }],
])("no error, notice or outcome shows a secret: %s", async (_, script, options) => {
  const done = await run(script, options, url);
  expect(JSON.stringify(done.requests), "what was sent has it").toContain(secret);
  const { error, notices, outcome } = done;
  const told = printed({ error, notices, outcome });
  expect(told).toContain(outcome.code);
  expect(told).not.toContain(secret);
  expect(told).not.toContain(btoa(`ann:${secret}`));
});

function boom(): never {
  throw new Error("no cursor");
}

/** All that a log could print of it: own fields, hidden ones such as messages, stacks and causes too. */
function printed(value: unknown, seen = new Set<unknown>()): string {
  if (typeof value !== "object" || value === null) return String(value);
  if (seen.has(value)) return "";
  seen.add(value);
  return Reflect.ownKeys(value)
    .map((key) => `${String(key)}: ${printed(Reflect.get(value, key), seen)}`)
    .join("\n");
}
