// Our hubs, and gorilla's client: directly, through nginx and through our relay. Each message is sent when the one before was seen at
// the other end, so nothing that holds bytes back gets through.

import { createServer } from "node:http";
import type { Socket } from "node:net";
import {
  createPublisher,
  type HubHandler,
  type HubOptions,
  memoryReplayLog,
  type Publisher,
  publisherHub,
  webSocketHub,
  type WebSocketHub,
} from "@longwire/server";
import { beforeAll, describe, expect, it } from "vitest";
import { type Listening, listening } from "../faults/listening.ts";
import { turns } from "../faults/peer.ts";
import type { GoProgram } from "./go-server.ts";
import { buildGorillaClient, dial, type GorillaClient, type Words } from "./gorilla-client.ts";
import { describeWithPeer } from "./peers.ts";
import { describeEachWay, type Front, type Way } from "./ways.ts";

const echo: HubHandler = async (socket) => {
  for await (const message of socket) await socket.send(message);
};
const chat: HubHandler = async (socket, { hub }) => {
  for await (const message of socket) await hub.broadcast(message);
};
const silent: HubHandler = (socket) => socket.outcome;

describeWithPeer("gorilla", "gorilla's client", () => {
  let program: GoProgram;
  beforeAll(async () => {
    program = await buildGorillaClient();
    return () => program[Symbol.asyncDispose]();
  }, 150_000);

  /** A client whose connection is open. */
  async function dialed({ url }: Pick<Front, "url">, ...args: readonly string[]): Promise<GorillaClient> {
    const client = dial(program, url, ...args);
    expect(await client.next()).toEqual(["open", "", ""]);
    return client;
  }

  describeEachWay((way) => {
    describe("and a hub", () => {
      it("has each message back as it was sent: text, bytes, nothing, and long ones in fragments", async () => {
        await using served = await serve(way, echo);
        await using client = await dialed(served.front);
        const messages: readonly Words[] = [
          ["text", "grüße 🧵"],
          ["binary", "00ff80"],
          ["text", ""],
          ["text", "long ".repeat(60_000)],
          ["binary", "c0ffee".repeat(100_000)],
        ];
        for (const message of messages) {
          client.tell(...message);
          expect(await client.next()).toEqual(message);
        }
      });

      it("has what is broadcast, each message when all had the one before", async () => {
        await using served = await serve(way, chat);
        await using one = await dialed(served.front);
        await using other = await dialed(served.front);
        for (let n = 0; n < 5; n++) {
          (n % 2 === 0 ? one : other).tell("text", `message ${n}`);
          for (const client of [one, other]) expect(await client.next()).toEqual(["text", `message ${n}`]);
        }
      });

      it("pings and is answered, and is pinged and answers", async () => {
        await using served = await serve(way, echo, { pingMs: 20 });
        await using client = await dialed(served.front);
        client.tell("ping", "still there?");
        expect(await until(client, "pong")).toEqual(["pong", "still there?"]);
        expect(await until(client, "ping")).toEqual(["ping", expect.any(String)]);
        while (served.hub.sockets[0]?.stats.rttMs === undefined) await turns(1);
      });

      it("agrees on a subprotocol and on compression", async () => {
        await using served = await serve(way, echo, { protocols: ["chat.v2", "chat.v1"], perMessageDeflate: true });
        await using client = dial(program, served.front.url, "-protocols", "chat.v1,chat.v2", "-deflate");
        expect(await client.next()).toEqual(["open", "chat.v2", expect.stringMatching(/^permessage-deflate/)]);
        const text = "the same words again and again, ".repeat(10_000);
        client.tell("text", text);
        expect(await client.next()).toEqual(["text", text]);
      });

      it("is let in as a page of the host that it asks, and refused as a page of another", async () => {
        await using served = await serve(way, echo);
        const { url } = served.front;
        await using own = dial(program, url, "-header", `Origin: ${url}`);
        expect(await own.next()).toEqual(["open", "", ""]);
        await using foreign = dial(program, url, "-header", "Origin: https://evil.example");
        expect(await foreign.next()).toEqual(["refused", 403, "Pages of this origin may not come in here.\n"]);
        expect(served.hub.stats).toMatchObject({ accepted: 1, refused: 1 });
      });

      it("hears by code how it ends: done, failed, too long a message, and a code of the application's own", async () => {
        const handler: HubHandler = async (socket, { request }) => {
          if (request.url === "/throws") throw new Error("broken");
          if (request.url === "/own") await socket.close(4_321, "enough of you");
          if (request.url === "/long") for await (const _message of socket);
        };
        await using served = await serve(way, handler, { maxItemBytes: 10, onError: () => {} });
        const ends: Record<string, unknown> = {};
        for (const path of ["/returns", "/throws", "/own", "/long"]) {
          await using client = await dialed({ url: served.front.url + path });
          if (path === "/long") client.tell("text", "eleven bytes");
          ends[path] = await client.next();
        }
        expect(ends).toEqual({
          "/returns": ["close", 1_000, ""],
          "/throws": ["close", 1_011, ""],
          "/own": ["close", 4_321, "enough of you"],
          "/long": ["close", 1_009, expect.any(String)],
        });
      });

      it("is heard by code when it closes, and has its close back", async () => {
        await using served = await serve(way, silent);
        await using client = await dialed(served.front);
        const outcome = served.hub.sockets[0]?.outcome;
        client.tell("close", 4_001, "that is all");
        expect(await client.next()).toEqual(["close", 4_001, "that is all"]);
        expect(await outcome).toMatchObject({ closeFrame: { code: 4_001, reason: "that is all" } });
      });

      it("is evicted with 1013 when it does not read, behind what had left", async () => {
        await using served = await serve(way, silent, { capacity: 4, closeMs: 20_000 });
        await using slow = await dialed(served.front, "-wait", "-brief");
        let sent = 0;
        for (; served.hub.stats.evicted === 0; await turns(5)) await served.hub.broadcast(megabyte(sent++));
        slow.tell("read");
        const { numbers, end } = await readAll(slow);
        expect([numbers, end]).toEqual([upTo(numbers.length), ["close", 1_013, "Too slow"]]);
        expect(numbers.length).toBe(sent - served.hub.stats.dropped);
      });

      it("stops who sends by the wire when it does not read, nobody else, and has everything when it does", async () => {
        let sent = 0;
        const flood: HubHandler = async (socket, call) => {
          if (call.request.url !== "/flood") return await echo(socket, call);
          for (const n of upTo(most)) {
            await socket.send(megabyte(n));
            sent++;
          }
        };
        await using served = await serve(way, flood);
        await using slow = await dialed({ url: `${served.front.url}/flood` }, "-wait", "-brief");
        await using quick = await dialed(served.front);
        for (let before = -1; before < sent; ) {
          before = sent;
          // Whoever stands in between has its turns.
          for (let round = 0; round < 50; round++) {
            quick.tell("text", "quick");
            await quick.next();
          }
        }
        expect(sent).toBeLessThan(most);
        slow.tell("read");
        expect(await readAll(slow)).toEqual({ numbers: upTo(most), end: ["close", 1_000, ""] });
      });

      it("has 1001 behind the last message when the hub closes, though it is slow", async () => {
        await using served = await serve(way, untilStopped, { policy: "dropOldest", capacity: 1_000 });
        await using slow = await dialed(served.front, "-wait", "-brief");
        for (const n of upTo(40)) await served.hub.broadcast(megabyte(n));
        const closed = served.hub.close({ deadlineMs: 20_000 });
        await turns(20);
        slow.tell("read");
        expect(await readAll(slow)).toEqual({ numbers: upTo(40), end: ["close", 1_001, ""] });
        await closed;
      });

      it.each(["FIN", "RST"])("is heard as cut when it leaves by %s, never as closed", async (how) => {
        await using served = await serve(way, silent);
        await using client = await dialed(served.front);
        const outcome = served.hub.sockets[0]?.outcome;
        client.tell("cut", how);
        const code = how === "RST" && way.passesResets ? "reset" : "truncated";
        expect(await outcome).toMatchObject({ code, closeFrame: undefined });
      });

      it.each(["FIN", "RST"])("hears a cut when the server leaves by %s, never a close", async (how) => {
        await using served = await serve(way, echo);
        await using client = await dialed(served.front);
        client.tell("text", "there?");
        expect(await client.next()).toEqual(["text", "there?"]);
        leave(served.sockets[0] as Socket, how);
        const isReset = how === "RST" && way.passesResets;
        expect(await client.next()).toEqual(isReset ? ["end", "RST"] : ["close", 1_006, "unexpected EOF"]);
      });
    });

    describe("and a publisher's hub", () => {
      it("has each row as it is published, a goodbye and 1001, and resumes by lastEventId", async () => {
        await using served = await publish(way);
        const { publisher, front } = served;
        await using client = await dialed(front);
        await subscribed(served, 1);
        const ids: string[] = [];
        for (let n = 0; n < 5; n++) {
          const id = await publisher.publish("t", { n });
          expect(rowOf(await client.next())).toEqual({ id, data: { n } });
          ids.push(id);
        }
        const lastEventId = ids[2] as string;
        await using byQuery = await dialed({ url: `${front.url}/?lastEventId=${lastEventId}` });
        await using byHeader = await dialed(front, "-header", `Last-Event-ID: ${lastEventId}`);
        for (const resumed of [byQuery, byHeader])
          for (const n of [3, 4]) expect(rowOf(await resumed.next())).toEqual({ id: ids[n], data: { n } });
        await using late = await dialed(front, "-header", `Last-Event-ID: ${ids[0]}`);
        expect(rowOf(await late.next())).toEqual({ id: ids[1], type: "gap", data: { from: ids[0], to: ids[1] } });
        expect(rowOf(await late.next())).toEqual({ id: ids[2], data: { n: 2 } });

        await subscribed(served, 4);
        const closed = publisher.close({ deadlineMs: 10_000 });
        expect(rowOf(await client.next())).toEqual({ type: "goodbye", data: { retryMs: expect.any(Number) } });
        expect(await client.next()).toEqual(["close", 1_001, ""]);
        await closed;
      });
    });
  });
});

