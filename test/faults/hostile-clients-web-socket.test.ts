// Clients that send frames, pieces of frames and garbage, read or do not, and leave in any way, to hubs whose handlers do all that handlers can do
// wrong: those who behave keep their order and lose nothing.

import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { seededRandom } from "@longwire/core/testing";
import { createPublisher, type HubHandler, publisherHub, type WebSocketHub, webSocketHub } from "@longwire/server";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { listening } from "./listening.ts";
import { turns } from "./peer.ts";

const seed = Number(process.env.LONGWIRE_MODEL_SEED ?? 20_261_201);
const clients = 400;
const atOnce = 20;

test(`${clients} random clients of WebSockets from seed ${seed} end no process and take nothing from others, and leave nothing`, async () => {
  const random = seededRandom(seed);
  const below = (most: number): number => Math.floor(random() * most);
  const pick = <T>(all: readonly T[]): T => all[below(all.length)] as T;

  /** What handlers threw on purpose, and what they threw besides. */
  const failures = { meant: 0, other: [] as unknown[] };
  const onError = (error: unknown): void => {
    if (error === onPurpose) failures.meant++;
    else failures.other.push(error);
  };
  const options = { onError, maxItemBytes: 100_000, pingMs: 200, pongMs: 10_000, closeMs: 300, capacity: 16 };
  const chat = webSocketHub(async (socket, { hub }) => {
    for await (const message of socket) if (message.length < 1_000) await hub.broadcast(message, { except: socket });
  }, options);
  const publisher = createPublisher({ capacity: 64, goodbyeMs: 50 });
  const items = publisherHub(publisher, options);
  const odd = webSocketHub((socket, call) => pick(oddHandlers)(socket, call), { ...options, policy: "dropOldest" });
  const late = webSocketHub(echo, { ...options, admit: () => turns(below(30)) as Promise<undefined>, maxSockets: 10 });
  const steady = webSocketHub(echo, options);
  const hubs: Readonly<Record<string, WebSocketHub>> = {
    "/chat": chat,
    "/items": items,
    "/odd": odd,
    "/late": late,
    "/echo": steady,
  };
  await using server = await listening(
    createServer().on("upgrade", (request, socket, head) => {
      (hubs[request.url ?? ""] ?? steady).upgrade(request, socket, head);
    }),
  );

  /** A frame, as clients send it or not: RFC 6455 section 5.2. */
  function frame(): Buffer {
    const opcode = pick([0, 0, 1, 1, 1, 2, 2, 8, 9, 10, 3, 15]);
    const payload = payloadOf(opcode);
    const length = payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 255];
    const said = random() < 0.03 ? [127, 0x7f, 255, 255, 255, 255, 255, 255, 255] : length;
    const masked = random() < 0.97;
    const first = (random() < 0.85 ? 0x80 : 0) | (random() < 0.02 ? 0x40 : 0) | opcode;
    const head = [first, (masked ? 0x80 : 0) | (said[0] as number), ...said.slice(1), ...(masked ? [0, 0, 0, 0] : [])];
    return Buffer.concat([Buffer.from(head), payload]);
  }
  function payloadOf(opcode: number): Buffer {
    if (opcode === 8) {
      const code = pick([1_000, 1_001, 1_002, 1_005, 1_006, 1_011, 3_000, 4_999, 5_000, 0]);
      return pick([Buffer.alloc(0), Buffer.from([code >> 8, code & 255]), Buffer.from("x"), Buffer.alloc(125, code)]);
    }
    const size = opcode > 8 ? below(126) : pick([0, 1, 100, 3_000, 60_000]);
    return random() < 0.05 ? Buffer.alloc(size, 0xff) : Buffer.alloc(size, "x");
  }

  async function visit(): Promise<void> {
    const socket = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: random() < 0.5 });
    const closed = new Promise((resolve) => socket.on("error", () => {}).once("close", resolve));
    const write = (bytes: Buffer | string): unknown => socket.writable && socket.write(bytes);
    if (random() < 0.8) socket.resume();
    write(handshake(pick([...Object.keys(hubs), "http://x/odd"]), random));
    // Before the answer to it, or behind that.
    if (random() < 0.7) await turns(below(40));
    for (let left = below(12); left > 0 && !socket.destroyed; left--) {
      const bytes = pick([
        frame,
        frame,
        frame,
        frame,
        () => Buffer.from(Array.from({ length: 40 }, () => below(256))),
      ])();
      const at = random() < 0.3 ? below(bytes.length) : bytes.length;
      write(bytes.subarray(0, at));
      await turns(below(10));
      if (random() < 0.9) write(bytes.subarray(at));
      if (random() < 0.1) pick([() => socket.pause(), () => socket.resume()])();
    }
    await turns(below(60));
    pick([() => socket.end(), () => socket.resetAndDestroy(), () => socket.destroy()])();
    await turns(below(60));
    socket.destroy();
    await closed;
  }

  const [echoed, heard, read] = [
    await behaved(`ws://127.0.0.1:${server.port}/echo`),
    await behaved(`ws://127.0.0.1:${server.port}/chat`),
    await behaved(`ws://127.0.0.1:${server.port}/items`),
  ];
  while (publisher.stats.subscribers < 1) await turns(1);
  const rounds = clients / atOnce;
  for (let round = 0; round < rounds; round++) {
    const visits = Array.from({ length: atOnce }, visit);
    for (let n = 0; n < 5; n++) {
      const text = `steady ${round} ${n} ${"y".repeat(2_000)}`;
      echoed.socket.send(text);
      await Promise.all([chat.broadcast(text), odd.broadcast(text), publisher.publish("t", text)]);
      await turns(5);
    }
    // At the pace of those who behave: who is slower may be sent away.
    for (const one of [echoed, heard, read]) while (one.steady.length < (round + 1) * 5) await turns(1);
    await Promise.all(visits);
  }
  const all = Array.from({ length: rounds * 5 }, (_, n) => `steady ${Math.floor(n / 5)} ${n % 5}`);
  expect([echoed.steady, heard.steady, read.steady]).toEqual([all, all, all]);
  for (const { socket } of [echoed, heard, read]) {
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.terminate();
  }
  expect(failures.other).toEqual([]);
  expect(failures.meant).toBeGreaterThan(0);
  // What is left of them is in the hands of the clocks.
  const left = (): number[] => [publisher.stats.subscribers, ...Object.values(hubs).map(({ stats }) => stats.sockets)];
  await expect.poll(left, { timeout: 10_000 }).toEqual([0, 0, 0, 0, 0, 0]);
  for (const hub of Object.values(hubs)) expect(hub.stats.accepted).toBeGreaterThan(0);
  // Nobody takes the place of those who have left.
  const newcomers = await Promise.all(Array.from({ length: 10 }, () => behaved(`ws://127.0.0.1:${server.port}/late`)));
  for (const { socket } of newcomers) socket.terminate();
  await Promise.all([...Object.values(hubs).map((hub) => hub.close()), publisher.close()]);
}, 60_000);

