import { StreamError } from "@longwire/core";
import { expect, test } from "vitest";
import { reading, rig, settled } from "./rig.ts";

test("send() resolves when the bytes are out of our buffer, in order", async () => {
  const { stream, clock, peer } = rig([{ drains: false }]);
  const { end } = reading(stream);
  await clock.advance(0);
  const order: string[] = [];
  void stream.send("one").then(() => order.push("one"));
  void stream.send(Uint8Array.of(2)).then(() => order.push("two"));
  await clock.advance(0);
  expect([peer().received, order, stream.stats.sent, stream.stats.unsent]).toEqual([
    ["one", Uint8Array.of(2)],
    [],
    0,
    2,
  ]);
  peer().drain(1);
  await clock.advance(0);
  expect([order, stream.stats.sent, stream.stats.unsent]).toEqual([["one"], 1, 1]);
  peer().drain();
  await clock.advance(0);
  expect([order, stream.stats.unsent]).toEqual([["one", "two"], 0]);
  await stream.close();
  await end;
  await clock.advance(0);
});

test("refuse, the default: while it is not open a send rejects at once, and opens nothing", async () => {
  const { stream, opener } = rig([{}]);
  const error = await stream.send("x").catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StreamError);
  expect(error).toMatchObject({ code: "unreachable" });
  expect(opener.requests.length).toBe(0);
  await stream.close();
});

test("a send that fails unheard is counted, and is no unhandled rejection", async () => {
  const { stream, clock } = rig([{}]);
  void stream.send("x");
  void stream.send(7 as unknown as string);
  await clock.advance(0);
  expect(stream.stats).toMatchObject({ sent: 0, unsent: 0, lost: 2 });
  await stream.close();
});

test("wait: what was sent while there was no connection goes out in order once there is one", async () => {
  const { stream, clock, peer } = rig([{}, {}], { sendPolicy: "wait", sendCapacity: 2 });
  const early = stream.send("early");
  expect(await settled(early, clock)).toBe("pending");
  const { end } = reading(stream);
  await clock.advance(0);
  expect([await settled(early, clock), peer().received]).toEqual([undefined, ["early"]]);
  peer().end({ code: 1001 });
  await clock.advance(0);
  const sends = [stream.send("a"), stream.send("b")];
  const full = await stream.send("c").catch((thrown: unknown) => thrown);
  expect(full).toMatchObject({ code: "limit", limit: "sendCapacity" });
  await clock.advance(1_000);
  await Promise.all(sends);
  expect(peer(1).received).toEqual(["a", "b"]);
  await stream.close();
  await end;
  await clock.advance(0);
});

test("dropOldest: the oldest makes room, and its send rejects: nothing is dropped without a word", async () => {
  const { stream, clock, peer } = rig([{}], { sendPolicy: "dropOldest", sendCapacity: 2 });
  const sends = ["a", "b", "c", "d"].map((message) => stream.send(message));
  const results = Promise.allSettled(sends);
  const { end } = reading(stream);
  await clock.advance(0);
  expect(peer().received).toEqual(["c", "d"]);
  expect((await results).map((result) => ("reason" in result ? result.reason.limit : "sent"))).toEqual([
    "sendCapacity",
    "sendCapacity",
    "sent",
    "sent",
  ]);
  await stream.close();
  await end;
  await clock.advance(0);
});

test("a message that a connection took when it broke is told as reset, and is not sent again", async () => {
  const { stream, clock, peer } = rig([{ drains: false }, {}], { sendPolicy: "wait", sendCapacity: 9 });
  const { end } = reading(stream);
  await clock.advance(0);
  const lost = stream.send("lost").catch((thrown: unknown) => thrown);
  const cause = new StreamError("reset", "the wire broke");
  peer().end({ error: cause });
  expect(await lost).toMatchObject({ code: "reset", cause });
  await clock.advance(1_000);
  expect([peer(1).received, stream.stats.unsent]).toEqual([[], 0]);
  await stream.close();
  await end;
  await clock.advance(0);
});

test("when the stream is over, what waits rejects, and so does every send after", async () => {
  const { stream, clock } = rig([{ error: new StreamError("refused", "no", { status: 403 }) }], {
    sendPolicy: "wait",
    sendCapacity: 9,
  });
  const waiting = stream.send("x").catch((thrown: unknown) => thrown);
  const error = await reading(stream).end;
  expect(await waiting).toMatchObject({ code: "unreachable", cause: error });
  expect(await stream.send("y").catch((thrown: unknown) => thrown)).toMatchObject({ code: "unreachable" });
  await clock.advance(0);
});

test("what is being sent when it is closed still goes out before the close frame", async () => {
  const { stream, clock, peer } = rig([{}]);
  const { end } = reading(stream);
  await clock.advance(0);
  const last = stream.send("last");
  await stream.close();
  expect(await settled(last, clock)).toBe(undefined);
  expect([peer().received, peer().left]).toEqual([["last"], { code: 1000, reason: "" }]);
  await end;
});

test("what has not left when the close handshake was given up rejects", async () => {
  const { stream, clock } = rig([{ drains: false, answersClose: false }], { closeMs: 100 });
  const { end } = reading(stream);
  await clock.advance(0);
  const last = stream.send("last").catch((thrown: unknown) => thrown);
  await stream.close();
  await clock.advance(100);
  expect(await last).toMatchObject({ code: "reset" });
  await end;
});

test("a sender that does not wait is held to maxUnsentBytes", async () => {
  const { stream, clock } = rig([{ drains: false }], { maxUnsentBytes: 10 });
  const { end } = reading(stream);
  await clock.advance(0);
  const sends = Promise.allSettled([stream.send("x".repeat(10)), stream.send("y")]);
  await stream.close();
  await clock.advance(5_000);
  const [first, second] = await sends;
  expect(first).toMatchObject({ status: "rejected", reason: { code: "reset" } });
  expect(second).toMatchObject({ status: "rejected", reason: { code: "limit", limit: "maxUnsentBytes" } });
  await end;
  await clock.advance(10_000);
});

test("short messages that wait are counted for what they hold, not for their bytes alone", async () => {
  const { stream, clock } = rig([{ drains: false }], { maxUnsentBytes: 6_500 });
  const { end } = reading(stream);
  await clock.advance(0);
  const sends = Promise.allSettled(Array.from({ length: 200 }, () => stream.send("")));
  await clock.advance(0);
  expect(stream.stats.unsent).toBe(102);
  await stream.close();
  await clock.advance(5_000);
  const refused = (await sends).filter((one) => one.status === "rejected" && one.reason.code === "limit");
  expect(refused.length).toBe(98);
  await end;
  await clock.advance(10_000);
});

test("what is no message is a TypeError", async () => {
  const { stream } = rig([]);
  await expect(stream.send({} as never)).rejects.toThrow(TypeError);
  await stream.close();
});
