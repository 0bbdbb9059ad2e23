// What the transports promise, over real sockets. The servers are of the same process. No `await using`: Node 22 cannot read it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { constants, createSecureServer, type Http2ServerResponse } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createGzip, gzipSync } from "node:zlib";
import {
  type EventStream,
  fetchTransport,
  openBytes,
  openLines,
  type Outcome,
  type StreamError,
  type Transport,
} from "@longwire/core";
import { openNdjson } from "@longwire/ndjson";
import { type NodeTransport, nodeTransport } from "@longwire/node";
import { openSse } from "@longwire/sse";
import { loopbackServer, type LoopbackServer } from "@longwire/testing";
import { createClient } from "longwire";
import { chunked, rawServer } from "../faults/raw-server.ts";
import type { Claim, TransportClaim, World } from "./claim.ts";
import { serverClaims } from "./server-claims.ts";

const command = fileURLToPath(new URL("../../packages/cli/bin/longwire.js", import.meta.url));
const head = "HTTP/1.1 200 OK\r\n";
const soon = { firstMs: 0, floorMs: 0, retries: 3 };
const row = '{"n":1}\n';
const broken = /^(truncated|reset)$/;
/** Whether fetch offers HTTP/2: that of undici 8 does. */
const speaksSecond = Number.parseInt(process.versions.node, 10) >= 26;

