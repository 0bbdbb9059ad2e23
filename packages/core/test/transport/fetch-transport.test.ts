import { getEventListeners, once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createSocketServer, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, expect, test, vi } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { authLayer } from "../../src/layers/auth.ts";
import { redirectLayer } from "../../src/layers/redirect.ts";
import { StreamRequest } from "../../src/request/stream-request.ts";
import { systemClock } from "../../src/time/clock.ts";
import { fetchTransport } from "../../src/transport/fetch-transport.ts";
import { layered } from "../../src/transport/layer.ts";
import type { StreamResponse } from "../../src/transport/transport.ts";

const free = new AbortController().signal;
const stops: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  vi.unstubAllGlobals();
  for (const stop of stops.splice(0)) await stop();
});

async function listening(server: Server | ReturnType<typeof createSocketServer>): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The origin of an HTTP server that answers so. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  stops.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return listening(server);
}

/** The origin of a server that, when the request has come, does this to the socket. */
async function serveRaw(answer: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createSocketServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => answer(socket));
  });
  stops.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  return listening(server);
}

function get(url: string, signal: AbortSignal = free): Promise<StreamResponse> {
  return fetchTransport()(new StreamRequest({ url }), { signal });
}

async function text(body: AsyncIterable<Uint8Array>): Promise<string> {
  const utf8 = new TextDecoder();
  let whole = "";
  for await (const chunk of body) whole += utf8.decode(chunk, { stream: true });
  return whole;
}

test("it answers with the head, then the body as it is pulled", async () => {
  const origin = await serve((request, response) => {
    response.writeHead(201, {
      "x-seen": `${request.method} ${request.url} ${request.headers["x-own"]}`,
      "content-length": 5,
    });
    response.end("hello");
  });
  const request = new StreamRequest({ url: `${origin}/feed?a=1`, headers: { "X-Own": "1" } });
  const response = await fetchTransport()(request, { signal: free });
  expect(response).toMatchObject({ url: request.url, status: 201, framing: "length" });
  expect(response.headers.get("X-Seen")).toBe("GET /feed?a=1 1");
  expect(await text(response.body)).toBe("hello");
});

test("chunks arrive while the body goes on", async () => {
  let send = (_: string): void => {};
  const origin = await serve((_, response) => {
    response.flushHeaders();
    send = (chunk) => response.write(chunk);
  });
  const { body, release, framing } = await get(origin);
  const chunks = body[Symbol.asyncIterator]();
  for (const chunk of ["one", "two"]) {
    send(chunk);
    expect(new TextDecoder().decode((await chunks.next()).value)).toBe(chunk);
  }
  expect(framing).toBe("unknown");
  release();
});

test("hidden and sent are called before fetch, connected never", async () => {
  const calls: string[] = [];
  const fetch = async () => {
    calls.push("fetch");
    return new Response();
  };
  const on = {
    hidden: () => calls.push("hidden"),
    connected: () => calls.push("connected"),
    sent: () => calls.push("sent"),
  };
  await fetchTransport({ fetch })(new StreamRequest({ url: "https://a.example/" }), { signal: free, on });
  expect(calls).toEqual(["hidden", "sent", "fetch"]);
});

test("the global fetch is looked up when it is called, and an answer without a URL has the request's", async () => {
  const transport = fetchTransport();
  vi.stubGlobal("fetch", async () => new Response("mocked"));
  const response = await transport(new StreamRequest({ url: "https://a.example/x" }), { signal: free });
  expect(response.url).toBe("https://a.example/x");
  expect(await text(response.body)).toBe("mocked");
});

test("nothing is cached, redirects are not followed unseen, and credentials are asked for only when given", async () => {
  const inits: (RequestInit | undefined)[] = [];
  const fetch = async (_: unknown, init?: RequestInit) => {
    inits.push(init);
    return new Response();
  };
  const request = new StreamRequest({ url: "https://a.example/" });
  await fetchTransport({ fetch })(request, { signal: free });
  await fetchTransport({ fetch, credentials: "include" })(request, { signal: free });
  expect(inits).toMatchObject([{ cache: "no-store", redirect: "manual" }, { credentials: "include" }]);
  expect(inits[0]).not.toHaveProperty("credentials");
});

