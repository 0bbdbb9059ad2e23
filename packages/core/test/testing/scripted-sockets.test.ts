import { expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import type { SocketEnd, SocketRequest } from "../../src/events/socket-opener.ts";
import { fakeClock, scriptedSockets } from "../../src/testing/index.ts";

const request: SocketRequest = {
  url: "wss://a.example/",
  protocols: ["chat", "talk"],
  headers: {},
  maxMessageBytes: 1_024,
  closeMs: 5_000,
};
const never = new AbortController().signal;

/** A listener that notes what it is told. */
function notes() {
  const told: unknown[] = [];
  return {
    told,
    message: (message: unknown, bytes: number) => void told.push([message, bytes]),
    alive: () => void told.push("alive"),
    pong: (text: string) => void told.push(`pong ${text}`),
    closed: ({ code, reason, error }: SocketEnd) => void told.push([code, reason, error]),
  };
}

test("an attempt takes its time, tells the events of the wire in order, and obeys the signal until it is open", async () => {
  const clock = fakeClock();
  const opener = scriptedSockets([{ connectMs: 10, headersMs: 20 }, { connectMs: 10 }, {}], { clock });
  const told: string[] = [];
  const on = {
    hidden: () => void told.push("hidden"),
    connected: () => void told.push(`connected ${clock.now()}`),
    sent: () => void told.push(`sent ${clock.now()}`),
  };
  const first = opener(request, { signal: never, on });
  await clock.advance(30);
  expect([(await first).protocol, told, opener.open]).toEqual(["chat", ["connected 10", "sent 10"], 1]);
  const controller = new AbortController();
  const second = opener(request, { signal: controller.signal });
  const reason = new Error("enough");
  controller.abort(reason);
  await expect(second).rejects.toBe(reason);
  const third = await opener(request, { signal: AbortSignal.any([never]) });
  await expect(opener(request, { signal: never })).rejects.toThrow("one more");
  expect([opener.requests.length, opener.peers.length, clock.pending]).toEqual([4, 2, 0]);
  third.terminate();
  (await first).terminate();
  expect(opener.open).toBe(0);
});

test("an error is thrown in place of a socket; a bare one shows no connection, and neither pauses nor pings", async () => {
  const error = new StreamError("refused", "no", { status: 403 });
  const opener = scriptedSockets((_request, index) => (index === 0 ? { error } : { bare: true, protocol: "" }));
  await expect(opener(request, { signal: never })).rejects.toBe(error);
  const told: string[] = [];
  const on = { hidden: () => void told.push("hidden"), connected: () => void told.push("connected"), sent: () => {} };
  const socket = await opener(request, { signal: never, on });
  expect([told, socket.protocol, socket.pause, socket.resume, socket.ping]).toEqual([
    ["hidden"],
    "",
    undefined,
    undefined,
    undefined,
  ]);
});

test("nothing is told before it is listened to and read, and nothing after its end", async () => {
  const opener = scriptedSockets([{ messages: ["ü"] }]);
  const socket = await opener(request, { signal: never });
  const [peer] = opener.peers;
  const listener = notes();
  socket.listen(listener);
  expect([listener.told, peer?.paused]).toEqual([[], true]);
  expect(() => socket.listen(notes())).toThrow(TypeError);
  socket.resume?.();
  socket.ping?.("1");
  peer?.ping();
  await Promise.resolve();
  expect([listener.told, peer?.pings, socket.bytesRead]).toEqual([[["ü", 2], "pong 1", "alive"], 1, 2]);
  socket.pause?.();
  peer?.say("later");
  peer?.end({ code: 1001, reason: "bye" });
  peer?.say("never");
  expect(listener.told.length).toBe(3);
  socket.resume?.();
  expect(listener.told.slice(3)).toEqual([
    ["later", 5],
    [1001, "bye", undefined],
  ]);
});

test("what is sent leaves by itself, or when it is told to; a close frame goes behind it", async () => {
  const opener = scriptedSockets([{}, { drains: false }]);
  const left: string[] = [];
  const easy = await opener(request, { signal: never });
  easy.listen(notes());
  easy.send("a", () => left.push("a"));
  expect([left, easy.bufferedBytes]).toEqual([[], 1]);
  await Promise.resolve();
  expect([left, easy.bufferedBytes, easy.bytesSent]).toEqual([["a"], 0, 1]);
  easy.send("b", () => left.push("b"));
  easy.close(4_000, "done");
  easy.send("c", () => left.push("c"));
  await Promise.resolve();
  await Promise.resolve();
  const [peer] = opener.peers;
  expect([left, peer?.received, peer?.left, opener.open]).toEqual([
    ["a", "b"],
    ["a", "b"],
    { code: 4000, reason: "done" },
    0,
  ]);

  const held = await opener(request, { signal: never });
  held.send("x", () => left.push("x"));
  held.send("y", () => left.push("y"));
  await Promise.resolve();
  opener.peers[1]?.drain(1);
  expect([left.slice(2), held.bufferedBytes]).toEqual([["x"], 1]);
  held.terminate();
  held.terminate();
  expect([opener.peers[1]?.left, opener.open]).toEqual(["terminated", 0]);
});
