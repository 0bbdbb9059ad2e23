// The hub of WebSockets, seen from its clients: by raw bytes, by `ws`, and by our own client.

import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Socket } from "node:net";
import { type FakeClock, fakeClock } from "@longwire/core/testing";
import { type HubHandler, type HubOptions, type WebSocketHub, webSocketHub } from "@longwire/server";
import { createClient } from "longwire";
import { afterEach, describe, expect, test } from "vitest";
import { type ClientOptions, WebSocket } from "ws";
import { Authority } from "./certificates.ts";
import { listening } from "./listening.ts";
import { turns } from "./peer.ts";
import { RawClient } from "./relay-server.ts";

type Options = Omit<HubOptions, "clock"> & { readonly clock?: FakeClock };

interface Served extends AsyncDisposable {
  readonly hub: WebSocketHub;
  readonly port: number;
  readonly url: string;
}

/** A hub on a server of its own. What its handler throws fails the test, unless `onError` is given. */
async function served(handler: HubHandler, options: Options = {}): Promise<Served> {
  const failures: unknown[] = [];
  const hub = webSocketHub(handler, { onError: (error) => failures.push(error), ...options });
  const open = await listening(createServer().on("upgrade", hub.upgrade));
  return {
    hub,
    port: open.port,
    url: `ws://127.0.0.1:${open.port}/`,
    async [Symbol.asyncDispose]() {
      const closed = hub.close({ deadlineMs: 0 });
      await options.clock?.advance(0);
      await closed;
      await open[Symbol.asyncDispose]();
      expect([failures, hub.stats.sockets]).toEqual([[], 0]);
    },
  };
}

const echo: HubHandler = async (socket) => {
  for await (const message of socket) await socket.send(message);
};
const chat: HubHandler = async (socket, { hub }) => {
  for await (const message of socket) await hub.broadcast(message);
};
const silent: HubHandler = (socket) => socket.outcome;

const clients = new Set<WebSocket>();
afterEach(() => {
  for (const client of clients) client.terminate();
  clients.clear();
});

/** A client of `ws`, open; `messages` fills as they come. */
async function connected(url: string, options?: ClientOptions): Promise<WebSocket & { readonly messages: string[] }> {
  const messages: string[] = [];
  const client = Object.assign(new WebSocket(url, options), { messages });
  clients.add(client);
  client.on("error", () => {});
  client.on("message", (data) => messages.push(String(data)));
  await once(client, "open");
  return client;
}

const wireOf = (client: WebSocket): Socket => (client as unknown as { readonly _socket: Socket })._socket;

async function closeOf(client: WebSocket): Promise<[code: number, reason: string]> {
  const [code, reason] = (await once(client, "close")) as [number, Buffer];
  return [code, String(reason)];
}

