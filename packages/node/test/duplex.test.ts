import { getEventListeners, once } from "node:events";
import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { bearer } from "@longwire/core";
import { fakeClock, scriptedTransport } from "@longwire/core/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { duplex, type DuplexOptions } from "../src/duplex.ts";
import type { DuplexCall } from "../src/duplex-call.ts";
import { type NodeTransport, nodeTransport } from "../src/node-transport.ts";
import { failureOf, httpServer, rawServer, textOf, turns } from "./loopback.ts";

let transport: NodeTransport;
beforeEach(() => {
  transport = nodeTransport();
});
afterEach(() => transport.destroy());

const chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Note: yes\r\n\r\n";
const unframedHead = "HTTP/1.1 200 OK\r\n\r\n";
const lastChunk = "0\r\n\r\n";

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

/** What a server hears on a socket, behind the head of the request. */
function ear(socket: Socket) {
  let text = "";
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
  });
  socket.resume();
  return {
    get text() {
      return text;
    },
    async until(part: string): Promise<void> {
      while (!text.includes(part)) await once(socket, "data");
    },
  };
}

/** A server of node:http that sends back what comes, as it comes. */
const echoServer = () =>
  httpServer((request, response) => {
    response.flushHeaders();
    request.on("error", () => {});
    request.pipe(response);
  });

type Reader = AsyncIterator<Uint8Array>;
const readerOf = (call: DuplexCall): Reader => call[Symbol.asyncIterator]();

async function pieceOf(reader: Reader): Promise<string> {
  const { done, value } = await reader.next();
  return done ? "(done)" : Buffer.from(value).toString();
}

const gone = async (): Promise<void> => {
  while (transport.stats().length > 0) await turns(1);
};

describe("what is sent", () => {
  test("begins with the head alone: a server speaks first, and the promise has waited for no answer", async () => {
    const heads: string[] = [];
    let speak = (): void => {};
    await using server = await rawServer((socket, head) => {
      heads.push(head);
      speak = () => socket.write(`${chunkedHead}${chunk("welcome")}`);
    });
    const options = { headers: { "X-Team": "ops" }, query: { a: 1 }, auth: bearer("t") };
    const call = await transport.duplex(`${server.url}/talk?b=2`, options);
    while (heads.length === 0) await turns(1);
    expect(heads[0]?.split("\r\n").map((line) => line.toLowerCase())).toEqual([
      "post /talk?b=2&a=1 http/1.1",
      "transfer-encoding: chunked",
      `host: 127.0.0.1:${server.port}`,
      "accept-encoding: identity",
      "x-team: ops",
      "authorization: bearer t",
      "connection: close",
      "",
      "",
    ]);
    speak();
    expect(await call.head).toMatchObject({ url: `${server.url}/talk?b=2&a=1`, status: 200 });
    expect((await call.head).headers.get("x-note")).toBe("yes");
    expect(await pieceOf(readerOf(call))).toBe("welcome");
    await call.close();
  });

  test("is a chunk a write, text as UTF-8, in order also where writes overlap, and nothing for nothing", async () => {
    const ears: ReturnType<typeof ear>[] = [];
    await using server = await rawServer((socket) => ears.push(ear(socket)));
    const call = await transport.duplex(server.url);
    await call.write("");
    await Promise.all([call.write("one"), call.write(Buffer.from("two")), call.write("drei \u00fc")]);
    await call.end();
    await call.end();
    while (!ears[0]?.text.endsWith(lastChunk)) await turns(1);
    const umlaut = Buffer.from("drei \u00fc").toString("latin1");
    expect(ears[0]?.text).toBe(`${chunk("one")}${chunk("two")}7\r\n${umlaut}\r\n${lastChunk}`);
    await expect(call.write("more")).rejects.toThrow("the request was ended");
    await expect(call.write("more")).rejects.toBeInstanceOf(TypeError);
    await expect(call.write(7 as unknown as string)).rejects.toThrow("neither text nor bytes, but number");
    await call.close();
  });

  test("has a length when its headers say so, and must keep to it", async () => {
    const ears: ReturnType<typeof ear>[] = [];
    const heads: string[] = [];
    await using server = await rawServer((socket, head) => {
      heads.push(head);
      ears.push(ear(socket));
    });
    const headers = { "content-length": "6" };
    const kept = await transport.duplex(server.url, { headers });
    await kept.write("abc");
    await kept.write("def");
    await kept.end();
    while (ears[0]?.text !== "abcdef") await turns(1);
    expect(heads[0]).not.toMatch(/transfer-encoding/i);
    await kept.close();
    for (const text of ["abcdefg", "abc"]) {
      const call = await transport.duplex(server.url, { headers });
      void call.write(text);
      void call.end();
      await expect(call.head).rejects.toThrow(TypeError);
      await expect(call.head).rejects.toThrow("content-length");
    }
    await gone();
  });

  test("is asked of a source chunk by chunk, text and bytes; write and end are then none of the caller's", async () => {
    await using server = await echoServer();
    const body = async function* () {
      yield "one ";
      yield Buffer.from("two ");
      yield "";
      yield "three";
    };
    for (const given of [body, body()]) {
      const call = await transport.duplex(server.url, { body: given });
      await expect(call.write("x")).rejects.toBeInstanceOf(TypeError);
      await expect(call.end()).rejects.toBeInstanceOf(TypeError);
      expect(await textOf(call)).toBe("one two three");
    }
  });

  test("goes back and forth a thousand times", async () => {
    await using server = await echoServer();
    const call = await transport.duplex(server.url);
    const reader = readerOf(call);
    for (let round = 0; round < 1_000; round++) {
      await call.write(`round ${round}`);
      expect(await pieceOf(reader)).toBe(`round ${round}`);
    }
    await call.end();
    expect(await pieceOf(reader)).toBe("(done)");
    await gone();
  });

  test("comes back whole from an echo, 4 MiB in one write", async () => {
    await using server = await echoServer();
    const call = await transport.duplex(server.url);
    const bytes = Buffer.alloc(2 ** 22, "longwire ");
    const writing = call.write(bytes).then(() => call.end());
    expect(await textOf(call)).toBe(bytes.toString());
    await writing;
  });

  test("by another method than POST is sent too", async () => {
    await using server = await httpServer(async (request, response) => {
      response.end(`${request.method} ${await textOf(request)}`);
    });
    for (const method of ["PUT", "get"]) {
      const call = await transport.duplex(server.url, { method });
      await call.write("hello");
      await call.end();
      expect(await textOf(call)).toBe(`${method.toUpperCase()} hello`);
    }
  });
});

