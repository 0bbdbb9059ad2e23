import type { Message } from "@longwire/core";
import {
  type FakeClock,
  fakeClock,
  type ScriptedPeer,
  type ScriptedSocket,
  scriptedSockets,
} from "@longwire/core/testing";
import { expect, test } from "vitest";
import { type AcceptedOptions, AcceptedWebSocket } from "../src/index.ts";
import { reading, settled } from "./rig.ts";

interface Rig {
  readonly socket: AcceptedWebSocket;
  readonly peer: ScriptedPeer;
  readonly clock: FakeClock;
}

/** The server's end of a scripted socket; `peer` is the client's. */
async function accepted(script: ScriptedSocket = {}, options: AcceptedOptions = {}): Promise<Rig> {
  const clock = fakeClock();
  const opener = scriptedSockets([script], { clock });
  const request = {
    url: "ws://a.example/chat?token=secret",
    protocols: [],
    headers: {},
    maxMessageBytes: 1_024,
    closeMs: 5_000,
  };
  const wire = await opener(request, { signal: new AbortController().signal });
  const socket = new AcceptedWebSocket(wire, { clock, ...options });
  return { socket, peer: opener.peers[0] as ScriptedPeer, clock };
}

test("messages come in order, those from before it is read too, and leave with a word", async () => {
  const { socket, peer, clock } = await accepted({ messages: ["one", Uint8Array.of(2)], protocol: "chat" });
  const { items } = reading(socket);
  await clock.advance(0);
  peer.say("three");
  await clock.advance(0);
  expect(items).toEqual(["one", Uint8Array.of(2), "three"]);
  await socket.send("four");
  await socket.send(new TextEncoder().encode("fünf"), { asText: true });
  await socket.send(Uint8Array.of(6));
  expect(peer.received).toEqual(["four", "fünf", Uint8Array.of(6)]);
  expect(socket.stats).toMatchObject({ items: 3, sent: 3, unsent: 0, lost: 0 });
  expect([socket.protocol, socket.isOpen]).toEqual(["chat", true]);
  await socket.close();
  expect(clock.pending).toBe(0);
});

test("a loop that is left leaves the connection, and a later one reads on where it stopped", async () => {
  const { socket, peer, clock } = await accepted({ messages: ["a", "b", "c"] });
  for await (const message of socket) {
    expect(message).toBe("a");
    break;
  }
  expect(socket.isOpen).toBe(true);
  const rest = socket.batches();
  expect((await rest.next()).value).toEqual(["b", "c"]);
  const next = rest.next();
  peer.say("d");
  expect((await next).value).toEqual(["d"]);
  expect(peer.left).toBe(undefined);
  await socket.close();
  expect(clock.pending).toBe(0);
});

test("one loop waits at a time; another one is a TypeError, and the first goes on", async () => {
  const { socket, peer } = await accepted();
  const first = socket[Symbol.asyncIterator]().next();
  await expect(socket[Symbol.asyncIterator]().next()).rejects.toThrow(TypeError);
  peer.say("hello");
  expect((await first).value).toBe("hello");
  await socket.close();
});

test("one that was refused is over, and does not wait for ever", async () => {
  const { socket, peer } = await accepted();
  const [first, second] = [socket[Symbol.asyncIterator](), socket.batches()];
  const one = first.next();
  await expect(second.next()).rejects.toThrow("Another loop reads this WebSocket");
  expect((await second.next()).done).toBe(true);
  peer.say("hello");
  expect((await one).value).toBe("hello");
  await socket.close();
});

test("a wire that had ended before it was listened to is over at once", async () => {
  const opener = scriptedSockets([{ bare: true }]);
  const request = { url: "ws://a.example/", protocols: [], headers: {}, maxMessageBytes: 1, closeMs: 0 };
  const wire = await opener(request, { signal: new AbortController().signal });
  opener.peers[0]?.end({ code: 1006 });
  const socket = new AcceptedWebSocket(wire, { clock: fakeClock() });
  expect([socket.isOpen, socket.signal.aborted, await socket.outcome]).toEqual([
    false,
    true,
    expect.objectContaining({ code: "truncated", items: 0, bytes: 0 }),
  ]);
  await expect(socket[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "truncated" });
  await expect(socket.send("too late")).rejects.toMatchObject({ code: "unreachable" });
});

test("a loop that is left while it waits lets another one wait", async () => {
  const { socket, peer } = await accepted();
  const left = socket[Symbol.asyncIterator]();
  const pending = left.next();
  await left.return?.();
  expect((await pending).done).toBe(true);
  const next = socket[Symbol.asyncIterator]().next();
  peer.say("hello");
  expect((await next).value).toBe("hello");
  await socket.close();
});