const handshake = (more: Readonly<Record<string, string>> = {}, target = "/"): string => {
  const fields = {
    host: "a.example",
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    ...more,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${target} HTTP/1.1\r\n${lines.join("")}\r\n`;
};

/** What a handshake is answered with: the status, and the rest once the server has ended. */
async function answered(port: number, request: string): Promise<{ status: number; text: string }> {
  using client = new RawClient(port);
  await client.write(request).until("\r\n\r\n");
  const status = Number(client.received.slice(9, 12));
  if (status !== 101) await client.ended;
  return { status, text: client.received };
}

/** A frame as a client sends it: masked, by zeros. RFC 6455 section 5.2. */
function frame(opcode: number, payload: string, fin = true): Buffer {
  const data = Buffer.from(payload);
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode, 0x80 | data.length, 0, 0, 0, 0]), data]);
}

describe("who may come in", () => {
  const cases: readonly [options: Options, fields: Record<string, string>, status: number][] = [
    [{}, {}, 101],
    [{}, { origin: "http://a.example" }, 101],
    [{}, { origin: "https://a.example" }, 101],
    [{}, { origin: "https://A.EXAMPLE" }, 101],
    [{}, { origin: "https://a.example", host: "a.example:443" }, 101],
    [{}, { origin: "http://a.example:8080", host: "a.example:8080" }, 101],
    [{}, { origin: "http://[::1]:8080", host: "[::1]:8080" }, 101],
    [{}, { origin: "http://[::2]:8080", host: "[::1]:8080" }, 403],
    [{}, { origin: "http://a.example:8081", host: "a.example:8080" }, 403],
    [{}, { origin: "http://a.example", host: "a.example:8080" }, 403],
    [{}, { origin: "https://evil.example" }, 403],
    [{}, { origin: "https://a.example.evil.example" }, 403],
    [{}, { origin: "https://evil.example/?a.example" }, 403],
    [{}, { origin: "null" }, 403],
    [{}, { origin: "" }, 403],
    [{}, { origin: "file://" }, 403],
    [{ origins: ["https://app.example"] }, { origin: "https://app.example" }, 101],
    [{ origins: ["https://app.example"] }, { origin: "https://a.example" }, 403],
    [{ origins: ["https://app.example"] }, { origin: "http://app.example" }, 403],
    [{ origins: ["https://app.example"] }, {}, 101],
    [{ origins: [] }, { origin: "https://a.example" }, 403],
    [{ origins: "*" }, { origin: "https://evil.example" }, 101],
    [{ origins: "*" }, { origin: "null" }, 101],
  ];
  test.each(cases)("with %j, of %j: %d", async (options, fields, status) => {
    await using server = await served(silent, options);
    expect((await answered(server.port, handshake(fields))).status).toBe(status);
    expect(server.hub.stats.refused).toBe(status === 101 ? 0 : 1);
  });

  test("a refusal says why, keeps no connection, and is no handshake", async () => {
    await using server = await served(silent);
    const { text } = await answered(server.port, handshake({ origin: "https://evil.example" }));
    expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    expect(text).toMatch(/\r\nconnection: close\r\n/i);
    expect(text).toMatch(/\r\n\r\nPages of this origin may not come in here\.\n$/);
    expect(text).not.toMatch(/sec-websocket-accept/i);
  });

  test("one too many is 503, one too many from an address 429, until another leaves", async () => {
    const options = { maxSockets: 3, maxPerAddress: 2, retryMs: 1_500 };
    await using server = await served(silent, { ...options, address: ({ headers }) => String(headers["x-from"]) });
    const from = (address: string) => connected(server.url, { headers: { "x-from": address } });
    const first = await from("one");
    await from("one");
    const third = await answered(server.port, handshake({ "x-from": "one" }));
    expect(third.text).toMatch(/^HTTP\/1\.1 429 [\s\S]*\r\nretry-after: 2\r\n/);
    await from("two");
    const fourth = await answered(server.port, handshake({ "x-from": "three" }));
    expect(fourth.text).toMatch(/^HTTP\/1\.1 503 [\s\S]*\r\nretry-after: 2\r\n/);
    first.close();
    await closeOf(first);
    while (server.hub.stats.sockets > 2) await turns(1);
    await from("one");
    expect(server.hub.stats).toMatchObject({ sockets: 3, accepted: 4, refused: 2 });
  });

  test("a handshake that is looked at counts, and one whose client leaves meanwhile does not", async () => {
    const looks: (() => void)[] = [];
    const admit = () => new Promise<undefined>((resolve) => looks.push(() => resolve(undefined)));
    await using server = await served(silent, { maxSockets: 1, admit });
    using waiting = new RawClient(server.port);
    waiting.write(handshake());
    while (looks.length < 1) await turns(1);
    expect((await answered(server.port, handshake())).status).toBe(503);
    waiting.socket.resetAndDestroy();
    for (let second = 503; second === 503; ) {
      using client = new RawClient(server.port);
      client.write(handshake());
      while (looks.length < 2 && client.received === "") await turns(1);
      if (looks.length === 2) break;
      second = Number(client.received.slice(9, 12));
    }
    for (const look of looks) look();
  });

  test("`admit` refuses with an answer of its own, and nothing of the handler runs", async () => {
    let served_ = 0;
    const seen: unknown[] = [];
    await using server = await served(() => void served_++, {
      async admit({ headers, url }) {
        seen.push(url);
        if (headers.authorization === "Bearer good") return undefined;
        return { status: 401, headers: { "www-authenticate": 'Bearer realm="hub"' }, text: "Who are you?\n" };
      },
    });
    const { text } = await answered(server.port, handshake({}, "/a?b=c"));
    expect(text).toMatch(
      /^HTTP\/1\.1 401 [\s\S]*\r\nwww-authenticate: Bearer realm="hub"\r\n[\s\S]*\r\n\r\nWho are you\?\n$/,
    );
    expect([served_, seen]).toEqual([0, ["/a?b=c"]]);
    expect((await answered(server.port, handshake({ authorization: "Bearer good" }))).status).toBe(101);
    expect(served_).toBe(1);
  });

  test.each([
    ["throws", () => Promise.reject(new Error("no database")), "no database"],
    ["answers what cannot be sent", () => ({ status: 401, headers: { "x-a": "b\r\nx-c: d" } }), "Invalid character"],
    ["answers no status", () => ({ status: 42 }), "from 400 to 599, got 42"],
    ["answers a status that refuses nothing", () => ({ status: 200 }), "from 400 to 599, got 200"],
    ["answers false", () => false, "refused by { status, … }, got false"],
    ["answers null", async () => null, "refused by { status, … }, got null"],
  ])("an `admit` that %s is a 500, told to onError and not to the client", async (_what, admit, why) => {
    const told: string[] = [];
    for (const admitMs of [0, 10_000]) {
      const options = { admit: admit as HubOptions["admit"], admitMs };
      await using server = await served(silent, { ...options, onError: (error) => told.push(String(error)) });
      const { status, text } = await answered(server.port, handshake());
      expect([status, told.splice(0)]).toEqual([500, [expect.stringContaining(why)]]);
      expect(text).not.toContain(why);
      expect(server.hub.stats).toMatchObject({ accepted: 0, refused: 1 });
    }
  });

  test.each([
    ["origin", { origin: "https://evil.example" }],
    ["address", {}],
    ["admit", {}],
  ])("functions of the options that throw let nobody in, and bring nobody down: %s", async (name, fields) => {
    const broken = () => {
      throw new Error("broken");
    };
    // A log that fails, too.
    const onError = () => Promise.reject(new Error("no disk"));
    await using server = await served(silent, { ...(name !== "origin" && { [name]: broken }), onError });
    expect((await answered(server.port, handshake(fields))).status).toBe(name === "origin" ? 403 : 500);
  });

  test("an `admit` that takes longer than admitMs is a 503", async () => {
    const clock = fakeClock();
    let asked = false;
    const admit = () => {
      asked = true;
      return new Promise<undefined>(() => {});
    };
    await using server = await served(silent, { admit, admitMs: 2_000, clock });
    const answer = answered(server.port, handshake());
    while (!asked) await turns(1);
    await clock.advance(2_000);
    // The connection has a second to end by itself; this client waits for the server.
    for (let done = false; !done; await clock.advance(100)) {
      void answer.then(() => (done = true));
      await turns(5);
    }
    expect((await answer).status).toBe(503);
  });
});

describe("handshakes", () => {
  const bad: readonly [what: string, request: string, status: number][] = [
    ["another method", handshake().replace("GET", "POST"), 405],
    ["another protocol", handshake({ upgrade: "h2c" }), 400],
    ["no key", handshake().replace(/sec-websocket-key.*\r\n/, ""), 400],
    ["a short key", handshake({ "sec-websocket-key": "AAAA" }), 400],
    ["an old version", handshake({ "sec-websocket-version": "7" }), 400],
    ["protocols that are none", handshake({ "sec-websocket-protocol": "a,,b" }), 400],
  ];
  test.each(bad)("with %s are refused by status, and leave nothing", async (_what, request, status) => {
    await using server = await served(silent);
    expect((await answered(server.port, request)).status).toBe(status);
    expect(server.hub.stats).toMatchObject({ sockets: 0, accepted: 0, refused: 1 });
  });

  test.each([{}, { origin: "https://evil.example" }])(
    "behind a request that is not answered yet end the connection, and bring nobody down: %j",
    async (fields) => {
      const hub = webSocketHub(silent);
      const asked = Promise.withResolvers<void>();
      const http = createServer(() => asked.resolve()).on("upgrade", hub.upgrade);
      await using open = await listening(http);
      using client = new RawClient(open.port);
      client.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${handshake(fields)}`);
      await asked.promise;
      await client.ended;
      expect([client.received, hub.stats.sockets, hub.stats.accepted]).toEqual(["", 0, 0]);
      await hub.close();
    },
  );

  test("agree to the first of our protocols that is offered, and to none that is not", async () => {
    await using server = await served(silent, { protocols: ["chat.v2", "chat.v1"] });
    const offered = async (list: string) => {
      const { text } = await answered(server.port, handshake({ "sec-websocket-protocol": list }));
      return /\r\nsec-websocket-protocol: (.*)\r\n/i.exec(text)?.[1];
    };
    expect(await offered("chat.v1, chat.v2")).toBe("chat.v2");
    expect(await offered("chat.v1")).toBe("chat.v1");
    expect(await offered("other")).toBe(undefined);
  });

  test("that bring early bytes have them read first", async () => {
    await using server = await served(echo);
    using client = new RawClient(server.port);
    client.write(Buffer.concat([Buffer.from(handshake()), frame(1, "early")]).toString("latin1"));
    await client.until("\x81\x05early");
  });

  test("whose head is larger than the server takes are its 431, and nothing of the hub runs", async () => {
    let looked = 0;
    await using server = await served(silent, {
      admit: () => {
        looked++;
        return undefined;
      },
    });
    const { status } = await answered(server.port, handshake({ "x-big": "b".repeat(40_000) }));
    expect([status, looked, server.hub.stats.refused]).toEqual([431, 0, 0]);
  });

  test("that are handed on late, of clients that have left, do not count", async () => {
    const hub = webSocketHub(silent, { maxSockets: 1 });
    const asked = Promise.withResolvers<Socket>();
    const later = Promise.withResolvers<void>();
    await using server = await listening(
      createServer().on("upgrade", async (request, socket, head) => {
        socket.on("error", () => {});
        asked.resolve(socket as Socket);
        await later.promise;
        hub.upgrade(request, socket, head);
      }),
    );
    const client = new RawClient(server.port).write(handshake());
    const socket = await asked.promise;
    client.socket.resetAndDestroy();
    if (!socket.closed) await new Promise((resolve) => socket.resume().once("close", resolve));
    later.resolve();
    await connected(`ws://127.0.0.1:${server.port}/`);
    expect(hub.stats).toMatchObject({ sockets: 1, accepted: 1, refused: 0 });
    await hub.close();
  });

  test("whose heads come byte by byte are cut by the server's own clock", async () => {
    const hub = webSocketHub(silent);
    const slow = createServer({ headersTimeout: 200, connectionsCheckingInterval: 20 }).on("upgrade", hub.upgrade);
    await using server = await listening(slow);
    using client = new RawClient(server.port);
    const bytes = [...handshake()];
    const drip = setInterval(() => client.socket.writable && client.write(bytes.shift() ?? ""), 10);
    await client.ended;
    clearInterval(drip);
    expect(client.received).toMatch(/^HTTP\/1\.1 408 /);
    expect(hub.stats.accepted).toBe(0);
    await hub.close();
  });

  test("of HTTP/1.0 are refused", async () => {
    await using server = await served(silent);
    expect((await answered(server.port, handshake().replace("HTTP/1.1", "HTTP/1.0"))).status).toBe(400);
  });

  test.each([
    ["/x?token=secret", "ws://a.example/x?token=***"],
    ["http://a.example/x?token=secret", "ws://a.example/x?token=***"],
    ["http://a.example", "ws://a.example"],
  ])("for %s are called %s in errors", async (target, shown) => {
    const told: string[] = [];
    await using server = await served(async (socket) => {
      await socket.close();
      await socket.send("too late").catch(({ message }: Error) => told.push(message));
    });
    using client = new RawClient(server.port);
    await client.write(handshake({}, target)).until("\r\n\r\n");
    client.socket.end(frame(8, ""));
    while (told.length === 0) await turns(1);
    expect(told).toEqual([`Cannot send to ${shown}: it is over (closed)`]);
  });

  test("over TLS are the same", async () => {
    using authority = new Authority();
    const hub = webSocketHub(echo);
    const server = createHttpsServer(authority.issue("DNS:localhost")).on("upgrade", hub.upgrade);
    await using open = await listening(server);
    await using client = createClient({ tls: { ca: authority.cert } });
    const socket = client.webSocket(`wss://localhost:${open.port}/`);
    await socket.open();
    await socket.send("grüße");
    for await (const message of socket) {
      expect(message).toBe("grüße");
      break;
    }
    await hub.close();
  });
});

