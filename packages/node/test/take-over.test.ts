import { getEventListeners, once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createServer as createTlsServer } from "node:tls";
import { basic } from "@longwire/core";
import { fakeClock } from "@longwire/core/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type NodeTransport, nodeTransport } from "../src/node-transport.ts";
import type { Takeover, TakeOverOptions } from "../src/take-over.ts";
import { failureOf, httpServer, loopback, rawServer, selfSigned, textOf, turns } from "./loopback.ts";

let transport: NodeTransport;
beforeEach(() => {
  transport = nodeTransport();
});
afterEach(() => transport.destroy());

const switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nX-Note: yes\r\n\r\n";

const echoServer = () =>
  rawServer((socket) => {
    socket.write(switched);
    socket.pipe(socket);
  });

const tcp = (server: { readonly url: string }, options: TakeOverOptions = {}): Promise<Takeover> =>
  transport.takeOver(server.url, { protocol: "tcp", ...options });

/** How a socket ended, once it has. */
async function endOf({ socket }: Takeover): Promise<Error | null> {
  if (!socket.closed) await new Promise<void>((resolve) => socket.once("close", resolve));
  return socket.errored;
}

describe("the handshake", () => {
  test("asks by Upgrade, with the method, headers, query and body of the call", async () => {
    const heads: string[] = [];
    await using server = await rawServer((socket, head) => {
      heads.push(head);
      socket.write(switched);
      socket.pipe(socket);
    });
    const options = { protocol: "tcp", headers: { "X-Team": "ops" }, query: { tty: 1 }, json: { Detach: false } };
    const taken = await transport.takeOver(`${server.url}/exec?a=b`, options);
    expect(heads[0]?.split("\r\n").map((line) => line.toLowerCase())).toEqual([
      "post /exec?a=b&tty=1 http/1.1",
      `host: 127.0.0.1:${server.port}`,
      "content-type: application/json",
      "x-team: ops",
      "content-length: 16",
      "connection: upgrade",
      "upgrade: tcp",
      "",
      "",
    ]);
    expect([taken.status, taken.headers.get("x-note")]).toEqual([101, "yes"]);
    const [echoed] = await once(taken.socket, "data");
    expect(String(echoed)).toBe('{"Detach":false}');
  });

  test("a GET with a body says how long it is", async () => {
    const heads: string[] = [];
    await using server = await rawServer((socket, head) => {
      heads.push(head);
      socket.write(switched);
    });
    await tcp(server, { method: "GET", body: "über" });
    expect(heads[0]).toContain("content-length: 5\r\n");
  });

  test("a server that takes another protocol than was asked for, or names none, is `protocol`", async () => {
    const answers = [switched.replace("tcp", "websocket"), "HTTP/1.1 101 Switching Protocols\r\n\r\nbytes"];
    await using server = await rawServer((socket) => socket.write(answers.shift() as string));
    expect(await failureOf(tcp(server))).toMatchObject({
      code: "protocol",
      message: `Cannot take over ${server.url}/: the server switches to "websocket", which was not asked for`,
    });
    expect(await failureOf(tcp(server))).toMatchObject({ code: "protocol" });
    expect(transport.stats()).toEqual([]);
  });

  test("interim answers go by, and the token's letter case is no matter", async () => {
    const interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    await using server = await rawServer((socket) => socket.end(`${interim}${switched.replace("tcp", "TCP")}hello`));
    expect(await textOf((await tcp(server)).socket)).toBe("hello");
  });

  test("CONNECT asks for host and port, with credentials for the proxy, and takes any 2xx", async () => {
    const heads: string[] = [];
    await using server = await rawServer((socket, head) => {
      heads.push(head);
      socket.write("HTTP/1.1 200 Connection established\r\nContent-Length: 99\r\n\r\nSSH-2.0\r\n");
    });
    const url = server.url.replace("//", "//ada:lovelace@");
    const { socket, status } = await transport.takeOver(url, { connect: "db.internal:5432" });
    const [first] = await once(socket, "data");
    expect([status, String(first)]).toEqual([200, "SSH-2.0\r\n"]);
    expect(heads[0]?.toLowerCase()).toMatch(/^connect db\.internal:5432 http\/1\.1\r\nhost: db\.internal:5432\r\n/);
    expect(heads[0]?.toLowerCase()).toContain("proxy-authorization: basic ");
    expect(heads[0]?.toLowerCase()).not.toContain("\r\nauthorization");
  });

  test("credentials in the URL become basic auth; after a 401 they are asked for once more", async () => {
    const heads: string[] = [];
    await using server = await rawServer((socket, head) => {
      heads.push(head);
      const known = heads.length > 2;
      socket.write(known ? switched : "HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\n\r\nwho");
    });
    const userinfo = server.url.replace("//", "//ada:lovelace@");
    expect(await failureOf(transport.takeOver(userinfo, { protocol: "tcp" }))).toMatchObject({
      code: "refused",
      status: 401,
      excerpt: "who",
    });
    expect(heads[0]).toContain(`authorization: Basic ${btoa("ada:lovelace")}\r\n`);
    const asked: boolean[] = [];
    const auth: TakeOverOptions["auth"] = ({ refused }) => {
      asked.push(refused);
      return refused ? "Bearer new" : "Bearer old";
    };
    const { status } = await tcp(server, { auth });
    expect([status, asked, heads.length]).toEqual([101, [false, true], 3]);
    expect([heads[1], heads[2]].map((head) => /Bearer \w+/.exec(head as string)?.[0])).toEqual([
      "Bearer old",
      "Bearer new",
    ]);
  });

  test("after a proxy's 407 to CONNECT they are asked for once more, and go as Proxy-Authorization", async () => {
    const heads: string[] = [];
    await using server = await rawServer((socket, head) => {
      heads.push(head);
      const known = head.includes("Bearer new\r\n");
      socket.write(known ? "HTTP/1.1 200 OK\r\n\r\n" : "HTTP/1.1 407 Who\r\nContent-Length: 3\r\n\r\nwho");
    });
    const auth: TakeOverOptions["auth"] = ({ refused }) => (refused ? "Bearer new" : "Bearer old");
    const { status } = await transport.takeOver(server.url, { connect: "a.example:443", auth });
    const sent = heads.map((head) => /proxy-authorization: (.*)\r\n/i.exec(head)?.[1]);
    expect([status, sent]).toEqual([200, ["Bearer old", "Bearer new"]]);
    const stubborn = transport.takeOver(server.url, { connect: "a.example:443", auth: () => "Bearer old" });
    expect(await failureOf(stubborn)).toMatchObject({ code: "refused", status: 407, excerpt: "who" });
    expect(heads.length).toBe(3);
  });

  test.each<[string, TakeOverOptions, string]>([
    ["neither protocol nor connect", {}, "either protocol"],
    ["both", { protocol: "tcp", connect: "a:1" }, "either protocol"],
    ["a protocol that is no token", { protocol: "a b\r\n" }, "token"],
    ["a target without a port", { connect: "db.internal" }, "host:port"],
    ["a method beside connect", { connect: "a:1", method: "POST" }, "neither a method"],
    ["the method CONNECT without a target", { protocol: "tcp", method: "connect" }, "what to CONNECT to"],
    ["a method that is no token", { protocol: "tcp", method: "G T" }, "method must be a token"],
    ["body and json", { protocol: "tcp", body: "a", json: 1 }, "body or json"],
    ["a bad header", { protocol: "tcp", headers: { a: "b\r\nc" } }, "header a"],
    ["a name that there is not", { protocol: "tcp", protocl: "tcp" } as object, 'has no "protocl"'],
    ["a password before the target", { connect: "ann:secret@db:1" }, 'not "***@db:1"'],
    ["a target that is no text", { connect: 5 as unknown as string }, 'not "5"'],
    ["an unknown clock", { protocol: "tcp", timeouts: { idle: 1 } as object }, "timeouts has no"],
  ])("%s is a TypeError before anything is sent", async (_what, options, words) => {
    const failure = transport.takeOver("http://127.0.0.1:1/", options);
    await expect(failure).rejects.toThrow(TypeError);
    await expect(failure).rejects.toThrow(words);
    expect(transport.stats()).toEqual([]);
  });
});