test("a redirect is an answer, with its place", async () => {
  const origin = await serve((_, response) => response.writeHead(307, { location: "/new" }).end());
  const response = await get(`${origin}/old`);
  expect(response).toMatchObject({ url: `${origin}/old`, status: 307 });
  expect(response.headers.get("location")).toBe("/new");
});

test("through the redirect layer, headers that auth gave do not leave their origin", async () => {
  const seen: unknown[] = [];
  const keep = (request: IncomingMessage): unknown => seen.push([request.url, request.headers["x-api-key"]]);
  const other = await serve((request, response) => response.end(`${keep(request)}`));
  const origin = await serve((request, response) => {
    keep(request);
    response.writeHead(307, { location: request.url === "/" ? "/near" : `${other}/far` }).end();
  });
  const layers = [redirectLayer(systemClock), authLayer(() => ({ "x-api-key": "secret" }), origin, systemClock)];
  const response = await layered(fetchTransport(), layers)(new StreamRequest({ url: origin }), { signal: free });
  response.release();
  expect(response).toMatchObject({ url: `${other}/far`, status: 200 });
  expect(seen).toEqual([
    ["/", "secret"],
    ["/near", "secret"],
    ["/far", undefined],
  ]);
});

/** The fetch of a browser before a redirect: it follows, or shows nothing of it. */
function browser() {
  const modes: unknown[] = [];
  const fetch = async (_: unknown, init?: RequestInit) => {
    modes.push(init?.redirect);
    if (init?.redirect === "follow") return new Response("there");
    const opaque = { type: { value: "opaqueredirect" }, status: { value: 0 } };
    return Object.defineProperties(new Response(), opaque);
  };
  return { modes, transport: fetchTransport({ fetch }) };
}

test.each([
  ["a GET with credentials", { headers: { Authorization: "Bearer x", "Last-Event-ID": "7" } }],
  ["a POST whose caller says so", { method: "POST", replayable: true, body: pieces }],
])("where redirects are not shown, %s goes once more, for the runtime to follow", async (_, init) => {
  const { modes, transport } = browser();
  const told: string[] = [];
  const on = { hidden: () => told.push("hidden"), connected() {}, sent: () => told.push("sent") };
  const response = await transport(new StreamRequest({ url: "https://a.example/", ...init }), { signal: free, on });
  expect(await text(response.body)).toBe("there");
  expect(modes).toEqual(["manual", "follow"]);
  expect(told).toEqual(["hidden", "sent"]);
});

test.each([
  ["has the header x-api-key", { headers: { "x-api-key": "secret" } }],
  ["may not be sent twice", { method: "POST", body: "x" }],
])("where redirects are not shown, a request that %s is refused", async (why, init) => {
  const { modes, transport } = browser();
  const sent = transport(new StreamRequest({ url: "https://a.example/?token=secret", ...init }), { signal: free });
  const error = await sent.catch((thrown: unknown) => thrown as StreamError);
  expect(error).toMatchObject({ name: "StreamError", code: "refused", message: expect.stringContaining(why) });
  expect((error as StreamError).message).not.toContain("=secret");
  expect(modes).toEqual(["manual"]);
});

test("a status below 100 is protocol", async () => {
  const origin = await serveRaw((socket) => socket.end("HTTP/1.1 099 Early\r\n\r\n"));
  await expect(get(origin)).rejects.toMatchObject({ code: "protocol" });
});

test("a port that fetch blocks is a TypeError", async () => {
  await expect(get("http://127.0.0.1:6667/")).rejects.toThrow(TypeError);
});

test("the length of an answer from another origin is not believed: a browser hides that it was a compressed one", async () => {
  const shown = Object.defineProperty(new Response("more than four", { headers: { "content-length": "4" } }), "type", {
    value: "cors",
  });
  const transport = fetchTransport({ fetch: () => Promise.resolve(shown) });
  const { framing, body } = await transport(new StreamRequest({ url: "https://a.example/" }), { signal: free });
  expect([framing, await text(body)]).toEqual(["unknown", "more than four"]);
});

