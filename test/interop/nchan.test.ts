import { type FaultProxy, faultProxy } from "@longwire/testing";
import { createClient, type Notice, type StreamRequest, waitReason } from "longwire";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { keptMessages, type NchanServer, startNchan } from "./nchan-server.ts";
import { describeWithPeer } from "./peers.ts";

describeWithPeer("nchan", "nginx with nchan, close-delimited Server-Sent Events", () => {
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
    channel = `channel${++channels}`;
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

  it("is read through resets while messages are published: none lost, none twice", async () => {
    const [rounds, perRound] = [5, 40];
    const messages = numbered(rounds * perRound);
    const stream = client.sse(`/sub/${channel}`);
    const seen: string[] = [];
    let published = publish(...messages.slice(0, perRound));
    for await (const { data } of stream) {
      seen.push(data);
      if (seen.length === messages.length) break;
      if (seen.length % perRound === 0) {
        await published;
        published = publish(...messages.slice(seen.length, seen.length + perRound));
      } else if (seen.length % perRound === perRound / 2) proxy.reset();
    }
    await published;
    expect(seen).toEqual(messages);
    // The last round may be in hand when its connection breaks.
    expect(stream.stats.reconnects).toBeGreaterThanOrEqual(rounds - 1);
  });

  it("tells why it ends a subscription by `:408:`, a comment notice before the end; the stream comes back", async () => {
    const stream = client.sse(`/short/${channel}`);
    const told = untilResumed(stream.notices({ comments: true }));
    const items = stream[Symbol.asyncIterator]();
    await publish("1");
    expect((await items.next()).value?.data).toBe("1");
    const next = items.next();
    expect(await told).toEqual(["comment: 408: 408 Request Timeout", "waiting: the stream ended", "resumed"]);
    await publish("2");
    expect((await next).value?.data).toBe("2");
  });

  it("tells by `:410:`, a comment notice before the end, that a channel is gone; the stream reads the next of its name", async () => {
    const stream = client.sse(`/sub/${channel}`);
    const told = untilResumed(stream.notices({ comments: true }));
    const items = stream[Symbol.asyncIterator]();
    await publish("1");
    expect((await items.next()).value?.data).toBe("1");
    const next = items.next();
    await nchan.remove(channel);
    expect(await told).toEqual(["comment: 410: 410 Gone", "waiting: the stream ended", "resumed"]);
    // Its ids begin anew, at 0 in each second: one of the same second as the last is the last one's, and is taken for seen.
    await publish("2", "3");
    for (let data = (await next).value?.data; data !== "3"; data = (await items.next()).value?.data) {
      expect(data).toBe("2");
    }
  });

  it.each(["1:0", "rubbish"])("replays from the oldest for the id %j, and does not say so", async (from) => {
    const kept = numbered(keptMessages, 11);
    await publish(...numbered(10), ...kept);
    const stream = client.sse(`/sub/${channel}`, { resume: { from }, until: kept.at(-1) });
    const notices = stream.notices();
    expect(await read(stream)).toEqual(kept.slice(0, -1));
    const types = [];
    for await (const { type } of notices) types.push(type);
    expect(types).toEqual(["opening", "open", "closed"]);
  });

  describe("behind an intermediary that drops Last-Event-ID", () => {
    const twice = async (dropReplayed: boolean | undefined) => {
      await publish("1", "2", "3");
      const withoutId = { apply: (request: StreamRequest) => request.withHeader("last-event-id", undefined) };
      const stream = client.sse(`/sub/${channel}`, { resume: { ...withoutId, dropReplayed }, until: "end" });
      const notices = stream.notices();
      const seen: string[] = [];
      for await (const { data } of stream) {
        seen.push(data);
        if (seen.length !== 3) continue;
        proxy.reset();
        await publish("4", "end");
      }
      let replayed = 0;
      for await (const notice of notices) if (notice.type === "replayed") replayed += notice.items;
      return { seen, replayed };
    };

    it("replays from the oldest, which is seen again", async () => {
      expect(await twice(undefined)).toEqual({ seen: ["1", "2", "3", "1", "2", "3", "4"], replayed: 0 });
    });

    it("replays from the oldest, which is left out and told with `dropReplayed`", async () => {
      expect(await twice(true)).toEqual({ seen: ["1", "2", "3", "4"], replayed: 3 });
    });
  });

  it("pings by an event without data: no item, and silence no more", async () => {
    // nchan pings each second, and not more often than that.
    const options = { timeouts: { idleMs: 2_500 }, reconnect: false } as const;
    const pinged = client.sse(`/ping/${channel}`, { ...options, until: "2" });
    await pinged.open();
    const seen = read(pinged);
    await expect(read(client.sse(`/sub/${channel}`, options))).rejects.toMatchObject({ code: "idle" });
    await publish("1", "2");
    expect(await seen).toEqual(["1"]);
  });

  it("pings by an event with data, which is no item where the caller calls it a heartbeat", async () => {
    let second: () => void;
    const twicePinged = new Promise<void>((resolve) => {
      second = resolve;
    });
    let pings = 0;
    const stream = client.sse(`/beat/${channel}`, {
      until: "1",
      heartbeat: ({ type }) => {
        if (type === "ping" && ++pings === 2) second();
        return type === "ping";
      },
    });
    const seen = read(stream);
    await twicePinged;
    await publish("0", "1");
    expect(await seen).toEqual(["0"]);
    expect(stream.stats.heartbeats).toBeGreaterThanOrEqual(2);
  });
});

/** Comments, reasons to wait and resumption, up to the first one; not nchan's greeting. */
async function untilResumed(notices: AsyncIterable<Notice>): Promise<string[]> {
  const told: string[] = [];
  for await (const notice of notices) {
    if (notice.type === "comment" && notice.text.trim() !== "hi") told.push(`comment: ${notice.text}`);
    if (notice.type === "waiting") told.push(`waiting: ${waitReason(notice.cause)}`);
    if (notice.type === "resumed") return [...told, "resumed"];
  }
  return told;
}

async function read(events: AsyncIterable<{ readonly data: string }>): Promise<string[]> {
  const seen: string[] = [];
  for await (const { data } of events) seen.push(data);
  return seen;
}

function numbered(count: number, first = 1): string[] {
  return Array.from({ length: count }, (_, index) => String(first + index));
}
