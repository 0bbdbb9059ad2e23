import { once } from "node:events";
import { createServer as createHttpServer, request as httpRequest, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { connect, createServer as createNetServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Message, type SocketEnd, type SocketRequest, StreamError, type WireSocket } from "@longwire/core";
import { expect, test } from "vitest";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { nodeTransport } from "../src/index.ts";
import { nodeWebSocket, type NodeWebSocketOptions } from "../src/websocket/index.ts";
import { type Loopback, loopback, selfSigned, turns } from "./loopback.ts";

/** A server of `ws` on a server of Node's. */
async function webSockets<S extends Server>(
  server: S,
  options: ServerOptions,
  onConnection: (socket: WebSocket, request: import("node:http").IncomingMessage) => void,
): Promise<Loopback<S>> {
  const wss = new WebSocketServer({ ...options, server });
  wss.on("connection", (socket, request) => {
    socket.on("error", () => {});
    onConnection(socket, request);
  });
  return loopback(server);
}

const echo = (socket: WebSocket): unknown =>
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));

const asking = (url: string, more: Partial<SocketRequest> = {}): SocketRequest => ({
  url: url.replace(/^http/, "ws"),
  protocols: [],
  headers: {},
  maxMessageBytes: 1_048_576,
  closeMs: 5_000,
  ...more,
});

const never = new AbortController().signal;