describe("messages", () => {
  test("text and bytes come back as they were sent, in order, by an echo of one line", async () => {
    await using server = await served(echo);
    await using client = createClient();
    const socket = client.webSocket(server.url);
    await socket.open();
    const sent = ["grüße", Uint8Array.of(0, 255), "", "x".repeat(300_000), new Uint8Array(300_000)];
    for (const message of sent) void socket.send(message);
    const seen: unknown[] = [];
    for await (const message of socket) if (seen.push(message) === sent.length) break;
    expect(seen).toEqual(sent);
  });

  test("a broadcast comes to all, or to those it is for, and not to the one it is not", async () => {
    const members = new Map<string, Parameters<HubHandler>[0]>();
    await using server = await served(async (socket, { request, hub }) => {
      members.set(request.url as string, socket);
      for await (const message of socket) {
        if (message === "others") await hub.broadcast("to others", { except: socket });
        else if (message === "b") await hub.broadcast("to b", { to: [members.get("/b") as typeof socket] });
        else await hub.broadcast(message);
      }
    });
    const [a, b, c] = [
      await connected(`${server.url}a`),
      await connected(`${server.url}b`),
      await connected(`${server.url}c`),
    ];
    for (const message of ["others", "b", "all"]) a.send(message);
    a.send(Buffer.from("bytes"));
    for (const client of [a, b, c]) while (client.messages.at(-1) !== "bytes") await turns(1);
    expect([a.messages, b.messages, c.messages]).toEqual([
      ["all", "bytes"],
      ["to others", "to b", "all", "bytes"],
      ["to others", "all", "bytes"],
    ]);
    expect(server.hub.stats).toMatchObject({ broadcasts: 4, dropped: 0, evicted: 0 });
  });

  test("a broadcast of what is no message is a TypeError, and goes to nobody", async () => {
    await using server = await served(silent);
    const client = await connected(server.url);
    await expect(server.hub.broadcast({} as string)).rejects.toThrow(TypeError);
    await server.hub.broadcast("good");
    while (client.messages.length === 0) await turns(1);
    expect(client.messages).toEqual(["good"]);
  });

  test("a key of latestBy that throws is the caller's, and the message goes to nobody", async () => {
    const key = (message: unknown): unknown => JSON.parse(String(message));
    await using server = await served(silent, { policy: { latestBy: key } });
    const client = await connected(server.url);
    await expect(server.hub.broadcast("no JSON")).rejects.toThrow(SyntaxError);
    await server.hub.broadcast("1");
    while (client.messages.length === 0) await turns(1);
    expect([client.messages, server.hub.stats.broadcasts]).toEqual([["1"], 1]);
  });

  test("without a handler what clients send is read and dropped", async () => {
    const hub = webSocketHub();
    await using server = await listening(createServer().on("upgrade", hub.upgrade));
    const client = await connected(`ws://127.0.0.1:${server.port}/`);
    for (let n = 0; n < 100; n++) client.send("x".repeat(10_000));
    await hub.broadcast("hello");
    while (client.messages.length === 0) await turns(1);
    client.close(4_001);
    expect(await closeOf(client)).toEqual([4_001, ""]);
    await hub.close();
  });

  test("one that is longer than maxItemBytes is closed with 1009, and the handler is told", async () => {
    const ends: unknown[] = [];
    await using server = await served(
      async (socket) => {
        try {
          for await (const message of socket) expect(message.length).toBe(100);
        } catch (error) {
          ends.push(error);
        }
      },
      { maxItemBytes: 100 },
    );
    const client = await connected(server.url);
    client.send("x".repeat(100));
    client.send("x".repeat(101));
    expect((await closeOf(client))[0]).toBe(1_009);
    while (ends.length === 0) await turns(1);
    expect(ends).toEqual([expect.objectContaining({ code: "limit", limit: "maxItemBytes" })]);
  });

  test("one in so many fragments that it never ends is held to maxItemBytes too", async () => {
    await using server = await served(silent, { maxItemBytes: 1_000 });
    const client = await connected(server.url);
    const piece = Buffer.alloc(100);
    for (let n = 0; n < 12; n++) client.send(piece, { fin: false, binary: true });
    expect((await closeOf(client))[0]).toBe(1_009);
  });

  test("a compressed one is held to maxItemBytes by what it grows to", async () => {
    await using server = await served(silent, { maxItemBytes: 100_000, perMessageDeflate: true });
    const client = await connected(server.url, { perMessageDeflate: true });
    expect(client.extensions).toMatch(/^permessage-deflate/);
    client.send(Buffer.alloc(100_001));
    expect((await closeOf(client))[0]).toBe(1_009);
  });

  test.each([
    ["a frame that is not masked", Buffer.from([0x81, 0x01, 0x61]), 1_002],
    ["a reserved opcode", frame(3, ""), 1_002],
    ["a close frame with one byte", frame(8, "a"), 1_002],
    ["text that is no UTF-8", Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]), 1_007],
  ])("%s is the end of its client, by code, and of nobody else", async (_what, bytes, code) => {
    const ends: unknown[] = [];
    await using server = await served(async (socket) => {
      ends.push((await socket.outcome).code);
    });
    const other = await connected(server.url);
    using client = new RawClient(server.port);
    await client.write(handshake()).until("\r\n\r\n");
    client.socket.write(bytes);
    await client.ended;
    const closeFrame = client.received.slice(client.received.indexOf("\r\n\r\n") + 4);
    expect([closeFrame.charCodeAt(2) * 256 + closeFrame.charCodeAt(3), ends]).toEqual([code, ["protocol"]]);
    expect(other.readyState).toBe(WebSocket.OPEN);
  });
});

