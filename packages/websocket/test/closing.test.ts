import { StreamError } from "@longwire/core";
import { expect, test } from "vitest";
import { reading, rig, settled } from "./rig.ts";

/** What the first connection ends with, what becomes of the stream: `again`, or how it ended. */
const ends: readonly [code: number, becomes: string][] = [
  [1000, "complete"],
  [1001, "again"],
  [1002, "protocol"],
  [1003, "protocol"],
  [1005, "again"],
  [1006, "again"],
  [1007, "protocol"],
  [1008, "refused"],
  [1009, "limit"],
  [1010, "protocol"],
  [1011, "again"],
  [1012, "again"],
  [1013, "again"],
  [1014, "again"],
  [1015, "unreachable"],
  [2999, "refused"],
  [3000, "refused"],
  [3003, "refused"],
  [3008, "refused"],
  [4000, "refused"],
  [4999, "refused"],
];

for (const [code, becomes] of ends) {
  test(`closed with ${code}: ${becomes === "again" ? "opened again" : `final, ${becomes}`}`, async () => {
    const { stream, clock, peer, opener } = rig([{}, {}]);
    const { end } = reading(stream);
    await clock.advance(0);
    peer().end({ code, reason: "so" });
    await clock.advance(1_000);
    expect(opener.requests.length).toBe(becomes === "again" ? 2 : 1);
    if (becomes === "again") await stream.close();
    else expect((await stream.outcome).code).toBe(becomes);
    const error = await end;
    if (!["again", "complete"].includes(becomes)) {
      expect(error).toMatchObject({ code: becomes, closeCode: code, closeReason: "so" });
      expect((error as Error).message).toContain(String(code));
    } else expect(error).toBe(undefined);
    await clock.advance(0);
    expect([opener.open, clock.pending]).toEqual([0, 0]);
  });
}

test("what is retried without a word of the caller's is named in one default table", async () => {
  const { stream, clock, peer } = rig([{}, {}], { reconnect: false });
  const { end } = reading(stream);
  await clock.advance(0);
  peer().end({ code: 1013 });
  expect(await end).toMatchObject({ code: "refused", closeCode: 1013 });
});

test("the caller's table says what becomes of its codes, and of 1008; not of those that can never help", async () => {
  for (const [code, opened] of [
    [4001, 2],
    [4002, 1],
    [1008, 2],
    [1013, 1],
    [1003, 1],
    [1009, 1],
  ] as const) {
    const retryOn = { 4001: true, 1008: true, 1013: false, 1003: true, 1009: true };
    const { stream, clock, peer, opener } = rig([{}, {}], { retryOn });
    const { end } = reading(stream);
    await clock.advance(0);
    peer().end({ code });
    await clock.advance(1_000);
    expect([code, opener.requests.length]).toEqual([code, opened]);
    await stream.close();
    await end;
    await clock.advance(0);
  }
});

test("a function decides by closeCode", async () => {
  const { stream, clock, peer, opener } = rig([{}, {}], { retryOn: ({ closeCode }) => closeCode === 4001 });
  const { end } = reading(stream);
  await clock.advance(0);
  peer().end({ code: 4001 });
  await clock.advance(1_000);
  expect(opener.requests.length).toBe(2);
  peer(1).end({ code: 4002 });
  expect(await end).toMatchObject({ code: "refused", closeCode: 4002 });
});

test("1000 is opened again with resume.forever", async () => {
  const { stream, clock, peer, opener } = rig([{ messages: ["a"] }, { messages: ["b"] }], {
    resume: { forever: true },
  });
  const { items, end } = reading(stream);
  await clock.advance(0);
  peer().end({ code: 1000 });
  await clock.advance(1_000);
  expect([items, opener.requests.length]).toEqual([["a", "b"], 2]);
  await stream.close();
  await end;
  await clock.advance(0);
});

test("a connection that broke is reset, as it is told, and opened again", async () => {
  const { stream, clock, peer, opener } = rig([{}, {}]);
  const { end } = reading(stream);
  await clock.advance(0);
  const error = new StreamError("reset", "the wire broke");
  peer().end({ error });
  await clock.advance(0);
  expect(stream.state).toMatchObject({ name: "waiting", cause: error, waitMs: 100 });
  await clock.advance(100);
  expect(opener.requests.length).toBe(2);
  await stream.close();
  await end;
  await clock.advance(0);
});

test("a handshake that fails is retried by the same table as a request: 503 is, 403 is not", async () => {
  const refused = (status: number) => new StreamError("refused", `the server answered ${status}`, { status });
  const retried = rig([{ error: refused(503) }, { error: new StreamError("unreachable", "no") }, { messages: ["a"] }]);
  const read = reading(retried.stream);
  await retried.clock.advance(1_000);
  expect([read.items, retried.opener.requests.length]).toEqual([["a"], 3]);
  await retried.stream.close();
  await retried.clock.advance(0);

  const final = rig([{ error: refused(403) }]);
  expect(await reading(final.stream).end).toMatchObject({ code: "refused", status: 403 });
});

