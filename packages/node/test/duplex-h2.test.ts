import { once } from "node:events";
import { constants, createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from "node:http2";
import { StreamError } from "@longwire/core";
import { fakeClock } from "@longwire/core/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DuplexCall } from "../src/duplex-call.ts";
import { type NodeTransport, nodeTransport } from "../src/node-transport.ts";
import { failureOf, loopback, type Loopback, selfSigned, send, textOf, turns } from "./loopback.ts";

const [key, cert] = selfSigned();
let transport: NodeTransport;
beforeEach(() => {
  transport = nodeTransport({ tls: { ca: cert } });
});
afterEach(() => transport.destroy());

/** A server that chooses HTTP/2, with its streams in view. */
async function h2Server(answer: (stream: ServerHttp2Stream, path: string) => void) {
  const streams: ServerHttp2Stream[] = [];
  const server: Http2SecureServer = createSecureServer({ key, cert });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    streams.push(stream);
    answer(stream, String(headers[":path"]));
  });
  const up: Loopback<Http2SecureServer> = await loopback(server);
  return {
    url: `https://localhost:${up.port}`,
    sockets: up.sockets,
    streams,
    [Symbol.asyncDispose]: () => up[Symbol.asyncDispose](),
  };
}

const echo = (stream: ServerHttp2Stream): void => {
  stream.respond({ ":status": 200 });
  stream.pipe(stream);
};

type Reader = AsyncIterator<Uint8Array>;
const readerOf = (call: DuplexCall): Reader => call[Symbol.asyncIterator]();

async function pieceOf(reader: Reader): Promise<string> {
  const { done, value } = await reader.next();
  return done ? "(done)" : Buffer.from(value).toString();
}

/** What the source of an upload went through. */
function upload(chunks: readonly string[]) {
  const seen: string[] = [];
  async function* source() {
    try {
      for (const chunk of chunks) {
        seen.push(chunk);
        yield chunk;
      }
    } finally {
      seen.push("returned");
    }
  }
  return { seen, source: source() };
}