describe("endings", () => {
  test("a handler that returns closes with 1000, one that throws with 1011, told to onError and to no client", async () => {
    const told: unknown[] = [];
    const onError = (error: unknown, { url }: IncomingMessage): void => void told.push([url, error]);
    const why = new Error("a secret");
    await using server = await served(
      (_socket, { request }) => {
        if (request.url === "/throws") throw why;
      },
      { onError },
    );
    expect(await closeOf(await connected(`${server.url}returns`))).toEqual([1_000, ""]);
    expect(await closeOf(await connected(`${server.url}throws`))).toEqual([1_011, ""]);
    expect(told).toEqual([["/throws", why]]);
  });

  test.each(["FIN", "RST", "a close frame"])(
    "a client that leaves by %s ends its handler, and is no error",
    async (how) => {
      const ends: string[] = [];
      await using server = await served(async (socket) => {
        try {
          for await (const _message of socket);
        } finally {
          ends.push((await socket.outcome).code);
        }
      });
      const client = await connected(server.url);
      if (how === "FIN") wireOf(client).end();
      else if (how === "RST") wireOf(client).resetAndDestroy();
      else client.close(1_001);
      while (ends.length === 0) await turns(1);
      expect(ends).toEqual([how === "FIN" ? "truncated" : how === "RST" ? "reset" : "ended"]);
      while (server.hub.stats.sockets > 0) await turns(1);
    },
  );

  test("a client whose handler has returned is closed behind what waits for it, whatever is broadcast meanwhile", async () => {
    const serving = Promise.withResolvers<void>();
    await using server = await served(() => serving.promise, { policy: "dropOldest", capacity: 1_000 });
    const slow = await connected(server.url);
    wireOf(slow).pause();
    const filler = "x".repeat(100_000);
    for (let n = 0; n < 100; n++) await server.hub.broadcast(`${n} ${filler}`);
    serving.resolve();
    await turns(5);
    for (let n = 0; n < 100; n++) await server.hub.broadcast("to nobody");
    wireOf(slow).resume();
    expect(await closeOf(slow)).toEqual([1_000, ""]);
    expect(slow.messages.map(Number.parseFloat)).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });

  test("a client that leaves is noticed by a handler that only sends", async () => {
    let ended = false;
    await using server = await served(async (socket) => {
      const { signal } = socket;
      try {
        for (let n = 0; !signal.aborted; n++) {
          await socket.send(String(n));
          await turns(1);
        }
      } finally {
        ended = true;
      }
    });
    const client = await connected(server.url);
    while (client.messages.length < 3) await turns(1);
    client.close();
    while (!ended) await turns(1);
  });

  test("a send to a client that has gone is an error for the handler, and for nobody else", async () => {
    const thrown: unknown[] = [];
    await using server = await served(async (socket) => {
      await socket.outcome;
      try {
        await socket.send("too late");
      } catch (error) {
        thrown.push(error);
        throw error;
      }
    });
    const client = await connected(server.url);
    client.terminate();
    while (thrown.length === 0) await turns(1);
    expect(thrown).toEqual([expect.objectContaining({ code: "unreachable" })]);
  });

  test("a client that answers no ping is given up", async () => {
    const clock = fakeClock();
    const codes: string[] = [];
    const handler: HubHandler = async (socket) => {
      codes.push((await socket.outcome).code);
    };
    await using server = await served(handler, { clock, pingMs: 1_000, pongMs: 100 });
    const good = await connected(server.url);
    const bad = await connected(server.url, { autoPong: false });
    for (const client of [good, bad]) client.on("ping", () => client.messages.push("ping"));
    await clock.advance(1_000);
    while (bad.messages.length + good.messages.length < 2) await turns(1);
    // The answer of the good one is on its way.
    await turns(20);
    await clock.advance(100);
    expect((await closeOf(bad))[0]).toBe(1_006);
    expect([codes, good.readyState]).toEqual([["idle"], WebSocket.OPEN]);
  });
});

