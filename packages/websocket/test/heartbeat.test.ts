import { expect, test } from "vitest";
import { reading, rig } from "./rig.ts";

test("a ping goes out every pingMs, its pong tells the round trip, and the stream lives on for ever", async () => {
  const { stream, clock, peer } = rig([{}]);
  const { end } = reading(stream);
  await clock.advance(30_000);
  expect([peer().pings, stream.stats.rttMs, stream.stats.heartbeats]).toEqual([1, 0, 1]);
  // Far beyond idleMs, which every pong resets.
  await clock.advance(3_600_000);
  expect([peer().pings, stream.state.name, stream.stats.attempts]).toEqual([121, "open", 1]);
  await stream.close();
  await end;
  await clock.advance(0);
  expect(clock.pending).toBe(0);
});

test("a peer that answers no ping is idle after pongMs, broken off without a close frame, and opened again", async () => {
  const { stream, clock, peer, opener } = rig([{ pongs: false }, {}], { pingMs: 1_000, pongMs: 300 });
  const { end } = reading(stream);
  await clock.advance(1_299);
  expect([stream.state.name, peer().pings]).toEqual(["open", 1]);
  await clock.advance(1);
  expect(stream.state).toMatchObject({ name: "waiting", cause: { code: "idle", clock: "pongMs" } });
  expect([peer().left, opener.open]).toEqual(["terminated", 0]);
  await clock.advance(100);
  expect([stream.state.name, opener.requests.length]).toEqual(["open", 2]);
  await stream.close();
  await end;
  await clock.advance(0);
  expect(clock.pending).toBe(0);
});

test("a pongMs that is longer than pingMs holds up no ping: silence is noticed pongMs after the first one without an answer", async () => {
  const answering = { pongs: true };
  const { stream, clock, peer } = rig([answering], { pingMs: 100, pongMs: 1_000, reconnect: false });
  const { end } = reading(stream);
  await clock.advance(1_050);
  expect(peer().pings).toBe(10);
  answering.pongs = false;
  await clock.advance(50 + 999);
  expect(stream.state.name).toBe("open");
  await clock.advance(1);
  expect(await end).toMatchObject({ code: "idle", clock: "pongMs" });
  expect(clock.pending).toBe(0);
});

test("every frame is a sign of life, and so are bytes of a message that is long under way", async () => {
  const { stream, clock, peer } = rig([{ pongs: false }], { pingMs: 1_000, pongMs: 300, reconnect: false });
  const { end } = reading(stream);
  await clock.advance(1_100);
  peer().say("alive");
  await clock.advance(1_000);
  peer().ping();
  await clock.advance(1_000);
  peer().trickle(10);
  await clock.advance(250);
  peer().trickle(10);
  await clock.advance(300);
  expect(stream.state.name).toBe("open");
  await clock.advance(249);
  expect(stream.state.name).toBe("open");
  await clock.advance(1);
  expect(await end).toMatchObject({ code: "idle", clock: "pongMs" });
});

test("what is still leaving is a sign of life, what waits unmoved is none", async () => {
  const { stream, clock, peer } = rig([{ pongs: false, drains: false }], {
    pingMs: 1_000,
    pongMs: 300,
    reconnect: false,
  });
  const { end } = reading(stream);
  await clock.advance(0);
  const sends = Promise.allSettled([stream.send("one"), stream.send("two"), stream.send("three")]);
  await clock.advance(1_000);
  peer().drain(1);
  await clock.advance(300);
  peer().drain(1);
  await clock.advance(300);
  expect(stream.state.name).toBe("open");
  await clock.advance(300);
  expect(await end).toMatchObject({ code: "idle", clock: "pongMs" });
  expect((await sends).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
});

test("a consumer that is slow is not taken for a peer that is gone", async () => {
  const { stream, clock, peer } = rig([{}], { pingMs: 1_000, pongMs: 300 });
  const items = stream[Symbol.asyncIterator]();
  const first = items.next();
  await clock.advance(0);
  peer().say("first");
  await first;
  await clock.advance(1_000);
  // In the middle of a ping's window the socket is paused.
  peer().say("x".repeat(70_000));
  expect(peer().paused).toBe(true);
  await clock.advance(60_000);
  expect(stream.state.name).toBe("open");
  expect((await items.next()).value).toBe("x".repeat(70_000));
  const third = items.next();
  await clock.advance(5_000);
  peer().say("third");
  expect((await third).value).toBe("third");
  await stream.close();
  await clock.advance(0);
});

test("pingMs: 0 asks nothing, and then silence is no end unless idleMs says so", async () => {
  const quiet = rig([{ pongs: false }], { pingMs: 0 });
  const { end } = reading(quiet.stream);
  await quiet.clock.advance(3_600_000);
  expect([quiet.stream.state.name, quiet.peer().pings]).toEqual(["open", 0]);
  await quiet.stream.close();
  await end;
  await quiet.clock.advance(0);

  const told = rig([{ pongs: false }], { pingMs: 0, timeouts: { idleMs: 1_000 }, reconnect: false });
  const read = reading(told.stream);
  await told.clock.advance(1_000);
  expect(await read.end).toMatchObject({ code: "idle", clock: "idleMs" });
});

test("where the runtime sends no Ping frames, a ping of the application's own does it", async () => {
  const { stream, clock, peer } = rig([{ bare: true }, {}], {
    pingMs: 1_000,
    pongMs: 300,
    ping: () => "ping",
    heartbeat: (message) => message === "pong",
  });
  const { items, end } = reading(stream);
  await clock.advance(1_000);
  expect(peer().received).toEqual(["ping"]);
  await clock.advance(40);
  peer().say("something else");
  await clock.advance(10);
  peer().say("pong");
  await clock.advance(0);
  expect([stream.stats.rttMs, items, stream.stats.heartbeats]).toEqual([50, ["something else"], 1]);
  await clock.advance(949 + 300);
  expect(stream.state.name).toBe("open");
  await clock.advance(1);
  expect(stream.state).toMatchObject({ name: "waiting", cause: { code: "idle", clock: "pongMs" } });
  await stream.close();
  await end;
  await clock.advance(0);
});

test("without either, a quiet connection of a browser is left alone", async () => {
  const { stream, clock, opener } = rig([{ bare: true }]);
  const { end } = reading(stream);
  await clock.advance(3_600_000);
  expect([stream.state.name, opener.requests.length]).toEqual(["open", 1]);
  await stream.close();
  await end;
  await clock.advance(0);
});

test("a ping that throws ends the stream as protocol", async () => {
  const thrown = new Error("mine");
  const { stream, clock, opener } = rig([{}], {
    pingMs: 1_000,
    ping: () => {
      throw thrown;
    },
  });
  const { end } = reading(stream);
  await clock.advance(1_000);
  expect(await end).toMatchObject({ code: "protocol", cause: thrown });
  await clock.advance(0);
  expect([opener.open, clock.pending]).toEqual([0, 0]);
});
