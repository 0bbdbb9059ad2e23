// HTTP/2 by ALPN: what it has in common with HTTP/1.1, and what it does its own way, against servers of node:http2.

import { createHash } from "node:crypto";
import { createServer as createSecureServer } from "node:https";
import { createSecureServer as createBothServer } from "node:http2";
import { Readable } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import { gzipSync } from "node:zlib";
import { type Framing, StreamRequest, type StreamRequestInit, type StreamResponse } from "@longwire/core";
import { type NodeTransport, nodeTransport } from "@longwire/node";
import { createClient } from "longwire";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { Authority } from "./certificates.ts";
import { connectProxy } from "./connect-proxy.ts";
import { answerH2, h2Server } from "./h2-server.ts";
import { listening } from "./listening.ts";
import { turns } from "./peer.ts";

const authority = new Authority();
afterAll(() => authority[Symbol.dispose]());
const tls = { ca: authority.cert };
const local = authority.issue("DNS:localhost");

let client: ReturnType<typeof createClient>;
let transport: NodeTransport;
beforeEach(() => {
  client = createClient({ tls, budget: { perSecond: 1e6 } });
  transport = nodeTransport({ tls });
});
afterEach(async () => {
  await client.destroy();
  await transport.destroy();
});

function send(url: string, init: Omit<StreamRequestInit, "url"> = {}, through = transport): Promise<StreamResponse> {
  return through(new StreamRequest({ url, ...init }), { signal: new AbortController().signal });
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(body)).toString();
}

async function framingOf(url: string, through = transport): Promise<Framing> {
  const { framing, body } = await send(url, {}, through);
  expect(await textOf(body)).toBe("hello");
  return framing;
}

const protocols = (from = client): unknown[] => from.stats().lanes.map(({ lane, protocol }) => `${lane} ${protocol}`);

describe("the protocol", () => {
  test("is HTTP/2 where the server speaks both, for calls and for streams", async () => {
    await using server = await h2Server(local, (stream) => answerH2(stream, "1\n"), { allowHTTP1: true });
    expect(await (await client.request(server.url)).text()).toBe("1\n");
    expect(await Array.fromAsync(client.ndjson(server.url))).toEqual([1]);
    expect(protocols().toSorted()).toEqual(["call h2", "stream h2"]);
    expect(client.stats().sockets).toMatchObject([{ protocol: "h2" }, { protocol: "h2" }]);
  });

  test("is offered first, and HTTP/1.1 behind it", async () => {
    let offered: readonly string[] = [];
    const ALPNCallback = ({ protocols }: { protocols: string[] }): string => {
      offered = protocols;
      return "h2";
    };
    await using server = await h2Server(local, (stream) => answerH2(stream, "hello"), { ALPNCallback });
    expect(await framingOf(server.url)).toBe("h2");
    expect(offered).toEqual(["h2", "http/1.1"]);
  });

  test("is HTTP/1.1 where the server speaks nothing else", async () => {
    await using server = await listening(createSecureServer(local, (_request, response) => response.end("hello")));
    const url = `https://localhost:${server.port}`;
    expect(await framingOf(url)).toBe("length");
    expect(await (await client.request(url)).text()).toBe("hello");
    expect(protocols()).toEqual(["call h1"]);
  });

  test("is HTTP/1.1 where the server knows nothing of ALPN", async () => {
    const answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    const mute = createTlsServer(local, (socket) =>
      socket.on("error", () => {}).once("data", () => socket.write(answer)),
    );
    await using server = await listening(mute);
    expect(await framingOf(`https://localhost:${server.port}`)).toBe("length");
  });

  test("with a server that has nothing of what is offered is unreachable, and says so", async () => {
    await using server = await h2Server(local, (stream) => answerH2(stream, "never"), { allowHTTP1: false });
    await using old = createClient({ tls, allowH2: false });
    const error = await old.request(server.url).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "unreachable", phase: "tls" });
    expect((error as Error).message).toContain("it speaks no protocol that is offered (ALPN)");
  });

  test("is HTTP/1.1 with `allowH2: false`, which offers nothing else", async () => {
    const offered: unknown[] = [];
    const ALPNCallback = ({ protocols }: { protocols: string[] }): string => {
      offered.push(protocols);
      return "http/1.1";
    };
    const both = createBothServer({ ...local, allowHTTP1: true, ALPNCallback }, (_request, response) => {
      response.end("hello");
    });
    await using server = await listening(both);
    const url = `https://localhost:${server.port}`;
    await using old = createClient({ tls, allowH2: false });
    expect(await (await old.request(url)).text()).toBe("hello");
    expect([protocols(old), offered]).toEqual([["call h1"], [["http/1.1"]]]);
  });

  test("is HTTP/1.1 for http: nobody asked for anything else", async () => {
    const { createServer } = await import("node:http");
    await using server = await listening(createServer((_request, response) => response.end("hello")));
    expect(await framingOf(`http://127.0.0.1:${server.port}`)).toBe("length");
  });

  test("is HTTP/1.1 for what is taken over, while the origin speaks HTTP/2 to all others", async () => {
    const both = createBothServer({ ...local, allowHTTP1: true });
    both.on("stream", (stream) => answerH2(stream, "hello"));
    both.on("upgrade", (_request, socket) => {
      socket.on("error", () => {});
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
      socket.pipe(socket);
    });
    await using server = await listening(both);
    const url = `https://localhost:${server.port}`;
    expect(await (await client.request(url)).text()).toBe("hello");
    const { socket } = await client.takeOver(url, { protocol: "echo" });
    socket.end("over and out");
    expect(await textOf(socket)).toBe("over and out");
    expect(await (await client.request(url)).text()).toBe("hello");
    expect([protocols(), server.sockets.length]).toEqual([["call h2"], 2]);
  });
});