describe("who is slow", () => {
  test("a client that does not read what an echo sends is stopped by the wire, and holds nobody up", async () => {
    let echoed = 0;
    await using server = await served(async (socket) => {
      for await (const message of socket) {
        await socket.send(message);
        echoed++;
      }
    });
    const slow = await connected(server.url);
    wireOf(slow).pause();
    const message = Buffer.alloc(100_000);
    for (let n = 0; n < 400; n++) slow.send(message);
    const quick = await connected(server.url);
    for (let n = 0; n < 50; n++) quick.send(`quick ${n}`);
    while (quick.messages.length < 50) await turns(1);
    let before = -1;
    for (; before < echoed; await turns(200)) before = echoed;
    expect(echoed).toBeLessThan(300);
    expect(slow.bufferedAmount).toBeGreaterThan(10_000_000 / 4);
    wireOf(slow).resume();
    while (slow.messages.length < 400) await turns(10);
  });

  /** A hub with one client that reads nothing and one that does; broadcasts of 100 kB until `enough`. */
  async function flooded(options: Options, count: number) {
    const server = await served(silent, { closeMs: 200, ...options });
    const stalled = await connected(`${server.url}stalled`);
    const quick = await connected(`${server.url}quick`);
    wireOf(stalled).pause();
    const filler = "x".repeat(100_000);
    for (let n = 0; n < count; n++) {
      await server.hub.broadcast(`${n} ${filler}`);
      // At the pace of the one who reads.
      while (quick.messages.length <= n) await turns(1);
    }
    return { server, stalled, quick, numbers: (client: typeof quick) => client.messages.map(Number.parseFloat) };
  }
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

  test("evict: it is closed with 1013, nobody else waits or loses anything", async () => {
    const { server, quick, stalled, numbers } = await flooded({ capacity: 8 }, 120);
    await using _ = server;
    expect(server.hub.stats).toMatchObject({ evicted: 1, broadcasts: 120 });
    expect(server.hub.stats.dropped).toBeGreaterThanOrEqual(9);
    expect(numbers(quick)).toEqual(upTo(120));
    while (server.hub.stats.sockets > 1) await turns(1);
    wireOf(stalled).resume();
    await closeOf(stalled);
    // What had left before is whole and in order.
    expect(numbers(stalled)).toEqual(upTo(stalled.messages.length));
  });

  test("evict: one that reads again in time has the close frame behind what had left", async () => {
    const { server, stalled, numbers } = await flooded({ capacity: 8, closeMs: 20_000 }, 120);
    await using _ = server;
    wireOf(stalled).resume();
    expect(await closeOf(stalled)).toEqual([1_013, "Too slow"]);
    expect(numbers(stalled)).toEqual(upTo(stalled.messages.length));
  });

  test("dropOldest: it has the first and the latest ones, and the number of those it has not is told", async () => {
    const { server, stalled, numbers } = await flooded({ policy: "dropOldest", capacity: 4 }, 150);
    await using _ = server;
    wireOf(stalled).resume();
    while (numbers(stalled).at(-1) !== 149) await turns(1);
    const { dropped, evicted } = server.hub.stats;
    expect([numbers(stalled).length, evicted]).toEqual([150 - dropped, 0]);
    expect(numbers(stalled).slice(-4)).toEqual([146, 147, 148, 149]);
    expect(dropped).toBeGreaterThan(10);
    expect(numbers(stalled)).toEqual([...numbers(stalled)].sort((a, b) => a - b));
  });

  test("latestBy: it has the latest of each key", async () => {
    const key = (message: unknown): unknown => Number.parseFloat(String(message)) % 3;
    const { server, stalled, numbers } = await flooded({ policy: { latestBy: key }, capacity: 4 }, 150);
    await using _ = server;
    wireOf(stalled).resume();
    while (numbers(stalled).length < 150 - server.hub.stats.dropped) await turns(1);
    expect(numbers(stalled).slice(-3).sort()).toEqual([147, 148, 149]);
    expect(server.hub.stats.evicted).toBe(0);
  });

  test("block: broadcasts wait for it, in their order, and it loses none", async () => {
    const clock = fakeClock();
    await using server = await served(silent, { policy: "block", capacity: 4, blockMs: 1_000, clock });
    const slow = await connected(server.url);
    wireOf(slow).pause();
    const filler = "x".repeat(100_000);
    let done = 0;
    const all = upTo(150).map(async (n) => {
      await server.hub.broadcast(`${n} ${filler}`);
      done++;
    });
    await turns(20);
    expect(done).toBeLessThan(150);
    wireOf(slow).resume();
    await Promise.all(all);
    while (slow.messages.length < 150) await turns(1);
    expect(slow.messages.map(Number.parseFloat)).toEqual(upTo(150));
    expect(server.hub.stats).toMatchObject({ dropped: 0, evicted: 0 });
  });

  test("block: one that its handler closes meanwhile holds broadcasts up for blockMs, and is not evicted", async () => {
    const clock = fakeClock();
    const closing = Promise.withResolvers<void>();
    const handler: HubHandler = async (socket) => {
      await closing.promise;
      await socket.close(4_000);
    };
    await using server = await served(handler, { policy: "block", capacity: 4, blockMs: 1_000, clock });
    const slow = await connected(server.url);
    wireOf(slow).pause();
    const filler = "x".repeat(100_000);
    const all = Promise.all(upTo(150).map((n) => server.hub.broadcast(`${n} ${filler}`)));
    // Until nothing leaves any more.
    await turns(100);
    closing.resolve();
    await turns(20);
    await clock.advance(1_000);
    await all;
    expect(server.hub.stats).toMatchObject({ evicted: 0, dropped: 0 });
  });

  test("block: after blockMs it is evicted, and every broadcast is done", async () => {
    const clock = fakeClock();
    await using server = await served(silent, { policy: "block", capacity: 4, blockMs: 1_000, clock });
    const slow = await connected(server.url);
    wireOf(slow).pause();
    const filler = "x".repeat(100_000);
    const all = Promise.all(upTo(150).map((n) => server.hub.broadcast(`${n} ${filler}`)));
    await turns(20);
    await clock.advance(999);
    expect(server.hub.stats.evicted).toBe(0);
    await clock.advance(1);
    await all;
    expect(server.hub.stats.evicted).toBe(1);
  });
});