/** Listens to a socket, and reads on. */
function heard(socket: WireSocket) {
  const messages: Message[] = [];
  const pongs: string[] = [];
  let alive = 0;
  let wake = (): void => {};
  const ended = Promise.withResolvers<SocketEnd>();
  const come = (): void => wake();
  socket.listen({
    message: (message) => {
      messages.push(message);
      come();
    },
    alive: () => {
      alive++;
      come();
    },
    pong: (text) => {
      pongs.push(text);
      come();
    },
    closed: (end) => {
      ended.resolve(end);
      come();
    },
  });
  socket.resume?.();
  return {
    messages,
    pongs,
    get alive() {
      return alive;
    },
    end: ended.promise,
    async until(condition: () => boolean): Promise<void> {
      while (!condition()) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

const sent = (socket: WireSocket, message: Message): Promise<void> =>
  new Promise((resolve) => socket.send(message, resolve));

test("sends and receives text and bytes, answers pings, and closes with the code and reason of either side", async () => {
  const closes: [number, string][] = [];
  await using server = await webSockets(createHttpServer(), {}, (socket, request) => {
    expect([request.headers["x-team"], request.url]).toEqual(["ops", "/ws?a=1"]);
    echo(socket);
    socket.ping();
    socket.on("close", (code, reason) => closes.push([code, reason.toString()]));
  });
  await using transport = nodeTransport();
  const socket = await nodeWebSocket(transport)(asking(`${server.url}/ws?a=1`, { headers: { "x-team": "ops" } }), {
    signal: never,
  });
  expect([socket.head.status, socket.head.headers.get("upgrade"), socket.protocol]).toEqual([101, "websocket", ""]);
  const peer = heard(socket);
  await sent(socket, "grüße");
  await sent(socket, Uint8Array.of(0, 255));
  await sent(socket, "");
  socket.ping?.("7");
  await peer.until(() => peer.messages.length === 3 && peer.pongs.length === 1 && peer.alive === 1);
  expect([peer.messages, peer.pongs]).toEqual([["grüße", Uint8Array.of(0, 255), ""], ["7"]]);
  // It does not hold what it was read with.
  expect((peer.messages[1] as Uint8Array).buffer.byteLength).toBe(2);
  expect(socket.bytesRead).toBeGreaterThan(9);
  expect(transport.stats().map(({ state, origin }) => [state, origin])).toEqual([["taken", server.url]]);
  socket.close(4_001, "bye");
  expect(await peer.end).toMatchObject({ code: 4001, reason: "bye", error: undefined });
  expect(closes).toEqual([[4001, "bye"]]);
  expect(transport.stats()).toEqual([]);
});

test("a long message goes out in fragments, in order with the others, with pings between, and before the close frame", async () => {
  const got: (string | number)[] = [];
  await using server = await webSockets(createHttpServer(), { maxPayload: 1e9 }, (socket) => {
    socket.on("message", (data: Buffer, isBinary) => got.push(isBinary ? data.length : data.toString()));
    socket.on("ping", () => got.push("ping"));
    socket.on("close", (code) => got.push(code));
  });
  await using transport = nodeTransport();
  const socket = await nodeWebSocket(transport)(asking(server.url), { signal: never });
  const peer = heard(socket);
  const long = new Uint8Array(5_000_000);
  const text = "ü".repeat(100_000);
  const order: string[] = [];
  const sends = [
    sent(socket, "first").then(() => order.push("first")),
    sent(socket, long).then(() => order.push("long")),
    sent(socket, text).then(() => order.push("text")),
    sent(socket, "last").then(() => order.push("last")),
  ];
  expect(socket.bufferedBytes).toBeGreaterThan(5_000_000);
  socket.ping?.("1");
  socket.close(1_000, "");
  await Promise.all(sends);
  await peer.end;
  expect(order).toEqual(["first", "long", "text", "last"]);
  expect(got).toEqual(["first", "ping", 5_000_000, text, "last", 1000]);
  expect([peer.pongs, socket.bufferedBytes]).toEqual([["1"], 0]);
});

test("long messages that are each sent in the turn in which the one before has left come whole", async () => {
  const lengths: number[] = [];
  await using server = await webSockets(createHttpServer(), { maxPayload: 1e9 }, (socket) => {
    socket.on("message", (data: Buffer) => lengths.push(data.length));
  });
  await using transport = nodeTransport();
  const socket = await nodeWebSocket(transport)(asking(server.url), { signal: never });
  const peer = heard(socket);
  const wanted = [100_000, 200_000, 70_000, 131_072, 65_536];
  await new Promise<void>((resolve) => {
    const sendNext = (index: number): void => {
      if (index === wanted.length) return resolve();
      socket.send(new Uint8Array(wanted[index] as number), () => sendNext(index + 1));
    };
    sendNext(0);
  });
  socket.close(1_000, "");
  await peer.end;
  expect(lengths).toEqual(wanted);
});

test("of many pings that come at once, as behind a long pause, the latest is answered: they break nothing", async () => {
  const pongs: string[] = [];
  const last = Promise.withResolvers<void>();
  await using server = await webSockets(createHttpServer(), {}, (socket) => {
    const wire = (socket as unknown as { readonly _socket: Socket })._socket;
    wire.cork();
    for (let i = 1; i <= 200; i++) socket.ping(String(i));
    socket.send("behind");
    wire.uncork();
    socket.on("pong", (text) => {
      pongs.push(text.toString());
      if (pongs.at(-1) === "200") last.resolve();
    });
  });
  await using transport = nodeTransport();
  const socket = await nodeWebSocket(transport)(asking(server.url), { signal: never });
  const peer = heard(socket);
  await peer.until(() => peer.messages.length === 1);
  await last.promise;
  expect([peer.alive, pongs[0]]).toEqual([200, "1"]);
  expect(pongs.length).toBeLessThan(20);
  socket.close(1_000, "");
  expect((await peer.end).code).toBe(1000);
});

test("what waits behind a long message is counted to the byte", async () => {
  await using server = await webSockets(createHttpServer(), { maxPayload: 1e9 }, () => {});
  await using transport = nodeTransport();
  const socket = await nodeWebSocket(transport)(asking(server.url), { signal: never });
  const peer = heard(socket);
  const sends = [sent(socket, "x".repeat(1_000_000))];
  const lowest = socket.bufferedBytes;
  for (let i = 1; i <= 10_000; i++) {
    sends.push(sent(socket, "y"));
    if (socket.bufferedBytes !== lowest + i) throw new Error(`${socket.bufferedBytes} bytes wait, not ${lowest + i}`);
  }
  await Promise.all(sends);
  expect(socket.bufferedBytes).toBe(0);
  socket.close(1_000, "");
  await peer.end;
});

test("what is not read stays on the wire: the server is held up", async () => {
  let written = 0;
  let peerSocket: WebSocket | undefined;
  await using server = await webSockets(createHttpServer(), {}, (socket) => {
    peerSocket = socket;
    const message = Buffer.alloc(65_536);
    const fill = (): void => {
      if (socket.readyState !== socket.OPEN || written >= 64 * 1_048_576) return;
      socket.send(message, (error) => {
        if (error) return;
        written += message.length;
        fill();
      });
    };
    fill();
  });
  await using transport = nodeTransport();
  const socket = await nodeWebSocket(transport)(asking(server.url), { signal: never });
  // Nothing is read before it is resumed: the server fills what the system buffers, and then its own.
  for (let before = -1; written > before || peerSocket?.bufferedAmount === 0; ) {
    before = written;
    await turns(100);
  }
  const held = written;
  expect(held).toBeLessThan(64 * 1_048_576);
  expect(socket.bytesRead).toBeLessThan(1_048_576);
  const peer = heard(socket);
  await peer.until(() => peer.messages.length * 65_536 > held);
  socket.terminate();
  expect((await peer.end).code).toBe(1006);
});

test("wss over a certificate that is trusted; not over one that is not", async () => {
  const [key, cert] = selfSigned();
  await using server = await webSockets(createHttpsServer({ key, cert }) as unknown as Server, {}, echo);
  const url = `wss://localhost:${server.port}/`;
  await using trusting = nodeTransport({ tls: { ca: cert } });
  const socket = await nodeWebSocket(trusting)(asking(url), { signal: never });
  const peer = heard(socket);
  await sent(socket, "safe");
  await peer.until(() => peer.messages.length === 1);
  socket.close(1_000, "");
  await peer.end;
  await using wary = nodeTransport();
  await expect(nodeWebSocket(wary)(asking(url), { signal: never })).rejects.toMatchObject({
    code: "unreachable",
    phase: "tls",
    certificate: "unknownAuthority",
  });
  expect([trusting.stats(), wary.stats()]).toEqual([[], []]);
});

test("over a Unix socket, by its URL", async () => {
  const path = join(tmpdir(), `longwire-ws-${process.pid}.sock`);
  const server = createHttpServer();
  const wss = new WebSocketServer({ server });
  wss.on("connection", (socket, request) => socket.send(`${request.url} ${request.headers.host}`));
  server.listen(path);
  await once(server, "listening");
  await using transport = nodeTransport();
  const socket = await nodeWebSocket(transport)(asking(`unix:${path}:/ws`), { signal: never });
  const peer = heard(socket);
  await peer.until(() => peer.messages.length === 1);
  expect(peer.messages).toEqual(["/ws localhost"]);
  socket.close(1_000, "");
  await peer.end;
  await new Promise((resolve) => server.close(resolve));
});

test("ws and wss go through the tunnel of a proxy", async () => {
  const [key, cert] = selfSigned();
  const asked: string[] = [];
  await using proxy = await loopback(createHttpServer());
  proxy.server.on("connect", (request, socket: Socket, head) => {
    asked.push(`${request.url} ${request.headers["proxy-authorization"]}`);
    const port = Number(request.url?.split(":")[1]);
    const onward = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      onward.write(head);
      socket.pipe(onward).pipe(socket);
    });
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
    socket.on("close", () => onward.destroy());
  });
  await using plain = await webSockets(createHttpServer(), {}, echo);
  await using secure = await webSockets(createHttpsServer({ key, cert }) as unknown as Server, {}, echo);
  await using transport = nodeTransport({ proxy: `http://ann:x@127.0.0.1:${proxy.port}`, tls: { ca: cert } });
  for (const url of [`ws://localhost:${plain.port}/`, `wss://localhost:${secure.port}/`]) {
    const socket = await nodeWebSocket(transport)(asking(url), { signal: never });
    const peer = heard(socket);
    await sent(socket, url);
    await peer.until(() => peer.messages.length === 1);
    expect(peer.messages).toEqual([url]);
    socket.close(1_000, "");
    await peer.end;
  }
  const authorized = `Basic ${btoa("ann:x")}`;
  expect(asked).toEqual([`localhost:${plain.port} ${authorized}`, `localhost:${secure.port} ${authorized}`]);
});

test("a refusal has status, headers and the beginning of its body; a redirect is one", async () => {
  await using server = await loopback(
    createHttpServer((request, response) => {
      if (request.url === "/moved") response.writeHead(302, { location: "/ws" });
      else response.writeHead(503, { "retry-after": "7", "x-why": "full" });
      response.end("come back later".repeat(200));
    }),
  );
  await using transport = nodeTransport();
  const open = nodeWebSocket(transport);
  const error = await open(asking(server.url), { signal: never }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StreamError);
  expect(error).toMatchObject({ code: "refused", status: 503, retryAfterMs: 7_000, headers: { "x-why": "full" } });
  expect((error as StreamError).excerpt?.length).toBe(2_048);
  await expect(open(asking(`${server.url}/moved`), { signal: never })).rejects.toMatchObject({
    code: "refused",
    status: 302,
    headers: { location: "/ws" },
  });
});

test("a handshake that is none is `protocol`, and one that is cut is `truncated`, at every place", async () => {
  const answers: readonly [answer: string, code: string][] = [
    ["HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", "protocol"],
    ["HTTP/1.1 101 Switching Protocols\r\n\r\n", "protocol"],
    ["HTTP/1.1 101 Switching Protocols\r\nupgrade: tcp\r\nconnection: upgrade\r\n\r\n", "protocol"],
    ["SSH-2.0-OpenSSH\r\n\r\n", "protocol"],
    ["HTTP/1.1 101 Switching Protocols\r\nupgrade: webso", "truncated"],
    ["", "truncated"],
  ];
  for (const [answer, code] of answers) {
    await using server = await loopback(
      createNetServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", () => socket.end(answer));
      }),
    );
    await using transport = nodeTransport();
    const error = await nodeWebSocket(transport)(asking(server.url), { signal: never }).catch(
      (thrown: unknown) => thrown,
    );
    expect([answer, error]).toEqual([answer, expect.objectContaining({ name: "StreamError", code })]);
  }
});