describe("a half-close", () => {
  test("of ours leaves the answer to come", async () => {
    await using server = await rawServer(async (socket) => {
      socket.write(chunkedHead);
      await ear(socket).until(lastChunk);
      socket.write(`${chunk("all of it")}${lastChunk}`);
    });
    const call = await transport.duplex(server.url);
    await call.write("a question");
    await call.end();
    expect(await textOf(call)).toBe("all of it");
    await call.end();
    await gone();
  });

  test.each([
    ["a last chunk", chunkedHead, `${chunk("answer")}${lastChunk}`],
    ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", "answer"],
    ["a FIN", unframedHead, "answer"],
  ])("of the server's, by %s, ends the call well: nothing more is read there", async (by, head, body) => {
    await using server = await rawServer((socket) => {
      socket.resume().write(head + body);
      if (by === "a FIN") socket.end();
    });
    const call = await transport.duplex(server.url);
    const writing = call.write("unread").catch((error: unknown) => error);
    expect(await textOf(call)).toBe("answer");
    await writing;
    expect(await failureOf(call.write("more"))).toMatchObject({
      code: "reset",
      message: `Cannot write to ${server.url}/: the server has ended its answer, and reads no more`,
    });
    await call.end();
    await call.close();
    await gone();
  });

  test("of the server's releases a source that has more, or is stuck, also while nobody reads", async () => {
    await using server = await rawServer((socket) => socket.resume().write(`${chunkedHead}${chunk("no")}${lastChunk}`));
    const source = watchedSource();
    const call = await transport.duplex(server.url, { body: source });
    await call.head;
    while (source.returned === 0) await turns(1);
    await gone();
    expect(await textOf(call)).toBe("no");
    expect(source.returned).toBe(1);
  });

  test("of the server's fails a write that waits", async () => {
    const peers: Socket[] = [];
    await using server = await rawServer((socket) => peers.push(socket));
    const call = await transport.duplex(server.url);
    const writing = failureOf(call.write(Buffer.alloc(2 ** 24)));
    const ending = call.end();
    while (peers.length === 0) await turns(1);
    peers[0]?.write(`${chunkedHead}${lastChunk}`);
    expect(await writing).toMatchObject({ code: "reset" });
    await ending;
    await call.close();
  });
});