describe("close", () => {
  test("1001 comes behind the last message, whoever sent it: a handler in its midst ends its work, broadcasts leave", async () => {
    const answers: (() => void)[] = [];
    await using server = await served(async (socket) => {
      for await (const message of socket) {
        await new Promise<void>((resolve) => answers.push(resolve));
        await socket.send(`answer to ${message}`);
      }
      await socket.send("last words");
    });
    const client = await connected(server.url);
    client.send("a question");
    while (answers.length === 0) await turns(1);
    await server.hub.broadcast("news");
    const closed = server.hub.close();
    expect((await answered(server.port, handshake())).status).toBe(503);
    for (const answer of answers) answer();
    expect(await closeOf(client)).toEqual([1_001, ""]);
    expect(client.messages).toEqual(["news", "answer to a question", "last words"]);
    await closed;
    expect(server.hub.close()).toBe(server.hub.close());
  });

  test("one that is told of it may close the hub too, and waits for the same", async () => {
    const closings: Promise<void>[] = [];
    await using server = await served(async (socket, { hub }) => {
      socket.signal.addEventListener("abort", () => closings.push(hub.close()));
      await socket.outcome;
    });
    for (let n = 0; n < 3; n++) await connected(server.url);
    const closed = server.hub.close({ deadlineMs: 100 });
    await closed;
    expect(await Promise.all(closings)).toHaveLength(3);
  });

  test("what waits for a slow client leaves before its 1001", async () => {
    await using server = await served(
      (socket) => new Promise((resolve) => socket.signal.addEventListener("abort", resolve)),
      {
        policy: "dropOldest",
        capacity: 1_000,
      },
    );
    const slow = await connected(server.url);
    wireOf(slow).pause();
    const filler = "x".repeat(100_000);
    for (let n = 0; n < 100; n++) await server.hub.broadcast(`${n} ${filler}`);
    const closed = server.hub.close({ deadlineMs: 20_000 });
    await turns(20);
    wireOf(slow).resume();
    expect((await closeOf(slow))[0]).toBe(1_001);
    expect(slow.messages.map(Number.parseFloat)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    await closed;
  });

  test("who is not gone by the deadline is broken off: a stalled client, a handler that never ends, a look that never does", async () => {
    const clock = fakeClock();
    let looking = false;
    const admit = ({ url }: IncomingMessage) => {
      if (url !== "/looked-at") return undefined;
      looking = true;
      return new Promise<undefined>(() => {});
    };
    await using server = await served(() => new Promise(() => {}), { clock, admit, admitMs: 0 });
    const client = await connected(server.url);
    using looked = new RawClient(server.port);
    looked.write(handshake({}, "/looked-at"));
    while (!looking) await turns(1);
    let done = false;
    const closed = server.hub.close({ deadlineMs: 1_000 }).then(() => (done = true));
    await clock.advance(999);
    await turns(5);
    expect(done).toBe(false);
    await clock.advance(1);
    await closed;
    expect((await closeOf(client))[0]).toBe(1_006);
    await looked.ended;
  });

  test("our client comes back after it, to whoever is there then", async () => {
    let server = await served(chat);
    const { port } = server;
    await using client = createClient({ reconnect: { firstMs: 1, floorMs: 1, maxMs: 5 } });
    const socket = client.webSocket(server.url);
    const messages = socket[Symbol.asyncIterator]();
    await socket.open();
    await socket.send("one");
    expect((await messages.next()).value).toBe("one");
    const next = messages.next();
    await server.hub.close();
    await server[Symbol.asyncDispose]();
    const hub = webSocketHub(chat);
    await using again = await listening(createServer().on("upgrade", hub.upgrade), { port });
    while (hub.stats.sockets === 0) await turns(1);
    await hub.broadcast("two");
    expect((await next).value).toBe("two");
    expect(socket.stats.reconnects).toBe(1);
    await socket.close();
    await hub.close();
    server = { ...server, port: again.port };
  });

  test.each([
    [{ maxSockets: 0 }, "maxSockets must be a whole number from 1 up, got 0"],
    [{ maxItemBytes: 0 }, "maxItemBytes must be a whole number from 1 up, got 0"],
    [{ pingMs: -1 }, "pingMs must be a whole number from 0 up, got -1"],
    [{ capacity: 1.5 }, "capacity"],
    [{ policy: "drop" as "evict" }, 'policy must be "block"'],
    [{ origins: ["app.example"] }, "without a path"],
    [{ origins: ["https://app.example/"] }, "without a path"],
    [{ protocols: ["a b"] }, "protocols must be tokens"],
  ])("bad options are refused: %j", (options, why) => {
    expect(() => webSocketHub(options)).toThrow(why);
  });
});