test("a body that ends well before its length is truncated: a runtime may take a cancelled HTTP/2 stream for a whole one", async () => {
  const cut = (): Response => new Response("abc", { headers: { "content-length": "9" } });
  const transport = fetchTransport({ fetch: () => Promise.resolve(cut()) });
  const request = new StreamRequest({ url: "https://a.example/?token=secret" });
  const { framing, body } = await transport(request, { signal: free });
  expect(framing).toBe("length");
  await expect(text(body)).rejects.toMatchObject({
    code: "truncated",
    message: "Cannot read https://a.example/?token=***: its body ended after 3 of 9 bytes",
  });
  const head = await transport(request.withMethod("HEAD"), { signal: free });
  expect(await text(head.body)).toBe("abc");
});

test.each([
  [204, "GET", {}, "length"],
  [205, "GET", {}, "length"],
  [200, "HEAD", {}, "length"],
  [200, "GET", { "content-length": "4" }, "length"],
  [200, "GET", { "transfer-encoding": "chunked" }, "unknown"],
  [200, "GET", { connection: "close" }, "unknown"],
])("a %d to %s with %j is framed by %s", async (status, method, headers, framing) => {
  const origin = await serve((_, response) => {
    response.useChunkedEncodingByDefault = "transfer-encoding" in headers;
    response.writeHead(status, headers);
    response.end(status === 200 && method === "GET" ? "body" : undefined);
  });
  const response = await fetchTransport()(new StreamRequest({ url: origin, method }), { signal: free });
  expect(response.framing).toBe(framing);
  expect(await text(response.body)).toBe(status === 200 && method === "GET" ? "body" : "");
});

test("a body that fetch decodes has no coding and no length any more, and is framed by nothing known", async () => {
  const zipped = gzipSync("plain");
  const origin = await serve((_, response) => {
    response.writeHead(200, { "content-encoding": "GZip", "content-length": zipped.length, "x-own": "1" }).end(zipped);
  });
  const { headers, body, framing } = await get(origin);
  expect([headers.get("content-encoding"), headers.get("content-length"), headers.get("x-own")]).toEqual([
    null,
    null,
    "1",
  ]);
  expect([framing, await text(body)]).toEqual(["unknown", "plain"]);
});

test("a coding that fetch does not decode stays in the headers", async () => {
  const origin = await serve(
    (_, response) => void response.writeHead(200, { "content-encoding": "aws-chunked" }).end("x"),
  );
  const { headers, release } = await get(origin);
  expect(headers.get("content-encoding")).toBe("aws-chunked");
  release();
});

test("the body is pulled: what nobody asked for is not read", async () => {
  let pulls = 0;
  const stream = new ReadableStream<Uint8Array>(
    { pull: (controller) => controller.enqueue(new Uint8Array([++pulls])) },
    { highWaterMark: 0 },
  );
  const transport = fetchTransport({ fetch: async () => new Response(stream) });
  const { body, release } = await transport(new StreamRequest({ url: "https://a.example/" }), { signal: free });
  const chunks = body[Symbol.asyncIterator]();
  expect(pulls).toBe(0);
  await chunks.next();
  await chunks.next();
  expect(pulls).toBe(2);
  release();
});

const head = "HTTP/1.1 200 OK\r\n";