test("is HTTP/2 through the tunnel of a proxy too", async () => {
  await using server = await h2Server(local, (stream, headers) => answerH2(stream, String(headers[":path"])));
  await using proxy = await connectProxy();
  await using proxied = createClient({ tls, proxy: `http://127.0.0.1:${proxy.port}` });
  const paths = Array.from({ length: 20 }, (_, number) => `/${number}`);
  const texts = paths.map(async (path) => (await proxied.request(server.url + path)).text());
  expect(await Promise.all(texts)).toEqual(paths);
  expect([protocols(proxied), proxy.asked.length, server.sockets.length]).toEqual([["call h2"], 1, 1]);
});

describe("one connection", () => {
  test("serves 100 requests, one after the other", async () => {
    await using server = await h2Server(local, (stream, headers) => answerH2(stream, String(headers[":path"])));
    for (let count = 0; count < 100; count++) {
      expect(await (await client.request(`${server.url}/${count}?a=b`)).text()).toBe(`/${count}?a=b`);
    }
    expect(server.sockets.length).toBe(1);
    await turns(2);
    expect(client.stats().lanes).toMatchObject([{ open: 1, free: 1, requests: 100, reused: 99, waiting: 0 }]);
    expect(client.stats().sockets).toMatchObject([{ state: "idle", requests: 100 }]);
  });

  test("serves 50 requests at once, though none of them knew what the server would speak", async () => {
    await using server = await h2Server(local, (stream, headers) => answerH2(stream, String(headers[":path"])));
    const paths = Array.from({ length: 50 }, (_, number) => `/${number}`);
    const texts = paths.map(async (path) => (await client.request(server.url + path)).text());
    expect(await Promise.all(texts)).toEqual(paths);
    expect(server.sockets.length).toBe(1);
  });

  test("goes on when a stream is left: the others read on", async () => {
    await using server = await h2Server(local, (stream) => {
      stream.respond({ ":status": 200 });
      stream.write("1\n");
      stream.session?.once("leave", () => stream.end("2\n"));
    });
    const [stays, leaves] = [client.lines(server.url), client.lines(server.url)].map((one) =>
      one[Symbol.asyncIterator](),
    );
    expect([await stays?.next(), await leaves?.next()]).toMatchObject([{ value: "1" }, { value: "1" }]);
    await leaves?.return?.();
    await expect.poll(() => client.stats().lanes).toMatchObject([{ open: 1, inUse: 1 }]);
    server.sessions[0]?.emit("leave");
    expect(await stays?.next()).toMatchObject({ value: "2" });
    expect(await stays?.next()).toMatchObject({ done: true });
    expect(server.sockets.length).toBe(1);
  });

  test("is not lost by an abort before the head, which resets the stream with CANCEL", async () => {
    const codes: number[] = [];
    await using server = await h2Server(local, (stream, headers) => {
      if (headers[":path"] === "/mute") stream.once("close", () => codes.push(stream.rstCode ?? -1));
      else answerH2(stream, "hello");
    });
    const abort = new AbortController();
    const reply = client.request(`${server.url}/mute`, { signal: abort.signal });
    reply.catch(() => {});
    await server.requests(1);
    abort.abort("enough");
    await expect(reply).rejects.toBe("enough");
    expect(await (await client.request(server.url)).text()).toBe("hello");
    expect([codes, server.sockets.length]).toEqual([[8], 1]);
  });
});