/** Each with its title, in the order in which they are shown. */
export const claims: readonly (readonly [title: string, show: Claim])[] = [
  ...overBoth("an SSE stream that is cut goes on with Last-Event-ID", async (world, transport) => {
    const server = await loopback(world, ({ headers }) => ({
      headers: { "content-type": "text/event-stream" },
      body:
        headers.get("last-event-id") === "1" ? "id: 2\ndata: two\n\ndata: [DONE]\n\n" : "id: 1\ndata: one\n\nid: 2\nda",
      framing: "chunked",
    }));
    server.plan = [{ slice: 1, cutAfter: 22 }, {}];
    const { items, ...end } = await endOf(openSse(server.url, { transport, until: "[DONE]", reconnect: soon }));
    assert.deepEqual(
      items.map(({ data, lastEventId }) => [data, lastEventId]),
      [
        ["one", "1"],
        ["two", "2"],
      ],
    );
    assert.deepEqual([end.code, end.attempts], ["complete", 2]);
  }),

  ...overBoth("NDJSON that is reset goes on after its last row", async (world, transport) => {
    const rows = (from: number): string =>
      [1, 2, 3]
        .slice(from)
        .map((n) => `{"n":${n}}\n`)
        .join("");
    const server = await loopback(world, ({ path }) => ({
      headers: { "content-type": "application/x-ndjson" },
      body: rows(Number(new URL(path, "http://a.example").searchParams.get("after"))),
    }));
    server.plan = [{ resetAfter: 12 }, {}];
    const stream = openNdjson<{ n: number }>(server.url, {
      transport,
      reconnect: soon,
      resume: { cursor: ({ n }) => n, apply: (request, after) => request.withQuery({ after }) },
    });
    const { items, code, attempts } = await endOf(stream);
    assert.deepEqual([items.map(({ n }) => n), code, attempts], [[1, 2, 3], "complete", 2]);
  }),

  ...overBoth("bytes that are cut go on by Range", async (world, transport) => {
    const image = "0123456789";
    const server = await loopback(world, ({ headers }) => {
      const from = Number(/^bytes=(\d+)-$/.exec(headers.get("range") ?? "bytes=0-")?.[1]);
      const part = { "content-range": `bytes ${from}-9/10` };
      return {
        status: from > 0 ? 206 : 200,
        headers: { "accept-ranges": "bytes", etag: '"a"', ...(from > 0 && part) },
        body: image.slice(from),
      };
    });
    server.plan = [{ cutAfter: 4 }, {}];
    const { items, code, attempts } = await endOf(openBytes(server.url, { transport, reconnect: soon }));
    assert.deepEqual([Buffer.concat(items).toString(), code, attempts], [image, "complete", 2]);
  }),

  ...overBoth("a chunked body without its last chunk is truncated", async (world, transport) => {
    const bytes = `${head}transfer-encoding: chunked\r\n\r\n${chunked("one")}`;
    assert.deepEqual(await endOfRaw(world, transport, bytes, "fin"), ["one", "truncated"]);
  }),

  ...overBoth("a body shorter than its content-length is truncated", async (world, transport) => {
    assert.deepEqual(await endOfRaw(world, transport, `${head}content-length: 9\r\n\r\none`, "fin"), [
      "one",
      "truncated",
    ]);
  }),

  ...overBoth("a chunked body whose connection breaks is a reset", async (world, transport) => {
    const bytes = `${head}transfer-encoding: chunked\r\n\r\n${chunked("one")}`;
    assert.deepEqual(await endOfRaw(world, transport, bytes, "reset"), ["one", "reset"]);
  }),

  ...overBoth("a body that ends with its connection is ended, not complete", async (world, transport) => {
    assert.deepEqual(await endOfRaw(world, transport, `${head}\r\none`, "fin"), ["one", "ended"]);
  }),

  // fetch does not show that it broke, nor how such a body is framed.
  ...overBoth(
    "a body that should end with its connection, which breaks, is not complete",
    async (world, transport, name) => {
      const expected = name === "fetch" ? "ended" : "reset";
      assert.deepEqual(await endOfRaw(world, transport, `${head}\r\none`, "reset"), ["one", expected]);
    },
  ),

  // fetch tells the end of a body before its socket is free, so the next request may open a second one.
  ...overBoth("requests one after the other share sockets", async (world, transport, name) => {
    const server = await loopback(world, ({ index }) => ({ body: `answer ${index}` }));
    for (let index = 0; index < 20; index++) {
      const { items, code } = await endOf(openBytes(server.url, { transport }));
      assert.deepEqual([Buffer.concat(items).toString(), code], [`answer ${index}`, "complete"]);
    }
    assert.ok(server.connections.length <= (name === "fetch" ? 2 : 1), `${server.connections.length} connections`);
  }),

  ...overBoth("gzip is decoded flush by flush", async (world, transport, name) => {
    const gzip = createGzip();
    const server = createServer((_request, response) => {
      response.writeHead(200, { "content-type": "application/x-ndjson", "content-encoding": "gzip" });
      gzip.pipe(response);
      gzip.write('{"n":1}\n');
      gzip.flush();
    });
    const url = await serving(world, server, "http");
    const stream = openNdjson<{ n: number }>(url, { transport, reconnect: false });
    const seen: number[] = [];
    for await (const { n } of stream) {
      seen.push(n);
      // Nothing of the second row is sent before the first one is here.
      if (n === 1) gzip.end('{"n":2}\n');
    }
    assert.deepEqual([seen, (await stream.outcome).code], [[1, 2], name === "fetch" ? "ended" : "complete"]);
  }),

  ...overBoth("close lets the connection go", async (world, transport) => {
    const { url, left } = await endless(world);
    const stream = openSse(url, { transport });
    for await (const { data } of stream) {
      assert.equal(data, "one");
      break;
    }
    await left;
    assert.equal((await stream.outcome).code, "closed");
  }),

  ...overBoth("abort throws the caller's reason and lets the connection go", async (world, transport) => {
    const { url, left } = await endless(world);
    const controller = new AbortController();
    const reason = new Error("enough");
    const stream = openSse(url, { transport, signal: controller.signal });
    const reading = (async () => {
      for await (const _event of stream) controller.abort(reason);
    })();
    await assert.rejects(reading, reason);
    await left;
    assert.equal((await stream.outcome).code, "aborted");
  }),

  ...overBoth("a body that is made as it goes is sent in chunks", async (world, transport) => {
    const server = await loopback(world, async (request) => ({ body: `${await request.text()}\n` }));
    async function* body(): AsyncGenerator<Uint8Array> {
      for (const part of ["one ", "two"]) yield Buffer.from(part);
    }
    const { items } = await endOf(openLines(server.url, { transport, method: "POST", body: body(), reconnect: false }));
    assert.deepEqual(items, ["one two"]);
    assert.equal(server.requests[0]?.headers.get("transfer-encoding"), "chunked");
  }),

  ...overBoth("https works with an authority of one's own", async (world, transport) => {
    const url = await serving(
      world,
      createHttpsServer(world.pair, (_request, response) => response.end("one")),
      "https",
    );
    const { items, code } = await endOf(openBytes(url, { transport }));
    assert.deepEqual([Buffer.concat(items).toString(), code], ["one", "complete"]);
  }),

  [
    "nodeTransport: a name that the certificate is not for is told as such",
    async (world) => {
      const url = await serving(world, createHttpsServer(world.pair), "https");
      const transport = ownTransport(world);
      const { error } = await endOf(openBytes(url.replace("localhost", "127.0.0.1"), { transport }));
      const { code, phase, certificate } = error as Record<string, unknown>;
      assert.deepEqual([code, phase, certificate], ["unreachable", "tls", "wrongName"]);
    },
  ],

  [
    "nodeTransport: an Upgrade takes the connection over, its early bytes first",
    async (world) => {
      const server = createServer().on("upgrade", (_request, socket: Socket) => {
        socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nearly ");
        socket.pipe(socket);
      });
      const url = await serving(world, server, "http");
      const { socket, status } = await ownTransport(world).takeOver(url, { protocol: "echo" });
      assert.equal(status, 101);
      socket.end("late");
      assert.equal(await text(socket), "early late");
    },
  ],

  [
    "createClient: streams over https, and closes what it opened",
    async (world) => {
      const lines = createHttpsServer(world.pair, (_request, response) => response.end("one\ntwo\n"));
      const client = createClient({
        baseUrl: await serving(world, lines, "https"),
        tls: { ca: world.ca },
        proxy: false,
      });
      world.after(() => client.destroy());
      const { items, code } = await endOf(client.lines("/"));
      assert.deepEqual([items, code], [["one", "two"], "complete"]);
      assert.equal(await (await client.request("/")).text(), "one\ntwo\n");
      await client.close();
      assert.deepEqual(client.stats().sockets, []);
    },
  ],

  [
    "createClient: a body that grows over maxInflateRatio ends as a limit",
    async (world) => {
      const server = await loopback(world, {
        headers: { "content-encoding": "gzip" },
        body: gzipSync(Buffer.alloc(4 * 2 ** 20)),
      });
      const client = createClient({ maxInflateRatio: 100, proxy: false });
      world.after(() => client.destroy());
      const { code, error } = await endOf(client.lines(server.url, { reconnect: false }));
      assert.deepEqual([code, (error as StreamError).limit], ["limit", "maxInflateRatio"]);
    },
  ],

  [
    "longwire tail prints what a URL streams",
    async (world) => {
      const server = await loopback(world, {
        headers: { "content-type": "text/event-stream" },
        body: 'data: {"a":1}\n\ndata: two\n\n',
      });
      const { stdout } = await promisify(execFile)(process.execPath, [command, "tail", server.url, "--max", "2"]);
      assert.equal(stdout, '{"a":1}\ntwo\n');
    },
  ],

  [
    `fetch: HTTP/2 is spoken by Node 26 over one connection, and by none before it`,
    async (world) => {
      const { url, seen } = await secondServer(world, ({ response }) => response.end("one"));
      for (let request = 0; request < 3; request++) await endOf(openBytes(url, { transport: fetchTransport() }));
      assert.deepEqual(seen.versions, Array(3).fill(speaksSecond ? "2.0" : "1.1"));
      assert.equal(seen.sessions, speaksSecond ? 1 : 0);
    },
  ],

  // What is said of the end of a body is true over either version.
  [
    "fetch: over TLS rows of known length that are all there are complete",
    async (world) => {
      assert.equal(
        await secondEnd(world, { "content-length": "8" }, row, ({ response }) => response.end()),
        "complete",
      );
    },
  ],

  // Node 26 takes a stream that is cancelled for one that ended well.
  [
    "fetch: over TLS rows of known length that are cancelled between two are truncated",
    async (world) => {
      assert.match(await secondEnd(world, { "content-length": "16" }, row, cancel), broken);
    },
  ],

  [
    "fetch: over TLS rows of unknown length that are cancelled between two are not complete",
    async (world) => {
      assert.equal(await secondEnd(world, {}, row, cancel), speaksSecond ? "ended" : "truncated");
    },
  ],

  [
    "fetch: over TLS rows that are cancelled inside of one are truncated",
    async (world) => {
      assert.equal(await secondEnd(world, {}, `${row}{"n":`, cancel), "truncated");
    },
  ],

  [
    "fetch: over TLS rows whose stream breaks are broken",
    async (world) => {
      assert.match(await secondEnd(world, {}, row, breakOff), broken);
    },
  ],

  [
    "fetch: over TLS rows whose connection goes are broken",
    async (world) => {
      assert.match(await secondEnd(world, {}, row, ({ drop }) => drop()), broken);
    },
  ],

  ...serverClaims,
];

