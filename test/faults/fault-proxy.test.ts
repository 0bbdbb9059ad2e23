// The fault proxy, seen by plain TCP clients on both of its sides.

import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { fakeClock } from "@longwire/core/testing";
import { type FaultPlan, faultProxy, loopbackServer } from "@longwire/testing";
import { describe, expect, it, test } from "vitest";
import { getRequest, peer, turns } from "./peer.ts";

/** A TCP server that does this with each socket. */
async function target(serve: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    serve(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    sockets,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers what it gets, until the end of it. */
const echo = (socket: Socket): unknown => socket.pipe(socket);

describe("without faults", () => {
  it("carries bytes and half-closes in both directions", async () => {
    await using origin = await target(echo);
    await using proxy = await faultProxy({ to: origin });
    await using client = await peer(proxy.port, "hello");
    await client.until(5);
    expect([client.text, client.state]).toEqual(["hello", "open"]);
    client.socket.end(" and bye");
    expect(await client.ended).toBe("FIN");
    expect(client.text).toBe("hello and bye");
    await turns();
    expect(proxy.counts).toEqual({ accepted: 1, open: 0, up: 13, down: 13 });
  });

  it("goes to a server that is named by its URL", async () => {
    await using origin = await loopbackServer({ body: "hello" });
    for (const to of [origin.url, new URL(origin.url)]) {
      await using proxy = await faultProxy({ to });
      expect(await fetch(proxy.url).then((answer) => answer.text())).toBe("hello");
    }
  });

  it("passes a break of the target on as a break, and a refusal", async () => {
    await using origin = await target((socket) => socket.once("data", () => socket.resetAndDestroy()));
    await using proxy = await faultProxy({ to: origin });
    await using client = await peer(proxy.port);
    expect(await client.ended).toBe("RST");
    await origin[Symbol.asyncDispose]();
    await using refused = await peer(proxy.port);
    expect(await refused.ended).toBe("RST");
  });

  it("breaks the target's connection when the client breaks its own", async () => {
    await using origin = await target((socket) => socket.resume());
    await using proxy = await faultProxy({ to: origin });
    await using client = await peer(proxy.port);
    while (origin.sockets.length === 0) await turns(1);
    const broken = new Promise((resolve) => origin.sockets[0]?.once("error", resolve));
    client.socket.resetAndDestroy();
    expect(await broken).toMatchObject({ code: "ECONNRESET" });
  });

  it.each(["down", "up"] as const)(
    "holds back %s what the reader does not take, and loses none of it",
    async (direction) => {
      const chunk = Buffer.alloc(65_536, "x");
      const total = 64 * 1_024 * 1_024;
      let sent = 0;
      const flood = async (socket: Socket): Promise<void> => {
        for (; sent < total; sent += chunk.length)
          await new Promise<unknown>((resolve) => socket.write(chunk, resolve));
        socket.end();
      };
      let received = 0;
      const sink = (socket: Socket): Socket => socket.on("data", (data: Buffer) => void (received += data.length));
      await using origin = await target(
        (socket) => void (direction === "down" ? flood(socket.resume()) : sink(socket).pause()),
      );
      await using proxy = await faultProxy({ to: origin });
      await using client = await peer(proxy.port, "");
      while (origin.sockets.length === 0) await turns(1);
      const reader = direction === "down" ? client.socket : (origin.sockets[0] as Socket);
      if (direction === "down") sink(reader.removeAllListeners("data") as Socket).pause();
      else void flood(client.socket);
      for (let before = -1; sent > before; await turns()) before = sent;
      // What the system's own buffers take on four sockets; the proxy keeps one chunk.
      expect(sent).toBeLessThan(total / 2);
      reader.resume();
      await once(reader, "end");
      expect(received).toBe(total);
    },
  );
});

describe("a plan", () => {
  const text = "abcdef";

  test.each([
    ["cutAfter", "FIN"],
    ["halfClose", "FIN"],
    ["resetAfter", "RST"],
    ["stall", "open"],
  ] as const)("%s is what it says behind every byte that comes down", async (fault, state) => {
    await using origin = await target((socket) => socket.resume().write(text));
    for (let at = 0; at <= text.length; at++) {
      await using proxy = await faultProxy({ to: origin, plan: { [fault]: at } });
      await using client = await peer(proxy.port);
      if (state === "open") await client.until(at).then(() => turns());
      else await client.ended;
      expect({ at, text: client.text, state: client.state }).toEqual({ at, text: text.slice(0, at), state });
    }
  });

  it("cutAfter ends the target's side too; halfClose leaves the way up open", async () => {
    const came: string[] = [];
    await using origin = await target((socket) => {
      socket.on("data", (data) => came.push(String(data)));
      socket.write(text);
    });
    await using proxy = await faultProxy({ to: origin, plan: [{ cutAfter: 2 }, { halfClose: 2 }] });
    await using cut = await peer(proxy.port, "");
    await cut.ended;
    await once(origin.sockets[0] as Socket, "end");
    await using half = await peer(proxy.port, "");
    await half.ended;
    half.socket.write("still here");
    await once(origin.sockets[1] as Socket, "data");
    expect([half.text, came]).toEqual(["ab", ["still here"]]);
    half.socket.end();
    await once(origin.sockets[1] as Socket, "end");
  });

  it("slice leaves in pieces, drip and delay by the clock", async () => {
    const clock = fakeClock();
    await using origin = await target((socket) => socket.resume().end(text));
    const plans: FaultPlan[] = [{ slice: 1 }, { delay: { firstMs: 10 } }, { drip: { bytes: 4, everyMs: 10 } }];
    await using proxy = await faultProxy({ to: origin, plan: plans, clock });
    await using sliced = await peer(proxy.port);
    await sliced.ended;
    expect(sliced.chunks.map(String)).toEqual([...text]);
    for (const [early, late] of [
      ["", text],
      ["abcd", text],
    ]) {
      await using slow = await peer(proxy.port);
      await turns();
      expect([slow.text, clock.pending]).toEqual([early, 1]);
      await clock.advance(10);
      await slow.ended;
      expect(slow.text).toBe(late);
    }
  });

  it("blackhole and status reach no target", async () => {
    await using origin = await target(echo);
    await using proxy = await faultProxy({ to: origin, plan: [{ blackhole: true }, { retryAfter: 5 }] });
    await using silent = await peer(proxy.port);
    await turns();
    expect([silent.text, silent.state, proxy.counts.up]).toEqual(["", "open", getRequest.length]);
    const answer = await fetch(proxy.url);
    expect([answer.status, answer.headers.get("retry-after"), await answer.text()]).toEqual([503, "5", ""]);
    expect(origin.sockets).toEqual([]);
  });

  it("that a function throws breaks the connection, and close says why", async () => {
    const proxy = await faultProxy({ to: { port: 1 }, plan: () => ({ stall: -1 }) });
    await using client = await peer(proxy.port);
    expect(await client.ended).toBe("RST");
    await expect(proxy.close()).rejects.toThrow(RangeError);
  });
});

describe("by hand", () => {
  test.each([
    ["cut", "FIN"],
    ["reset", "RST"],
  ] as const)("%s ends all that is open, and only that", async (act, how) => {
    await using origin = await target(echo);
    await using proxy = await faultProxy({ to: origin });
    await using one = await peer(proxy.port, "one");
    await using two = await peer(proxy.port, "two");
    await Promise.all([one.until(3), two.until(3)]);
    proxy[act]();
    expect(await Promise.all([one.ended, two.ended])).toEqual([how, how]);
    await using three = await peer(proxy.port, "three");
    await three.until(5);
    expect(three.state).toBe("open");
  });

  it("stall holds all that comes down, also an end; heal lets it come", async () => {
    await using origin = await target(echo);
    await using proxy = await faultProxy({ to: origin });
    await using client = await peer(proxy.port, "before");
    await client.until(6);
    proxy.stall();
    client.socket.write(" held");
    while ((origin.sockets[0]?.bytesWritten ?? 0) < 11) await turns(1);
    origin.sockets[0]?.end();
    await turns();
    expect([client.text, client.state]).toEqual(["before", "open"]);
    proxy.heal();
    expect(await client.ended).toBe("FIN");
    expect(client.text).toBe("before held");
  });

  it("heal takes the faults away from open connections and from those that come", async () => {
    await using server = await loopbackServer({ body: "abcdef", framing: "close" });
    await using proxy = await faultProxy({ to: server, plan: { stall: 3 } });
    await using client = await peer(proxy.port);
    await client.until(3);
    await turns();
    expect(client.text).toBe("HTT");
    proxy.heal();
    expect(await client.ended).toBe("FIN");
    expect(client.text).toMatch(/^HTTP\/1\.1 200 [\s\S]*abcdef$/);
    expect(await fetch(proxy.url).then((answer) => answer.text())).toBe("abcdef");
    expect(proxy.plan).toEqual({});
  });

  it("heal ends what was black-holed", async () => {
    await using proxy = await faultProxy({ to: { port: 1 }, plan: { blackhole: true } });
    await using client = await peer(proxy.port);
    await turns();
    expect(client.state).toBe("open");
    proxy.heal();
    expect(await client.ended).toBe("FIN");
    expect(client.text).toBe("");
  });

  it("a client that leaves a stalled connection is gone", async () => {
    await using origin = await target(echo);
    await using proxy = await faultProxy({ to: origin, plan: { stall: 0 } });
    await using client = await peer(proxy.port, "hello");
    await turns();
    expect(proxy.counts.open).toBe(1);
    client.socket.destroy();
    while (proxy.counts.open > 0) await turns(1);
  });

  it("close ends everything", async () => {
    await using origin = await target(echo);
    const proxy = await faultProxy({ to: origin, plan: [{}, { stall: 0 }, { blackhole: true }] });
    const clients = await Promise.all([1, 2, 3].map(() => peer(proxy.port, "hello")));
    await clients[0]?.until(5);
    await proxy.close();
    await Promise.all(clients.map((client) => client.ended));
    for (const client of clients) await client[Symbol.asyncDispose]();
    expect(proxy.counts.open).toBe(0);
  });
});