describe("early bytes", () => {
  test("that come in one packet with the head are read first, and a FIN behind them is an end", async () => {
    await using server = await rawServer((socket) => socket.end(`${switched}early bytes`));
    expect(await textOf((await tcp(server)).socket)).toBe("early bytes");
  });

  test("a FIN right behind the head is an end, also when nobody reads until later", async () => {
    await using server = await rawServer((socket) => socket.end(switched));
    const { socket } = await tcp(server);
    await turns(20);
    expect(await textOf(socket)).toBe("");
  });

  test("more of them than any buffer holds are all there", async () => {
    const many = "0123456789abcdef".repeat(16_384);
    await using server = await rawServer((socket) => socket.end(switched + many));
    const { socket } = await tcp(server);
    await turns(20);
    expect(await textOf(socket)).toBe(many);
  });

  test("a head split at every byte gives the same head and the same bytes", async () => {
    const whole = Buffer.from(`${switched}early`);
    let cut = 0;
    await using server = await rawServer(async (socket) => {
      const at = cut;
      socket.setNoDelay(true);
      socket.write(whole.subarray(0, at));
      await turns(3);
      socket.end(whole.subarray(at));
    });
    for (cut = 1; cut < whole.length; cut++) {
      const { socket, status, headers } = await tcp(server);
      expect([cut, status, headers.get("x-note"), await textOf(socket)]).toEqual([cut, 101, "yes", "early"]);
      socket.destroy();
    }
  });
});