test.each<[string, string, string, (socket: Socket) => void]>([
  [
    "chunked, FIN before the last chunk",
    "truncated",
    `${head}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n`,
    (socket) => socket.end(),
  ],
  [
    "chunked, RST",
    "reset",
    `${head}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n`,
    (socket) => socket.resetAndDestroy(),
  ],
  ["content-length short, FIN", "truncated", `${head}content-length: 9\r\n\r\nabc`, (socket) => socket.end()],
  ["content-length short, RST", "reset", `${head}content-length: 9\r\n\r\nabc`, (socket) => socket.resetAndDestroy()],
  [
    "chunked, a size that is no number",
    "protocol",
    `${head}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n`,
    (socket) => socket.end("zz\r\n"),
  ],
])("a body cut so: %s, is %s", async (_, code, sent, cut) => {
  let finish = (): void => {};
  const origin = await serveRaw((socket) => {
    socket.write(sent);
    finish = () => cut(socket);
  });
  const { body } = await get(`${origin}/feed?token=secret`);
  const chunks = body[Symbol.asyncIterator]();
  expect(new TextDecoder().decode((await chunks.next()).value)).toBe("abc");
  finish();
  const error = await chunks.next().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StreamError);
  expect(error).toMatchObject({ code, message: expect.stringContaining("after 3 bytes of the body") });
  expect((error as Error).message).not.toContain("secret");
});

test("a close-delimited body ends cleanly, and its framing says that this proves nothing", async () => {
  const origin = await serveRaw((socket) => void socket.end(`${head}\r\nabc`));
  const { framing, body } = await get(origin);
  expect([framing, await text(body)]).toEqual(["unknown", "abc"]);
});

test("a gzip body that is none is protocol", async () => {
  const origin = await serve(
    (_, response) => void response.writeHead(200, { "content-encoding": "gzip" }).end("no gzip at all"),
  );
  await expect(get(origin).then(({ body }) => text(body))).rejects.toMatchObject({ code: "protocol" });
});

