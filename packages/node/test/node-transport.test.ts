import { createHash } from "node:crypto";
import { getEventListeners, once } from "node:events";
import { createServer as createTlsServer } from "node:https";
import { createServer as createTcpServer, type Socket } from "node:net";
import { inspect } from "node:util";
import { StreamError } from "@longwire/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type NodeTransport, nodeTransport } from "../src/node-transport.ts";
import { httpServer, loopback, selfSigned, send, textOf, turns } from "./loopback.ts";

let transport: NodeTransport;
beforeEach(() => {
  transport = nodeTransport();
});
afterEach(() => transport.destroy());

const silence = (): void => {};

describe("reuse", () => {
  test("100 requests in sequence use one socket", async () => {
    await using server = await httpServer((request, response) => response.end(request.url));
    const reused: boolean[] = [];
    for (let count = 0; count < 100; count++) {
      const on = {
        hidden: silence,
        connected: (info: { reused: boolean }) => void reused.push(info.reused),
        sent: silence,
      };
      const { body } = await send(transport, `${server.url}/${count}?n=${count}`, { on });
      expect(await textOf(body)).toBe(`/${count}?n=${count}`);
    }
    expect(server.sockets.length).toBe(1);
    expect(reused).toEqual([false, ...Array(99).fill(true)]);
    expect(transport.stats()).toMatchObject([{ origin: server.url, state: "idle", requests: 100 }]);
  });

  test("100 posts in sequence use one socket", async () => {
    await using server = await httpServer((request, response) => request.pipe(response));
    for (let count = 0; count < 100; count++) {
      const { body } = await send(transport, server.url, { method: "POST", body: `body ${count}` });
      expect(await textOf(body)).toBe(`body ${count}`);
    }
    expect(server.sockets.length).toBe(1);
  });

  test("requests at the same time use a socket each, and share them afterwards", async () => {
    await using server = await httpServer((_request, response) => response.end("ok"));
    const round = () =>
      Promise.all(Array.from({ length: 5 }, async () => textOf((await send(transport, server.url)).body)));
    await round();
    await round();
    expect(server.sockets.length).toBe(5);
  });

  test("a whole body that was never read leaves its socket to the next request", async () => {
    await using server = await httpServer((_request, response) => response.end("ok"));
    for (let count = 0; count < 3; count++) {
      const response = await send(transport, server.url);
      await turns(10);
      response.release();
    }
    expect(server.sockets.length).toBe(1);
  });

  test("an open answer and the next request do not share a socket", async () => {
    await using server = await httpServer((_request, response) => response.write("open"));
    await send(transport, server.url);
    await send(transport, server.url);
    expect(server.sockets.length).toBe(2);
    expect(transport.stats().map(({ state }) => state)).toEqual(["busy", "busy"]);
  });
});

describe("options", () => {
  test("keepAliveMs 0 uses each socket once, and says so to the server", async () => {
    await using server = await httpServer((request, response) => response.end(request.headers.connection));
    await using once = nodeTransport({ keepAliveMs: 0 });
    for (let count = 0; count < 3; count++) expect(await textOf((await send(once, server.url)).body)).toBe("close");
    expect(server.sockets.length).toBe(3);
  });

  test.each(["keepAliveMs", "keepAliveMaxMs", "tcpKeepAliveMs"])(
    "%s that is no duration is a RangeError with the value",
    (name) => {
      expect(() => nodeTransport({ [name]: -5 })).toThrow(
        new RangeError(`${name} must be a number of milliseconds, 0 or more; it is -5`),
      );
      expect(() => nodeTransport({ [name]: Number.NaN })).toThrow(RangeError);
    },
  );
});

describe("what the wire did", () => {
  const recorder = () => {
    const calls: unknown[] = [];
    return {
      calls,
      on: {
        hidden: () => calls.push("hidden"),
        connected: (info: object) => calls.push(info),
        sent: () => calls.push("sent"),
      },
    };
  };

  test("is told once a request, in order", async () => {
    await using server = await httpServer((_request, response) => response.end());
    const { calls, on } = recorder();
    await send(transport, server.url, { on });
    expect(calls).toEqual([{ reused: false }, "sent"]);
  });

  test("is nothing when the connection is refused", async () => {
    const server = await httpServer(silence);
    await server[Symbol.asyncDispose]();
    const { calls, on } = recorder();
    await expect(send(transport, server.url, { on })).rejects.toMatchObject({ code: "unreachable", phase: "connect" });
    expect(calls).toEqual([]);
  });
});