describe("a refusal", () => {
  test("has status, masked headers and up to 2 KiB of the body, and leaves no socket", async () => {
    const body = "no. ".repeat(1_000);
    await using server = await httpServer((_request, response) => {
      response.writeHead(403, { "set-cookie": "secret=1", "x-why": "policy" }).end(body);
    });
    const error = await failureOf(transport.takeOver(`${server.url}/attach?token=abc`, { protocol: "tcp" }));
    expect(error).toMatchObject({
      code: "refused",
      status: 403,
      headers: { "set-cookie": "***", "x-why": "policy" },
      excerpt: body.slice(0, 2_048),
      message: `Cannot open ${server.url}/attach?token=***: the server answered 403 to Upgrade: tcp`,
    });
    expect(transport.stats()).toEqual([]);
  });

  test("a 200 is one too, and so is a redirect: the server has not switched", async () => {
    const statuses = [200, 302];
    await using server = await httpServer((_request, response) => {
      response.writeHead(statuses.shift() as number, { location: "https://b.example/?key=abc" }).end("plain");
    });
    expect(await failureOf(tcp(server))).toMatchObject({ code: "refused", status: 200, excerpt: "plain" });
    const redirect = await failureOf(tcp(server));
    expect(redirect).toMatchObject({ status: 302, headers: { location: "https://b.example/?key=***" } });
  });

  test("of CONNECT has its body, as long as it says, while the proxy keeps the connection", async () => {
    await using server = await rawServer((socket) =>
      socket.write("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 11\r\n\r\nwho are you and more"),
    );
    const error = await failureOf(transport.takeOver(server.url, { connect: "a.example:443" }));
    expect(error).toMatchObject({ code: "refused", status: 407, excerpt: "who are you" });
    expect(error.message).toContain("the server answered 407 to CONNECT a.example:443");
  });

  test("of CONNECT is freed of its chunks, wherever the packets are cut", async () => {
    const head = "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n";
    const body = Buffer.from("3;a=b\r\nno,\r\n5\r\n\nno!!\r\n0\r\n\r\nHTTP/1.1");
    let cut = 0;
    await using server = await rawServer(async (socket) => {
      const at = cut;
      socket.setNoDelay(true);
      socket.write(head);
      socket.write(body.subarray(0, at));
      await turns(3);
      socket.write(body.subarray(at));
    });
    for (cut = 0; cut < body.length; cut++) {
      const error = await failureOf(transport.takeOver(server.url, { connect: "a.example:443" }));
      expect([cut, error.excerpt]).toEqual([cut, "no,\nno!!"]);
    }
  });

  test("of CONNECT whose chunks are none is what was read before", async () => {
    const head = "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n";
    const bodies = ["2\r\nno\r\nchunks\r\n", `2\r\nno\r\n${"a".repeat(5_000)}`];
    await using server = await rawServer((socket) => socket.write(head + bodies.shift()));
    for (let count = 0; count < 2; count++) {
      const error = await failureOf(transport.takeOver(server.url, { connect: "a.example:443" }));
      expect(error.excerpt).toBe("no");
    }
  });

  test.each(["tcp", "CONNECT"])(
    "of %s that never ends is read for one second, and is what came until then",
    async (kind) => {
      const clock = fakeClock();
      await using server = await rawServer((socket) => socket.write("HTTP/1.1 500 Oops\r\n\r\nhalf an exc"));
      const options = kind === "tcp" ? { protocol: "tcp" } : { connect: "a.example:443" };
      const timeouts = { headersMs: 500 };
      const failing = failureOf(transport.takeOver(server.url, { ...options, clock, timeouts }));
      while ((transport.stats()[0]?.bytesRead ?? 0) === 0) await turns(1);
      await turns(3);
      await clock.advance(1_000);
      expect(await failing).toMatchObject({ code: "refused", status: 500, excerpt: "half an exc" });
      expect(clock.pending).toBe(0);
    },
  );

  test("that the signal aborts throws the signal's reason", async () => {
    await using server = await rawServer((socket) => socket.write("HTTP/1.1 500 Oops\r\n\r\nhalf"));
    const abort = new AbortController();
    const taking = tcp(server, { signal: abort.signal });
    taking.catch(() => {});
    while ((transport.stats()[0]?.bytesRead ?? 0) === 0) await turns(1);
    await turns(3);
    abort.abort("enough");
    await expect(taking).rejects.toBe("enough");
  });
});