test("keepAliveMs 0 uses each connection once", async () => {
  await using server = await h2Server(local, (stream, headers) => answerH2(stream, String(headers[":path"])));
  await using single = createClient({ tls, keepAliveMs: 0 });
  for (const path of ["/1", "/2", "/3"]) expect(await (await single.request(server.url + path)).text()).toBe(path);
  expect(server.asked).toEqual(["0 /1", "1 /2", "2 /3"]);
  await expect.poll(() => single.stats().sockets).toEqual([]);
});

describe("a head", () => {
  test("has its values joined by name, set-cookie too, and none of HTTP/2's own", async () => {
    await using server = await h2Server(local, (stream) => {
      stream.respond(
        { ":status": 418, "set-cookie": ["a=1", "b=2"], "x-tea": ["green", "black"] },
        { endStream: true },
      );
    });
    const { status, headers } = await send(server.url);
    expect([status, headers.get("Set-Cookie"), headers.get("x-tea")]).toEqual([418, "a=1, b=2", "green, black"]);
    expect([...headers].filter(([name]) => name.startsWith(":"))).toEqual([]);
  });

  test("is the last one: 103 Early Hints are none", async () => {
    await using server = await h2Server(local, (stream) => {
      stream.additionalHeaders({ ":status": 103, link: "</style.css>; rel=preload" });
      answerH2(stream, "hello");
    });
    const response = await send(server.url);
    expect([response.status, response.headers.get("link"), await textOf(response.body)]).toEqual([200, null, "hello"]);
  });

  test("that is over the limit is an error of that request, and of no other", async () => {
    await using server = await h2Server(local, (stream, headers) => {
      if (headers[":path"] === "/small") return answerH2(stream, "hello");
      const filler = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`x-filler-${n}`, "x".repeat(1_000)]));
      stream.respond({ ":status": 200, ...filler });
      stream.end("never read");
    });
    // Node takes what it was told of heads for streams that are begun behind the server's word to that.
    expect(await textOf((await send(`${server.url}/small`)).body)).toBe("hello");
    const error = await send(`${server.url}/big`).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "protocol" });
    expect(await textOf((await send(`${server.url}/small`)).body)).toBe("hello");
  });

  test("of a request says whom it is for, what it is, and nothing of a connection", async () => {
    let seen: Record<string, unknown> = {};
    await using server = await h2Server(local, (stream, headers) => {
      seen = { ...headers };
      answerH2(stream, "hello");
    });
    const headers = { "x-own": "1", connection: "close", "keep-alive": "5", host: "other.example" };
    const { body } = await send(`${server.url}/path?q=1`, { method: "POST", headers, body: "ping" });
    expect(await textOf(body)).toBe("hello");
    expect(seen).toMatchObject({
      ":method": "POST",
      ":scheme": "https",
      ":path": "/path?q=1",
      ":authority": "other.example",
      "x-own": "1",
      "content-length": "4",
    });
    for (const name of ["connection", "keep-alive", "host", "transfer-encoding"]) expect(seen).not.toHaveProperty(name);
  });
});