describe("unreachable", () => {
  test("a name that does not resolve is phase name, with the URL masked in the message", async () => {
    const error = await send(transport, "http://nobody.invalid/feed?token=secret").catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "unreachable", phase: "name" });
    expect((error as StreamError).message).toContain("Cannot reach http://nobody.invalid/feed?token=***: ");
  });

  test("several addresses that refuse are one error that names each", async () => {
    const server = await httpServer(silence);
    await server[Symbol.asyncDispose]();
    const refusal = (address: string) =>
      Object.assign(new Error(`connect ECONNREFUSED ${address}`), { code: "ECONNREFUSED", syscall: "connect" });
    const all = new AggregateError([refusal("::1"), refusal("127.0.0.1")]);
    await using refused = nodeTransport({ connect: (_target, callback) => callback(all, null) });
    const error = await send(refused, "https://two.example/").catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "unreachable", phase: "connect", cause: all });
    expect((error as StreamError).message).toMatch(/::1.*127\.0\.0\.1/);
  });

  test("a server that closes in the TLS handshake is phase tls", async () => {
    await using server = await loopback(
      createTcpServer((socket) => socket.once("data", () => socket.resetAndDestroy())),
    );
    await expect(send(transport, `https://127.0.0.1:${server.port}/`)).rejects.toMatchObject({
      code: "unreachable",
      phase: "tls",
    });
  });

  describe("certificates", () => {
    const [key, cert] = selfSigned();

    test("a self-signed one is refused by default: phase tls", async () => {
      await using server = await loopback(createTlsServer({ key, cert }, (_request, response) => response.end("ok")));
      const error = await send(transport, `https://localhost:${server.port}/`).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: "unreachable",
        phase: "tls",
        cause: { code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
      });
    });

    test("one that is trusted by `tls.ca` is taken, for its own name alone", async () => {
      await using server = await loopback(createTlsServer({ key, cert }, (_request, response) => response.end("ok")));
      await using trusting = nodeTransport({ tls: { ca: cert } });
      expect(await textOf((await send(trusting, `https://localhost:${server.port}/`)).body)).toBe("ok");
      await expect(send(trusting, `https://127.0.0.1:${server.port}/`)).rejects.toMatchObject({
        phase: "tls",
        cause: { code: "ERR_TLS_CERT_ALTNAME_INVALID" },
      });
    });
  });
});