describe("what breaks before the answer", () => {
  test("a reset inside the head is `reset`, a FIN `truncated`, what is no HTTP `protocol`", async () => {
    const answers: ((socket: Socket) => unknown)[] = [
      (socket) => socket.write("HTTP/1.1 101 Swi", () => socket.resetAndDestroy()),
      (socket) => socket.end("HTTP/1.1 101 Swi"),
      (socket) => socket.write("SSH-2.0-OpenSSH\r\n"),
      (socket) => socket.write(`HTTP/1.1 101 Switching\r\nX-Long: ${"a".repeat(100_000)}`),
    ];
    await using server = await rawServer((socket) => answers.shift()?.(socket));
    const codes = [];
    while (answers.length > 0) codes.push((await failureOf(tcp(server))).code);
    expect(codes).toEqual(["reset", "truncated", "protocol", "protocol"]);
    expect(transport.stats()).toEqual([]);
  });

  test("a refused connection is `unreachable`, with its phase", async () => {
    const server = await echoServer();
    await server[Symbol.asyncDispose]();
    expect(await failureOf(tcp(server))).toMatchObject({ code: "unreachable", phase: "connect" });
    expect(transport.stats()).toEqual([]);
  });

  test("a connector that throws is `unreachable`; a socket that it gives too late is destroyed", async () => {
    await using broken = nodeTransport({
      connect: () => {
        throw new Error("no way");
      },
    });
    expect(await failureOf(broken.takeOver("http://a.example/", { protocol: "tcp" }))).toMatchObject({
      code: "unreachable",
      cause: { message: "no way" },
    });

    await using server = await echoServer();
    const abort = new AbortController();
    const gives: (() => void)[] = [];
    const socket = createConnection(server.port, "127.0.0.1");
    await once(socket, "connect");
    await using late = nodeTransport({
      connect: (_options, callback) => void gives.push(() => callback(null, socket)),
    });
    const taking = late.takeOver(server.url, { protocol: "tcp", signal: abort.signal });
    abort.abort("enough");
    await expect(taking).rejects.toBe("enough");
    gives[0]?.();
    expect([socket.destroyed, late.stats()]).toEqual([true, []]);

    const connecting = new Socket();
    await using slow = nodeTransport({ connect: () => connecting });
    const again = new AbortController();
    const waiting = slow.takeOver(server.url, { protocol: "tcp", signal: again.signal });
    again.abort("enough");
    await expect(waiting).rejects.toBe("enough");
    expect(connecting.destroyed).toBe(true);
  });

  test("a connector is told an IPv6 address without its brackets", async () => {
    const names: string[] = [];
    await using broken = nodeTransport({
      connect: ({ hostname }, callback) => {
        names.push(hostname);
        callback(new Error("no way"), null);
      },
    });
    await failureOf(broken.takeOver("http://[::1]:8080/", { protocol: "tcp" }));
    expect(names).toEqual(["::1"]);
  });

  test("an abort in the turn of the connection, and one in the turn of the head, throw the reason", async () => {
    const abort = { connected: new AbortController(), headed: new AbortController() };
    const ours: Socket[] = [];
    await using watched = nodeTransport({
      connect: ({ port }, callback) => {
        const socket = createConnection(Number(port), "127.0.0.1", () => {
          ours.push(socket);
          callback(null, socket);
          if (ours.length === 1) abort.connected.abort("connected");
        });
        return socket;
      },
    });
    await using server = await rawServer((socket) => {
      // Behind node:http's own listener, so the connection is taken over by then.
      ours[1]?.on("data", () => abort.headed.abort("headed"));
      if (ours.length === 2) socket.write(switched);
    });
    for (const name of ["connected", "headed"] as const) {
      const taking = watched.takeOver(server.url, { protocol: "tcp", signal: abort[name].signal });
      await expect(taking).rejects.toBe(name);
    }
    while (watched.stats().length > 0) await turns(1);
    expect(ours.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  });

  test("connectMs and headersMs are `deadline`s that name their clock", async () => {
    const clock = fakeClock();
    await using stuck = nodeTransport({ connect: () => {} });
    const timeouts = { connectMs: 50, headersMs: 70 };
    const unconnected = failureOf(stuck.takeOver("http://a.example/x?k=v", { protocol: "tcp", clock, timeouts }));
    await clock.advance(50);
    expect(await unconnected).toMatchObject({ code: "deadline", clock: "connectMs" });
    expect((await unconnected).message).toBe(
      "Cannot take over http://a.example/x?k=***: no connection after 50 ms (connectMs)",
    );

    await using server = await rawServer(() => {});
    const unanswered = failureOf(tcp(server, { clock, timeouts }));
    while (transport.stats()[0]?.state !== "busy") await turns(1);
    await clock.advance(69);
    expect(transport.stats()).toMatchObject([{ state: "busy" }]);
    await clock.advance(1);
    expect(await unanswered).toMatchObject({ code: "deadline", clock: "headersMs" });
    expect([clock.pending, stuck.stats(), transport.stats()]).toEqual([0, [], []]);
  });

  test("totalMs spans all until it is taken over, credentials too, and no more", async () => {
    const clock = fakeClock();
    const timeouts = { totalMs: 1_000, idleMs: 0 };
    const auth = () => new Promise<string>((resolve) => clock.timer(600, () => resolve("Bearer t")));
    await using server = await rawServer((socket, head) => head.startsWith("GET /now") && socket.write(switched));
    const unanswered = failureOf(tcp(server, { clock, timeouts, auth }));
    await clock.advance(600);
    while (transport.stats()[0]?.state !== "busy") await turns(1);
    await clock.advance(400);
    expect(await unanswered).toMatchObject({ code: "deadline", clock: "totalMs" });
    expect((await unanswered).message).toContain("no answer after 1000 ms (totalMs)");
    const { socket } = await transport.takeOver(`${server.url}/now`, { protocol: "tcp", clock, timeouts });
    await clock.advance(10_000);
    expect([socket.destroyed, clock.pending]).toEqual([false, 0]);
  });

  test("an abort while connecting, and one while waiting, throw the reason and leave nothing", async () => {
    const reason = new Error("not wanted any more");
    const waiting = new AbortController();
    const connecting = new AbortController();
    await using server = await rawServer(() => waiting.abort(reason));
    const first = tcp(server, { signal: connecting.signal });
    expect(transport.stats()).toMatchObject([{ state: "connecting" }]);
    connecting.abort(reason);
    await expect(first).rejects.toBe(reason);
    await expect(tcp(server, { signal: waiting.signal })).rejects.toBe(reason);
    await expect(tcp(server, { signal: waiting.signal })).rejects.toBe(reason);
    while (transport.stats().length > 0) await turns(1);
  });
});

describe("the socket", () => {
  test("is counted as taken, with its bytes, until it is gone", async () => {
    await using server = await echoServer();
    const { signal } = new AbortController();
    const taken = await tcp(server, { signal });
    expect(getEventListeners(signal, "abort").length).toBe(1);
    taken.socket.write("four");
    await once(taken.socket, "data");
    expect(transport.stats()).toEqual([
      {
        origin: server.url,
        state: "taken",
        requests: 1,
        bytesRead: switched.length + 4,
        bytesWritten: expect.any(Number),
      },
    ]);
    taken.socket.destroy();
    expect(await endOf(taken)).toBe(null);
    await turns(1);
    expect([transport.stats(), getEventListeners(signal, "abort")]).toEqual([[], []]);
  });

  test("that both sides have ended keeps what is not read yet", async () => {
    await using server = await rawServer((socket) => socket.end(`${switched}last words`).resume());
    const { socket } = await tcp(server);
    socket.end();
    await once(socket, "readable");
    expect(String(socket.read(1))).toBe("l");
    while (transport.stats()[0]?.bytesRead !== 0 && !server.sockets[0]?.closed) await turns(1);
    await turns(20);
    expect(await textOf(socket)).toBe("ast words");
  });

  test("half-closes: what is written after the server's end still arrives", async () => {
    const heard: Promise<string>[] = [];
    await using server = await rawServer((socket) => {
      socket.end(`${switched}last words`);
      heard.push(textOf(socket));
    });
    const taken = await tcp(server);
    expect(await textOf(taken.socket.iterator({ destroyOnReturn: false }))).toBe("last words");
    expect([taken.socket.readableEnded, taken.socket.writable]).toEqual([true, true]);
    taken.socket.end("an answer");
    expect(await heard[0]).toBe("an answer");
    expect(await endOf(taken)).toBe(null);
  });

  test("half-closes: what the server sends after our end still arrives", async () => {
    await using server = await rawServer(async (socket) => {
      socket.write(switched);
      socket.end(`all of "${await textOf(socket)}"`);
    });
    const taken = await tcp(server);
    taken.socket.end("a question");
    expect(await textOf(taken.socket)).toBe('all of "a question"');
    expect(await endOf(taken)).toBe(null);
  });

  test("carries 1 MiB to an echo and back, and to a reader that begins late", async () => {
    await using server = await echoServer();
    const { socket } = await tcp(server);
    const bytes = Buffer.alloc(2 ** 20, "longwire ");
    socket.end(bytes);
    await turns(50);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  });

  test("holds a server up that sends more than is read, and a writer whose bytes are not read", async () => {
    const peers: Socket[] = [];
    await using server = await rawServer((socket) => {
      peers.push(socket);
      socket.write(switched);
    });
    const { socket } = await tcp(server);
    const [peer] = peers as [Socket];
    const block = Buffer.alloc(2 ** 20);
    const full = async (writable: { write(chunk: Buffer): boolean; writableLength: number }): Promise<number> => {
      let before = -1;
      for (let count = 0; count < 64; count++) writable.write(block);
      while (before !== writable.writableLength) {
        before = writable.writableLength;
        await turns(20);
      }
      return before;
    };
    expect(await full(peer)).toBeGreaterThan(2 ** 20);
    await once(socket, "readable");
    expect(socket.read(1)?.length).toBe(1);
    expect(await full(peer)).toBeGreaterThan(2 ** 20);
    expect(socket.readableLength).toBeLessThanOrEqual(2 ** 18);
    expect(await full(socket)).toBeGreaterThan(2 ** 20);
  });

  test("is ended by the signal, with its reason as it is, whether anybody listens or not", async () => {
    await using server = await echoServer();
    const abort = new AbortController();
    const [heard, unheard] = await Promise.all([
      tcp(server, { signal: abort.signal }),
      tcp(server, { signal: abort.signal }),
    ]);
    const reading = textOf(heard.socket);
    reading.catch(() => {});
    abort.abort(new Error("that will do"));
    await expect(reading).rejects.toBe(abort.signal.reason);
    expect(await endOf(unheard)).toBe(abort.signal.reason);
    await expect(textOf(unheard.socket)).rejects.toBe(abort.signal.reason);
    expect(transport.stats()).toEqual([]);
  });

  test("that is reset is `reset`, with what it carried", async () => {
    await using server = await rawServer((socket) => {
      socket.write(`${switched}12345`);
      socket.once("data", () => socket.resetAndDestroy()).resume();
    });
    const { socket } = await tcp(server);
    await once(socket, "data");
    socket.write("go");
    const error = await failureOf(textOf(socket));
    expect(error.code).toBe("reset");
    expect(error.message).toMatch(/: the connection broke after 5 bytes read and 2 written \(/);
  });

  test("is idle when no byte goes either way for idleMs; bytes of either side put it off", async () => {
    const clock = fakeClock();
    const peers: Socket[] = [];
    await using server = await rawServer((socket) => {
      peers.push(socket);
      socket.write(switched);
    });
    const taken = await tcp(server, { clock, timeouts: { idleMs: 1_000 } });
    const [peer] = peers as [Socket];
    taken.socket.resume();
    await clock.advance(999);
    peer.write("in");
    await once(taken.socket, "data");
    await clock.advance(999);
    await new Promise((resolve) => taken.socket.write("out", resolve));
    await clock.advance(999);
    expect(taken.socket.destroyed).toBe(false);
    await clock.advance(1);
    expect(await endOf(taken)).toMatchObject({
      code: "idle",
      clock: "idleMs",
      message: `Cannot keep ${server.url}/ open: no byte either way for 1000 ms (idleMs)`,
    });
    expect([clock.pending, transport.stats()]).toEqual([0, []]);
  });

  test("is not idle while what has come waits for its reader", async () => {
    const clock = fakeClock();
    await using server = await rawServer((socket) => socket.write(`${switched}waits`));
    const taken = await tcp(server, { clock, timeouts: { idleMs: 1_000 } });
    await clock.advance(10_000);
    await once(taken.socket, "readable");
    await clock.advance(10_500);
    expect(taken.socket.destroyed).toBe(false);
    expect(String(taken.socket.read())).toBe("waits");
    await clock.advance(999);
    expect(taken.socket.destroyed).toBe(false);
    await clock.advance(1);
    expect(await endOf(taken)).toMatchObject({ code: "idle" });
  });

  test("idleMs 0 waits for ever; by default it is 300 s", async () => {
    const clock = fakeClock();
    await using server = await echoServer();
    const patient = await tcp(server, { clock, timeouts: { idleMs: 0 } });
    expect(clock.pending).toBe(0);
    const usual = await tcp(server, { clock });
    usual.socket.resume();
    await clock.advance(299_999);
    expect(usual.socket.destroyed).toBe(false);
    await clock.advance(1);
    expect([usual.socket.destroyed, patient.socket.destroyed]).toEqual([true, false]);
  });

  test("close() of the transport waits for it, and lets no other be taken", async () => {
    await using server = await echoServer();
    const { socket } = await tcp(server);
    let closed = false;
    const closing = transport.close().then(() => {
      closed = true;
    });
    await expect(tcp(server)).rejects.toThrow(TypeError);
    await turns(10);
    expect(closed).toBe(false);
    socket.end();
    expect(await textOf(socket)).toBe("");
    await closing;
  });

  test("destroy() of the transport ends it as `reset`, and a handshake too", async () => {
    await using server = await rawServer((socket, head) => head.startsWith("GET /now") && socket.write(switched));
    const taken = await transport.takeOver(`${server.url}/now`, { protocol: "tcp" });
    const opening = failureOf(transport.takeOver(`${server.url}/never`, { protocol: "tcp" }));
    while (transport.stats().some(({ state }) => state === "connecting")) await turns(1);
    await transport.destroy();
    expect([taken.socket.closed, taken.socket.errored]).toMatchObject([true, { code: "reset" }]);
    expect(await opening).toMatchObject({ code: "reset" });
    expect(transport.stats()).toEqual([]);
  });

  test("goes over TLS as HTTP/1.1, with early bytes and half-closes", async () => {
    const [key, cert] = selfSigned();
    const server = createTlsServer(
      { key, cert, ALPNProtocols: ["h2", "http/1.1"], allowHalfOpen: true },
      async (socket) => {
        await once(socket, "data");
        socket.write(`${switched}${socket.alpnProtocol} `);
        socket.end(await textOf(socket));
      },
    );
    await using listening = await loopback(server);
    await using trusting = nodeTransport({ tls: { ca: cert } });
    const { socket } = await trusting.takeOver(`https://localhost:${listening.port}`, { protocol: "tcp" });
    socket.end("over TLS");
    expect(await textOf(socket)).toBe("http/1.1 over TLS");
  });

  test("goes into a pipeline", async () => {
    await using server = await echoServer();
    const { socket } = await tcp(server, { auth: basic("ada", "lovelace") });
    let text = "";
    await pipeline(["one ", "two"], socket, async (source: AsyncIterable<Buffer>) => {
      for await (const chunk of source) text += chunk.toString();
    });
    expect(text).toBe("one two");
  });
});

describe("web()", () => {
  test("is a pair of web streams: the same pair each time, half-closed by either side", async () => {
    await using server = await echoServer();
    const taken = await tcp(server);
    const { readable, writable } = taken.web();
    expect(taken.web().readable).toBe(readable);
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode("over "));
    await writer.write(new TextEncoder().encode("the web"));
    await writer.close();
    expect(await textOf(readable)).toBe("over the web");
    expect(await endOf(taken)).toBe(null);
  });

  test("cancelled and aborted it lets the connection go", async () => {
    await using server = await echoServer();
    const taken = await tcp(server);
    const { readable, writable } = taken.web();
    await Promise.allSettled([readable.cancel(), writable.abort()]);
    await endOf(taken);
    expect(transport.stats()).toEqual([]);
  });

  test("fails on both sides with the signal's reason", async () => {
    await using server = await echoServer();
    const abort = new AbortController();
    const taken = await tcp(server, { signal: abort.signal });
    const unheard = await tcp(server, { signal: abort.signal });
    unheard.web();
    const { readable, writable } = taken.web();
    const reading = readable.getReader().read();
    reading.catch(() => {});
    const reason = new Error("that will do");
    abort.abort(reason);
    await expect(reading).rejects.toBe(reason);
    await expect(writable.getWriter().closed).rejects.toBe(reason);
  });
});

describe("the way there", () => {
  test("may be a Unix socket, whose server sees localhost", async () => {
    const folder = await mkdtemp(join(tmpdir(), "longwire-take-"));
    const socketPath = join(folder, "a.sock");
    const heads: string[] = [];
    const server = createServer((socket) => {
      socket.once("data", (head) => {
        heads.push(String(head));
        socket.write(switched);
        socket.pipe(socket);
      });
    });
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    const { socket } = await transport.takeOver(`unix:${socketPath}:/exec?tty=1`, { protocol: "tcp" });
    socket.write("over the path");
    expect(String((await once(socket, "data"))[0])).toBe("over the path");
    expect(heads[0]?.split("\r\n").slice(0, 2)).toEqual(["GET /exec?tty=1 HTTP/1.1", "host: localhost"]);
    expect(transport.stats()).toMatchObject([{ origin: `unix:${socketPath}`, state: "taken" }]);
    socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  test("leads through the tunnel of a proxy to https, and straight to http, whose bytes no proxy reads", async () => {
    const [key, cert] = selfSigned();
    const tunnels: string[] = [];
    await using proxy = await rawServer((socket, head) => {
      const [, authority = ""] = /^CONNECT (\S+)/.exec(head) ?? [];
      tunnels.push(authority);
      const beyond = createConnection(Number(authority.split(":")[1]), "127.0.0.1");
      beyond.on("error", () => socket.destroy());
      beyond.on("close", () => socket.destroy());
      socket.on("close", () => beyond.destroy());
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(beyond).pipe(socket);
    });
    await using secure = await loopback(
      createTlsServer({ key, cert }, (socket) => {
        socket.on("error", () => {});
        socket.once("data", () => socket.end(`${switched}secret`));
      }),
    );
    await using plain = await echoServer();
    await using proxied = nodeTransport({ proxy: proxy.url, tls: { ca: cert, servername: "localhost" } });
    const through = await proxied.takeOver(secure.url.replace("http:", "https:"), { protocol: "tcp" });
    expect(await textOf(through.socket)).toBe("secret");
    const straight = await proxied.takeOver(plain.url, { protocol: "tcp" });
    straight.socket.end("echo");
    expect(await textOf(straight.socket)).toBe("echo");
    expect(tunnels).toEqual([`127.0.0.1:${secure.port}`]);
    for (const { socket } of [through, straight]) socket.destroy();
  });
});