test("it reads 64 KiB ahead of nobody, then the wire stands, and goes on when it is read", async () => {
  const kilobyte = "x".repeat(1_024);
  const { socket, peer, clock } = await accepted();
  peer.say(kilobyte);
  await clock.advance(0);
  for (let n = 0; n < 100 && !peer.paused; n++) peer.say(kilobyte);
  expect(peer.paused).toBe(true);
  expect(socket.stats.bytes).toBeLessThan(2_048);
  const { items } = reading(socket);
  await clock.advance(0);
  expect([items.length > 60, peer.paused]).toEqual([true, false]);
  await socket.close();
});

test("pings that nobody reads do not stop the wire, so that the client is heard to leave", async () => {
  const { socket, peer } = await accepted({ messages: ["unread"] });
  await settled(Promise.resolve(), fakeClock());
  peer.say("and another");
  for (let n = 0; n < 100_000; n++) peer.ping();
  expect(peer.paused).toBe(false);
  peer.end({ code: 1001 });
  expect((await socket.outcome).code).toBe("ended");
});

/** What the client closes with, and what becomes of the loop. */
const ends: readonly [code: number, becomes: string][] = [
  [1000, "complete"],
  [1001, "ended"],
  [1005, "ended"],
  [1012, "ended"],
  [3000, "ended"],
  [4999, "ended"],
  [1002, "protocol"],
  [1003, "protocol"],
  [1006, "truncated"],
  [1007, "protocol"],
  [1008, "refused"],
  [1009, "limit"],
  [1011, "refused"],
];

for (const [code, becomes] of ends) {
  test(`a client that closes with ${code} is ${becomes}, behind what it sent`, async () => {
    const { socket, peer, clock } = await accepted({ messages: ["last"] });
    const { items, end } = reading(socket);
    peer.end({ code, reason: "so" });
    const outcome = await socket.outcome;
    await clock.advance(0);
    expect(items).toEqual(["last"]);
    const isWell = ["complete", "ended"].includes(becomes);
    expect(await end).toEqual(isWell ? undefined : expect.objectContaining({ code: becomes }));
    expect(outcome).toMatchObject({ code: becomes, items: 1 });
    expect(outcome.closeFrame).toEqual(code === 1006 ? undefined : { code, reason: "so" });
    expect([outcome.error === undefined, socket.isOpen, clock.pending]).toEqual([isWell, false, 0]);
  });
}

test("that a client left is noticed though nobody reads: signal, outcome and sends tell", async () => {
  const { socket, peer } = await accepted();
  const { signal } = socket;
  expect(signal.aborted).toBe(false);
  peer.end({ code: 1001 });
  expect((await socket.outcome).code).toBe("ended");
  expect(signal.aborted).toBe(true);
  await expect(socket.send("too late")).rejects.toMatchObject({ code: "unreachable" });
});

test("a signal that is asked for late is aborted already", async () => {
  const { socket, peer } = await accepted();
  peer.end({ code: 1000 });
  await socket.outcome;
  expect(socket.signal.aborted).toBe(true);
});

test("a client that answers no ping is given up, by pongMs", async () => {
  const { socket, peer, clock } = await accepted({ pongs: false }, { pingMs: 1_000, pongMs: 100 });
  const { end } = reading(socket);
  await clock.advance(1_099);
  expect([peer.pings, await settled(end, clock)]).toEqual([1, "pending"]);
  await clock.advance(1);
  expect(await end).toMatchObject({ code: "idle", clock: "pongMs" });
  expect([peer.left, (await socket.outcome).code, clock.pending]).toEqual(["terminated", "idle", 0]);
});

test("an answered ping tells the round trip", async () => {
  const { socket, clock } = await accepted({}, { pingMs: 1_000 });
  await clock.advance(1_000);
  expect(socket.stats.rttMs).toBe(0);
  await socket.close();
});

test("a post leaves in its place among the sends, is counted, and where it cannot leave it is lost", async () => {
  const { socket, peer, clock } = await accepted({ drains: false, answersClose: false }, { closeMs: 1 });
  void socket.send("one");
  socket.post("two");
  socket.post(new TextEncoder().encode("drei"), { asText: true });
  expect(socket.stats).toMatchObject({ sent: 0, unsent: 3 });
  peer.drain(2);
  expect([peer.received, socket.stats]).toEqual([
    ["one", "two", "drei"],
    expect.objectContaining({ sent: 2, unsent: 1, lost: 0 }),
  ]);
  void socket.close();
  socket.post("four");
  await clock.advance(1);
  expect(socket.stats).toMatchObject({ sent: 2, unsent: 0, lost: 2 });
});