/** A source that gives so many chunks and is stuck then. */
function watchedSource(chunks = 1) {
  const source = {
    returned: 0,
    asked: 0,
    [Symbol.asyncIterator]: () => ({
      next: () =>
        source.asked++ < chunks
          ? Promise.resolve({ done: false, value: Buffer.from("chunk") })
          : new Promise<never>(() => {}),
      return: () => {
        source.returned += 1;
        return Promise.reject(new Error("nobody waits for this"));
      },
    }),
  };
  return source;
}

describe("a server without framing, as one that hijacked its connection", () => {
  test("is read byte for byte until its FIN", async () => {
    await using server = await rawServer(async (socket) => {
      socket.write(`${unframedHead}raw `);
      await ear(socket).until(lastChunk);
      socket.end("bytes");
    });
    const call = await transport.duplex(server.url);
    await call.write("go on");
    await call.end();
    expect(await textOf(call)).toBe("raw bytes");
  });

  test("that resets is `reset`, never an end", async () => {
    await using server = await rawServer(async (socket) => {
      const heard = ear(socket);
      socket.write(`${unframedHead}raw`);
      await heard.until("now");
      socket.resetAndDestroy();
    });
    const call = await transport.duplex(server.url);
    const reader = readerOf(call);
    expect(await pieceOf(reader)).toBe("raw");
    await call.write("now");
    expect(await failureOf(reader.next())).toMatchObject({ code: "reset" });
    expect(await failureOf(call.write("more"))).toMatchObject({ code: "reset", message: /after 3 bytes of the body/ });
    expect(await failureOf(call.end())).toMatchObject({ code: "reset" });
    await gone();
  });
});

describe("backpressure", () => {
  test("a server that does not read holds up who waits for writes, and a source", async () => {
    await using server = await rawServer((socket) => void socket.write(chunkedHead));
    const call = await transport.duplex(server.url);
    const block = Buffer.alloc(2 ** 20);
    let taken = 0;
    const writing = (async () => {
      for (;;) {
        await call.write(block);
        taken += 1;
      }
    })();
    writing.catch(() => {});
    let asked = 0;
    const body = async function* () {
      for (;;) {
        asked += 1;
        yield block;
      }
    };
    const other = await transport.duplex(server.url, { body });
    let before = -1;
    while (before !== taken + asked) {
      before = taken + asked;
      await turns(200);
    }
    // What the system keeps for a connection is some MiB; of ours there is one block more.
    for (const { bytesWritten } of transport.stats()) expect(bytesWritten).toBeLessThan(2 ** 24);
    expect(Math.max(taken, asked)).toBeLessThan(16);
    for (const [n, socket] of server.sockets.entries()) {
      const sent = (n === 0 ? taken : asked - 1) * block.length;
      const stats = transport.stats()[n];
      expect((stats?.bytesWritten ?? 0) - sent).toBeLessThanOrEqual(block.length + 100_000);
      socket.resume();
    }
    const [wasTaken, wasAsked] = [taken, asked];
    while (taken < wasTaken + 16 || asked < wasAsked + 16) await turns(1);
    await Promise.all([call.close(), other.close()]);
  });

  test("a caller that does not read holds up the server", async () => {
    const block = Buffer.alloc(2 ** 16);
    const peers: Socket[] = [];
    await using server = await rawServer((socket) => {
      peers.push(socket);
      socket.write(unframedHead);
      for (let n = 0; n < 512; n++) socket.write(block);
    });
    const call = await transport.duplex(server.url);
    await call.head;
    const [peer] = peers as [Socket];
    let before = -1;
    while (before !== peer.writableLength) {
      before = peer.writableLength;
      await turns(200);
    }
    expect(before).toBeGreaterThan(2 ** 23);
    let read = 0;
    for await (const { length } of call) {
      read += length;
      if (read === 512 * block.length) break;
    }
    expect(peer.writableLength).toBe(0);
  });
});