/** A claim for each transport. */
function overBoth(title: string, show: TransportClaim): (readonly [title: string, show: Claim])[] {
  return [
    [`nodeTransport: ${title}`, (world) => show(world, ownTransport(world), "nodeTransport")],
    [`fetch: ${title}`, (world) => show(world, fetchTransport(), "fetch")],
  ];
}

function ownTransport(world: World): NodeTransport {
  const transport = nodeTransport({ tls: { ca: world.ca }, proxy: false });
  world.after(async () => {
    await transport.destroy();
    assert.deepEqual(transport.stats(), []);
  });
  return transport;
}

/** All items of a stream, and its outcome. */
async function endOf<T>(stream: EventStream<T>, onItem?: () => void): Promise<Omit<Outcome, "items"> & { items: T[] }> {
  const items: T[] = [];
  try {
    for await (const item of stream) {
      items.push(item);
      onItem?.();
    }
  } catch {
    // The outcome has it.
  }
  return { ...(await stream.outcome), items };
}

async function loopback(world: World, ...given: Parameters<typeof loopbackServer>): Promise<LoopbackServer> {
  const server = await loopbackServer(...given);
  world.after(() => server.close());
  return server;
}

/** How one attempt ends when these bytes are the answer, and the connection ends once they were read. */
async function endOfRaw(world: World, transport: Transport, bytes: string, end: "fin" | "reset"): Promise<string[]> {
  const server = await rawServer(async (wire) => {
    await wire.request();
    await wire.write(bytes);
  });
  world.after(() => server.close());
  const stream = openBytes(server.url, { transport, reconnect: false });
  const { items, code } = await endOf(stream, () => server.wires[0]?.[end]());
  return [Buffer.concat(items).toString(), code];
}

