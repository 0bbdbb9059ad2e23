import { type FaultProxy, faultProxy } from "@longwire/testing";
import { createClient, type Message, type WebSocketOptions } from "longwire";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type NchanServer, startNchan } from "./nchan-server.ts";
import { describeWithPeer } from "./peers.ts";

describeWithPeer("nchan", "nginx with nchan, by WebSocket", () => {
  let nchan: NchanServer;
  let proxy: FaultProxy;
  let client: ReturnType<typeof createClient>;
  let channel: string;
  let channels = 0;

  beforeAll(async () => {
    nchan = await startNchan();
    return () => nchan[Symbol.asyncDispose]();
  }, 30_000);

  beforeEach(async () => {
    channel = `socket${++channels}`;
    proxy = await faultProxy({ to: nchan });
    client = createClient({
      baseUrl: proxy.url,
      reconnect: { firstMs: 10, floorMs: 1, maxMs: 50 },
      timeouts: { totalMs: 25_000 },
    });
  });
  afterEach(async () => {
    await client.close();
    await proxy[Symbol.asyncDispose]();
  });

  const publish = async (...messages: readonly string[]): Promise<void> => {
    for (const message of messages) await nchan.publish(channel, message);
  };

  it("is read through resets while messages are published, by the id that each begins with: none lost, none twice", async () => {
    const [rounds, perRound] = [5, 40];
    const messages = Array.from({ length: rounds * perRound }, (_, index) => `message ${index + 1}`);
    const socket = client.webSocket(`/ws/${channel}`, withIds);
    const seen: string[] = [];
    let published = publish(...messages.slice(0, perRound));
    for await (const message of socket) {
      seen.push(parts(message).text);
      if (seen.length === messages.length) break;
      if (seen.length % perRound === 0) {
        await published;
        published = publish(...messages.slice(seen.length, seen.length + perRound));
      } else if (seen.length % perRound === perRound / 2) proxy.reset();
    }
    await published;
    expect(seen).toEqual(messages);
    expect(socket.protocol).toBe("ws+meta.nchan");
    // The last round may be in hand when its connection breaks.
    expect(socket.stats.reconnects).toBeGreaterThanOrEqual(rounds - 1);
  });

  it("pings: each is a heartbeat and no message", async () => {
    const socket = client.webSocket(`/ws/${channel}`);
    const reading = socket[Symbol.asyncIterator]().next();
    await expect.poll(() => socket.stats.heartbeats, { timeout: 5_000 }).toBeGreaterThanOrEqual(2);
    await publish("first");
    expect(await reading).toEqual({ value: "first", done: false });
    await socket.close();
  });

  it("leaves with 1001 when a channel is deleted, and is come back to", async () => {
    // Without ids: nchan counts them from 0 in each second, and begins again with a channel.
    const socket = client.webSocket(`/ws/${channel}`);
    const messages = socket[Symbol.asyncIterator]();
    await publish("before");
    expect((await messages.next()).value).toBe("before");
    const next = messages.next();
    await nchan.remove(channel);
    await expect.poll(() => socket.stats.attempts, { timeout: 5_000 }).toBe(2);
    await publish("after");
    expect((await next).value).toBe("after");
    await socket.close();
  });

  it("closes with 1008 who publishes where nobody may: `refused`, and final", async () => {
    const socket = client.webSocket(`/ws/${channel}`);
    await socket.open();
    await socket.send("let me in");
    await expect(socket[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "refused",
      closeCode: 1008,
      closeReason: "Publish",
    });
    expect((await socket.outcome).attempts).toBe(1);
  });
});

/** `id: …`, `content-type: …`, an empty line, and the message. */
function parts(message: Message): { readonly id: string; readonly text: string } {
  const [, id, text] = /^id: (\S+)\n(?:.+\n)*\n([\s\S]*)$/.exec(String(message)) ?? [];
  if (id === undefined || text === undefined) throw new Error(`nchan sent no id: ${String(message)}`);
  return { id, text };
}

const withIds: WebSocketOptions = {
  protocols: "ws+meta.nchan",
  resume: {
    cursor: (message) => parts(message).id,
    apply: (request, last) => request.withQuery({ last_event_id: last }),
  },
};