describe("every ending lets the source go, once", () => {
  type Ending = (call: DuplexCall, server: Socket, abort: AbortController) => unknown;
  const endings: readonly (readonly [string, Ending])[] = [
    ["the end of the answer", (_call, server) => server.write(lastChunk)],
    ["close()", (call) => call.close()],
    ["an abort", (_call, _server, abort) => abort.abort("enough")],
    ["a FIN inside the answer", (_call, server) => server.end()],
    ["a reset", (_call, server) => server.resetAndDestroy()],
    ["what is no chunk", (_call, server) => server.write("no chunk\r\n")],
    ["destroy() of the transport", () => transport.destroy()],
  ];
  test.each(endings)("%s", async (_name, end) => {
    const peers: Socket[] = [];
    await using server = await rawServer((socket) => {
      peers.push(socket.resume());
      socket.write(`${chunkedHead}${chunk("hi")}`);
    });
    for (const chunks of [0, 1, 5]) {
      const abort = new AbortController();
      const source = watchedSource(chunks);
      const call = await transport.duplex(server.url, { body: source, signal: abort.signal });
      const reading = textOf(call).catch(() => {});
      await call.head;
      while (source.asked <= chunks) await turns(1);
      await end(call, peers.at(-1) as Socket, abort);
      await reading;
      while (source.returned === 0) await turns(1);
      await turns(5);
      expect([source.returned, getEventListeners(abort.signal, "abort")]).toEqual([1, []]);
      if (_name.startsWith("destroy")) transport = nodeTransport();
    }
    await gone();
  });

  test("leaving the loop", async () => {
    await using server = await echoServer();
    const source = watchedSource();
    const call = await transport.duplex(server.url, { body: source });
    for await (const _ of call) break;
    expect(source.returned).toBe(1);
    await gone();
  });

  test("a refusal, an unreachable server, and credentials that are not there", async () => {
    await using server = await httpServer((_request, response) => response.writeHead(403).end("no"));
    const refused = watchedSource();
    const call = await transport.duplex(server.url, { body: refused });
    expect(await failureOf(call.head)).toMatchObject({ code: "refused", status: 403, excerpt: "no" });
    const unreached = watchedSource();
    const nowhere = await rawServer(() => {});
    await nowhere[Symbol.asyncDispose]();
    const reason = await failureOf(transport.duplex(nowhere.url, { body: unreached }));
    expect(reason).toMatchObject({ code: "unreachable", phase: "connect" });
    const unasked = watchedSource();
    const auth = () => Promise.reject(new Error("no token"));
    await expect(transport.duplex(server.url, { body: unasked, auth })).rejects.toThrow("no token");
    expect([refused, unreached, unasked].map(({ returned }) => returned)).toEqual([1, 1, 1]);
    await gone();
  });

  test("not one that has ended or thrown by itself; what it threw is thrown as it is", async () => {
    await using server = await echoServer();
    const failure = new Error("the source is dry");
    let returned = 0;
    const source = (next: () => Promise<IteratorResult<string>>) => () => ({
      [Symbol.asyncIterator]: () => ({
        next,
        return: () => {
          returned += 1;
          return Promise.resolve({ done: true as const, value: undefined });
        },
      }),
    });
    const ended = await transport.duplex(server.url, { body: source(async () => ({ done: true, value: undefined })) });
    expect(await textOf(ended)).toBe("");
    const bodies: (() => AsyncIterable<string>)[] = [
      () => throwing(failure),
      source(() => Promise.reject(failure)),
      source(() => thrown(failure)),
      () => ({ [Symbol.asyncIterator]: () => thrown(failure) }),
    ];
    for (const body of bodies) {
      const call = await transport.duplex(server.url, { body });
      await expect(textOf(call)).rejects.toBe(failure);
    }
    await expect(transport.duplex(server.url, { body: () => thrown(failure) })).rejects.toBe(failure);
    expect(returned).toBe(0);
    await gone();
  });

  test("what gives neither text nor bytes", async () => {
    await using server = await echoServer();
    const strange = { returned: 0 };
    const call = await transport.duplex(server.url, { body: numbers(strange) as AsyncIterable<never> });
    await expect(textOf(call)).rejects.toThrow("body must give text or bytes, not number");
    expect(strange.returned).toBe(1);
    await gone();
  });

  async function* throwing(failure: Error): AsyncGenerator<string> {
    yield "one";
    throw failure;
  }

  function thrown(failure: Error): never {
    throw failure;
  }

  async function* numbers(seen: { returned: number }): AsyncGenerator<unknown> {
    try {
      for (;;) yield 7;
    } finally {
      seen.returned += 1;
    }
  }
});