/** An SSE stream of one event that never ends; `left` resolves when the reader has let its connection go. */
async function endless(world: World): Promise<{ url: string; left: Promise<void> }> {
  const server = await rawServer(async (wire) => {
    await wire.request();
    await wire.write(`${head}content-type: text/event-stream\r\n\r\ndata: one\n\n`);
    await wire.left;
    leave();
  });
  let leave = (): void => {};
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  world.after(() => server.close());
  return { url: server.url, left };
}

/** Listens on loopback until the claim is over. */
async function serving(world: World, server: Server, scheme: "http" | "https"): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket.on("close", () => sockets.delete(socket)));
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  world.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return `${scheme}://localhost:${(server.address() as AddressInfo).port}`;
}

/** A server of HTTP/2 that speaks HTTP/1.1 to whom asks for no more. */
async function secondServer(world: World, respond: (answer: SecondAnswer) => void): Promise<SecondServer> {
  const seen = { versions: [] as string[], sessions: 0 };
  const sockets: Socket[] = [];
  const server = createSecureServer({ ...world.pair, allowHTTP1: true }, ({ httpVersion }, response) => {
    seen.versions.push(httpVersion);
    respond({ response, drop: () => sockets.at(-1)?.destroy() });
  });
  server.on("connection", (socket: Socket) => sockets.push(socket));
  server.on("session", (session) => {
    seen.sessions++;
    session.on("error", () => {});
  });
  return { url: await serving(world, server, "https"), seen };
}

interface SecondServer {
  readonly url: string;
  readonly seen: { readonly versions: readonly string[]; readonly sessions: number };
}

interface SecondAnswer {
  readonly response: Http2ServerResponse;
  /** Destroys the connection, TLS and all. */
  drop(): void;
}

/** How one attempt ends that is cut like this once the first row of its body was read. */
async function secondEnd(
  world: World,
  headers: Record<string, string>,
  body: string,
  cut: (answer: SecondAnswer) => void,
): Promise<string> {
  const cuts: (() => void)[] = [];
  const { url } = await secondServer(world, (answer) => {
    answer.response.writeHead(200, { "content-type": "application/x-ndjson", ...headers });
    answer.response.write(body);
    cuts.push(() => cut(answer));
  });
  const stream = openNdjson(url, { transport: fetchTransport(), reconnect: false });
  const { items, code } = await endOf(stream, () => cuts.pop()?.());
  assert.deepEqual(items, [{ n: 1 }]);
  return code;
}

/** Ends the answer early: RST_STREAM with CANCEL, or for HTTP/1.1 the connection. */
function cancel({ response: { stream }, drop }: SecondAnswer): void {
  if (stream) stream.close(constants.NGHTTP2_CANCEL);
  else drop();
}

/** Breaks the answer off: RST_STREAM with INTERNAL_ERROR, or for HTTP/1.1 the connection. */
function breakOff({ response: { stream }, drop }: SecondAnswer): void {
  if (stream) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else drop();
}
