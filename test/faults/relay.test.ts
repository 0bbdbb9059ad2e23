// The relay between a client and an upstream whose every byte is seen.

import { once } from "node:events";
import { createServer, get as httpGet, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { StreamRequest } from "@longwire/core";
import { openSse } from "@longwire/sse";
import { seededRandom } from "@longwire/core/testing";
import { nodeTransport } from "@longwire/node";
import { relay } from "@longwire/server";
import { describe, expect, test } from "vitest";
import { listening } from "./listening.ts";
import { rawServer } from "./raw-server.ts";
import { RawClient, relayServer } from "./relay-server.ts";

const ok = "HTTP/1.1 200 OK\r\n";
const get = "GET / HTTP/1.1\r\nHost: front.example\r\n";

describe("what is passed on", () => {
  test("method, path, query and fields go to the upstream, those of the connection do not", async () => {
    let asked = "";
    await using upstream = await rawServer(async (wire) => {
      asked = (await wire.request()) ?? "";
      await wire.write(`${ok}content-length: 2\r\n\r\nok`);
    });
    await using front = await relayServer(`${upstream.url}/v1/`);
    using client = new RawClient(front.port);
    client.write(
      "REPORT /a%2Fb?x=1&y=%20 HTTP/1.1\r\nHost: front.example:80\r\nConnection: close, X-Hop\r\nX-Hop: secret\r\nX-Stays: 1\r\n" +
        "TE: trailers\r\nProxy-Authorization: Basic x\r\nKeep-Alive: timeout=5\r\nAccept-Encoding: br\r\nForwarded: for=liar\r\nX-Forwarded-For: liar\r\nVia: 1.0 first\r\n\r\n",
    );
    await client.until("ok");
    const [line, ...fields] = asked.trimEnd().split("\r\n");
    expect(line).toBe("REPORT /v1/a%2Fb?x=1&y=%20 HTTP/1.1");
    expect(fields.map((field) => field.toLowerCase()).sort()).toEqual([
      "accept-encoding: br",
      "connection: keep-alive",
      'forwarded: for=127.0.0.1;host="front.example:80";proto=http',
      `host: 127.0.0.1:${upstream.port}`,
      "via: 1.0 first, 1.1 longwire",
      "x-stays: 1",
    ]);
  });

  test.each([
    ["GET", "\r\n"],
    ["POST", "Content-Length: 4\r\n\r\nbody"],
    ["PUT", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"],
    ["GET", "Connection: Upgrade\r\nUpgrade: echo/1\r\n\r\n"],
  ])("a field keeps its bytes, whatever they stand for, in %s with %j", async (method, rest) => {
    let asked = "";
    await using upstream = await rawServer(async (wire) => {
      asked = (await wire.request()) ?? "";
      await wire.write(`${ok}content-length: 2\r\n\r\nok`);
    });
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    await client.write(`${method} / HTTP/1.1\r\nHost: x\r\nX-Name: caf\xe9\r\n${rest}`).until("ok");
    expect(asked).toMatch(/\r\nx-name: caf\xe9\r\n/);
  });

  test("status and fields come back one by one, coded bodies as they are, and those of the connection do not", async () => {
    const gzipped = gzipSync("some text").toString("latin1");
    await using upstream = await rawServer(async (wire) => {
      await wire.request();
      const fields =
        "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Encoding: gzip\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-Stays: caf\xe9\r\nKeep-Alive: timeout=9\r\n";
      await wire.write(
        Buffer.from(`HTTP/1.1 418 Teapot\r\n${fields}content-length: ${gzipped.length}\r\n\r\n${gzipped}`, "latin1"),
      );
    });
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write(`${get}Connection: close\r\n\r\n`);
    expect(await client.ended).toBe("FIN");
    expect(client.head).toBe(
      [
        "HTTP/1.1 418 I'm a Teapot",
        "connection: close",
        "content-encoding: gzip",
        `content-length: ${gzipped.length}`,
        "set-cookie: a=1",
        "set-cookie: b=2",
        "via: 1.1 longwire",
        "x-stays: caf\xe9",
      ].join("\n"),
    );
    expect(client.body).toBe(gzipped);
  });

  test.each([
    ["an empty body in chunks", `${ok}transfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
    ["an empty body that the close ends", `${ok}connection: close\r\n\r\n`],
  ])("no length is made up for %s", async (_what, answer) => {
    await using upstream = await rawServer(async (wire) => {
      await wire.request();
      await wire.write(answer);
      wire.fin();
    });
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write(`${get}Connection: close\r\n\r\n`);
    await client.ended;
    expect(client.head).not.toContain("content-length");
    expect(client.body).toBe("0\r\n\r\n");
  });

  test.each(["HEAD", "GET"])("the length of an answer without a body to %s is told", async (method) => {
    await using upstream = await rawServer(async (wire) => {
      for (;;) {
        if ((await wire.request()) === undefined) return;
        await wire.write(method === "HEAD" ? `${ok}content-length: 5\r\n\r\n` : "HTTP/1.1 304 Not Modified\r\n\r\n");
      }
    });
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write(`${method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    await client.ended;
    expect(client.head.includes("content-length: 5")).toBe(method === "HEAD");
    expect(client.body).toBe("");
  });

  test.each([
    ["in chunks of 1 B to 200 KiB", undefined],
    ["of a known length", 0],
    ["with a middleware that keeps what is written", [] as Uint8Array[]],
  ])("a body of 12 MiB %s arrives byte for byte at a client that stalls now and then", async (_how, kept) => {
    const random = seededRandom(11);
    const whole = Buffer.from(Array.from({ length: 12 * 2 ** 20 }, () => random() * 256));
    await using upstream = await serve(async (_request, response) => {
      if (kept === 0) response.setHeader("content-length", whole.length);
      for (let at = 0; at < whole.length; ) {
        const chunk = whole.subarray(at, at + Math.ceil(204_800 ** random()));
        at += chunk.length;
        if (!response.write(chunk)) await once(response, "drain");
      }
      response.end();
    });
    const passing = relay(upstream.url);
    await using front = await serve((request, response) => {
      const write = response.write.bind(response);
      if (Array.isArray(kept))
        response.write = ((chunk: Uint8Array | string, encoding: BufferEncoding, written?: () => void) => {
          if (typeof chunk !== "string") kept.push(chunk);
          return write(chunk, encoding, written);
        }) as typeof write;
      passing(request, response);
    });
    const [answer] = (await once(httpGet(front.url, { agent: false }), "response")) as [IncomingMessage];
    const got: Buffer[] = [];
    for await (const chunk of answer) {
      got.push(chunk as Buffer);
      if (random() < 0.05) await new Promise(setImmediate);
    }
    expect(Buffer.concat(got).equals(whole)).toBe(true);
    if (Array.isArray(kept)) expect(Buffer.concat(kept).equals(whole)).toBe(true);
    await passing.destroy();
  });

  test("each event of SSE is there before the next is sent", async () => {
    const seen: string[] = [];
    let next = (): void => {};
    await using upstream = await serve(async (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (let index = 0; index < 20; index++) {
        const read = new Promise<void>((resolve) => {
          next = resolve;
        });
        response.write(`data: ${index}\n\n`);
        await read;
      }
      response.end();
    });
    await using front = await relayServer(upstream.url);
    for await (const { data } of openSse(`${front.url}/`, { reconnect: false })) {
      seen.push(data);
      next();
    }
    expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => String(index)));
  });

  test("the head of a request leaves before its body, which is sent chunk by chunk while the answer comes", async () => {
    await using upstream = await serve(async (request, response) => {
      response.writeHead(200).write("head,");
      for await (const chunk of request) response.write(`<${String(chunk)}>`);
      response.end("end");
    });
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    await client.until("head,");
    await client.write("1\r\na\r\n").until("<a>");
    await client.write("1\r\nb\r\n").until("<b>");
    await client.write("0\r\n\r\n").until("end");
  });

  test("a body with a length keeps it, and the connection serves the next request too", async () => {
    const asked: string[] = [];
    await using upstream = await serve(async (request, response) => {
      asked.push(`${request.headers["content-length"]} ${await text(request)}`);
      response.end();
    });
    await using front = await relayServer(upstream.url);
    for (const body of ["one", "three"]) await (await fetch(front.url, { method: "POST", body })).text();
    expect(asked).toEqual(["3 one", "5 three"]);
    expect(upstream.sockets.length).toBe(1);
  });

  test("an answer that ends before the request does is whole at the client", async () => {
    await using upstream = await serve((_request, response) => void response.writeHead(413).end("too much"));
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\nsome");
    await client.until("too much");
    client.write("x".repeat(1_000_000));
    expect(await client.ended).toMatch(/FIN|EPIPE|ECONNRESET/);
    expect(client.head).toContain("413");
  });
});

describe("whom it does not serve", () => {
  test.each([
    ["/../admin", 400],
    ["/%2e%2e/admin", 400],
    ["/x/..%2f../admin", 400],
    ["/x%2f../admin", 200],
    ["/\\evil.example/x", 400],
    ["/a/../b", 200],
    ["//evil.example/x", 200],
    ["http://evil.example/x", 200],
    ["*", 400],
  ])(
    "the target %s of a client is answered with %i, and never leads out of the upstream's path",
    async (target, status) => {
      const asked: string[] = [];
      await using upstream = await serve((request, response) => {
        asked.push(request.url as string);
        response.end();
      });
      await using front = await relayServer(`${upstream.url}/v1`);
      using client = new RawClient(front.port);
      client.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      await client.ended;
      expect(client.head).toContain(`HTTP/1.1 ${status} `);
      expect(asked.length).toBe(status === 200 ? 1 : 0);
      for (const path of asked) expect(path).toMatch(/^\/v1\//);
    },
  );

  test.each([
    [
      "a length and chunks",
      "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ["two lengths", "Content-Length: 4\r\nContent-Length: 30\r\n\r\nabcdGET /smuggled HTTP/1.1\r\n\r\n"],
    ["an obscured coding", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"],
  ])("a request with %s smuggles nothing in", async (_what, rest) => {
    const asked: string[] = [];
    await using upstream = await serve((request, response) => {
      asked.push(request.url as string);
      response.end();
    });
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write(`POST /first HTTP/1.1\r\nHost: x\r\n${rest}`);
    await client.ended;
    expect(asked).not.toContain("/smuggled");
    expect(client.received).toContain("400 Bad Request");
  });

  test.each([
    ["a chunk with an extension that hides one", '4;a="\r\nabcd\r\n0\r\n\r\n'],
    ["a chunk whose line ends in LF", "4\nabcd\n0\n\n"],
    ["a chunk of less than nothing", "-4\r\nabcd\r\n0\r\n\r\n"],
    ["a chunk longer than numbers are", "10000000000000004\r\nabcd\r\n0\r\n\r\n"],
    ["a chunk that is longer than it says", "2\r\nabcd\r\n0\r\n\r\n"],
  ])("a body with %s never comes to its end", async (_what, body) => {
    const ends: string[] = [];
    await using upstream = await serve((request) => {
      request.on("error", () => ends.push("cut")).on("end", () => ends.push("whole"));
      request.resume();
    });
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write(`POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
    await client.ended;
    expect(client.received).toContain("400 Bad Request");
    expect(ends).not.toContain("whole");
  });

  test.each([
    ["a field that is folded", "GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n Transfer-Encoding: chunked\r\n\r\n"],
    ["lines that end in LF", "GET / HTTP/1.1\nHost: x\n\n"],
    ["a field that ends in LF", "GET / HTTP/1.1\r\nHost: x\nX-A: 1\r\n\r\n"],
    ["a CR in a field", "GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\rX-B: 2\r\n\r\n"],
    ["a NUL in a field", "GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\0\r\n\r\n"],
    ["a space before the colon", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length : 4\r\n\r\nabcd"],
    ["a length with a sign", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\nabcd"],
    ["no host", "GET / HTTP/1.1\r\n\r\n"],
    [
      "chunks that are not the last coding",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
    ],
    ["no chunks", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\nContent-Length: 4\r\n\r\nabcd"],
  ])("a request with %s is a 400 of Node's, and nothing reaches the upstream", async (_what, sent) => {
    await using upstream = await rawServer(() => {});
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write(sent);
    await client.ended;
    expect(client.received).toMatch(/^HTTP\/1.1 400 /);
    expect(upstream.wires.length).toBe(0);
  });

  test.each(["gzip, chunked", "identity, chunked"])(
    "a body in the codings %s is a 501: without them it would be another",
    async (codings) => {
      await using upstream = await rawServer(() => {});
      await using front = await relayServer(upstream.url);
      using client = new RawClient(front.port);
      client.write(
        `POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: ${codings}\r\n\r\n4\r\nbody\r\n0\r\n\r\n`,
      );
      await client.ended;
      expect(client.head).toMatch(/^HTTP\/1.1 501 /);
      expect(upstream.wires.length).toBe(0);
    },
  );

  test.each(["content-length", "transfer-encoding"])(
    "a body whose %s Connection calls hop-by-hop is framed anew, and is one request",
    async (name) => {
      const asked: string[] = [];
      await using upstream = await serve(async (request, response) => {
        asked.push(`${request.url} ${await text(request)}`);
        response.end("ok");
      });
      await using front = await relayServer(upstream.url);
      using client = new RawClient(front.port);
      const body = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
      const framed =
        name === "content-length"
          ? `Content-Length: ${body.length}\r\n\r\n${body}`
          : `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
      client.write(`POST /first HTTP/1.1\r\nHost: x\r\nConnection: ${name}, close\r\n${framed}`);
      await client.until("ok");
      expect(asked).toEqual([`/first ${body}`]);
    },
  );
});

describe("failures before the head", () => {
  test.each([
    ["closes", 502, "http_response_incomplete", {}],
    ["resets", 502, "connection_terminated", {}],
    ["talks nonsense", 502, "http_protocol_error", {}],
    ["says nothing", 504, "http_response_timeout", { headersMs: 30 }],
    ["is slow as a whole", 504, "http_response_timeout", { totalMs: 30 }],
  ] as const)(
    "an upstream that %s is a %i, with %s and no word of where it is",
    async (how, status, type, timeouts) => {
      await using upstream = await rawServer(async (wire) => {
        await wire.request();
        if (how === "closes") return wire.fin();
        if (how === "resets") return wire.reset();
        if (how === "talks nonsense") await wire.write("not HTTP\r\n\r\n");
      });
      await using front = await relayServer(`${upstream.url}/secret-path`, { timeouts });
      const response = await fetch(`${front.url}/?token=secret`);
      const told = await response.text();
      expect([response.status, response.headers.get("proxy-status")]).toEqual([status, `longwire; error=${type}`]);
      expect(told).toMatch(new RegExp(`^${status}: `));
      expect(told).not.toMatch(/secret|127\.0\.0\.1|\d{5}/);
      expect(front.failures.length).toBe(1);
    },
  );

  test("an upstream that takes no connection is a 502", async () => {
    const upstream = await rawServer(() => {});
    await upstream.close();
    await using front = await relayServer(upstream.url);
    const response = await fetch(front.url);
    expect([response.status, response.headers.get("proxy-status")]).toEqual([
      502,
      "longwire; error=connection_refused",
    ]);
    expect(front.failures).toEqual(["unreachable"]);
  });

  test("a connection that does not come about in time is a 504", async () => {
    await using transport = nodeTransport({ connect: () => {} });
    await using front = await relayServer("http://127.0.0.1:9", { transport, timeouts: { connectMs: 20 } });
    const response = await fetch(front.url);
    expect([response.status, response.headers.get("proxy-status")]).toEqual([
      504,
      "longwire; error=connection_timeout",
    ]);
  });

  test("a head that trickles in is its server's to end, and nothing reaches the upstream", async () => {
    await using upstream = await rawServer(() => {});
    await using passing = relay(upstream.url);
    await using front = await listening(
      createServer({ headersTimeout: 50, requestTimeout: 50, connectionsCheckingInterval: 5 }, passing),
    );
    using client = new RawClient(front.port);
    client.write("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    await client.ended;
    expect(client.head).toContain("HTTP/1.1 408 ");
    expect(upstream.wires.length).toBe(0);
  });

  test("a body of which each byte crosses when it comes ends with totalMs, though it never falls silent", async () => {
    let heard = 0;
    await using upstream = await serve((request) => {
      request.on("data", ({ length }: Buffer) => {
        heard += length;
        client.write("1\r\na\r\n");
      });
    });
    await using front = await relayServer(upstream.url, { timeouts: { headersMs: 5_000, totalMs: 200 } });
    using client = new RawClient(front.port);
    client.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    await client.until("HTTP/1.1 504 ");
    await upstream.left;
    expect(heard).toBeGreaterThan(1);
    expect(front.failures).toEqual(["deadline"]);
  });

  test("a body that trickles in does not hold the upstream for longer than the clocks allow", async () => {
    await using upstream = await serve((request) => void request.resume());
    await using front = await relayServer(upstream.url, { timeouts: { headersMs: 50 } });
    using client = new RawClient(front.port);
    client.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    await client.until("HTTP/1.1 504 ");
    await upstream.left;
  });

  test.each([
    [
      "throws",
      (): never => {
        throw new Error("the log is full");
      },
    ],
    ["rejects", () => Promise.reject(new Error("the log is full"))],
  ])("an onFailure that %s changes nothing", async (_how, onFailure) => {
    await using front = await relayServer("http://127.0.0.1:9", { onFailure });
    expect((await fetch(front.url)).status).toBe(502);
  });

  test.each([
    ["a header that would be two", (request: StreamRequest) => request.withHeader("x-a", "1\r\nx-b: 2")],
    ["what is no request", () => undefined as unknown as StreamRequest],
    ["another scheme", (request: StreamRequest) => new StreamRequest({ ...request, url: "ftp://a.example/" })],
  ])("a rewrite that gives %s is a 502, and nothing is sent", async (_what, rewrite) => {
    let heard = false;
    await using upstream = await rawServer(async (wire) => {
      heard ||= await wire.anything();
    });
    await using front = await relayServer(upstream.url, { rewrite });
    expect((await fetch(front.url)).status).toBe(502);
    await upstream.close();
    expect([front.failures.length, heard]).toEqual([1, false]);
  });

  test("what rewrite throws is a 502, and no secret of it is told", async () => {
    await using front = await relayServer("http://127.0.0.1:9", {
      rewrite: () => {
        throw new Error("the secret vault is shut");
      },
    });
    const response = await fetch(front.url);
    expect([response.status, await response.text()]).toEqual([502, "502: The request could not be passed on\n"]);
    expect(front.failures).toEqual(["Error: the secret vault is shut"]);
  });
});

describe("who leaves", () => {
  test.each(["FIN", "RST"])(
    "a client that leaves by %s while it waits for the head takes the upstream's request with it",
    async (how) => {
      await using upstream = await serve(() => {});
      await using front = await relayServer(upstream.url);
      using client = new RawClient(front.port);
      client.write(`${get}\r\n`);
      await upstream.asked;
      if (how === "FIN") client.socket.end();
      else client.socket.resetAndDestroy();
      await upstream.left;
      expect(front.failures).toEqual([]);
    },
  );

  test.each(["FIN", "RST"])(
    "a client that leaves by %s in the middle of a body takes the upstream's connection with it",
    async (how) => {
      await using upstream = await serve((_request, response) => void response.writeHead(200).write("first"));
      await using front = await relayServer(upstream.url);
      using client = new RawClient(front.port);
      await client.write(`${get}\r\n`).until("first");
      if (how === "FIN") client.socket.end();
      else client.socket.resetAndDestroy();
      await upstream.left;
      expect(front.failures).toEqual([]);
    },
  );

  test.each(["FIN", "RST"])(
    "a client that leaves by %s in the middle of its request is a cut for the upstream",
    async (how) => {
      let seen: Promise<unknown> = Promise.resolve();
      await using upstream = await serve((request) => {
        seen = text(request).catch((error: NodeJS.ErrnoException) => error.code);
        request.once("data", () => upstream.touch());
      });
      await using front = await relayServer(upstream.url);
      using client = new RawClient(front.port);
      client.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n");
      await upstream.touched;
      if (how === "FIN") client.socket.end();
      else client.socket.resetAndDestroy();
      await upstream.left;
      expect(await seen).toBe("ECONNRESET");
      expect(front.failures).toEqual([]);
    },
  );

  test("a client that reads nothing holds the upstream up, and is left when idleMs runs out", async () => {
    let written = 0;
    await using upstream = await serve((_request, response) => {
      response.writeHead(200);
      const block = Buffer.alloc(65_536);
      const more = (): void => {
        while (response.write(block)) written += block.length;
        written += block.length;
      };
      response.on("drain", more);
      more();
    });
    await using front = await relayServer(upstream.url, { timeouts: { idleMs: 300 } });
    using client = new RawClient(front.port);
    client.socket.pause();
    client.write(`${get}\r\n`);
    await upstream.left;
    expect(written).toBeLessThan(64 * 1024 * 1024);
    expect(front.failures).toEqual(["idle"]);
  });

  test("an upstream that falls silent in a body is a cut for the client when idleMs runs out", async () => {
    await using upstream = await serve((_request, response) => void response.writeHead(200).write("some"));
    await using front = await relayServer(upstream.url, { timeouts: { idleMs: 50 } });
    using client = new RawClient(front.port);
    client.write(`${get}\r\n`);
    await client.ended;
    expect(client.body).toBe("4\r\nsome\r\n");
    expect(front.failures).toEqual(["idle"]);
    await upstream.left;
  });

  test("a client of HTTP/1.0, for whom only the close ends a body, sees a cut as a reset", async () => {
    await using upstream = await rawServer(async (wire) => {
      await wire.request();
      await wire.write(`${ok}transfer-encoding: chunked\r\n\r\n4\r\nsome\r\n`);
      await client.until("some");
      wire.fin();
    });
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write("GET / HTTP/1.0\r\n\r\n");
    expect(await client.ended).toBe("ECONNRESET");
    expect(client.body).toBe("some");
  });
});

describe("connections that leave HTTP", () => {
  const asks = "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\nX-Key: abc\r\n\r\n";

  test("both sides speak at once, early bytes and half-closes too", async () => {
    let asked = "";
    await using upstream = await rawServer(async (wire) => {
      asked = (await wire.request()) ?? "";
      await wire.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\nX-Accept: def\r\n\r\nearly",
      );
      for (;;) {
        if (!(await wire.anything())) break;
        await wire.write(`<${await wire.bytes(4)}>`);
      }
      await wire.write("bye");
      wire.fin();
    });
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    await client.write(`${asks}sent`).until("early<sent>");
    await client.write("more").until("<more>");
    client.socket.end();
    expect(await client.ended).toBe("FIN");
    expect(client.body).toBe("early<sent><more>bye");
    expect(client.head).toBe(
      "HTTP/1.1 101 Switching Protocols\nconnection: Upgrade\nupgrade: echo/1\nvia: 1.1 longwire\nx-accept: def",
    );
    expect(asked.toLowerCase().split("\r\n").sort()).toEqual([
      "connection: upgrade",
      "forwarded: for=127.0.0.1;host=x;proto=http",
      "get /chat http/1.1",
      `host: 127.0.0.1:${upstream.port}`,
      "upgrade: echo/1",
      "via: 1.1 longwire",
      "x-key: abc",
    ]);
    expect(front.failures).toEqual([]);
  });

  test("a refusal of the upstream comes whole, and ends the connection", async () => {
    const body = "no ".repeat(100_000);
    await using upstream = await serve((_request, response) =>
      response.writeHead(401, { "www-authenticate": "Basic" }).end(body),
    );
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write(asks);
    expect(await client.ended).toBe("FIN");
    expect(client.head).toMatch(/^HTTP\/1.1 401 [\s\S]*\nwww-authenticate: Basic$/);
    expect(client.body).toContain("no no no");
  });

  test("a connection is not left open behind a refusal by who never ends it", async () => {
    await using upstream = await serve((_request, response) => void response.writeHead(401).end("no"));
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write(asks);
    expect(await client.ended).toBe("FIN");
    // It says no more, and ends nothing.
    await front.sockets[0]?.gone;
    expect(client.body).toBe("2\r\nno\r\n0\r\n\r\n");
  });

  test("what comes behind a request for an upgrade that is refused is no request", async () => {
    const asked: unknown[] = [];
    await using upstream = await serve((request, response) => {
      asked.push(request.url);
      response.writeHead(426).end("no");
    });
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    await client.write(`${asks}GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n`).until("no");
    client.write("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    await front.sockets[0]?.gone;
    expect(asked).toEqual(["/chat"]);
    expect(client.received.match(/HTTP\/1\.1/g)?.length).toBe(1);
  });

  test("one that is asked for behind a request that is not answered yet ends the connection, and nobody else's", async () => {
    await using upstream = await serve((request, response) => {
      if (request.url === "/") response.writeHead(200).write("first");
      else response.end("fine");
    });
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    await client.write(`${get}\r\n`).until("first");
    client.write(asks);
    await client.ended;
    await upstream.left;
    expect(client.received).not.toContain("101");
    expect(await (await fetch(`${front.url}/other`)).text()).toBe("fine");
    expect(front.failures).toEqual([]);
  });

  test.each([
    ["a length", "Content-Length: 4\r\n\r\nbody"],
    ["chunks", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"],
  ])("one that brings a body of %s is a 400: nobody has read that body", async (_what, body) => {
    await using upstream = await rawServer(() => {});
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write(`${asks.replace("GET", "POST").slice(0, -2)}${body}`);
    expect(await client.ended).toBe("FIN");
    expect(client.head).toContain("HTTP/1.1 400 ");
    expect([upstream.wires.length, front.failures]).toEqual([0, []]);
  });

  test.each([
    ["HTTP/2 is asked for", asks.replace("echo/1", "h2c").replace("X-Key: abc", "HTTP2-Settings: AAMAAABkAAQAAP__")],
    ["it is of HTTP/1.0", asks.replace("HTTP/1.1", "HTTP/1.0")],
  ])("a request is one like others where %s", async (_what, sent) => {
    let asked: IncomingMessage | undefined;
    await using upstream = await serve((request, response) => {
      asked = request;
      response.end("plain");
    });
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write(sent);
    expect(await client.ended).toBe("FIN");
    expect(client.head).toContain("HTTP/1.1 200 ");
    expect(client.body).toContain("plain");
    expect(asked?.headers).not.toHaveProperty("upgrade");
    expect(asked?.headers).not.toHaveProperty("http2-settings");
  });

  test("a switch to what was not asked for is a 502", async () => {
    await using upstream = await rawServer(async (wire) => {
      await wire.request();
      await wire.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n");
    });
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write(asks);
    await client.ended;
    expect(client.head).toContain("HTTP/1.1 502 ");
    expect(front.failures).toEqual(["protocol"]);
  });

  test.each(["FIN", "RST"])(
    "a client that leaves before the upstream answers (%s) takes the request with it",
    async (how) => {
      let reached = (): void => {};
      const asked = new Promise<void>((resolve) => {
        reached = resolve;
      });
      await using upstream = await rawServer(async (wire) => {
        await wire.request();
        reached();
      });
      await using front = await relayServer(upstream.url);
      using client = new RawClient(front.port);
      client.write(asks);
      await asked;
      if (how === "FIN") client.socket.destroy();
      else client.socket.resetAndDestroy();
      await upstream.wires[0]?.left;
      expect(front.failures).toEqual([]);
    },
  );

  test("a reset crosses, both ways", async () => {
    const switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\nearly";
    const ended: string[] = [];
    await using upstream = await rawServer(async (wire) => {
      wire.socket.on("error", (error: NodeJS.ErrnoException) => ended.push(error.code ?? ""));
      await wire.request();
      await wire.write(switched);
      await wire.anything();
      if (wire.index === 0) wire.reset();
    });
    await using front = await relayServer(upstream.url);
    using first = new RawClient(front.port);
    await first.write(asks).until("early");
    first.write("x");
    expect(await first.ended).toBe("ECONNRESET");
    using second = new RawClient(front.port);
    await second.write(asks).until("early");
    second.socket.resetAndDestroy();
    await upstream.wires[1]?.closed;
    expect(ended).toEqual(["ECONNRESET"]);
  });

  test("silence ends both sides when idleMs runs out", async () => {
    await using upstream = await rawServer(async (wire) => {
      await wire.request();
      await wire.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\nearly");
    });
    await using front = await relayServer(upstream.url, { timeouts: { idleMs: 50 } });
    using client = new RawClient(front.port);
    await client.write(asks).until("early");
    await client.ended;
    await upstream.wires[0]?.left;
    expect(front.failures).toEqual(["idle"]);
  });

  test("a head that is larger than the server takes is its 431, and nothing reaches the upstream", async () => {
    await using upstream = await rawServer(() => {});
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write(asks.replace("abc", "k".repeat(100_000)));
    await client.until("HTTP/1.1 431 ");
    expect(upstream.wires.length).toBe(0);
  });
});

test("a relay that is closed takes no more requests", async () => {
  const passing = relay("http://127.0.0.1:9");
  await using server = await listening(createServer(passing));
  await passing.close();
  const response = await fetch(`http://127.0.0.1:${server.port}`);
  expect([response.status, await response.text()]).toEqual([502, "502: The request could not be passed on\n"]);
});

test.each([
  ["http://ann:secret@a.example", {}, /userinfo/],
  ["http://a.example/?key=1", {}, /query/],
  ["ftp://a.example", {}, /http/],
  ["http://a.example", { name: "two words" }, /token/],
  ["http://a.example", { timeouts: { idleMs: -1 } }, /idleMs.*-1/],
])("relay(%j, %j) is refused", (upstream, options, why) => {
  expect(() => relay(upstream, options)).toThrow(why);
});

/** An upstream by `node:http`, with promises of what happens to its first request. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => unknown) {
  const turns = ["asked", "left", "touched"] as const;
  const promises: Record<string, Promise<void>> = {};
  const resolves: Record<string, () => void> = {};
  for (const turn of turns) {
    promises[turn] = new Promise((resolve) => {
      resolves[turn] = resolve;
    });
  }
  const server = createServer((request, response) => {
    response.once("close", () => resolves["left"]?.());
    resolves["asked"]?.();
    return void answer(request, response);
  });
  const { port, sockets, [Symbol.asyncDispose]: close } = await listening(server);
  return {
    url: `http://127.0.0.1:${port}`,
    sockets,
    asked: promises["asked"] as Promise<void>,
    left: promises["left"] as Promise<void>,
    touched: promises["touched"] as Promise<void>,
    touch: resolves["touched"] as () => void,
    [Symbol.asyncDispose]: close,
  };
}
