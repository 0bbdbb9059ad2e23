import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type ClientRequest, createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import { connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fakeClock } from "@longwire/core/testing";
import { describe, expect, it } from "vitest";
import {
  createPublisher,
  ndjsonHandler,
  type NodeRequest,
  type NodeResponse,
  publisherHandler,
  type Source,
  sseHandler,
  type SseItem,
} from "../../src/index.node.ts";
import { serving, servingHttp2 } from "../serving.ts";

describe("sseHandler over HTTP/1.1", () => {
  it("sends the head at once, before the source gave anything, and what was set on the response before", async () => {
    const stream = sseHandler(forever, { heartbeatMs: 0 });
    await using server = await serving((request, response) => {
      response.setHeader("x-team", "ops");
      return stream(request, response);
    });
    const { request, response } = await asked(server.url);
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
      "x-team": "ops",
    });
    request.destroy();
  });

  it("ends cleanly when the source does, and keeps the connection", async () => {
    await using server = await serving(sseHandler(() => of("one", "two")));
    const { response } = await asked(server.url);
    expect(await text(response)).toBe(": \n\ndata: one\n\ndata: two\n\n");
    expect(response.complete).toBe(true);
  });

  it("cuts the connection when the source throws: what came is there, and no end", async () => {
    const told: unknown[] = [];
    await using server = await serving(sseHandler(() => broken("one"), { onError: (error) => told.push(error) }));
    const { response } = await asked(server.url);
    const { got, error } = await drained(response);
    expect(got).toBe(": \n\ndata: one\n\n");
    expect(error).toMatchObject({ code: "ECONNRESET" });
    expect(response.complete).toBe(false);
    expect(told).toEqual([expect.objectContaining({ message: "broken" })]);
  });

  it("resets a connection of HTTP/1.0, where a FIN would be a clean end", async () => {
    await using server = await serving(sseHandler(() => broken("one")));
    const socket = connect(server.port, "127.0.0.1");
    socket.write("GET / HTTP/1.0\r\n\r\n");
    socket.resume();
    await expect(once(socket, "end")).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("breaks off over a Unix socket, which has no reset, and never rejects", async () => {
    const folder = await mkdtemp(join(tmpdir(), "longwire-"));
    const path = join(folder, "a.sock");
    const stream = sseHandler(() => broken("one"));
    const handled = Promise.withResolvers<void>();
    const server = createServer((request, response) => handled.resolve(stream(request, response))).listen(path);
    await once(server, "listening");
    const socket = connect(path);
    socket.write("GET / HTTP/1.0\r\n\r\n");
    socket.resume();
    await once(socket, "close");
    server.close();
    await rm(folder, { recursive: true });
    await expect(handled.promise).resolves.toBeUndefined();
  });

  it("tells the source when the client is gone, and lets it go, while it is silent", async () => {
    const left = Promise.withResolvers<unknown>();
    const returned = Promise.withResolvers<void>();
    const source: Source<SseItem, NodeRequest> = ({ signal }) => {
      signal.addEventListener("abort", () => left.resolve(signal.reason));
      return silentUntilReturned(() => returned.resolve());
    };
    await using server = await serving(sseHandler(source));
    const { request } = await asked(server.url);
    request.destroy();
    expect(await left.promise).toMatchObject({ name: "AbortError" });
    await returned.promise;
  });

  it("calls onError for nothing that the source throws once the client is gone", async () => {
    const told: unknown[] = [];
    const over = Promise.withResolvers<void>();
    const stream = sseHandler(
      async function* ({ signal }) {
        yield "one";
        await once(signal, "abort");
        throw signal.reason;
      },
      { onError: (error) => told.push(error) },
    );
    await using server = await serving((request, response) => stream(request, response).then(over.resolve));
    const { request } = await asked(server.url);
    request.destroy();
    await over.promise;
    expect(told).toEqual([]);
  });

  it("stops the source of a client that stalls, and of nobody else", async () => {
    const item = "x".repeat(64 * 1_024 - 8);
    const made = new Map<string, number>();
    const stream = sseHandler(async function* ({ request }) {
      for (let n = 0; n < 800; n++) {
        made.set(request.url as string, n + 1);
        yield item;
      }
    });
    await using server = await serving(stream);
    const stalled = await asked(`${server.url}/stalled`);
    const reading = await asked(`${server.url}/reading`);
    // 50 MiB go to the one that reads; the other's stand in two kernels' buffers, a few MiB.
    let bytes = 0;
    for await (const chunk of reading.response) bytes += (chunk as Buffer).length;
    expect(made.get("/reading")).toBe(800);
    expect(bytes).toBeGreaterThan(50_000_000);
    expect(made.get("/stalled")).toBeLessThan(400);
    stalled.request.destroy();
  });

  it("cuts a client that takes nothing for stallMs, and lets the source go", async () => {
    const clock = fakeClock();
    const over = Promise.withResolvers<void>();
    let made = 0;
    const stream = sseHandler(
      async function* () {
        for (;;) {
          made++;
          yield "x".repeat(1_024 * 1_024);
        }
      },
      { stallMs: 5_000, clock },
    );
    await using server = await serving((request, response) => stream(request, response).then(over.resolve));
    const { response } = await asked(server.url);
    // Until the kernels are full: the source is asked no more.
    for (let before = -1; before < made; ) {
      before = made;
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    await clock.advance(5_000);
    await over.promise;
    expect(clock.pending).toBe(0);
    expect((await drained(response)).error).toMatchObject({ code: "ECONNRESET" });
  });

  it("cuts the second client of a source that can be iterated once, and goes on serving", async () => {
    const told: unknown[] = [];
    let iterated = 0;
    const source: AsyncIterable<string> = {
      [Symbol.asyncIterator]() {
        if (iterated++ === 1) throw new TypeError("it is being read");
        return of("one")[Symbol.asyncIterator]();
      },
    };
    await using server = await serving(sseHandler(source, { onError: (error) => told.push(error) }));
    const answers = [];
    for (let n = 0; n < 3; n++) answers.push((await drained((await asked(server.url)).response)).got);
    expect(answers).toEqual([": \n\ndata: one\n\n", ": \n\n", ": \n\ndata: one\n\n"]);
    expect(told).toEqual([expect.objectContaining({ message: "it is being read" })]);
  });

  it("resets a connection of HTTP/1.1 whose end is that of the body", async () => {
    const stream = sseHandler(() => broken("one"));
    await using server = await serving((request, response) => {
      (response as ServerResponse).useChunkedEncodingByDefault = false;
      return stream(request, response);
    });
    const socket = connect(server.port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    socket.resume();
    await expect(once(socket, "end")).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("breaks off behind a head that was sent before, tells onError, and lets the source go", async () => {
    const told: unknown[] = [];
    let called = false;
    const stream = sseHandler(
      () => {
        called = true;
        return of();
      },
      { onError: (error) => told.push(error) },
    );
    await using server = await serving((request, response) => {
      (response as ServerResponse).writeHead(200).flushHeaders();
      return stream(request, response);
    });
    expect((await drained((await asked(server.url)).response)).error).toMatchObject({ code: "ECONNRESET" });
    expect([told, called]).toEqual([[expect.objectContaining({ code: "ERR_HTTP_HEADERS_SENT" })], false]);
  });

  it("refuses a header that would be two when it is made, not when it is asked", () => {
    const headers = { "x-a": "1\r\nx-b: 2" };
    expect(() => sseHandler(() => of(), { headers })).toThrow(TypeError);
    expect(() => ndjsonHandler(() => of(), { headers })).toThrow(TypeError);
    expect(() => publisherHandler(createPublisher(), { headers })).toThrow(TypeError);
  });

  it("answers HEAD with the head alone", async () => {
    let called = false;
    const stream = sseHandler(() => {
      called = true;
      return of();
    });
    await using server = await serving(stream);
    const answer = await fetch(server.url, { method: "HEAD", headers: { connection: "close" } });
    expect([answer.headers.get("content-type"), called]).toEqual(["text/event-stream", false]);
  });

  it("does nothing for a client that was gone before it was called", async () => {
    let called = false;
    const stream = sseHandler(() => {
      called = true;
      return of();
    });
    const over = Promise.withResolvers<void>();
    await using server = await serving(async (request, response) => {
      const closed = once(response, "close");
      request.socket.destroy();
      await closed;
      await stream(request, response);
      over.resolve();
    });
    await expect(asked(server.url)).rejects.toThrow();
    await over.promise;
    expect(called).toBe(false);
  });
});

describe("sseHandler over HTTP/2", () => {
  it("sends the head at once, and ends as the source does", async () => {
    await using server = await servingHttp2(sseHandler(() => of("one", "two")));
    const session = connectHttp2(server.url);
    const stream = session.request({ ":path": "/" });
    const [headers] = await once(stream, "response");
    expect(headers).toMatchObject({ ":status": 200, "content-type": "text/event-stream", "x-accel-buffering": "no" });
    expect(await text(stream)).toBe(": \n\ndata: one\n\ndata: two\n\n");
    expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
    await closed(session);
  });

  it("resets the stream when the source throws, and leaves the connection be", async () => {
    await using server = await servingHttp2(
      sseHandler(({ request }) => (request.url === "/broken" ? broken("one") : of("fine"))),
    );
    const session = connectHttp2(server.url);
    const stream = session.request({ ":path": "/broken" });
    await expect(text(stream)).rejects.toMatchObject({ code: "ERR_HTTP2_STREAM_ERROR" });
    expect(stream.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR);
    expect(await text(session.request({ ":path": "/" }))).toContain("data: fine");
    await closed(session);
  });

  it("lets the source go when the client resets the stream", async () => {
    const returned = Promise.withResolvers<void>();
    await using server = await servingHttp2(sseHandler(() => silentUntilReturned(() => returned.resolve())));
    const session = connectHttp2(server.url);
    const stream = session.request({ ":path": "/" });
    await once(stream, "response");
    stream.close(constants.NGHTTP2_CANCEL);
    await returned.promise;
    await closed(session);
  });

  it("stops the source of a client that gives no window", async () => {
    let made = 0;
    await using server = await servingHttp2(
      sseHandler(async function* () {
        for (; ; made++) yield "x".repeat(16_384 - 8);
      }),
    );
    const session = connectHttp2(server.url);
    const stalled = session.request({ ":path": "/" });
    await once(stalled, "response");
    // What the client's PING is answered behind was all sent; the source has made no more than the windows hold.
    for (let n = 0; n < 20; n++) await new Promise<void>((resolve) => session.ping(() => resolve()));
    expect(made).toBeLessThan(20);
    stalled.close(constants.NGHTTP2_CANCEL);
    await closed(session);
  });
});

describe("publisherHandler", () => {
  it("breaks a refusal off where the head was sent before, and never rejects", async () => {
    const publisher = createPublisher({ origins: ["https://app.example"] });
    const handler = publisherHandler(publisher);
    const handled = Promise.withResolvers<void>();
    await using server = await serving((request, response) => {
      (response as ServerResponse).writeHead(200).flushHeaders();
      return handler(request, response).then(handled.resolve, handled.reject);
    });
    const request = get(server.url, { agent: false, headers: { origin: "https://evil.example" } });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    expect((await drained(response)).error).toMatchObject({ code: "ECONNRESET" });
    await handled.promise;
    expect(publisher.stats).toMatchObject({ refused: 1, subscribers: 0 });
  });

  it("cuts one whose response throws when it is written to, and nobody else misses an item", async () => {
    const publisher = createPublisher();
    const told: unknown[] = [];
    const subscribe = publisherHandler(publisher, { onError: (error) => told.push(error) });
    const responses: NodeResponse[] = [];
    await using server = await serving((request, response) => {
      responses.push(response);
      return subscribe(request, response);
    });
    const [first, broken, last] = [await asked(server.url), await asked(server.url), await asked(server.url)];
    (responses[1] as ServerResponse).write = () => {
      throw new Error("a middleware broke");
    };
    await publisher.publish("t", "one");
    expect((await drained(broken.response)).error).toMatchObject({ code: "ECONNRESET" });
    await publisher.publish("t", "two");
    await publisher.close();
    for (const { response } of [first, last])
      expect((await drained(response)).got).toMatch(/\ndata: one\n\nid: \S+\ndata: two\n\n: goodbye\n/);
    expect(told).toEqual([expect.objectContaining({ message: "a middleware broke" })]);
  });

  it("serves all requests of topics that can be gone through only once", async () => {
    const publisher = createPublisher();
    const topics = new Map([["t", "what it is about"]]).keys();
    await using server = await serving(publisherHandler(publisher, { topics }));
    const readers = [await asked(server.url), await asked(server.url)];
    await publisher.publish("t", "one");
    await publisher.close();
    for (const { response } of readers) expect((await drained(response)).got).toContain("data: one");
  });
});

describe("ndjsonHandler", () => {
  it("sends rows, and cuts at what JSON has no text for", async () => {
    await using server = await serving(ndjsonHandler(() => of<unknown>({ seq: 1 }, { seq: 2 }, undefined)));
    const { response } = await asked(server.url);
    expect(response.headers["content-type"]).toBe("application/x-ndjson");
    const { got, error } = await drained(response);
    expect(got).toBe('{"seq":1}\n{"seq":2}\n');
    expect(error).toMatchObject({ code: "ECONNRESET" });
  });
});

async function* of<T>(...items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

/** Gives one item, and throws once that is on its way. */
async function* broken(first: string): AsyncGenerator<string> {
  yield first;
  await new Promise((resolve) => setImmediate(resolve));
  throw new Error("broken");
}

function forever(): AsyncIterable<never> {
  return silentUntilReturned(() => {});
}

function silentUntilReturned(returned: () => void): AsyncIterable<never> {
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      async return() {
        returned();
        return { done: true, value: undefined };
      },
    }),
  };
}

async function asked(url: string): Promise<{ request: ClientRequest; response: IncomingMessage }> {
  const request = get(url, { agent: false });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return { request, response };
}

async function drained(response: IncomingMessage): Promise<{ got: string; error: unknown }> {
  let got = "";
  try {
    for await (const chunk of response) got += String(chunk);
    return { got, error: undefined };
  } catch (error) {
    return { got, error };
  }
}

async function closed(session: ReturnType<typeof connectHttp2>): Promise<void> {
  const over = once(session, "close");
  session.close();
  await over;
}
