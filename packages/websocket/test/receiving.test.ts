import { StreamError } from "@longwire/core";
import { expect, test } from "vitest";
import { reading, rig, settled } from "./rig.ts";

test("messages are items, text and bytes, and nothing is opened before the first pull", async () => {
  const { stream, clock, opener, peer } = rig([{ messages: ["one", Uint8Array.of(1, 2)] }]);
  expect([stream.state.name, opener.requests.length]).toEqual(["idle", 0]);
  const { items, end } = reading(stream);
  await clock.advance(0);
  peer().say("two");
  peer().end({ code: 1000 });
  expect(await end).toBe(undefined);
  expect(items).toEqual(["one", Uint8Array.of(1, 2), "two"]);
  const { code, attempts, bytes } = await stream.outcome;
  // Three payloads, each in a frame with a head of two bytes.
  expect({ code, attempts, bytes }).toEqual({ code: "complete", attempts: 1, bytes: 3 + 2 + 3 + 3 * 2 });
  expect([clock.pending, opener.open]).toEqual([0, 0]);
});

test("what comes in one turn is one batch", async () => {
  const { stream, clock, peer } = rig([{}]);
  const { items, end } = reading(stream.batches());
  await clock.advance(0);
  peer().say("a", "b", "c");
  await clock.advance(0);
  peer().say("d");
  peer().end({ code: 1000 });
  await end;
  expect(items).toEqual([["a", "b", "c"], ["d"]]);
});

test("open() answers with the head, reads nothing, and the socket is paused until the first pull", async () => {
  const { stream, clock, peer } = rig([{ messages: ["one"], headers: { server: "x" }, protocol: "chat" }], {
    protocols: ["chat", "talk"],
  });
  const head = await stream.open();
  expect([head.status, head.headers.get("server"), stream.protocol, peer().paused]).toEqual([101, "x", "chat", true]);
  expect(peer().request.protocols).toEqual(["chat", "talk"]);
  const next = stream[Symbol.asyncIterator]().next();
  expect(await settled(next, clock)).toEqual({ done: false, value: "one" });
  expect(peer().paused).toBe(false);
  await stream.close();
  await clock.advance(0);
});

test("a slow consumer stops the peer: with 64 KiB in hand nothing is read, and with the next pull it goes on", async () => {
  const { stream, clock, peer, opener } = rig([{}]);
  const batches = stream.batches();
  const first = batches.next();
  await clock.advance(0);
  peer().say("first");
  await first;
  const kibibyte = new Uint8Array(1_024);
  for (let i = 0; i < 100; i++) peer().say(kibibyte);
  expect(peer().paused).toBe(true);
  const second = (await batches.next()).value ?? [];
  expect(second.length).toBe(64);
  const third = (await batches.next()).value ?? [];
  expect([second.length + third.length, peer().paused]).toEqual([100, false]);
  await batches.return?.();
  await clock.advance(0);
  expect([opener.open, clock.pending]).toEqual([0, 0]);
});

test("where a socket cannot be paused, more than maxUnreadBytes unread is `limit`, told behind what was taken", async () => {
  const { stream, clock, peer, opener } = rig([{ bare: true }], { maxUnreadBytes: 100 });
  const items = stream[Symbol.asyncIterator]();
  const first = items.next();
  await clock.advance(0);
  peer().say("first");
  await first;
  peer().say("a".repeat(60), "b".repeat(60));
  expect((await items.next()).value).toBe("a".repeat(60));
  const error = await items.next().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "limit", limit: "maxUnreadBytes" });
  expect((error as Error).message).toContain("dropOldest");
  await clock.advance(0);
  expect([opener.open, opener.requests.length, clock.pending]).toEqual([0, 1, 0]);
});

test("the socket of a consumer that is too far behind is let go at once: it may never ask again", async () => {
  const { stream, clock, peer, opener } = rig([{ bare: true, answersClose: false }], { maxUnreadBytes: 10 });
  const items = stream[Symbol.asyncIterator]();
  const first = items.next();
  await clock.advance(0);
  peer().say("a");
  await first;
  peer().say("x".repeat(9), "y".repeat(9));
  expect(peer().left).toEqual({ code: 1000, reason: "" });
  await clock.advance(5_000);
  expect([peer().left, opener.open]).toEqual(["terminated", 0]);
  expect((await items.next()).value).toBe("x".repeat(9));
  await expect(items.next()).rejects.toMatchObject({ code: "limit", limit: "maxUnreadBytes" });
  expect(clock.pending).toBe(0);
});