test.each<[string, string, (socket: Socket) => void]>([
  ["FIN", "truncated", (socket) => socket.end()],
  ["half a head and FIN", "truncated", (socket) => socket.end(head)],
  ["RST", "reset", (socket) => socket.resetAndDestroy()],
  ["what is no HTTP", "protocol", (socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n")],
])("%s in place of a head is %s", async (_, code, answer) => {
  const origin = await serveRaw(answer);
  await expect(get(origin)).rejects.toMatchObject({
    code,
    name: "StreamError",
    message: expect.stringContaining("before the head"),
  });
});

test("a port where nobody listens is unreachable in phase connect", async () => {
  const server = createSocketServer();
  const origin = await listening(server);
  server.close();
  await once(server, "close");
  await expect(get(origin)).rejects.toMatchObject({
    code: "unreachable",
    phase: "connect",
    message: expect.stringContaining("ECONNREFUSED"),
  });
});

test("a server that speaks no TLS is unreachable in phase tls", async () => {
  const origin = await serveRaw((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await expect(get(origin.replace("http:", "https:"))).rejects.toMatchObject({ code: "unreachable", phase: "tls" });
});

test("a signal that was aborted before the call sends nothing", async () => {
  const calls: string[] = [];
  const on = { hidden: () => calls.push("hidden"), connected() {}, sent: () => calls.push("sent") };
  const fetch = async () => Promise.reject(calls.push("fetch"));
  const sent = fetchTransport({ fetch })(new StreamRequest({ url: "https://a.example/" }), {
    signal: AbortSignal.abort("early"),
    on,
  });
  await expect(sent).rejects.toBe("early");
  expect(calls).toEqual([]);
});

test("a signal aborted before the head gives its reason as it is, and the connection goes", async () => {
  const caller = new AbortController();
  const reason = { mine: true };
  const gone = Promise.withResolvers<void>();
  const origin = await serve((request) => {
    request.socket.once("close", gone.resolve);
    caller.abort(reason);
  });
  await expect(get(origin, caller.signal)).rejects.toBe(reason);
  await gone.promise;
});

test("a signal aborted as the head arrives gives its reason, and the body is let go", async () => {
  const caller = new AbortController();
  let cancelled = false;
  const stream = new ReadableStream({
    cancel() {
      cancelled = true;
    },
  });
  const fetch = async () => {
    caller.abort("mine");
    return new Response(stream);
  };
  await expect(
    fetchTransport({ fetch })(new StreamRequest({ url: "https://a.example/" }), { signal: caller.signal }),
  ).rejects.toBe("mine");
  expect(cancelled).toBe(true);
});

test("the signal is let go at the head: no listener stays, and an abort does not touch the body", async () => {
  let finish = (): void => {};
  const origin = await serve((_, response) => {
    response.write("a");
    finish = () => response.end("b");
  });
  const caller = new AbortController();
  const { body } = await get(origin, caller.signal);
  expect(getEventListeners(caller.signal, "abort")).toEqual([]);
  caller.abort();
  finish();
  expect(await text(body)).toBe("ab");
  await expect(get("http://127.0.0.1:1/", caller.signal)).rejects.toBe(caller.signal.reason);
});

/** An answer that goes on for ever, and a promise that the server saw its end. */
async function endless(): Promise<{ response: StreamResponse; gone: Promise<unknown> }> {
  const gone = Promise.withResolvers<void>();
  const origin = await serve((_, response) => {
    response.write("a");
    response.once("close", gone.resolve);
  });
  return { response: await get(origin), gone: gone.promise };
}

test("release before the first read ends the exchange, and again is nothing", async () => {
  const { response, gone } = await endless();
  response.release();
  response.release("again");
  await gone;
  expect(await response.body[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
});

test("release settles a read that is pending", async () => {
  const { response, gone } = await endless();
  const chunks = response.body[Symbol.asyncIterator]();
  await chunks.next();
  const pending = chunks.next();
  response.release(new Error("enough"));
  expect(await pending).toEqual({ done: true, value: undefined });
  await gone;
});

test("leaving the loop ends the exchange", async () => {
  const { response, gone } = await endless();
  for await (const _ of response.body) break;
  await gone;
});

test("a body that breaks while it is released ends quietly", async () => {
  const broken = Promise.withResolvers<ReadableStreamDefaultController>();
  const stream = new ReadableStream({ start: (controller) => broken.resolve(controller) });
  const transport = fetchTransport({ fetch: async () => new Response(stream) });
  const { body, release } = await transport(new StreamRequest({ url: "https://a.example/" }), { signal: free });
  const pending = body[Symbol.asyncIterator]().next();
  (await broken.promise).error(new Error("cut"));
  release();
  expect(await pending).toEqual({ done: true, value: undefined });
});

test("release after a broken body is quiet", async () => {
  const origin = await serveRaw((socket) => socket.end(`${head}content-length: 9\r\n\r\n`));
  const { body, release } = await get(origin);
  await expect(text(body)).rejects.toMatchObject({ code: "truncated" });
  release();
});

async function* pieces(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array([104, 105]);
  yield new Uint8Array([33]);
}

test.each([
  ["text", "hi!", "3"],
  ["bytes", new Uint8Array([104, 105, 33]), "3"],
  ["a function", () => "hi!", "3"],
  ["a source", pieces(), undefined],
  ["a function that makes a source", pieces, undefined],
])("a body given as %s arrives, and no content type is made up", async (_, body, length) => {
  const origin = await serve(async (request, response) => {
    let whole = "";
    for await (const chunk of request) whole += chunk;
    response.end(
      JSON.stringify([request.method, whole, request.headers["content-length"], request.headers["content-type"]]),
    );
  });
  const response = await fetchTransport()(new StreamRequest({ url: origin, method: "POST", body }), { signal: free });
  expect(JSON.parse(await text(response.body))).toEqual(["POST", "hi!", length ?? null, null]);
});

test("what the source of a body throws is thrown as it is", async () => {
  const origin = await serve((request) => void request.resume().on("error", () => {}));
  const broken = new Error("disk gone");
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array([1]);
    throw broken;
  }
  const request = new StreamRequest({ url: origin, method: "POST", body: failing });
  await expect(fetchTransport()(request, { signal: free })).rejects.toBe(broken);
});

test("the source of a body is let go when the call is aborted, though it does not answer", async () => {
  const caller = new AbortController();
  const gone = Promise.withResolvers<void>();
  const body = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<never>(() => caller.abort("mine")),
      return() {
        gone.resolve();
        return Promise.reject(new Error("and it complains"));
      },
    }),
  };
  const origin = await serve(() => {});
  await expect(
    fetchTransport()(new StreamRequest({ url: origin, method: "POST", body }), { signal: caller.signal }),
  ).rejects.toBe("mine");
  await gone.promise;
});

test("a source is not asked before fetch reads it, and goes with the release of an answer that came first", async () => {
  const seen: string[] = [];
  const body = {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.reject(seen.push("next")),
      return: async () => ({ done: true, value: seen.push("return") }) as const,
    }),
  };
  const transport = fetchTransport({ fetch: async () => new Response("early") });
  const { release } = await transport(new StreamRequest({ url: "https://a.example/", method: "POST", body }), {
    signal: free,
  });
  expect(seen).toEqual([]);
  release();
  release();
  expect(seen).toEqual(["return"]);
});