describe("abort", () => {
  test("before anything rejects with the reason and opens no socket", async () => {
    await using server = await httpServer((_request, response) => response.end());
    const reason = { mine: true };
    await expect(send(transport, server.url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(transport.stats()).toEqual([]);
  });

  test("while connecting rejects at once, also when the connector never answers, and frees its place", async () => {
    let attempts = 0;
    await using stuck = nodeTransport({ connect: () => void (attempts += 1) });
    const abort = new AbortController();
    const answer = send(stuck, "http://a.example/", { signal: abort.signal });
    await turns(3);
    expect(stuck.stats()).toMatchObject([{ state: "connecting" }]);
    abort.abort("enough");
    await expect(answer).rejects.toBe("enough");
    expect(attempts).toBe(1);
    expect(stuck.stats()).toEqual([]);
    expect(getEventListeners(abort.signal, "abort")).toEqual([]);
  });

  test("in the TLS handshake destroys the socket", async () => {
    await using server = await loopback(createTcpServer({ allowHalfOpen: true }));
    const abort = new AbortController();
    const answer = send(transport, `https://127.0.0.1:${server.port}/`, { signal: abort.signal });
    const [socket] = (await once(server.server, "connection")) as [Socket];
    socket.on("error", silence).resume();
    abort.abort("enough");
    await expect(answer).rejects.toBe("enough");
    await once(socket, "end");
    expect(transport.stats()).toEqual([]);
  });

  test("while the head is awaited rejects with the reason as it is and destroys the socket", async () => {
    await using server = await httpServer(silence);
    const abort = new AbortController();
    const answer = send(transport, server.url, { signal: abort.signal });
    await once(server.server, "request");
    const reason = new Error("mine");
    abort.abort(reason);
    await expect(answer).rejects.toBe(reason);
    await closed(server.sockets[0] as Socket);
    expect(getEventListeners(abort.signal, "abort")).toEqual([]);
  });

  test("in the turn in which a socket was asked for again rejects, and the request is not sent", async () => {
    const seen: unknown[] = [];
    await using server = await httpServer((request, response) => {
      seen.push(request.url);
      response.end("ok");
    });
    await textOf((await send(transport, `${server.url}/1`)).body);
    const abort = new AbortController();
    const answer = send(transport, `${server.url}/2`, { signal: abort.signal });
    abort.abort("enough");
    await expect(answer).rejects.toBe("enough");
    expect(await textOf((await send(transport, `${server.url}/3`)).body)).toBe("ok");
    expect(seen).toEqual(["/1", "/3"]);
  });

  test("after the head is no longer listened to: release ends the exchange", async () => {
    await using server = await httpServer((_request, response) => response.write("open"));
    const abort = new AbortController();
    const response = await send(transport, server.url, { signal: abort.signal });
    expect(getEventListeners(abort.signal, "abort")).toEqual([]);
    const pieces = response.body[Symbol.asyncIterator]();
    await pieces.next();
    const waiting = pieces.next();
    abort.abort();
    response.release("enough");
    await expect(waiting).rejects.toBe("enough");
  });

  test("leaves no listener on a signal that serves many requests", async () => {
    await using server = await httpServer((request, response) =>
      request.url === "/bad" ? response.destroy() : response.end("ok"),
    );
    const { signal } = new AbortController();
    for (const path of ["/", "/bad", "/", "/bad"]) {
      await send(transport, server.url + path, { signal, method: "POST" }).then(({ body }) => textOf(body), silence);
    }
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});

describe("release", () => {
  test("before the first read closes the connection", async () => {
    await using server = await httpServer((_request, response) => response.write("open"));
    const response = await send(transport, server.url);
    response.release();
    response.release("again is nothing");
    await closed(server.sockets[0] as Socket);
    expect(await textOf(response.body)).toBe("");
  });

  test.each([
    ["with its reason, when there is one", "why"],
    ["as done, when there is none", undefined],
  ])("settles a read that waits %s", async (_claim, reason) => {
    await using server = await httpServer((_request, response) => response.write("open"));
    const response = await send(transport, server.url);
    const pieces = response.body[Symbol.asyncIterator]();
    await pieces.next();
    const waiting = pieces.next();
    response.release(reason);
    if (reason === undefined) expect(await waiting).toEqual({ done: true, value: undefined });
    else await expect(waiting).rejects.toBe(reason);
    await closed(server.sockets[0] as Socket);
  });

  test("of an unfinished answer means no reuse", async () => {
    await using server = await httpServer((_request, response) => response.write("open"));
    for (let count = 0; count < 3; count++) {
      const response = await send(transport, server.url);
      for await (const _ of response.body) break;
    }
    await Promise.all(server.sockets.map(closed));
    expect(server.sockets.length).toBe(3);
  });

  test("of a finished answer is nothing to its socket", async () => {
    await using server = await httpServer((_request, response) => response.end("ok"));
    for (let count = 0; count < 3; count++) {
      const response = await send(transport, server.url);
      await textOf(response.body);
      response.release();
    }
    expect(server.sockets.length).toBe(1);
  });

  test("a body is read once", async () => {
    await using server = await httpServer((_request, response) => response.end("ok"));
    const { body } = await send(transport, server.url);
    await textOf(body);
    await expect(textOf(body)).rejects.toThrow(TypeError);
  });
});

describe("backpressure", () => {
  const totalBytes = 32 * 1024 * 1024;

  test("a reader that does not pull stops the sender, and loses nothing when it goes on", async () => {
    const sent = createHash("sha256");
    let sentBytes = 0;
    await using server = await httpServer(async (_request, response) => {
      for (let count = 0; sentBytes < totalBytes; count++) {
        const chunk = Buffer.alloc(64 * 1024, count);
        sent.update(chunk);
        sentBytes += chunk.length;
        if (!response.write(chunk)) await once(response, "drain");
      }
      response.end();
    });
    const { body } = await send(transport, server.url);
    const pieces = body[Symbol.asyncIterator]();
    const received = createHash("sha256").update((await pieces.next()).value as Uint8Array);
    // Far more turns than the whole body takes when nobody stops it.
    await turns(5_000);
    const [stats] = transport.stats();
    expect(stats?.bytesRead).toBeLessThan(512 * 1024);
    expect(sentBytes).toBeLessThan(totalBytes);
    for (let piece = await pieces.next(); !piece.done; piece = await pieces.next()) received.update(piece.value);
    expect(received.digest("hex")).toBe(sent.digest("hex"));
  });

  test("holds from the start: an answer that nobody reads stays on the wire", async () => {
    await using server = await httpServer((_request, response) => response.end(Buffer.alloc(totalBytes)));
    const { body } = await send(transport, server.url);
    await turns(5_000);
    expect(transport.stats()[0]?.bytesRead).toBeLessThan(512 * 1024);
    let bytes = 0;
    for await (const chunk of body) bytes += chunk.length;
    expect(bytes).toBe(totalBytes);
  });
});

describe("the transport's own life", () => {
  test("close lets an answer be read to its end, closes its sockets, and takes no new request", async () => {
    let finish = silence;
    await using server = await httpServer((request, response) => {
      if (request.url === "/idle") return response.end("idle");
      response.write("half ");
      finish = () => response.end("whole");
    });
    const [response, idle] = await Promise.all([
      send(transport, `${server.url}/open`),
      send(transport, `${server.url}/idle`),
    ]);
    await textOf(idle.body);
    let closes = 0;
    const closing = [transport.close(), transport.close()].map((done) => done.then(() => (closes += 1)));
    await expect(send(transport, server.url)).rejects.toThrow(TypeError);
    await turns(10);
    expect(closes).toBe(0);
    finish();
    expect(await textOf(response.body)).toBe("half whole");
    await Promise.all(closing);
    expect(transport.stats()).toEqual([]);
    await Promise.all(server.sockets.map(closed));
  });

  test("destroy breaks what is open, what connects and what waits, and leaves no socket", async () => {
    await using server = await httpServer((request, response) =>
      request.url === "/open" ? response.write("open") : undefined,
    );
    await using handshake = await loopback(createTcpServer((socket) => void socket.on("error", silence).resume()));
    const response = await send(transport, `${server.url}/open`);
    const unanswered = send(transport, `${server.url}/mute`).catch((reason: unknown) => reason);
    const unconnected = send(transport, `https://127.0.0.1:${handshake.port}/`).catch((reason: unknown) => reason);
    await Promise.all([once(server.server, "request"), once(handshake.server, "connection")]);
    await transport.destroy();
    expect(await unanswered).toMatchObject({ code: "reset" });
    expect(await unconnected).toBeInstanceOf(StreamError);
    await expect(textOf(response.body)).rejects.toMatchObject({ code: "reset" });
    await Promise.all([...server.sockets, ...handshake.sockets].map(closed));
    expect(await connectionsOf(server.server)).toBe(0);
    expect(transport.stats()).toEqual([]);
  });

  test("destroy ends a close that waits for an endless stream", async () => {
    await using server = await httpServer((_request, response) => response.write("open"));
    const response = await send(transport, server.url);
    const closing = transport.close();
    await transport.destroy();
    await closing;
    await expect(textOf(response.body)).rejects.toMatchObject({ code: "reset" });
    await closed(server.sockets[0] as Socket);
  });

  test("destroy and close may be called again", async () => {
    await transport.destroy();
    await transport.destroy();
    await transport.close();
  });
});

describe("an answer that is not as HTTP allows is protocol", () => {
  test.each([
    ["a status below 100", "HTTP/1.1 099 Early\r\n\r\n"],
    [
      "a transfer coding that was not asked for",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n",
    ],
  ])("%s", async (_claim, answer) => {
    await using server = await loopback(
      createTcpServer((socket) => void socket.on("error", silence).once("data", () => socket.write(answer))),
    );
    const abort = new AbortController();
    const { signal } = abort;
    await expect(send(transport, server.url, { signal })).rejects.toMatchObject({ code: "protocol" });
    expect(getEventListeners(signal, "abort")).toEqual([]);
    await closed(server.sockets[0] as Socket);
  });
});

describe("a request that cannot be sent is a TypeError", () => {
  test("a URL that is none, shown without its secrets", async () => {
    const error = await send(transport, "nope?token=abc").catch((reason: unknown) => reason as Error);
    expect(error).toEqual(new TypeError("Cannot send GET nope?token=***: it is no absolute URL"));
    expect(inspect(error, { showHidden: true })).not.toContain("abc");
  });

  test.each([
    ["a header value with a line feed", { headers: { "x-bad": "a\nb" } }],
    ["an expect header", { headers: { expect: "100-continue" } }],
    ["a method with a space", { method: "GE T" }],
    ["a content-length that the body has not", { method: "POST", body: "four", headers: { "content-length": "5" } }],
  ])("%s", async (_claim, init) => {
    await using server = await httpServer((_request, response) => response.end());
    await expect(send(transport, server.url, init)).rejects.toThrow(TypeError);
  });

  test("a URL that is not http", async () => {
    await expect(send(transport, "ftp://a.example/")).rejects.toThrow(TypeError);
  });
});

/** The peer has closed its side, or the socket is gone. */
async function closed(socket: Socket): Promise<void> {
  if (!socket.destroyed && !socket.readableEnded) await new Promise((resolve) => socket.once("close", resolve));
}

function connectionsOf(server: {
  getConnections(callback: (error: Error | null, count: number) => void): unknown;
}): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );
}