describe("a body", () => {
  test.each(["HEAD", "GET"])("of an answer to %s without one is whole", async (method) => {
    await using server = await h2Server(local, (stream) => {
      stream.respond({ ":status": method === "HEAD" ? 200 : 204, "content-length": method === "HEAD" ? 5 : 0 });
      stream.end();
    });
    const reply = await client.request(server.url, { method });
    expect(await reply.text()).toBe("");
    const again = await client.request(server.url, { method });
    expect([await again.text(), server.sockets.length]).toEqual(["", 1]);
  });

  test("ends before its trailers, which are no header of the answer", async () => {
    await using server = await h2Server(local, (stream) => {
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-checksum": "1", "grpc-status": "0" }));
      stream.end("hello");
    });
    const { framing, headers, body } = await send(server.url);
    expect([framing, await textOf(body), headers.get("x-checksum")]).toEqual(["h2", "hello", null]);
    expect((await client.bytes(server.url).open()).status).toBe(200);
  });

  test("of gzip is inflated as it comes", async () => {
    await using server = await h2Server(local, (stream, headers) => {
      expect(headers["accept-encoding"]).toContain("gzip");
      stream.respond({ ":status": 200, "content-encoding": "gzip" });
      stream.end(gzipSync("hello".repeat(1_000)));
    });
    const { headers, body } = await send(server.url);
    expect([await textOf(body), headers.get("content-encoding")]).toEqual(["hello".repeat(1_000), null]);
  });

  test("of NDJSON that the server ends is complete, of SSE ended", async () => {
    await using server = await h2Server(local, (stream, headers) => {
      const sse = headers[":path"] === "/sse";
      stream.respond({ ":status": 200, "content-type": sse ? "text/event-stream" : "application/x-ndjson" });
      stream.end(sse ? "data: 1\n\n" : "1\n2");
    });
    const rows = client.ndjson(`${server.url}/rows`);
    expect(await Array.fromAsync(rows)).toEqual([1, 2]);
    expect(await rows.outcome).toMatchObject({ code: "complete", attempts: 1 });
    const events = client.sse(`${server.url}/sse`, { reconnect: false });
    expect(await Array.fromAsync(events, ({ data }) => data)).toEqual(["1"]);
    expect(await events.outcome).toMatchObject({ code: "ended" });
  });

  test("of a request is sent as it is made, and echoed", async () => {
    await using server = await h2Server(local, (stream) => {
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    });
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (let n = 0; n < 100; n++) yield Buffer.from(`piece ${n}\n`);
    }
    const { body } = await send(server.url, { method: "POST", body: pieces() });
    expect((await textOf(body)).split("\n").length).toBe(101);
  });

  test("of a request that nobody reads any more is let go: the answer came first, and is whole", async () => {
    await using server = await h2Server(local, (stream) => {
      stream.respond({ ":status": 413 });
      stream.end("too much");
    });
    let [released, made] = [false, 0];
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: async () =>
          made++ === 0 ? { done: false as const, value: Buffer.from("first") } : new Promise<never>(() => {}),
        return: async () => {
          released = true;
          return { done: true as const, value: undefined };
        },
      }),
    };
    const { status, body } = await send(server.url, { method: "POST", body: source });
    expect([status, await textOf(body)]).toEqual([413, "too much"]);
    await turns(20);
    expect(released).toBe(true);
    expect(await (await send(server.url, { method: "POST", body: "x" })).status).toBe(413);
    expect(server.sockets.length).toBe(1);
  });
});

