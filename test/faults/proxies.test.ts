// Requests through proxies of http and https, by the `proxy` option of a client under Node and by the environment.

import { createServer, type IncomingHttpHeaders } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { createServer as createTcpServer } from "node:net";
import { inspect } from "node:util";
import type { StreamError } from "@longwire/core";
import { createClient } from "longwire";
import { afterAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { Authority } from "./certificates.ts";
import { connectProxy } from "./connect-proxy.ts";
import { type Listening, listening } from "./listening.ts";

const authority = new Authority();
afterAll(() => authority[Symbol.dispose]());
const ca = authority.cert;
const pair = authority.issue("DNS:a.example,DNS:localhost");
const credentials = `Basic ${Buffer.from("ann:p@ss word").toString("base64")}`;

type Lookup = NonNullable<NonNullable<Parameters<typeof createClient>[0]>["lookup"]>;

interface Origin extends Listening {
  readonly seen: IncomingHttpHeaders[];
}

/** Answers each request with events; keeps the headers that it saw. */
async function origin(scheme: "http" | "https"): Promise<Origin> {
  const seen: IncomingHttpHeaders[] = [];
  const server = scheme === "http" ? createServer() : createSecureServer(pair);
  server.on("request", (request, response) => {
    seen.push(request.headers);
    response.setHeader("content-type", "text/event-stream").end(`data: ${request.url}\n\ndata: [DONE]\n\n`);
  });
  return { ...(await listening(server)), seen };
}

/** What a stream of events at `url` brings, and what it ended with. */
async function events(url: string, options: Parameters<typeof createClient>[0]): Promise<unknown[]> {
  await using client = createClient(options);
  const seen: unknown[] = [];
  const stream = client.sse(url, { until: "[DONE]", reconnect: { retries: 2, firstMs: 0, floorMs: 0 } });
  try {
    for await (const event of stream) seen.push(event.data);
    seen.push("complete");
  } catch (error) {
    seen.push(error, stream.stats.attempts);
  }
  return seen;
}

describe.each(["http", "https"] as const)("a proxy of %s", (scheme) => {
  const secure = scheme === "https" ? { secure: pair } : {};

  test("gives an https origin a tunnel, and its credentials go no further", async () => {
    await using server = await origin("https");
    await using proxy = await connectProxy({ ...secure, authorization: credentials });
    const option = `${scheme}://ann:p%40ss%20word@localhost:${proxy.port}`;
    const target = `https://a.example:${server.port}`;
    expect(await events(`${target}/feed?x=1`, { proxy: option, tls: { ca } })).toEqual(["/feed?x=1", "complete"]);
    expect(proxy.asked).toEqual([["CONNECT", `a.example:${server.port}`, credentials]]);
    expect(server.seen).toMatchObject([{ host: `a.example:${server.port}` }]);
    expect(JSON.stringify(server.seen)).not.toMatch(/proxy-|Basic/i);
  });

  test("is asked for what is on an http origin in absolute form, and its credentials go no further", async () => {
    await using server = await origin("http");
    await using proxy = await connectProxy({ ...secure, authorization: credentials });
    const option = new URL(`${scheme}://ann:p%40ss%20word@localhost:${proxy.port}`);
    const target = `http://a.example:${server.port}/feed?x=1`;
    expect(await events(target, { proxy: option, tls: { ca } })).toEqual(["/feed?x=1", "complete"]);
    expect(proxy.asked).toEqual([["GET", target, credentials]]);
    expect(server.seen).toMatchObject([{ host: `a.example:${server.port}` }]);
    expect(JSON.stringify(server.seen)).not.toMatch(/proxy-|Basic/i);
  });

  test("keeps a tunnel for the next request", async () => {
    await using server = await origin("https");
    await using proxy = await connectProxy(secure);
    const proxied = { proxy: `${scheme}://localhost:${proxy.port}`, tls: { ca } };
    await using client = createClient({ baseUrl: `https://a.example:${server.port}`, ...proxied });
    for (let count = 0; count < 3; count++) await (await client.request("/")).text();
    expect([proxy.asked.length, server.sockets.length]).toEqual([1, 1]);
    expect(client.stats().sockets).toMatchObject([{ origin: `https://a.example:${server.port}`, requests: 3 }]);
  });

  test("and the origin behind it each show a certificate of their own", async () => {
    await using server = await origin("https");
    await using proxy = await connectProxy(secure);
    const proxied = { proxy: `${scheme}://localhost:${proxy.port}`, tls: { ca } };
    const [error] = await events(`https://b.example:${server.port}/`, proxied);
    expect(error).toMatchObject({ code: "unreachable", phase: "tls", certificate: "wrongName" });
    expect(String(error)).toMatch(/Cannot reach https:\/\/b.example:\d+\/: its certificate is for other names/);
  });

  test("that wants other credentials refuses the stream, once, and no error shows any", async () => {
    await using server = await origin("https");
    await using proxy = await connectProxy({ ...secure, authorization: credentials });
    for (const userinfo of ["", "zoe:hunter2@"]) {
      const proxied = { proxy: `${scheme}://${userinfo}localhost:${proxy.port}`, tls: { ca } };
      const [error, attempts] = await events(`https://a.example:${server.port}/`, proxied);
      expect([error, attempts]).toMatchObject([{ code: "refused", status: 407 }, 1]);
      const shown = `the proxy ${scheme}://localhost:${proxy.port} answered 407 and opened no tunnel; `;
      expect(String(error)).toContain(shown + (userinfo ? "it does not take the credentials" : "give it credentials"));
      expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/zoe|hunter2|em9lOmh1/);
    }
    expect(
      (
        await events(`http://a.example:${server.port}/`, { proxy: `${scheme}://localhost:${proxy.port}`, tls: { ca } })
      )[0],
    ).toMatchObject({ code: "refused", status: 407 });
    expect(server.sockets.length).toBe(0);
  });

  test("that cannot be reached is unreachable, and said to be the proxy", async () => {
    const gone = await connectProxy();
    await gone[Symbol.asyncDispose]();
    for (const target of ["https://a.example/", "http://a.example/"]) {
      const [error] = await events(target, { proxy: `${scheme}://ann:secret@127.0.0.1:${gone.port}` });
      const last = (error as StreamError).cause as StreamError;
      expect(last).toMatchObject({ code: "unreachable", phase: "connect" });
      expect(last.message).toContain(
        `Cannot reach ${target}: by the proxy ${scheme}://127.0.0.1:${gone.port}: no connection`,
      );
    }
  });
});