test("a source that has ended is not told to return", async () => {
  let returned = false;
  const body = {
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ done: true, value: undefined }) as const,
      return: async () => ({ done: true, value: (returned = true) }) as const,
    }),
  };
  const echo = async (_: unknown, init?: RequestInit) => new Response(await new Response(init?.body ?? null).text());
  const request = new StreamRequest({ url: "https://a.example/", method: "POST", body });
  (await fetchTransport({ fetch: echo })(request, { signal: free })).release();
  expect(returned).toBe(false);
});

test.each([
  ["a body with GET", { body: "x" }, "GET https://a.example/?token=***"],
  ["a method that fetch forbids", { method: "CONNECT" }, "CONNECT https://a.example/?token=***"],
  ["a header with a line break", { headers: { "x-key": "sec\r\nret" } }, "the header x-key"],
  ["a header beyond one byte a character", { headers: { "x-key": "sec→ret" } }, "the header x-key"],
  ["a length", { method: "POST", body: "xyz", headers: { "Content-Length": "1" } }, "the header content-length"],
  ["a transfer coding", { headers: { "transfer-encoding": "chunked" } }, "the header transfer-encoding"],
  ["an expectation", { headers: { expect: "100-continue" } }, "the header expect"],
  ["a header that has no name", { headers: { "": "sec ret" } }, "the header "],
])("%s is a TypeError before anything is sent, and prints no secret", async (_, init, told) => {
  const fetch = () => expect.unreachable();
  const sent = fetchTransport({ fetch })(new StreamRequest({ url: "https://a.example/?token=abc", ...init }), {
    signal: free,
  });
  const error = await sent.catch((thrown: unknown) => thrown as Error);
  expect(error).toBeInstanceOf(TypeError);
  expect((error as Error).message).toContain(told);
  expect((error as Error).message).not.toMatch(/abc|ret\b/);
});

test("a relative URL is a TypeError", async () => {
  await expect(get("/feed?token=abc")).rejects.toThrow(
    new TypeError("Cannot send GET /feed?token=***: it is no absolute URL"),
  );
});

test("where a runtime prints a stream in place of sending it, a source of bytes is a TypeError", async () => {
  class OldRequest extends Request {
    constructor(url: string, init: RequestInit) {
      const { body, ...rest } = init;
      super(url, body instanceof ReadableStream ? { ...rest, body: String(body) } : init);
    }
  }
  vi.stubGlobal("Request", OldRequest);
  const post = new StreamRequest({ url: "https://a.example/", method: "POST" });
  const transport = fetchTransport({ fetch: async () => new Response() });
  await expect(transport(post.withBody(pieces), { signal: free })).rejects.toThrow("cannot send a body piece by piece");
  expect(await transport(post.withBody("text"), { signal: free })).toMatchObject({ status: 200 });
});

test("a Unix socket is a TypeError that says what speaks over one: fetch is not asked", async () => {
  const fetch = vi.fn<typeof globalThis.fetch>();
  const request = new StreamRequest({ url: "unix:/run/docker.sock:/events?token=secret" });
  const answer = fetchTransport({ fetch })(request, { signal: new AbortController().signal });
  await expect(answer).rejects.toThrow(
    new TypeError(
      "Cannot send GET unix:/run/docker.sock:/events?token=***: fetch does not speak over Unix sockets; under Node, createClient and nodeTransport do",
    ),
  );
  expect(fetch).not.toHaveBeenCalled();
});