test("connectMs, headersMs, firstItemMs, progressMs, totalMs and idleMs are the clocks of every stream", async () => {
  for (const [name, script, code] of [
    ["connectMs", { connectMs: 1_000 }, "deadline"],
    ["headersMs", { headersMs: 1_000 }, "deadline"],
    ["firstItemMs", {}, "idle"],
    ["progressMs", {}, "idle"],
    ["idleMs", {}, "idle"],
    ["totalMs", {}, "deadline"],
  ] as const) {
    const { stream, clock, opener } = rig([script], { timeouts: { [name]: 50 }, reconnect: false });
    const { end } = reading(stream);
    await clock.advance(50);
    expect(await end).toMatchObject({ code, clock: name });
    await clock.advance(10_000);
    expect([name, opener.open, clock.pending]).toEqual([name, 0, 0]);
  }
});

test("maxAgeMs changes the connection for a new one, where it can go on", async () => {
  const { stream, clock, peer, opener } = rig([{ messages: ["1"] }, { messages: ["2"] }], {
    timeouts: { maxAgeMs: 1_000 },
    resume: { cursor: Number, apply: (request, since) => request.withQuery({ since }) },
  });
  const { items, end } = reading(stream);
  await clock.advance(1_000);
  expect([items, peer(0).left, opener.requests[1]?.url]).toEqual([
    ["1", "2"],
    { code: 1000, reason: "" },
    "wss://a.example/ws?since=1",
  ]);
  await stream.close();
  await end;
  await clock.advance(0);
  expect([opener.open, clock.pending]).toEqual([0, 0]);
});

test("close() says its code and reason, and does not wait for the peer; after closeMs the connection is broken off", async () => {
  const { stream, clock, peer, opener } = rig([{ answersClose: false }], { closeMs: 2_000 });
  const { end } = reading(stream);
  await clock.advance(0);
  expect(await settled(stream.close(4_001, "bye"), clock)).toBe(undefined);
  expect(await end).toBe(undefined);
  expect(peer().left).toEqual({ code: 4001, reason: "bye" });
  await clock.advance(1_999);
  expect(opener.open).toBe(1);
  await clock.advance(1);
  expect([peer().left, opener.open, clock.pending]).toEqual(["terminated", 0, 0]);
});

test("closed while hello is being made, it is left with the code and reason of close(), as the connections before it were not", async () => {
  const { stream, clock, peer } = rig([{ messages: ["a"] }, {}], {
    hello: () => (peers() === 2 ? new Promise<never>(() => {}) : undefined),
  });
  const peers = (): number => stream.stats.attempts;
  const { end } = reading(stream);
  await clock.advance(0);
  peer(0).end({ code: 1001 });
  await clock.advance(100);
  await stream.close(4_000, "bye");
  await end;
  expect(peer(1).left).toEqual({ code: 4000, reason: "bye" });
  await clock.advance(0);
});

test("the answer to the close frame ends the wait for it", async () => {
  const { stream, clock, opener } = rig([{}]);
  const { end } = reading(stream);
  await clock.advance(0);
  await stream.close();
  await end;
  await clock.advance(0);
  expect([opener.open, clock.pending]).toEqual([0, 0]);
});

test("a close code that no browser could send is a RangeError, and so is a reason of more than 123 bytes", async () => {
  const { stream } = rig([]);
  for (const code of [1001, 999, 2_999, 5_000, 3_000.5]) await expect(stream.close(code)).rejects.toThrow(RangeError);
  await expect(stream.close(1000, "ü".repeat(62))).rejects.toThrow("124");
  await stream.close(3_000, "ü".repeat(61));
});

test("a paused socket is read again so that the close handshake can end", async () => {
  const { stream, clock, peer, opener } = rig([{}]);
  await stream.open();
  expect(peer().paused).toBe(true);
  await stream.close();
  await clock.advance(0);
  expect([opener.open, clock.pending]).toEqual([0, 0]);
});

test("without a cursor, messages may be missing when it is open again, and a notice tells", async () => {
  const { stream, clock, peer } = rig([{ messages: ["a"] }, { messages: ["b"] }]);
  const notices = reading(stream.notices());
  const { end } = reading(stream);
  await clock.advance(0);
  peer().end({ code: 1001 });
  await clock.advance(1_000);
  await stream.close();
  await end;
  await notices.end;
  expect(notices.items.map(({ type }) => type)).toEqual([
    "opening",
    "open",
    "waiting",
    "opening",
    "open",
    "gap",
    "closed",
  ]);
  await clock.advance(0);
});

test("retries are counted and given up as with every stream", async () => {
  const { stream, clock, opener } = rig(() => ({ error: new StreamError("unreachable", "no") }), {
    reconnect: { retries: 2 },
  });
  const { end } = reading(stream);
  await clock.advance(10_000);
  expect(await end).toMatchObject({ code: "exhausted" });
  expect(opener.requests.length).toBe(3);
});