/** A hub, and what stands before it. */
async function serve(way: Way, handler: HubHandler, options: HubOptions = {}) {
  const hub = webSocketHub(handler, { onError: (error) => expect.unreachable(String(error)), ...options });
  return await served(way, hub);
}

/** A publisher that keeps three items, its hub, and what stands before that. */
async function publish(way: Way) {
  const publisher = createPublisher({ log: memoryReplayLog({ maxItems: 3 }) });
  const hub = publisherHub(publisher);
  const { [Symbol.asyncDispose]: close, ...rest } = await served(way, hub);
  return {
    ...rest,
    publisher,
    async [Symbol.asyncDispose]() {
      await publisher.close({ deadlineMs: 0 });
      await close();
    },
  };
}

async function served(way: Way, hub: WebSocketHub) {
  const server: Listening = await listening(createServer().on("upgrade", hub.upgrade));
  const front = await way.to(server.port);
  return {
    hub,
    front,
    sockets: server.sockets,
    async [Symbol.asyncDispose]() {
      await hub.close({ deadlineMs: 0 });
      await front[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const untilStopped: HubHandler = (socket) =>
  new Promise((resolve) => socket.signal.addEventListener("abort", resolve, { once: true }));

async function subscribed({ publisher }: { readonly publisher: Publisher }, count: number): Promise<void> {
  while (publisher.stats.subscribers < count) await turns(1);
}

/** Reads on to what goes by a name. */
async function until(client: GorillaClient, name: string): Promise<Words> {
  for (;;) {
    const words = await client.next();
    if (words[0] === name) return words;
  }
}

/** Numbered messages, and what came behind them. */
async function readAll(client: GorillaClient): Promise<{ readonly numbers: number[]; readonly end: Words }> {
  const numbers: number[] = [];
  for (;;) {
    const words = await client.next();
    if (words[0] !== "text") return { numbers, end: words };
    numbers.push(words[2] === megabyte(numbers.length).length ? numberOf(words) : Number.NaN);
  }
}

function megabyte(n: number): string {
  return `${n} ${filler}`;
}

/** More than the buffers of three connections take in, also where Linux was told to let one grow to 32 MiB. */
const most = 120;
const filler = "x".repeat(1_000_000);

function numberOf([, text]: Words): number {
  return Number.parseInt(text as string, 10);
}

function rowOf([, text]: Words): unknown {
  return JSON.parse(text as string);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

function leave(socket: Socket, how: string): void {
  if (how === "RST") socket.resetAndDestroy();
  else socket.destroy();
}