test("close() sends what was sent before it, then its code, and ends the loop without an error", async () => {
  const { socket, peer, clock } = await accepted();
  const { end } = reading(socket);
  const sent = socket.send("last words");
  const closed = socket.close(1_008, "not you");
  await expect(socket.send("more")).rejects.toMatchObject({ code: "unreachable" });
  expect(await end).toBe(undefined);
  await sent;
  await closed;
  expect(peer.received).toEqual(["last words"]);
  expect(peer.left).toEqual({ code: 1_008, reason: "not you" });
  expect(await socket.outcome).toMatchObject({ code: "closed" });
  await socket.close(4_000);
  expect([peer.left, clock.pending]).toEqual([{ code: 1_008, reason: "not you" }, 0]);
});

test("a client that answers no close frame is broken off when closeMs is over, and what had not left is lost", async () => {
  const { socket, peer, clock } = await accepted({ answersClose: false, drains: false }, { closeMs: 500 });
  const sent = socket.send("stuck");
  const closed = socket.close();
  await clock.advance(499);
  expect(peer.left).toEqual({ code: 1_000, reason: "" });
  await clock.advance(1);
  expect(peer.left).toBe("terminated");
  await closed;
  await expect(sent).rejects.toMatchObject({ code: "reset" });
  expect([socket.stats.lost, clock.pending]).toEqual([1, 0]);
});

test("terminate() breaks off at once, also while it closes", async () => {
  const { socket, peer, clock } = await accepted({ answersClose: false });
  void socket.close();
  socket.terminate();
  expect(peer.left).toBe("terminated");
  expect([(await socket.outcome).code, clock.pending]).toEqual(["closed", 0]);
  socket.terminate();
});

test("stop() ends the loop behind the messages in hand, aborts the signal, and leaves sends open", async () => {
  const { socket, peer, clock } = await accepted({ messages: ["a", "b"] });
  const messages = socket[Symbol.asyncIterator]();
  expect((await messages.next()).value).toBe("a");
  const why = new Error("closing");
  socket.stop(why);
  expect(socket.signal.reason).toBe(why);
  expect((await messages.next()).value).toBe("b");
  expect((await messages.next()).done).toBe(true);
  await socket.send("bye");
  expect(peer.received).toEqual(["bye"]);
  await socket.close(1_001);
  expect([peer.left, clock.pending]).toEqual([{ code: 1_001, reason: "" }, 0]);
});

test("more than maxUnsentBytes does not wait: the send is refused, and says what to do", async () => {
  const { socket, clock } = await accepted({ drains: false, answersClose: false }, { maxUnsentBytes: 100, closeMs: 1 });
  void socket.send("x".repeat(100));
  expect(socket.isBehind).toBe(true);
  await expect(socket.send("y")).rejects.toMatchObject({ code: "limit", limit: "maxUnsentBytes" });
  const closed = socket.close();
  await clock.advance(1);
  await closed;
});

test("room() waits until the client is not behind any more, and for nothing when it is over", async () => {
  const { socket, peer, clock } = await accepted({ drains: false, answersClose: false }, { closeMs: 1 });
  expect(await settled(socket.room(), clock)).toBe(undefined);
  for (let n = 0; n < 3; n++) socket.post("x".repeat(40_000));
  const [room, also] = [socket.room(), socket.room()];
  peer.drain(1);
  expect([socket.isBehind, await settled(room, clock)]).toEqual([true, "pending"]);
  peer.drain(1);
  expect([socket.isBehind, await settled(room, clock), await settled(also, clock)]).toEqual([
    false,
    undefined,
    undefined,
  ]);
  socket.post("x".repeat(40_000));
  const last = socket.room();
  expect(await settled(last, clock)).toBe("pending");
  void socket.close();
  expect(await settled(last, clock)).toBe(undefined);
  await clock.advance(1);
  expect(await settled(socket.room(), clock)).toBe(undefined);
});

test.each([0, 999, 1_004, 1_005, 1_006, 1_015, 2_999, 5_000, 1_000.5, Number.NaN])(
  "close(%d) is a RangeError, and nothing is closed",
  async (code) => {
    const { socket, peer } = await accepted();
    await expect(socket.close(code)).rejects.toThrow(RangeError);
    await expect(socket.close(1_000, "é".repeat(62))).rejects.toThrow("at most 123 bytes");
    expect([socket.isOpen, peer.left]).toEqual([true, undefined]);
    await socket.close();
  },
);

test("what is no message is a TypeError, and no secret of the URL is in an error", async () => {
  const { socket, peer } = await accepted();
  await expect(socket.send({} as Message)).rejects.toThrow(TypeError);
  const { end } = reading(socket);
  peer.end({ code: 1006 });
  const { message } = (await end) as Error;
  expect(message).toContain("ws://a.example/chat?token=***");
  expect(message).not.toContain("secret");
});