test("nobody listens: unreachable; aborted at every stage: the reason, and no socket is left", async () => {
  await using transport = nodeTransport();
  await using closed = await loopback(createNetServer());
  const { port } = closed;
  await new Promise((resolve) => closed.server.close(resolve));
  const nobody = nodeWebSocket(transport)(asking(`ws://127.0.0.1:${port}/`), { signal: never });
  await expect(nobody).rejects.toMatchObject({ code: "unreachable", phase: "connect" });
  await expect(nobody).rejects.toThrow(`Cannot reach ws://127.0.0.1:${port}/: `);
  await using silent = await loopback(createNetServer());
  const before = AbortSignal.abort(new Error("before"));
  await expect(nodeWebSocket(transport)(asking(silent.url), { signal: before })).rejects.toThrow("before");
  const controller = new AbortController();
  const asked = nodeWebSocket(transport)(asking(silent.url), { signal: controller.signal });
  const [accepted] = (await once(silent.server, "connection")) as [Socket];
  await once(accepted, "data");
  controller.abort(new Error("while it is asked"));
  await expect(asked).rejects.toThrow("while it is asked");
  await transport.close();
  expect(transport.stats()).toEqual([]);
});

test("how it breaks: a FIN is 1006 without an error, RST is `reset`, what is no frame is `protocol`, too much is `limit`; the server is told", async () => {
  const closes = new Map<string | undefined, Promise<unknown[]>>();
  await using server = await webSockets(createHttpServer(), {}, (socket, request) => {
    const wire = (socket as unknown as { readonly _socket: Socket })._socket;
    closes.set(request.url, once(socket, "close"));
    if (request.url === "/fin") wire.end();
    if (request.url === "/rst") wire.resetAndDestroy();
    if (request.url === "/mask") wire.write(Uint8Array.of(0x81, 0x81, 0, 0, 0, 0, 65));
    if (request.url === "/utf8") wire.write(Uint8Array.of(0x81, 1, 0xff));
    if (request.url === "/cut") wire.end(Uint8Array.of(0x81, 5, 65, 65));
    if (request.url === "/big") socket.send("x".repeat(2_000));
    if (request.url === "/parts") {
      wire.write(Uint8Array.of(0x01, 0));
      wire.write(Buffer.alloc(2 * 20_000));
    }
  });
  await using transport = nodeTransport();
  for (const [path, code, told] of [
    ["/fin", undefined, 1006],
    ["/cut", undefined, 1006],
    ["/rst", "reset", 1006],
    ["/mask", "protocol", 1002],
    ["/utf8", "protocol", 1007],
    ["/big", "limit", 1009],
    ["/parts", "limit", 1008],
  ] as const) {
    const request = asking(`${server.url}${path}`, { maxMessageBytes: 1_000 });
    const socket = await nodeWebSocket(transport)(request, { signal: never });
    const end = await heard(socket).end;
    expect([path, end.code, end.error?.code]).toEqual([path, 1006, code]);
    expect([path, (await closes.get(path))?.[0]]).toEqual([path, told]);
  }
  await transport.close();
});