describe("an abort throws the reason as it is", () => {
  const reason = new Error("not wanted any more");

  test("before anything, and while connecting", async () => {
    await using server = await echoServer();
    await expect(transport.duplex(server.url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const abort = new AbortController();
    const opening = transport.duplex(server.url, { signal: abort.signal });
    expect(transport.stats()).toMatchObject([{ state: "connecting" }]);
    abort.abort(reason);
    await expect(opening).rejects.toBe(reason);
    await gone();
    expect(server.sockets.length).toBeLessThanOrEqual(1);
  });

  test("in the turn of the connection, and before the head", async () => {
    await using server = await rawServer(() => {});
    for (const waits of [0, 1, 5]) {
      const abort = new AbortController();
      const call = await transport.duplex(server.url, { signal: abort.signal });
      const [reading, writing] = [textOf(call), call.write(Buffer.alloc(2 ** 24))];
      reading.catch(() => {});
      await turns(waits);
      abort.abort(reason);
      for (const waiting of [call.head, reading, writing, call.write("more"), call.end()]) {
        await expect(waiting).rejects.toBe(reason);
      }
    }
    await gone();
  });

  test("while reading and writing, after what is there was read, and heard by nobody", async () => {
    await using server = await rawServer((socket) => void socket.write(`${chunkedHead}${chunk("first")}`));
    const abort = new AbortController();
    const { signal } = abort;
    const heard = await transport.duplex(server.url, { signal });
    const unheard = await transport.duplex(server.url, { signal });
    void unheard.write(Buffer.alloc(2 ** 24));
    void unheard.end();
    const reader = readerOf(heard);
    expect(await pieceOf(reader)).toBe("first");
    const [reading, writing] = [reader.next(), heard.write(Buffer.alloc(2 ** 24))];
    reading.catch(() => {});
    abort.abort(reason);
    for (const waiting of [reading, writing, heard.write("more")]) await expect(waiting).rejects.toBe(reason);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    await gone();
  });

  test("while a refusal is read", async () => {
    await using server = await rawServer((socket) => void socket.write("HTTP/1.1 500 Oops\r\n\r\nhalf"));
    const abort = new AbortController();
    const call = await transport.duplex(server.url, { signal: abort.signal });
    while ((transport.stats()[0]?.bytesRead ?? 0) === 0) await turns(1);
    await turns(3);
    abort.abort(reason);
    await expect(call.head).rejects.toBe(reason);
  });
});

describe("the answer", () => {
  const answers: readonly (readonly [string, string, string])[] = [
    ["chunked", chunkedHead, `${chunk("four")}${chunk("five.")}${lastChunk}`],
    ["with a length", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "fourfive."],
    ["without framing", unframedHead, "fourfive."],
  ];
  for (const [framing, head, body] of answers) {
    test.each(["FIN", "RST"] as const)(`${framing}, cut by a %s behind any byte, is told as it was`, async (fault) => {
      const whole = head + body;
      let after = 0;
      await using server = await rawServer((socket) => {
        socket.setNoDelay(true);
        socket.resume().write(whole.slice(0, after), () => {
          if (fault === "FIN") socket.end();
          // The RST must not overtake what was read before it.
          else void turns(2).then(() => socket.resetAndDestroy());
        });
      });
      for (after = 0; after <= whole.length; after++) {
        const source = watchedSource();
        const call = await transport.duplex(server.url, { body: source });
        const text: string[] = [];
        const outcome = await (async () => {
          for await (const piece of call) text.push(Buffer.from(piece).toString());
        })().then(
          () => "complete",
          (error: { code?: string }) => error.code,
        );
        const isWhole = after === whole.length && framing !== "without framing";
        const isUnframedEnd = framing === "without framing" && after >= head.length && fault === "FIN";
        const expected = isWhole || isUnframedEnd ? "complete" : fault === "FIN" ? "truncated" : "reset";
        expect([after, outcome]).toEqual([after, expected]);
        const seen = text.join("");
        expect("fourfive.".startsWith(seen)).toBe(true);
        if (expected === "complete" && framing !== "without framing") expect(seen).toBe("fourfive.");
        expect([after, source.returned]).toEqual([after, 1]);
      }
      await gone();
    });
  }

  test("may come after interim ones; one that switches protocols is `protocol`, and so is what is no HTTP", async () => {
    const answers = [
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${chunkedHead}${lastChunk}`,
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\n\r\n",
      "SSH-2.0-OpenSSH\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
      `HTTP/1.1 200 OK\r\nX-Long: ${"a".repeat(100_000)}`,
    ];
    await using server = await rawServer((socket) => void socket.resume().write(answers.shift() as string));
    const call = await transport.duplex(server.url);
    expect(await textOf(call)).toBe("");
    while (answers.length > 0) {
      const broken = await transport.duplex(server.url);
      expect((await failureOf(broken.head)).code).toBe("protocol");
      expect((await failureOf(textOf(broken))).code).toBe("protocol");
      expect((await failureOf(broken.write("x"))).code).toBe("protocol");
    }
    await gone();
  });

  test("of another status than 2xx is `refused`: no redirect is followed, no credentials are asked for again", async () => {
    const statuses = [302, 401, 500];
    let asked = 0;
    const auth = () => `Bearer ${++asked}`;
    await using server = await httpServer((_request, response) => {
      response.writeHead(statuses.shift() as number, { location: "/?key=abc", "set-cookie": "secret" });
      response.end("because ".repeat(1_000));
    });
    for (const status of [302, 401, 500]) {
      const call = await transport.duplex(`${server.url}/x?token=abc`, { auth, body: () => watchedSource() });
      expect(await failureOf(call.head)).toMatchObject({
        code: "refused",
        status,
        headers: { location: "/?key=***", "set-cookie": "***" },
        excerpt: "because ".repeat(1_000).slice(0, 2_048),
        message: `Cannot open ${server.url}/x?token=***: the server answered ${status}`,
      });
    }
    expect(asked).toBe(3);
    await gone();
  });

  test("of 204 has no bytes; one that is encoded is decoded as it comes", async () => {
    await using server = await httpServer((request, response) => {
      if (request.url === "/empty") return response.writeHead(204).end();
      const encoding = request.headers["accept-encoding"] as string;
      response.writeHead(200, { "content-encoding": encoding }).end(gzipSync("decoded"));
    });
    expect(await textOf(await transport.duplex(`${server.url}/empty`))).toBe("");
    const call = await transport.duplex(server.url, { headers: { "accept-encoding": "gzip" } });
    expect(await textOf(call)).toBe("decoded");
    expect((await call.head).headers.get("content-encoding")).toBe(null);
    const strange = await transport.duplex(server.url, { headers: { "accept-encoding": "zstd" } });
    expect(await failureOf(strange.head)).toMatchObject({ code: "refused", status: 200 });
  });

  test("is read once, by one loop; close() in the middle is its end", async () => {
    await using server = await rawServer((socket) => void socket.write(`${chunkedHead}${chunk("first")}`));
    const call = await transport.duplex(server.url);
    const reader = readerOf(call);
    expect(() => readerOf(call)).toThrow(TypeError);
    expect(await pieceOf(reader)).toBe("first");
    const [waiting, writing] = [pieceOf(reader), call.write(Buffer.alloc(2 ** 24))];
    await call.close();
    expect(await waiting).toBe("(done)");
    await expect(writing).rejects.toThrow("the call was closed");
    await call.end();
    expect(await pieceOf(reader)).toBe("(done)");
    await gone();
  });

  test("that was not there yet when close() came fails as an AbortError, and who reads is done", async () => {
    await using server = await rawServer(() => {});
    await using call = await transport.duplex(server.url);
    const reading = textOf(call);
    await call.close();
    await expect(call.head).rejects.toMatchObject({ name: "AbortError" });
    expect(await reading).toBe("");
  });

  test("that came whole is read to its end, also when a write has broken the connection since", async () => {
    const body = Buffer.alloc(100_000, "whole ");
    await using server = await rawServer((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body);
    });
    const call = await transport.duplex(server.url);
    while ((transport.stats()[0]?.bytesRead ?? 0) < body.length) await turns(1);
    // What it has not read makes its end a RST.
    await call.write("unread");
    await turns(5);
    server.sockets[0]?.destroy();
    const late = (async () => {
      for (;;) await call.write("too late");
    })();
    expect((await failureOf(late)).code).toBe("reset");
    await gone();
    expect(await textOf(call)).toBe(body.toString());
  });
});

describe("the clocks", () => {
  const silent = () => rawServer(() => {});

  test("connectMs and headersMs are `deadline`s that name their clock; by default the answer may come late", async () => {
    const clock = fakeClock();
    await using stuck = nodeTransport({ connect: () => {} });
    const unconnected = failureOf(stuck.duplex("http://a.example/x?k=v", { clock, timeouts: { connectMs: 50 } }));
    await clock.advance(50);
    expect(await unconnected).toMatchObject({
      code: "deadline",
      clock: "connectMs",
      message: "Cannot open http://a.example/x?k=***: no connection after 50 ms (connectMs)",
    });
    await using server = await silent();
    const call = await transport.duplex(server.url, { clock, timeouts: { headersMs: 70, connectMs: 20 } });
    await clock.advance(69);
    expect(transport.stats()).toMatchObject([{ state: "busy" }]);
    await clock.advance(1);
    expect(await failureOf(call.head)).toMatchObject({ code: "deadline", clock: "headersMs" });
    const patient = await transport.duplex(server.url, { clock });
    await clock.advance(299_999);
    expect(transport.stats()).toMatchObject([{ state: "busy" }]);
    await clock.advance(1);
    expect(await failureOf(patient.head)).toMatchObject({ code: "idle", clock: "idleMs" });
    await gone();
    expect([clock.pending, stuck.stats()]).toEqual([0, []]);
  });

  test("idleMs is put off by bytes of either side", async () => {
    const clock = fakeClock();
    const peers: Socket[] = [];
    await using server = await rawServer((socket) => {
      peers.push(socket.resume());
      socket.write(chunkedHead);
    });
    const call = await transport.duplex(server.url, { clock, timeouts: { idleMs: 1_000 } });
    await call.head;
    const reader = readerOf(call);
    let reading = pieceOf(reader);
    await clock.advance(999);
    peers[0]?.write(chunk("in"));
    expect(await reading).toBe("in");
    let over = false;
    reading = pieceOf(reader);
    reading.catch(() => {
      over = true;
    });
    await clock.advance(999);
    await call.write("out");
    await clock.advance(999);
    expect(over).toBe(false);
    await clock.advance(1);
    await expect(reading).rejects.toMatchObject({
      code: "idle",
      clock: "idleMs",
      message: `Cannot go on with ${server.url}/: no byte either way for 1000 ms (idleMs)`,
    });
    expect(clock.pending).toBe(0);
  });

  test("idleMs is put off by pieces of a long write, and ends one that does not move", async () => {
    const clock = fakeClock();
    const peers: Socket[] = [];
    await using server = await rawServer((socket) => {
      peers.push(socket);
      socket.write(chunkedHead);
    });
    const call = await transport.duplex(server.url, { clock, timeouts: { idleMs: 1_000 } });
    await call.head;
    let over = false;
    const writing = failureOf(call.write(Buffer.alloc(2 ** 26))).finally(() => {
      over = true;
    });
    const quiet = async (): Promise<number> => {
      let before = -1;
      while (before !== transport.stats()[0]?.bytesWritten) {
        before = transport.stats()[0]?.bytesWritten ?? 0;
        await turns(50);
      }
      return before;
    };
    const first = await quiet();
    await clock.advance(999);
    peers[0]?.once("data", () => peers[0]?.pause());
    peers[0]?.resume();
    while ((transport.stats()[0]?.bytesWritten ?? 0) <= first) {
      await turns(1);
      if (peers[0]?.isPaused()) peers[0].once("data", () => peers[0]?.pause()).resume();
    }
    await quiet();
    await clock.advance(999);
    expect(over).toBe(false);
    await clock.advance(1);
    expect(await writing).toMatchObject({ code: "idle" });
    await gone();
  });

  test("idleMs stands still while the caller neither reads nor writes; totalMs does not", async () => {
    const clock = fakeClock();
    await using server = await rawServer((socket) => void socket.write(`${chunkedHead}${chunk("waits")}`));
    const call = await transport.duplex(server.url, { clock, timeouts: { idleMs: 1_000, totalMs: 50_000 } });
    await call.head;
    await clock.advance(40_000);
    const reader = readerOf(call);
    expect(await pieceOf(reader)).toBe("waits");
    await clock.advance(10_000);
    expect(await failureOf(reader.next())).toMatchObject({
      code: "deadline",
      clock: "totalMs",
      message: `Cannot go on with ${server.url}/: it has taken 50000 ms (totalMs)`,
    });
    expect(clock.pending).toBe(0);
  });

  test("headersMs is over when the head is in, also of a refusal whose body never ends", async () => {
    const clock = fakeClock();
    await using server = await rawServer((socket) => void socket.write("HTTP/1.1 500 Oops\r\n\r\nhalf an exc"));
    const call = await transport.duplex(server.url, { clock, timeouts: { headersMs: 500 } });
    while ((transport.stats()[0]?.bytesRead ?? 0) === 0) await turns(1);
    await turns(3);
    await clock.advance(1_000);
    expect(await failureOf(call.head)).toMatchObject({ code: "refused", status: 500, excerpt: "half an exc" });
    expect(clock.pending).toBe(0);
  });
});

describe("the connection", () => {
  test("is counted as busy with its bytes, and reused by nobody", async () => {
    await using server = await echoServer();
    for (let n = 1; n <= 2; n++) {
      const call = await transport.duplex(server.url);
      await call.head;
      expect(transport.stats()).toMatchObject([{ origin: server.url, state: "busy", protocol: "h1", requests: 1 }]);
      await call.end();
      expect(await textOf(call)).toBe("");
      await gone();
      expect(server.sockets.length).toBe(n);
    }
  });

  test("is waited for by close() of the transport, which takes no other; destroy() ends it as `reset`", async () => {
    await using server = await echoServer();
    const call = await transport.duplex(server.url);
    await call.head;
    let closed = false;
    const closing = transport.close().then(() => {
      closed = true;
    });
    const body = watchedSource();
    await expect(transport.duplex(server.url, { body })).rejects.toThrow(TypeError);
    await turns(10);
    expect([closed, body.returned]).toEqual([false, 1]);
    const reading = failureOf(textOf(call));
    await transport.destroy();
    await closing;
    expect(await reading).toMatchObject({ code: "reset" });
    expect(await failureOf(call.write("x"))).toMatchObject({ code: "reset", message: /transport was destroyed/ });
  });

  test("is listed among what runs until it is over, and can be closed there", async () => {
    await using server = await echoServer();
    const running = new Set<{ close(): unknown }>();
    const call = await transport.duplex(server.url, { running });
    await call.head;
    expect(running.size).toBe(1);
    await call.end();
    await textOf(call);
    expect(running.size).toBe(0);
    const listed = await transport.duplex(server.url, { running });
    for (const stream of running) stream.close();
    expect([running.size, await textOf(listed)]).toEqual([0, ""]);
  });
});

test("it runs over any transport that keeps the contract", async () => {
  const scripted = scriptedTransport(() => ({ status: 200, chunks: [Buffer.from("scripted")] }));
  const call = await duplex(scripted, "https://a.example/");
  expect(await textOf(call)).toBe("scripted");
});

test.each<[string, DuplexOptions, string]>([
  ["a body of text", { body: "text" as unknown as never }, "async iterable"],
  ["a body that is none", { body: (() => 7) as unknown as never }, "async iterable"],
  ["the method CONNECT", { method: "connect" }, "takeOver"],
  ["a method that is no token", { method: "G T" }, "method must be a token"],
  ["a bad header", { headers: { a: "b\r\nc" } }, "header a"],
  ["a name that there is not", { boddy: "x" } as object, 'has no "boddy"'],
  ["json", { json: {} } as object, "write JSON.stringify(value)"],
  ["an unknown clock", { timeouts: { idle: 1 } as object }, "timeouts has no"],
])("%s is a TypeError before anything is sent", async (_what, options, words) => {
  const failure = transport.duplex("http://127.0.0.1:1/", options);
  await expect(failure).rejects.toThrow(TypeError);
  await expect(failure).rejects.toThrow(words);
  expect(transport.stats()).toEqual([]);
});
