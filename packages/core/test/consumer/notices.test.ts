import { expect, test } from "vitest";
import { keptNotices, Notices } from "../../src/consumer/notices.ts";
import { StreamError } from "../../src/errors.ts";
import { Intake } from "../../src/session/intake.ts";
import { type Notice, waitReason } from "../../src/session/notice.ts";
import { reading, settled, streamOf } from "../session/stream-of.ts";

const cut = new StreamError("reset", "The wire was cut");
const outcome = { code: "closed", items: 0, bytes: 0, attempts: 0, cursor: undefined } as const;
const closed: Notice = { type: "closed", outcome };
const opening = (attempt: number): Notice => ({ type: "opening", attempt });

test("notices come in the order of what happened, closed last", async () => {
  const { stream, clock } = streamOf([{ chunks: ["7=a\n", { error: cut }] }, { status: 204 }]);
  const notices = reading(stream.notices());
  reading(stream);
  await clock.advance(60_000);
  const url = "https://a.example/ticks?key=***";
  expect(notices.items).toEqual([
    { type: "opening", attempt: 1 },
    { type: "open", attempt: 1, url, status: 200 },
    { type: "waiting", cause: cut, waitMs: 100, retry: 1 },
    { type: "opening", attempt: 2 },
    { type: "open", attempt: 2, url, status: 204 },
    { type: "resumed", cursor: "7" },
    { type: "closed", outcome: await stream.outcome },
  ]);
  expect(notices.end).toBe("done");
});

test("comments come only with { comments: true }, in their place", async () => {
  const { stream, clock } = streamOf([{ chunks: [":one\n", "a\n:two\n", "stall"] }]);
  const all = reading(stream.notices({ comments: true }));
  const few = reading(stream.notices());
  reading(stream);
  await clock.advance(0);
  expect(all.items.slice(2)).toEqual([
    { type: "comment", text: "one" },
    { type: "comment", text: "two" },
  ]);
  expect(few.items.length).toBe(2);
  await stream.close();
});

test("any number of readers, each from when it began", async () => {
  const { stream, clock } = streamOf([{ chunks: ["a\n", "stall"] }]);
  const early = reading(stream.notices());
  const twin = reading(stream.notices());
  reading(stream);
  await clock.advance(0);
  const late = reading(stream.notices());
  await stream.close();
  await clock.advance(0);
  const after = reading(stream.notices());
  await clock.advance(0);
  const types = [early, twin, late, after].map(({ items, end }) => [...items.map(({ type }) => type), end]);
  expect(types).toEqual([
    ["opening", "open", "closed", "done"],
    ["opening", "open", "closed", "done"],
    ["closed", "done"],
    ["closed", "done"],
  ]);
});

test("a reader that falls behind keeps the last 256 and counts the dropped ones", async () => {
  const notices = new Notices();
  const slow = notices.read();
  const fast = notices.read();
  const drained: Notice[] = [];
  for (let attempt = 1; attempt <= 300; attempt++) {
    notices.notify(opening(attempt));
    drained.push((await fast.next()).value as Notice);
  }
  expect([slow.dropped, fast.dropped, drained.length]).toEqual([44, 0, 300]);
  notices.notify(closed);
  const kept: Notice[] = [];
  for await (const notice of slow) kept.push(notice);
  expect([kept.length, kept[0], kept.at(-1), slow.dropped]).toEqual([keptNotices, opening(46), closed, 45]);
});

test("pulls that wait are settled in order, and with done behind closed", async () => {
  const notices = new Notices();
  const reader = notices.read();
  const pulls = Promise.all([reader.next(), reader.next(), reader.next()]);
  notices.notify(opening(1));
  notices.notify(closed);
  notices.notify(opening(2));
  expect(await pulls).toEqual([
    { value: opening(1), done: false },
    { value: closed, done: false },
    { value: undefined, done: true },
  ]);
});

test("a reader that leaves settles its pulls and hears no more; the stream goes on", async () => {
  const { stream, clock } = streamOf([{ chunks: ["a\n", "stall"] }]);
  const reader = stream.notices();
  const pending = reader.next();
  await reader.return();
  expect([await pending, await reader.next()]).toEqual([
    { value: undefined, done: true },
    { value: undefined, done: true },
  ]);
  const seen = reading(stream);
  await clock.advance(0);
  expect([seen.items.length, stream.state.name]).toEqual([1, "open"]);
  await stream.close();
});

test("a notice reader alone ends when the stream that never ran is closed", async () => {
  const { stream, clock } = streamOf([]);
  const notices = reading(stream.notices());
  await stream.close();
  await clock.advance(0);
  expect([notices.items.map(({ type }) => type), notices.end]).toEqual([["closed"], "done"]);
});

test("a bad item that the policy skips is a notice", async () => {
  const notices = new Notices();
  const reader = notices.read();
  const item = { line: 3, byteOffset: 14, raw: new Uint8Array([123]), reason: "it is no JSON" };
  notices.notify({ type: "bad", item });
  expect(await reader.next()).toEqual({ value: { type: "bad", item }, done: false });
});

test("why a stream waits can be said in words", () => {
  expect([cut, "ended", "budget"].map((cause) => waitReason(cause as never))).toEqual([
    "The wire was cut",
    "the stream ended",
    "too many attempts at this origin",
  ]);
});

test("a pull of notices pends until something happens", async () => {
  const { stream, clock } = streamOf([]);
  expect(await settled(stream.notices().next(), clock)).toBe("pending");
});

test("a notice shows at most 1,024 characters of a comment: a reader that falls behind keeps no more", async () => {
  const { stream, clock } = streamOf([{ chunks: [`:${"x".repeat(900)}\n:${"y".repeat(999)}\n`] }], {
    reconnect: false,
  });
  const notices = reading(stream.notices({ comments: true }));
  reading(stream);
  await clock.advance(0);
  const comments = notices.items.filter((notice) => notice.type === "comment").map(({ text }) => text.length);
  expect(comments).toEqual([900, 999]);
  const seen: Notice[] = [];
  const hub = new Intake(
    { opener: { rules: {} }, until: undefined, url: "u", from: undefined, dropReplayed: false, onGap: undefined },
    { notify: (notice) => seen.push(notice) },
  );
  const raw = new Uint8Array(5_000);
  hub.receive(
    {
      items: [],
      marks: [
        { at: 0, kind: "comment", value: "z".repeat(5_000) },
        { at: 0, kind: "bad", value: { line: 1, byteOffset: 0, raw, reason: "odd ".repeat(1_000) } },
      ],
      bytes: 1,
    },
    0,
  );
  const reason = `${"odd ".repeat(256)}…`;
  expect(seen).toMatchObject([
    { text: `${"z".repeat(1_024)}…` },
    { item: { line: 1, raw: { byteLength: 1_024 }, reason } },
  ]);
});