test("limits beyond what `ws` and timers hold are kept at the most that they do", async () => {
  await using server = await webSockets(createHttpServer(), {}, (socket) => {
    // The head of a message of 4 GiB.
    (socket as unknown as { readonly _socket: Socket })._socket.write(Uint8Array.of(0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0));
  });
  await using transport = nodeTransport();
  const warnings: string[] = [];
  const note = (warning: Error): unknown => warnings.push(warning.name);
  process.on("warning", note);
  const request = asking(server.url, { maxMessageBytes: 2 ** 31, closeMs: 2 ** 31 });
  const socket = await nodeWebSocket(transport)(request, { signal: never });
  expect((await heard(socket).end).error).toMatchObject({ code: "limit", limit: "maxItemBytes" });
  await transport.close();
  process.off("warning", note);
  expect(warnings).toEqual([]);
});

test("what the transport destroys ends as reset; what it closes, it waits for", async () => {
  await using server = await webSockets(createHttpServer(), {}, echo);
  const transport = nodeTransport();
  const socket = await nodeWebSocket(transport)(asking(server.url), { signal: never });
  const peer = heard(socket);
  await transport.destroy();
  expect(await peer.end).toMatchObject({ code: 1006, error: { code: "reset" } });
  await expect(nodeWebSocket(transport)(asking(server.url), { signal: never })).rejects.toThrow("closed");

  const other = nodeTransport();
  const kept = await nodeWebSocket(other)(asking(server.url), { signal: never });
  const also = heard(kept);
  let closed = false;
  const closing = other.close().then(() => {
    closed = true;
  });
  await sent(kept, "still here");
  await also.until(() => also.messages.length === 1);
  expect(closed).toBe(false);
  kept.close(1_000, "");
  await closing;
});