describe("backpressure", () => {
  const totalBytes = 32 * 1024 * 1024;

  test("of a reader that does not pull stops the server, and nothing is lost when it goes on; its siblings are read meanwhile", async () => {
    const sent = createHash("sha256");
    let sentBytes = 0;
    await using server = await h2Server(local, (stream, headers) => {
      if (headers[":path"] !== "/big") return answerH2(stream, "small");
      stream.respond({ ":status": 200 });
      const chunks = function* (): Generator<Uint8Array> {
        for (let count = 0; sentBytes < totalBytes; count++) {
          const chunk = Buffer.alloc(64 * 1024, count);
          sent.update(chunk);
          sentBytes += chunk.length;
          yield chunk;
        }
      };
      Readable.from(chunks()).pipe(stream);
    });
    const { body } = await send(`${server.url}/big`);
    const pieces = body[Symbol.asyncIterator]();
    const received = createHash("sha256").update((await pieces.next()).value as Uint8Array);
    // Far more turns than the whole body takes when nobody stops it.
    await turns(5_000);
    expect(sentBytes).toBeLessThan(1024 * 1024);
    expect(transport.stats()[0]?.bytesRead).toBeLessThan(1024 * 1024);
    for (let count = 0; count < 50; count++) {
      expect(await textOf((await send(`${server.url}/small`)).body)).toBe("small");
    }
    expect(server.sockets.length).toBe(1);
    for (let piece = await pieces.next(); !piece.done; piece = await pieces.next()) received.update(piece.value);
    expect(sentBytes).toBe(totalBytes);
    expect(received.digest("hex")).toBe(sent.digest("hex"));
  });

  test("of 40 such readers holds what each may have, and leaves room for a sibling", async () => {
    const sent = new Map<unknown, number>();
    await using server = await h2Server(local, (stream, headers) => {
      if (headers[":path"] === "/small") return answerH2(stream, "small");
      stream.respond({ ":status": 200 });
      const chunks = function* (): Generator<Uint8Array> {
        for (let bytes = 0; bytes < 4 * 1024 * 1024; bytes += 64 * 1024) {
          sent.set(stream.id, bytes);
          yield Buffer.alloc(64 * 1024);
        }
      };
      Readable.from(chunks()).pipe(stream);
    });
    const paused = await Promise.all(Array.from({ length: 40 }, () => send(`${server.url}/big`)));
    await turns(2_000);
    expect(Math.max(...sent.values())).toBeLessThan(1024 * 1024);
    expect(await textOf((await send(`${server.url}/small`)).body)).toBe("small");
    const lengths = await Promise.all(paused.map(async ({ body }) => (await textOf(body)).length));
    expect(new Set(lengths)).toEqual(new Set([4 * 1024 * 1024]));
    expect(server.sockets.length).toBe(1);
  });

  test("of a server that does not read stops the source of a request's body", async () => {
    let made = 0;
    let read = (): void => {};
    await using server = await h2Server(local, (stream) => {
      stream.pause();
      let bytes = 0;
      stream.on("data", (chunk: Buffer) => (bytes += chunk.length));
      stream.on("end", () => answerH2(stream, String(bytes)));
      stream.pause();
      read = () => stream.resume();
    });
    async function* source(): AsyncGenerator<Uint8Array> {
      for (; made < totalBytes; made += 65_536) yield Buffer.alloc(65_536);
    }
    const answer = send(server.url, { method: "POST", body: source() });
    await server.requests(1);
    await turns(2_000);
    expect(made).toBeLessThan(4 * 1024 * 1024);
    read();
    expect(await textOf((await answer).body)).toBe(String(totalBytes));
  });
});