describe("a duplex call to a server that chooses HTTP/2", () => {
  test("sends its head before the first chunk: the server speaks first", async () => {
    await using server = await h2Server((stream) => {
      stream.respond({ ":status": 200, "x-note": "yes" });
      stream.write("welcome");
    });
    await using call = await transport.duplex(`${server.url}/talk`);
    expect(await call.head).toMatchObject({ url: `${server.url}/talk`, status: 200 });
    expect(await pieceOf(readerOf(call))).toBe("welcome");
  });

  test("goes back and forth, ends its side, and reads the rest", async () => {
    await using server = await h2Server((stream) => {
      stream.respond({ ":status": 200 });
      stream.on("data", (chunk: Buffer) => stream.write(`heard ${chunk}`));
      stream.on("end", () => stream.end("bye"));
    });
    const call = await transport.duplex(server.url);
    const reader = readerOf(call);
    for (let round = 0; round < 50; round++) {
      await call.write(`${round}`);
      expect(await pieceOf(reader)).toBe(`heard ${round}`);
    }
    await call.end();
    expect([await pieceOf(reader), await pieceOf(reader)]).toEqual(["bye", "(done)"]);
  });

  test("counts as one request on one connection, also while its head is awaited", async () => {
    await using server = await h2Server(() => {});
    const call = await transport.duplex(server.url);
    while (server.streams.length === 0) await turns(1);
    expect(transport.stats()).toMatchObject([{ lane: "stream", protocol: "h2", state: "busy", requests: 1 }]);
    await call.close();
  });

  test("shares one connection with other calls and with streams", async () => {
    await using server = await h2Server(echo);
    const calls = await Promise.all([transport.duplex(server.url), transport.duplex(server.url)]);
    const third = await transport.duplex(server.url);
    const streamed = await send(transport, server.url, { method: "POST", body: "streamed" });
    expect(await textOf(streamed.body)).toBe("streamed");
    for (const call of [...calls, third]) {
      await call.write("mine");
      const reader = readerOf(call);
      expect(await pieceOf(reader)).toBe("mine");
      await call.end();
      expect(await pieceOf(reader)).toBe("(done)");
    }
    await turns(5);
    // The two that came at once both asked which protocol it would be.
    expect(server.sockets.length).toBeLessThanOrEqual(2);
    expect(transport.lanes()).toMatchObject([{ lane: "stream", protocol: "h2", running: 0, waiting: 0 }]);
  });

  test("stops its source when the server does not read", async () => {
    await using server = await h2Server((stream) => {
      stream.respond({ ":status": 200 });
      stream.pause();
    });
    let taken = 0;
    async function* endless() {
      for (;;) {
        taken += 64 * 1024;
        yield Buffer.alloc(64 * 1024);
      }
    }
    const call = await transport.duplex(server.url, { body: endless() });
    await call.head;
    await turns(2_000);
    const settled = taken;
    await turns(2_000);
    expect(taken).toBe(settled);
    expect(taken).toBeLessThan(1024 * 1024);
    await call.close();
  });

  test("stops the server when nobody reads, and holds up no other stream", async () => {
    let sent = 0;
    await using server = await h2Server(async (stream, path) => {
      stream.respond({ ":status": 200 });
      if (path !== "/flood") return void stream.end("ok");
      while (!stream.destroyed) {
        sent += 64 * 1024;
        if (!stream.write(Buffer.alloc(64 * 1024))) await Promise.race([once(stream, "drain"), once(stream, "close")]);
      }
    });
    const call = await transport.duplex(`${server.url}/flood`);
    await call.head;
    await turns(2_000);
    const settled = sent;
    for (let count = 0; count < 20; count++) {
      expect(await textOf((await send(transport, `${server.url}/other`)).body)).toBe("ok");
    }
    expect(sent).toBe(settled);
    expect(sent).toBeLessThan(1024 * 1024);
    await call.close();
  });

  test("whose answer ends first lets its source go, in the midst of a chunk that does not come", async () => {
    await using server = await h2Server((stream) => {
      stream.respond({ ":status": 200 });
      stream.end("enough");
    });
    let returns = 0;
    const stuck = {
      next: () => new Promise<IteratorResult<Uint8Array>>(() => {}),
      return: async () => {
        returns += 1;
        return { done: true as const, value: undefined };
      },
      [Symbol.asyncIterator]: () => stuck,
    };
    const call = await transport.duplex(server.url, { body: stuck });
    expect(await textOf(call)).toBe("enough");
    await turns(5);
    expect(returns).toBe(1);
    expect(transport.lanes()).toMatchObject([{ running: 0 }]);
  });

  test.each(["abort", "close", "leaving the loop"])("lets its source go by %s", async (way) => {
    await using server = await h2Server((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("hello");
      stream.pause();
    });
    const abort = new AbortController();
    const many = Array.from({ length: 100 }, () => "x".repeat(64 * 1024));
    const { seen, source } = upload(many);
    const call = await transport.duplex(server.url, { body: source, signal: abort.signal });
    await call.head;
    if (way === "abort") abort.abort("enough");
    else if (way === "close") await call.close();
    else for await (const _ of call) break;
    while (seen.at(-1) !== "returned") await turns(1);
    expect(seen.filter((step) => step === "returned")).toHaveLength(1);
    await Promise.all(server.streams.map((stream) => stream.closed || once(stream, "close")));
    expect(server.streams[0]?.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });

  test("that is reset is a reset, and its siblings live on", async () => {
    await using server = await h2Server((stream, path) => {
      stream.respond({ ":status": 200 });
      if (path === "/bad") stream.once("data", () => stream.destroy(new Error("mine")));
      else stream.pipe(stream);
    });
    const bad = await transport.duplex(`${server.url}/bad`);
    const good = await transport.duplex(`${server.url}/good`);
    await bad.write("now");
    const error = await failureOf(textOf(bad));
    expect(error).toBeInstanceOf(StreamError);
    expect(error.code).toBe("reset");
    await good.write("still here");
    expect(await pieceOf(readerOf(good))).toBe("still here");
    await good.close();
  });

  test("that is closed and destroyed while its connection has yet to say hello ends nothing but itself", async () => {
    await using server = await h2Server(echo);
    const call = await transport.duplex(server.url);
    await call.close();
    await transport.destroy();
    // What Node throws then is nobody's to catch.
    await turns(20);
    expect(transport.stats()).toEqual([]);
  });

  test("that is late says so to whoever writes, though the wire is what takes no more", async () => {
    const clock = fakeClock();
    await using server = await h2Server((stream) => stream.pause());
    const call = await transport.duplex(server.url, { clock, timeouts: { totalMs: 1_000 } });
    const writing = failureOf(call.write(new Uint8Array(8 * 1024 * 1024)));
    await clock.advance(1_000);
    expect(await writing).toMatchObject({ code: "deadline", clock: "totalMs" });
    expect(await failureOf(call.head)).toBe(await writing);
  });

  test.each([
    ["more", "3"],
    ["fewer", "10"],
  ])("with %s bytes than its content-length is a TypeError, and its siblings live on", async (how, length) => {
    await using server = await h2Server(echo);
    const sibling = await transport.duplex(server.url);
    const call = await transport.duplex(server.url, { headers: { "content-length": length } });
    await Promise.allSettled([call.write("hello"), call.end()]);
    const error = await textOf(call).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as TypeError).message).toContain(`its body has ${how} bytes than its content-length says`);
    await sibling.write("still here");
    expect(await pieceOf(readerOf(sibling))).toBe("still here");
    await sibling.close();
  });

  test("answers reads that overlap in their order", async () => {
    await using server = await h2Server(echo);
    const call = await transport.duplex(server.url);
    await call.write("one");
    const reader = readerOf(call);
    expect(await pieceOf(reader)).toBe("one");
    const both = Promise.all([pieceOf(reader), pieceOf(reader)]);
    await call.write("two");
    await turns(20);
    await call.end();
    expect(await both).toEqual(["two", "(done)"]);
  });

  test("with allowH2: false speaks HTTP/1.1", async () => {
    const server = createSecureServer({ key, cert, allowHTTP1: true }, (request, response) => {
      response.end(request.httpVersion);
    });
    await using up = await loopback(server);
    await using plain = nodeTransport({ tls: { ca: cert }, allowH2: false });
    expect(await textOf(await plain.duplex(`https://localhost:${up.port}`))).toBe("1.1");
    expect(await textOf(await transport.duplex(`https://localhost:${up.port}`))).toBe("2.0");
  });
});