test("a message larger than maxUnreadBytes is handed out when it is the only one", async () => {
  const { stream, clock, peer } = rig([{ bare: true }], { maxUnreadBytes: 10 });
  const next = stream[Symbol.asyncIterator]().next();
  await clock.advance(0);
  peer().say("x".repeat(50));
  expect((await next).value).toBe("x".repeat(50));
  await stream.close();
  await clock.advance(0);
});

test("a policy reads on without the consumer, and drops by its rule", async () => {
  const { stream, clock, peer } = rig([{ bare: true }], { policy: "dropOldest", capacity: 2, maxUnreadBytes: 10 });
  const items = stream[Symbol.asyncIterator]();
  const first = items.next();
  await clock.advance(0);
  peer().say("0");
  await first;
  for (const text of ["1", "2", "3", "4"]) {
    peer().say(text.repeat(8));
    await clock.advance(0);
  }
  peer().end({ code: 1000 });
  await clock.advance(0);
  expect([(await items.next()).value, (await items.next()).value]).toEqual(["33333333", "44444444"]);
  expect(stream.stats.dropped).toBe(2);
  expect((await items.next()).done).toBe(true);
});

test("`until` ends it as complete, with a text, which is swallowed, or by a function, and closes the socket with 1000", async () => {
  const byText = rig([{ messages: ["a", Uint8Array.of(98), "b", "c"] }], { until: "b" });
  const read = reading(byText.stream);
  expect(await read.end).toBe(undefined);
  expect(read.items).toEqual(["a", Uint8Array.of(98)]);
  expect((await byText.stream.outcome).code).toBe("complete");
  await byText.clock.advance(0);
  expect(byText.peer().left).toEqual({ code: 1000, reason: "" });

  const byFunction = rig([{ messages: ["a", "b", "c"] }], { until: (message) => message === "b" });
  const also = reading(byFunction.stream);
  await also.end;
  expect(also.items).toEqual(["a", "b"]);
  await byFunction.clock.advance(0);
});

test("an end without what `until` names is truncated, also with 1000", async () => {
  const { stream, clock, peer } = rig([{}], { until: "end", reconnect: false });
  const { end } = reading(stream);
  await clock.advance(0);
  peer().end({ code: 1000 });
  expect(await end).toMatchObject({ code: "truncated" });
});

test("leaving the loop closes the socket with 1000, and drops what still comes", async () => {
  const { stream, clock, peer, opener } = rig([{ messages: ["a", "b"] }]);
  for await (const message of stream) {
    expect(message).toBe("a");
    break;
  }
  peer().say("c");
  await clock.advance(0);
  expect([peer().left, opener.open, clock.pending]).toEqual([{ code: 1000, reason: "" }, 0, 0]);
  expect((await stream.outcome).code).toBe("closed");
});

test("the caller's reason of an abort is thrown as it is, while it opens and while it reads", async () => {
  for (const script of [[{ connectMs: 1_000 }], [{}]]) {
    const controller = new AbortController();
    const { stream, clock, opener } = rig(script, { signal: controller.signal });
    const { end } = reading(stream);
    await clock.advance(10);
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await end).toBe(reason);
    await clock.advance(0);
    expect([opener.open, clock.pending, (await stream.outcome).code]).toEqual([0, 0, "aborted"]);
  }
});

test("a caller's function that throws ends it as protocol, with its error as the cause", async () => {
  const thrown = new Error("mine");
  const { stream, clock } = rig([{ messages: ["a"] }], {
    heartbeat: () => {
      throw thrown;
    },
  });
  const error = await reading(stream).end;
  expect(error).toBeInstanceOf(StreamError);
  expect(error).toMatchObject({ code: "protocol", cause: thrown });
  await clock.advance(0);
});
