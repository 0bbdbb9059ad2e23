import { expect, test } from "vitest";
import { type ErrorCode, StreamError } from "../../src/errors.ts";
import type { Notice } from "../../src/session/notice.ts";
import type { ScriptedAnswer } from "../../src/testing/index.ts";
import { linesDialect } from "../../src/events/lines-dialect.ts";
import { type Reading, reading, rig, type RigOptions, streamOf, texts, type Tick } from "./stream-of.ts";

const cut = { error: new StreamError("reset", "The wire was cut") } as const;
const over: ScriptedAnswer = { status: 204 };
const feed = { endless: false, resume: {} } as const;
const types = (seen: Reading<Notice>) => seen.items.map(({ type }) => type);

async function run(script: ScriptedAnswer[], options: RigOptions<Tick> & { endless?: boolean } = {}) {
  const { stream, clock, transport } = streamOf(script, options);
  const notices = reading(stream.notices());
  const seen = reading(stream);
  await clock.advance(60_000);
  return {
    items: texts(seen.items),
    end: seen.end,
    notices: types(notices),
    transport,
    stream,
    outcome: await stream.outcome,
  };
}

test("SSE with a safe method is opened again after an error, from the last id", async () => {
  const { items, transport, outcome } = await run([{ chunks: ["1=a\n2=b\n", cut] }, { chunks: ["3=c\n", cut] }, over]);
  expect(items).toEqual(["a", "b", "c"]);
  expect(transport.requests.map(({ headers }) => headers["last-id"])).toEqual([undefined, "2", "3"]);
  expect(outcome).toMatchObject({ code: "complete", attempts: 3 });
});

test("SSE with a safe method is opened again after a clean EOF too", async () => {
  const { items, outcome } = await run([{ chunks: ["1=a\n"] }, { chunks: ["2=b\n"] }, over]);
  expect([items, outcome.code]).toEqual([["a", "b"], "complete"]);
});

test("SSE is not opened again after 204 and after complete", async () => {
  const { transport } = await run([over]);
  expect(transport.requests.length).toBe(1);
  const matched = await run([{ chunks: ["end\n"] }], { until: "end" });
  expect(matched.transport.requests.length).toBe(1);
});

test.each<[string, ScriptedAnswer, string]>([
  ["a cut", { chunks: ["1=a\n", cut] }, "reset"],
  ["a clean end", { chunks: ["1=a\n"] }, "ended"],
  ["a status of 500", { status: 500 }, "refused"],
])("SSE with an unsafe method is never opened again, once it was sent: %s", async (_, answer, code) => {
  const { transport, outcome } = await run([answer], { method: "POST" });
  expect([transport.requests.length, outcome.code]).toEqual([1, code]);
});

test("a feed with resume is opened again after an error and after an unframed end, and is over with complete", async () => {
  const { items, transport, outcome } = await run(
    [{ chunks: ["1=a\n", cut] }, { chunks: ["2=b\n"], framing: "close" }, { chunks: ["3=c\n"] }],
    feed,
  );
  expect([items, outcome.code]).toEqual([["a", "b", "c"], "complete"]);
  expect(transport.requests.map(({ headers }) => headers["last-id"])).toEqual([undefined, "1", "2"]);
});

test("a feed with resume.forever is asked again after a complete answer", async () => {
  const { items, transport } = await run([{ chunks: ["1=a\n"] }, { chunks: ["2=b\n"] }, { status: 404 }], {
    endless: false,
    resume: { forever: true },
  });
  expect(items).toEqual(["a", "b"]);
  expect(transport.requests.map(({ headers }) => headers["last-id"])).toEqual([undefined, "1", "2"]);
});

test("lines without resume are opened again only while no line was delivered", async () => {
  const lines = rig(linesDialect(), [{ chunks: [cut] }, { chunks: ["a\n", cut] }]);
  const seen = reading(lines.stream);
  await lines.clock.advance(60_000);
  expect([seen.items, lines.transport.requests.length]).toEqual([["a"], 2]);
  expect(seen.end).toMatchObject({ thrown: { code: "reset" } });
});

test("an item in hand when the wire is cut counts as delivered", async () => {
  const lines = rig(linesDialect(), [{ chunks: ["a\nb\n", cut] }]);
  const items = lines.stream[Symbol.asyncIterator]();
  expect([await items.next(), await items.next()]).toMatchObject([{ value: "a" }, { value: "b" }]);
  await expect(items.next()).rejects.toMatchObject({ code: "reset" });
});