describe("a proxy", () => {
  test("of https is verified, also for a client that does not verify origins", async () => {
    vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    onTestFinished(() => void vi.restoreAllMocks());
    await using proxy = await connectProxy({ secure: pair });
    for (const target of ["https://a.example/", "http://a.example/"]) {
      const proxied = { proxy: `https://localhost:${proxy.port}`, tls: { rejectUnauthorized: false } };
      const [error] = await events(target, proxied);
      expect(error).toMatchObject({ code: "unreachable", phase: "tls", certificate: "unknownAuthority" });
    }
    expect(proxy.asked).toEqual([]);
  });

  test("that refuses and stays on the line is let go, and not asked again", async () => {
    const refuse = "HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n";
    await using proxy = await listening(createTcpServer((socket) => socket.once("data", () => socket.write(refuse))));
    const [error, attempts] = await events("https://a.example/", { proxy: `http://127.0.0.1:${proxy.port}` });
    expect([error, attempts]).toMatchObject([{ code: "refused", status: 403 }, 1]);
    const [socket] = proxy.sockets;
    if (!socket?.destroyed) await new Promise((resolve) => socket?.once("close", resolve));
  });

  test("that refuses with 410 says nothing of the resume point", async () => {
    await using proxy = await connectProxy({ refusal: "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n" });
    await using client = createClient({ proxy: `http://127.0.0.1:${proxy.port}` });
    const lost = vi.fn(() => true);
    const attempts: number[] = [];
    for (const resume of [{ from: "7" }, { from: "7", onGap: "restart" }, { from: "7", lost }] as const) {
      const stream = client.sse("https://a.example/", { resume, reconnect: { retries: 2, firstMs: 0, floorMs: 0 } });
      const error = (await stream.open().catch((reason: unknown) => reason)) as StreamError;
      expect(error).toMatchObject({ code: "refused", status: 410, phase: "connect" });
      expect(error.gap).toBeUndefined();
      attempts.push(stream.stats.attempts);
    }
    expect(attempts).toEqual([1, 1, 1]);
    expect(lost).not.toHaveBeenCalled();
  });

  test("that has no way now is asked again", async () => {
    const refusal = "HTTP/1.1 503 Later\r\ncontent-length: 0\r\n\r\n";
    await using proxy = await connectProxy({ refusal });
    const [error, attempts] = await events("https://a.example/", { proxy: `http://127.0.0.1:${proxy.port}` });
    expect([error, attempts]).toMatchObject([{ code: "exhausted", cause: { code: "refused", status: 503 } }, 3]);
  });

  test.each([
    ["hangs up", ""],
    ["answers with something that is not HTTP", "SSH-2.0-OpenSSH_9.2\r\n"],
  ])("that %s at CONNECT is unreachable", async (_claim, answer) => {
    await using proxy = await listening(
      createTcpServer((socket) => socket.once("data", () => socket.end(answer)).on("error", () => {})),
    );
    const [error] = await events("https://a.example/", { proxy: `http://127.0.0.1:${proxy.port}` });
    expect(error).toMatchObject({ code: "exhausted", cause: { code: "unreachable", phase: "connect" } });
  });

  test("that never answers CONNECT is given up with its socket", async () => {
    await using proxy = await listening(createTcpServer());
    await using client = createClient({ proxy: `http://127.0.0.1:${proxy.port}` });
    const abort = new AbortController();
    const reply = client.request("https://a.example/", { signal: abort.signal });
    reply.catch(() => {});
    while (proxy.sockets.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const [socket] = proxy.sockets;
    const closed = new Promise((resolve) => socket?.on("error", resolve).on("close", resolve).resume());
    abort.abort("enough");
    await expect(reply).rejects.toBe("enough");
    await closed;
    expect(client.stats().sockets).toEqual([]);
  });

  test("whose name does not resolve is said so", async () => {
    const asked: string[] = [];
    const lookup: Lookup = (name, _options, callback) => {
      asked.push(name);
      callback(Object.assign(new Error(`no ${name}`), { code: "ENOTFOUND", syscall: "getaddrinfo" }), "", 4);
    };
    const [error] = await events("https://a.example/", { proxy: "http://proxy.example", lookup });
    const words = "by the proxy http://proxy.example: its name does not resolve";
    const last = { code: "unreachable", phase: "name", message: expect.stringContaining(words) };
    expect(error).toMatchObject({ code: "exhausted", cause: last });
    expect(new Set(asked)).toEqual(new Set(["proxy.example"]));
  });

  test("whose tunnel leads to a server that hangs is given up with all its sockets", async () => {
    await using server = await listening(createTcpServer((socket) => socket.on("error", () => {}).resume()));
    await using proxy = await connectProxy();
    await using client = createClient({ proxy: `http://127.0.0.1:${proxy.port}` });
    const abort = new AbortController();
    const reply = client.request(`https://a.example:${server.port}/`, { signal: abort.signal });
    reply.catch(() => {});
    // The handshake has begun.
    while (!server.sockets[0]?.bytesRead) await new Promise((resolve) => setImmediate(resolve));
    const closed = new Promise((resolve) => proxy.sockets[0]?.on("close", resolve));
    abort.abort("enough");
    await expect(reply).rejects.toBe("enough");
    await closed;
    expect(client.stats().sockets).toEqual([]);
  });

  test("is no place for a header of the request with its credentials, which a tunnel would bring to the origin", async () => {
    await using client = createClient({ proxy: "http://127.0.0.1:9", reconnect: false });
    const reply = client.request("https://a.example/", { headers: { "proxy-authorization": "Basic hunter2" } });
    await expect(reply).rejects.toThrow("write credentials into the proxy's URL");
    await expect(reply).rejects.not.toThrow("hunter2");
  });
});

describe("the environment", () => {
  test("names the proxies of a client that is told of none, and what needs none", async () => {
    await using server = await origin("https");
    await using plain = await origin("http");
    await using proxy = await connectProxy();
    for (const name of ["http_proxy", "https_proxy", "no_proxy", "REQUEST_METHOD"]) vi.stubEnv(name, "");
    for (const name of ["HTTP_PROXY", "HTTPS_PROXY"]) vi.stubEnv(name, `http://127.0.0.1:${proxy.port}`);
    vi.stubEnv("NO_PROXY", "direct.example");
    onTestFinished(() => void vi.unstubAllEnvs());
    const lookup: Lookup = (_name, options, callback) => {
      if (options.all) callback(null, [{ address: "127.0.0.1", family: 4 }]);
      else callback(null, "127.0.0.1", 4);
    };
    const whole = ["/", "complete"];
    expect(await events(`https://a.example:${server.port}/`, { tls: { ca } })).toEqual(whole);
    expect(await events(`http://a.example:${plain.port}/`, {})).toEqual(whole);
    const asked = [
      ["CONNECT", `a.example:${server.port}`, undefined],
      ["GET", `http://a.example:${plain.port}/`, undefined],
    ];
    expect(proxy.asked).toEqual(asked);
    expect(await events(`http://direct.example:${plain.port}/`, { lookup })).toEqual(whole);
    expect(await events(`http://127.0.0.1:${plain.port}/`, {})).toEqual(whole);
    expect(await events(`http://a.example:${plain.port}/`, { lookup, proxy: false })).toEqual(whole);
    expect(proxy.asked).toEqual(asked);
  });
});
