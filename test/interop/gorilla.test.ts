// What only Node's WebSockets do: headers, real backpressure, Ping frames, and an end that does not wait for the peer. What every
// runtime does stands in test/browser.

import { nodeTransport } from "@longwire/node";
import { nodeWebSocket } from "@longwire/node/websocket";
import { type FaultProxy, faultProxy } from "@longwire/testing";
import { openWebSocket } from "@longwire/websocket";
import { basic, createClient, type StreamError, type WebSocketStream } from "longwire";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { GoProgram, GoServer } from "./go-server.ts";
import { buildGorilla, countsOf, type GorillaCounts } from "./gorilla-server.ts";
import { describeWithPeer } from "./peers.ts";

describeWithPeer("gorilla", "a Go server on gorilla, from Node", () => {
  let program: GoProgram;
  let server: GoServer;
  let proxy: FaultProxy;
  let client: ReturnType<typeof createClient>;

  beforeAll(async () => {
    program = await buildGorilla();
    return () => program[Symbol.asyncDispose]();
  }, 150_000);

  beforeEach(async () => {
    server = await program.start();
    proxy = await faultProxy({ to: server });
    client = createClient({
      baseUrl: proxy.url,
      reconnect: { firstMs: 10, floorMs: 1, maxMs: 50 },
      timeouts: { totalMs: 25_000 },
    });
  });
  afterEach(async () => {
    await client.close();
    await proxy[Symbol.asyncDispose]();
    await server.kill();
  });

  const counts = (): Promise<GorillaCounts> => countsOf(server);
  const counted = (expected: Partial<GorillaCounts>) =>
    expect.poll(counts, { timeout: 10_000 }).toMatchObject(expected);

  it("has headers and credentials of every attempt; without them it refuses with a status and words", async () => {
    let asked = 0;
    const socket = client.webSocket("/handshake?password=1", {
      headers: { "x-team": "ops" },
      auth: (call) => {
        asked++;
        return basic("ada", "lovelace")(call);
      },
    });
    const seen: unknown[] = [];
    for await (const message of socket) {
      const { authorization, team } = JSON.parse(String(message));
      seen.push([authorization, team]);
      if (seen.length === 2) break;
      proxy.reset();
    }
    const header = `Basic ${Buffer.from("ada:lovelace").toString("base64")}`;
    expect(seen).toEqual([
      [header, "ops"],
      [header, "ops"],
    ]);
    expect(asked).toBe(2);

    const stranger = client.webSocket("/echo?password=1");
    await expect(stranger.open()).rejects.toMatchObject({
      code: "refused",
      status: 401,
      excerpt: "who are you?\n",
      headers: { "www-authenticate": 'Basic realm="sockets"' },
    });
  });

  it("says when it can be asked again, and is asked then", async () => {
    const once = client.webSocket("/refuse?status=503&after=7", { reconnect: false });
    await expect(once.open()).rejects.toMatchObject({ code: "refused", status: 503, retryAfterMs: 7_000 });
    const never = client.webSocket("/refuse?status=403");
    await expect(never.open()).rejects.toMatchObject({ code: "refused", status: 403, excerpt: "not you\n" });
    expect((await never.outcome).attempts).toBe(1);
  });

  it("is read through kills and restarts: nothing lost, nothing twice", async () => {
    const seen: number[] = [];
    const socket = client.webSocket("/counter?count=10&abort_after=3&abort=hold", {
      resume: { cursor: seqOf, apply: (request, since) => request.withQuery({ since }) },
    });
    for await (const message of socket) {
      seen.push(seqOf(message));
      if (seen.length % 3 !== 0) continue;
      await server.kill();
      server = await program.start(server.port);
    }
    expect(seen).toEqual(Array.from({ length: 10 }, (_, index) => index + 1));
    expect(await socket.outcome).toMatchObject({ code: "complete", attempts: expect.any(Number) });
    expect(socket.stats.reconnects).toBe(3);
  });

  it("is held up by a slow consumer: of 100 MB few are written before they are read, and then all", async () => {
    const [count, size] = [1_000, 100_000];
    const socket = client.webSocket(`/flood?count=${count}&size=${size}`);
    const messages = socket[Symbol.asyncIterator]();
    await messages.next();
    let before = 0;
    await expect
      .poll(
        async () => {
          const { flooded } = await counts();
          const isStill = flooded === before;
          before = flooded;
          return isStill && flooded > 0;
        },
        { interval: 200, timeout: 10_000 },
      )
      .toBe(true);
    // What the buffers of two connections take in: to the proxy and from it.
    expect(before).toBeLessThan(25_000_000);
    expect(socket.stats.bytes).toBeLessThan(1_000_000);
    let bytes = size;
    for (let next = await messages.next(); !next.done; next = await messages.next()) bytes += next.value.length;
    expect(bytes).toBe(count * size);
    expect(await socket.outcome).toMatchObject({ code: "complete", items: count });
  });

  it("that cuts a slow consumer off is told as broken, behind the messages that had come", async () => {
    const socket = client.webSocket("/flood?count=1000&size=100000&wait=200", { reconnect: false });
    const messages = socket[Symbol.asyncIterator]();
    await messages.next();
    await counted({ writesTimedOut: 1 });
    const written = (await counts()).flooded / 100_000;
    let read = 1;
    await expect(
      (async () => {
        while (!(await messages.next()).done) read++;
      })(),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^(truncated|reset)$/) });
    expect(read).toBeLessThanOrEqual(written);
    expect(read).toBeGreaterThan(1);
  });

  it("that closes a slow member of a hub with 1013 is come back to", async () => {
    const slow = client.webSocket("/hub?queue=2");
    const loud = client.webSocket("/hub?queue=100000");
    const messages = slow[Symbol.asyncIterator]();
    await messages.next();
    const echoes = loud[Symbol.asyncIterator]();
    await echoes.next();
    const megabyte = "x".repeat(1_000_000);
    for (let n = 0; n < 40; n++) {
      await loud.send(megabyte);
      await echoes.next();
    }
    const notices = slow.notices();
    const reading = (async () => {
      while (!(await messages.next()).done);
    })();
    for await (const notice of notices) {
      if (notice.type !== "waiting") continue;
      expect(notice.cause).toMatchObject({ code: "refused", closeCode: 1013, closeReason: "too slow" });
      break;
    }
    await Promise.all([slow.close(), loud.close(), reading]);
  });

  it("that drops who does not pong drops a client that is too busy, which comes back", async () => {
    const socket = client.webSocket("/ping?period=10&wait=150");
    const seen: string[] = [];
    for await (const message of socket) {
      seen.push(String(message));
      // Busy: no pong is sent meanwhile.
      if (seen.length === 3) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
      if (seen.length > 3 && message === "pong 2") break;
    }
    expect(await counts()).toMatchObject({ pongsMissed: 1, upgraded: 2 });
    expect(socket.stats.reconnects).toBe(1);
  });

  it("answers pings, which tells the round trip; one that falls silent is noticed by `pongMs`", async () => {
    const socket = client.webSocket("/echo", { pingMs: 20, pongMs: 200 });
    const notices = socket.notices();
    const reading = readAll(socket);
    await socket.open();
    await expect.poll(() => socket.stats.rttMs).toBeGreaterThanOrEqual(0);
    proxy.stall();
    for await (const notice of notices) {
      if (notice.type !== "waiting") continue;
      expect(notice.cause).toMatchObject({ code: "idle", clock: "pongMs" });
      break;
    }
    await socket.close();
    expect(await reading).toEqual({ seen: [], code: "closed" });
    await expect.poll(() => proxy.counts.open).toBe(0);
  });

  it("that never answers a close is left by `closeMs`, whoever began it", async () => {
    const socket = client.webSocket("/mute", { closeMs: 100 });
    await socket.open();
    await socket.close(4000, "enough");
    await counted({ closes: [4000], mutesLeft: 1, open: 0 });

    const closed = client.webSocket("/mute?code=1000", { closeMs: 100 });
    expect(await readAll(closed)).toEqual({ seen: [], code: "complete" });
    await counted({ closes: [4000, 1000], mutesLeft: 2, open: 0 });
  });

  it("speaks permessage-deflate with who offers it: fewer bytes on the wire, the same messages", async () => {
    await using transport = nodeTransport();
    const text = "the same words again and again, ".repeat(1_000);
    const down: number[] = [];
    for (const perMessageDeflate of [false, true]) {
      const before = proxy.counts.down;
      await using socket = openWebSocket(`${proxy.url}/handshake?deflate=1`, {
        opener: nodeWebSocket(transport, { perMessageDeflate }),
      });
      const messages = socket[Symbol.asyncIterator]();
      const { extensions } = JSON.parse(String((await messages.next()).value));
      expect(extensions).toMatch(perMessageDeflate ? /^permessage-deflate/ : /^$/);
      await socket.send(text);
      await socket.send(Buffer.from(text));
      expect((await messages.next()).value).toBe(text);
      expect(Buffer.from((await messages.next()).value as Uint8Array).toString()).toBe(text);
      down.push(proxy.counts.down - before);
    }
    expect(down[0]).toBeGreaterThan(2 * text.length);
    expect(down[1]).toBeLessThan(text.length / 10);

    const bomb = openWebSocket(`${proxy.url}/flood?deflate=1&count=1&size=100001`, {
      opener: nodeWebSocket(transport, { perMessageDeflate: true }),
      maxItemBytes: 100_000,
    });
    expect(await readAll(bomb)).toEqual({ seen: [], code: "limit" });
  });

  it("ends by a reset: that is told, and no half of a message", async () => {
    const socket = client.webSocket("/abort?after=0&half=1&how=reset", { reconnect: false });
    expect(await readAll(socket)).toEqual({ seen: [], code: "reset" });
  });
});

async function readAll(socket: WebSocketStream): Promise<{ seen: string[]; code: string }> {
  const seen: string[] = [];
  try {
    for await (const message of socket) seen.push(String(message));
  } catch (error) {
    expect((error as StreamError).code).toBe((await socket.outcome).code);
  }
  return { seen, code: (await socket.outcome).code };
}

function seqOf(message: unknown): number {
  return JSON.parse(String(message)).seq;
}