test("reconnect: { withoutCursor: true } opens lines again, and a notice tells of the gap", async () => {
  const lines = rig(linesDialect(), [{ chunks: ["a\n", cut] }, { chunks: ["c\n"] }], {
    reconnect: { withoutCursor: true },
  });
  const notices = reading(lines.stream.notices());
  const seen = reading(lines.stream);
  await lines.clock.advance(60_000);
  expect([seen.items, seen.end]).toEqual([["a", "c"], "done"]);
  expect(types(notices)).toEqual(["opening", "open", "waiting", "opening", "open", "gap", "closed"]);
});

test("a stream that has a cursor but no way to resume is not said to be resumed", async () => {
  const lines = rig(linesDialect(), [{ chunks: ["a\n", cut] }, {}], {
    reconnect: { withoutCursor: true },
    resume: { cursor: (line) => line },
  });
  const notices = reading(lines.stream.notices());
  reading(lines.stream);
  await lines.clock.advance(60_000);
  expect(types(notices)).toEqual(["opening", "open", "waiting", "opening", "open", "gap", "closed"]);
});

test.each([
  ["after an event", "a\n"],
  ["before any event", ":hello\n"],
])("a reopened SSE stream that has seen no id is a gap: %s", async (_, chunk) => {
  const { notices } = await run([{ chunks: [chunk, cut] }, over]);
  expect(notices).toEqual(["opening", "open", "waiting", "opening", "open", "gap", "closed"]);
});

test("a reopened SSE stream that has seen an id is resumed, and the notice says after what", async () => {
  const { stream, clock } = streamOf([{ chunks: ["7=a\n", cut] }, over]);
  const notices = reading(stream.notices());
  reading(stream);
  await clock.advance(60_000);
  expect(types(notices)).toEqual(["opening", "open", "waiting", "opening", "open", "resumed", "closed"]);
  expect(notices.items).toContainEqual({ type: "resumed", cursor: "7" });
});

test.each([undefined, "https://a.example/?since=7"])(
  "resume.apply that returns %j is told by name",
  async (applied) => {
    const lines = rig(linesDialect(), [{ chunks: ["a\n", cut] }], {
      resume: { cursor: () => "7", apply: () => applied as never },
    });
    const seen = reading(lines.stream);
    await lines.clock.advance(60_000);
    expect(seen.end).toMatchObject({ thrown: { code: "protocol" } });
    expect((seen.end as { thrown: Error }).thrown.message).toContain(
      "resume.apply must return a StreamRequest, such as",
    );
  },
);

test("an attempt that failed before it was open is no gap", async () => {
  const { notices } = await run([cut, over]);
  expect(notices).toEqual(["opening", "waiting", "opening", "open", "closed"]);
});

test("resume.from is where the first request begins", async () => {
  const { transport, outcome } = await run([over], { resume: { from: 41 } });
  expect(transport.requests[0]?.headers["last-id"]).toBe("41");
  expect(outcome.cursor).toBe(41);
});

test("resume.cursor and resume.apply say how any stream goes on", async () => {
  const lines = rig(linesDialect(), [{ chunks: ["a 1\nb 2\n", cut] }, { chunks: ["c 3\n"] }], {
    resume: {
      cursor: (line) => Number(line.split(" ")[1]),
      apply: (request, since) => request.withQuery({ since }),
    },
  });
  const seen = reading(lines.stream);
  await lines.clock.advance(60_000);
  expect([seen.items, seen.end]).toEqual([["a 1", "b 2", "c 3"], "done"]);
  expect(lines.transport.requests[1]?.url).toBe("https://a.example/ticks?key=secret&since=2");
});

test("protocol and limit are never retried", async () => {
  for (const code of ["protocol", "limit"] satisfies ErrorCode[]) {
    const { transport, outcome } = await run([{ chunks: [{ error: new StreamError(code, code) }] }], {
      retryOn: () => true,
    });
    expect([transport.requests.length, outcome.code]).toEqual([1, code]);
  }
});

test("TLS name and authority errors are never retried", async () => {
  const error = new StreamError("unreachable", "a certificate for another name", { phase: "tls" });
  const { transport, outcome } = await run([{ error }]);
  expect([transport.requests.length, outcome.code]).toEqual([1, "unreachable"]);
});

test("a request is made anew for every attempt: a headers function is asked again", async () => {
  let asked = 0;
  const { transport } = await run([{ chunks: [cut] }, over], { headers: () => ({ "x-try": String(++asked) }) });
  expect(transport.requests.map(({ headers }) => headers["x-try"])).toEqual(["1", "2"]);
});
