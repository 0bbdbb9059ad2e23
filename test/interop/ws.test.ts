// The same conversations over both makers, against the server of `ws`.

import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Message } from "@longwire/core";
import { nodeTransport } from "@longwire/node";
import { nodeWebSocket } from "@longwire/node/websocket";
import { globalWebSocket, openWebSocket, type WebSocketOptions, type WebSocketStream } from "@longwire/websocket";
import { createClient } from "longwire";
import { expect, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";

interface Server extends AsyncDisposable {
  readonly url: string;
  readonly sockets: readonly WebSocket[];
}

async function serve(
  onConnection: (socket: WebSocket, request: IncomingMessage, index: number) => void,
): Promise<Server> {
  const server = createServer();
  const sockets: WebSocket[] = [];
  const wss = new WebSocketServer({ server, handleProtocols: (protocols) => [...protocols][0] ?? false });
  wss.on("connection", (socket, request) => {
    socket.on("error", () => {});
    onConnection(socket, request, sockets.push(socket) - 1);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const echo = (socket: WebSocket): unknown =>
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));

const wireOf = (socket: WebSocket): Socket => (socket as unknown as { readonly _socket: Socket })._socket;

/** Without the wait before a retry. */
const soon = { reconnect: { firstMs: 0, floorMs: 0 } };

async function take(stream: WebSocketStream, count: number): Promise<Message[]> {
  const items: Message[] = [];
  for await (const item of stream) if (items.push(item) === count) break;
  return items;
}

const makers = ["ws", "globalThis.WebSocket"] as const;

/** Opens one with a maker; `closed` waits until no connection is left. */
function opened(maker: (typeof makers)[number], url: string, options: WebSocketOptions = {}) {
  if (maker === "globalThis.WebSocket") {
    return { stream: openWebSocket(url, { opener: globalWebSocket(), ...options }), closed: async () => {} };
  }
  const transport = nodeTransport();
  const stream = openWebSocket(url, { opener: nodeWebSocket(transport), ...options });
  return { stream, closed: () => transport.close() };
}

for (const maker of makers) {
  test(`${maker}: text and bytes come back as they were sent, and leaving the loop closes with 1000`, async () => {
    await using server = await serve(echo);
    const { stream, closed } = opened(maker, server.url, { protocols: ["chat", "talk"] });
    await stream.open();
    const sent: Message[] = ["grüße", Uint8Array.of(0, 255), "", "x".repeat(300_000), new Uint8Array(300_000)];
    await Promise.all(sent.map((message) => stream.send(message)));
    expect(await take(stream, sent.length)).toEqual(sent);
    expect([stream.protocol, stream.stats.sent, stream.stats.unsent]).toEqual(["chat", 5, 0]);
    const [code] = await once(server.sockets[0] as WebSocket, "close");
    expect(code).toBe(1000);
    await closed();
  });

  test(`${maker}: each close code comes to its end`, async () => {
    await using server = await serve((socket, { url }) => socket.close(Number(url?.slice(1)), "so"));
    for (const [code, outcome] of [
      [1000, "complete"],
      [1001, "ended"],
      [1003, "protocol"],
      [1007, "protocol"],
      [1008, "refused"],
      [1009, "limit"],
      [1010, "protocol"],
      [1011, "refused"],
      [1012, "ended"],
      [1013, "refused"],
      [3000, "refused"],
      [4999, "refused"],
    ] as const) {
      const { stream, closed } = opened(maker, `${server.url}${code}`, { reconnect: false });
      const error = await take(stream, 1).catch((thrown: unknown) => thrown);
      expect([code, (await stream.outcome).code]).toEqual([code, outcome]);
      if (!["complete", "ended"].includes(outcome)) expect(error).toMatchObject({ closeCode: code, closeReason: "so" });
      await closed();
    }
  });

  test(`${maker}: after an abrupt end it is open again, and goes on behind its cursor by hello`, async () => {
    const hellos: string[] = [];
    await using server = await serve((socket, _request, index) => {
      socket.once("message", (data) => {
        hellos.push(String(data));
        socket.send(String(index + 1), () => index < 2 && wireOf(socket).destroy());
      });
    });
    const { stream, closed } = opened(maker, server.url, {
      ...soon,
      resume: { cursor: Number },
      hello: ({ cursor }) => `after ${cursor ?? 0}`,
    });
    expect(await take(stream, 3)).toEqual(["1", "2", "3"]);
    expect([hellos, stream.stats.reconnects]).toEqual([["after 0", "after 1", "after 2"], 2]);
    await closed();
  });

  test(`${maker}: a peer that never answers the close frame is left after closeMs`, async () => {
    await using server = await serve((socket) => {
      wireOf(socket).pause();
    });
    const { stream, closed } = opened(maker, server.url, { closeMs: 20 });
    await stream.open();
    await stream.close();
    await closed();
    expect((await stream.outcome).code).toBe("closed");
  });

  test(`${maker}: nobody there, and a refusal, are errors in words`, async () => {
    const { stream, closed } = opened(maker, "ws://127.0.0.1:9/", { reconnect: false });
    await expect(stream.open()).rejects.toMatchObject({ code: "unreachable" });
    await closed();
  });
}

test("client.webSocket: over the client's connections, with headers and credentials, a 401 asked once more", async () => {
  const asked: unknown[] = [];
  const server = createServer((_request, response) => response.writeHead(404).end());
  const wss = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    asked.push(request.headers.authorization);
    if (request.headers.authorization !== "Bearer new") {
      return socket.end("HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\nno");
    }
    wss.handleUpgrade(request, socket, head, echo);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = createClient({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    auth: ({ refused }) => (refused ? "Bearer new" : "Bearer old"),
  });
  const stream = client.webSocket("/ws", { pingMs: 5 });
  const items = stream[Symbol.asyncIterator]();
  const first = items.next();
  await stream.open();
  await stream.send("hello");
  expect((await first).value).toBe("hello");
  expect([asked, stream.stats.attempts]).toEqual([["Bearer old", "Bearer new"], 1]);
  expect(client.stats().sockets.map(({ state }) => state)).toEqual(["taken"]);
  const second = items.next();
  await expect.poll(() => stream.stats.rttMs).toBeGreaterThan(0);
  await client.close();
  expect((await second).done).toBe(true);
  expect(client.stats().sockets).toEqual([]);
  const refused = createClient({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  await expect(refused.webSocket("/ws").open()).rejects.toMatchObject({ code: "refused", status: 401, excerpt: "no" });
  await refused.close();
  await new Promise((resolve) => server.close(resolve));
});

test("who leaves while the server floods it is gone when closeMs is over", async () => {
  const message = Buffer.alloc(65_536);
  await using server = await serve((socket) => {
    const flood = (): void => {
      if (socket.readyState === socket.OPEN) socket.send(message, flood);
    };
    flood();
    // Takes nothing that comes, the close frame neither.
    wireOf(socket).pause();
  });
  const { stream, closed } = opened("ws", server.url, { closeMs: 30 });
  expect(await take(stream, 3)).toHaveLength(3);
  await closed();
  expect((await stream.outcome).code).toBe("closed");
});

test("a peer that stops without a word is noticed by its silence after a ping, and left for the next connection", async () => {
  await using server = await serve((socket, _request, index) => {
    socket.send(String(index));
    if (index === 0) wireOf(socket).pause();
  });
  const { stream, closed } = opened("ws", server.url, { ...soon, pingMs: 20, pongMs: 20 });
  const notices = stream.notices();
  expect(await take(stream, 2)).toEqual(["0", "1"]);
  const causes: unknown[] = [];
  for await (const notice of notices) if (notice.type === "waiting") causes.push(notice.cause);
  expect(causes).toMatchObject([{ code: "idle", clock: "pongMs" }]);
  await closed();
});

test("who reads slowly holds the server up, and loses nothing", async () => {
  const total = 400;
  let written = 0;
  await using server = await serve((socket) => {
    const message = Buffer.alloc(65_536);
    const next = (index: number): void => {
      if (index === total) return socket.close(1000);
      message.writeUInt32BE(index);
      socket.send(Buffer.from(message), (error) => {
        if (error) return;
        written++;
        next(index + 1);
      });
    };
    next(0);
  });
  const { stream, closed } = opened("ws", server.url);
  const seen: number[] = [];
  for await (const message of stream) {
    seen.push(Buffer.from(message as Uint8Array).readUInt32BE());
    if (seen.length > 1) continue;
    for (let before = -1; written > before; ) {
      before = written;
      for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written).toBeLessThan(total - 50);
    expect(stream.stats.items).toBe(1);
  }
  expect(seen).toEqual(Array.from({ length: total }, (_, index) => index));
  expect((await stream.outcome).code).toBe("complete");
  await closed();
});