const onPurpose = new Error("on purpose");

const echo: HubHandler = async (socket) => {
  for await (const message of socket) await socket.send(message);
};

/** What handlers do, and should not. */
const oddHandlers: readonly HubHandler[] = [
  () => {},
  () => {
    throw onPurpose;
  },
  () => Promise.reject(onPurpose),
  (socket) => socket.outcome,
  // Sends without end to who may not read, and waits for nobody.
  async (socket) => {
    for (let n = 0; n < 200 && socket.isOpen; n++) {
      void socket.send("z".repeat(10_000));
      await turns(1);
    }
  },
  async (socket) => {
    for await (const _message of socket) break;
    for await (const _messages of socket.batches()) break;
    for await (const _message of socket) break;
    await Promise.allSettled([socket.batches().next(), socket[Symbol.asyncIterator]().next()]);
  },
  async (socket) => {
    void socket.close(4_000, "enough");
    for await (const message of socket) void socket.send(message);
    throw onPurpose;
  },
  async (socket, { hub }) => {
    socket.terminate();
    await socket.send("too late").catch(() => {});
    await hub.broadcast("to the others", { to: [socket, ...hub.sockets, socket] });
  },
  async (socket, { hub }) => {
    for await (const message of socket) {
      await Promise.all([hub.broadcast(message), hub.broadcast("and", { except: socket }), socket.close()]);
    }
  },
];

/** A client of `ws`, open; what begins with `steady` is kept, a word or two of it. */
async function behaved(url: string): Promise<{ readonly socket: WebSocket; readonly steady: string[] }> {
  const steady: string[] = [];
  const socket = new WebSocket(url);
  socket.on("message", (data) => {
    const [word] = /steady \d+ \d/.exec(String(data)) ?? [];
    if (word !== undefined) steady.push(word);
  });
  await once(socket, "open");
  return { socket, steady };
}

function handshake(target: string, random: () => number): string {
  const fields = [
    "Host: x",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...(random() < 0.05 ? ["Origin: http://evil.example"] : []),
  ].filter(() => random() < 0.99);
  return `GET ${target} HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n`;
}