test("compression is offered when it is asked for, and what it grows to is held to the limit", async () => {
  const offers: unknown[] = [];
  const open = async (options: NodeWebSocketOptions) => {
    await using server = await webSockets(
      createHttpServer(),
      { perMessageDeflate: { threshold: 0 } },
      (socket, request) => {
        offers.push(request.headers["sec-websocket-extensions"]);
        socket.send("x".repeat(1_000));
        socket.send("x".repeat(5_000));
      },
    );
    await using transport = nodeTransport();
    const socket = await nodeWebSocket(transport, options)(asking(server.url, { maxMessageBytes: 2_000 }), {
      signal: never,
    });
    const peer = heard(socket);
    const end = await peer.end;
    socket.terminate();
    return [peer.messages.length, end.error?.code, (socket.bytesRead ?? 0) < 1_000];
  };
  expect(await open({})).toEqual([1, "limit", false]);
  expect(await open({ perMessageDeflate: true })).toEqual([1, "limit", true]);
  expect([offers[0], String(offers[1])]).toEqual([undefined, expect.stringContaining("permessage-deflate")]);
});

test("dial: a connection with nothing sent on it, for who speaks by itself", async () => {
  await using server = await loopback(createHttpServer((_request, response) => response.end("hello")));
  await using transport = nodeTransport();
  const socket = await transport.dial(server.url, { signal: never });
  const answer = await new Promise<string>((resolve, reject) => {
    httpRequest({ createConnection: () => socket, path: "/", headers: { connection: "close" } }, (response) => {
      response.setEncoding("utf8").on("data", resolve);
    })
      .on("error", reject)
      .end();
  });
  expect(answer).toBe("hello");
  socket.destroy();
});
