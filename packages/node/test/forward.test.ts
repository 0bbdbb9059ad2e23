import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { StreamRequest } from "@longwire/core";
import { Agent, buildConnector } from "undici";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type NodeTransport, nodeTransport } from "../src/index.ts";
import { loopback, selfSigned, turns } from "./loopback.ts";

let transport: NodeTransport;
beforeEach(() => {
  transport = nodeTransport();
});
afterEach(() => transport.destroy());

const signal = new AbortController().signal;

test("nothing is asked for that the request does not ask for, and a coded body stays coded, its fields too", async () => {
  const gzipped = gzipSync("some text");
  await using server = await loopback(
    createServer((request, response) => {
      const head = {
        "content-encoding": "gzip",
        "set-cookie": ["a=1", "b=2"],
        "x-asked": String(request.headers["accept-encoding"]),
      };
      response.writeHead(200, head).end(gzipped);
    }),
  );
  const { fields, body } = await transport.forward(new StreamRequest({ url: server.url }), { signal });
  expect(fields).toMatchObject({ "content-encoding": "gzip", "set-cookie": ["a=1", "b=2"], "x-asked": "undefined" });
  expect(Buffer.concat(await Array.fromAsync(body))).toEqual(gzipped);
});

test("the head of a body of unknown length leaves before it, that of a known one with it, on a connection that is kept", async () => {
  await using server = await loopback(
    createServer(async (request, response) => {
      if (request.headers["content-length"] === undefined) response.flushHeaders();
      response.end(await text(request));
    }),
  );
  let give = (): void => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  const body = async function* () {
    await given;
    yield Buffer.from("late");
  };
  const unknown = new StreamRequest({ url: server.url, method: "POST", body: body() });
  const response = await transport.forward(unknown, { signal });
  give();
  expect(String(Buffer.concat(await Array.fromAsync(response.body)))).toBe("late");
  for (let turn = 0; turn < 2; turn++) {
    const known = unknown.withBody(body()).withHeader("content-length", "4");
    const answer = await transport.forward(known, { signal });
    expect(String(Buffer.concat(await Array.fromAsync(answer.body)))).toBe("late");
  }
  expect(server.sockets.length).toBe(2);
});

test("a server that switches gives the socket, counted as taken; one that does not, its answer as it is", async () => {
  await using server = await loopback(
    createServer((_request, response) => void response.writeHead(426, { "x-why": "no" }).end("not that")).on(
      "upgrade",
      (request, socket) => {
        if (request.url === "/no")
          return void socket.end("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 8\r\n\r\nnot that");
        socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly ");
        socket.pipe(socket);
      },
    ),
  );
  const headers = { connection: "Upgrade", upgrade: "echo" };
  const taken = await transport.forward(new StreamRequest({ url: server.url, headers }), { signal });
  expect([taken.status, transport.stats()[0]?.state]).toEqual([101, "taken"]);
  taken.socket?.end("late");
  expect(String(Buffer.concat(await (taken.socket as NonNullable<typeof taken.socket>).toArray()))).toBe("early late");
  const refused = await transport.forward(new StreamRequest({ url: `${server.url}/no`, headers }), { signal });
  expect([refused.status, refused.socket]).toEqual([426, undefined]);
  expect(String(Buffer.concat(await Array.fromAsync(refused.body)))).toBe("not that");
});

test("a borrowed dispatcher has no socket to take", async () => {
  const dispatcher = new Agent();
  await using lent = nodeTransport({ dispatcher });
  const request = new StreamRequest({ url: "http://127.0.0.1:9", headers: { upgrade: "echo" } });
  await expect(lent.forward(request, { signal })).rejects.toThrow(/borrowed/);
  await dispatcher.close();
});

describe("a chunk given back", () => {
  const megabyte = (_request: unknown, response: { end(body: Buffer): unknown }): void =>
    void response.end(Buffer.alloc(2 ** 20));

  /** Whether a body of 1 MiB has fewer bytes in its chunks when they were given back. */
  async function empties(own: NodeTransport, url: string): Promise<boolean> {
    const { body } = await own.forward(new StreamRequest({ url }), { signal });
    let [bytes, left] = [0, 0];
    for await (const chunk of body) {
      bytes += chunk.length;
      body.giveBack?.(chunk);
      left += chunk.length;
      // So that several are there.
      await turns(3);
    }
    await own.destroy();
    expect(bytes).toBe(2 ** 20);
    return left < bytes;
  }

  test("is emptied where it came from a socket of the transport's own, and nowhere else", async () => {
    await using server = await loopback(createServer(megabyte));
    expect(await empties(nodeTransport(), server.url)).toBe(true);
    const dispatcher = new Agent();
    expect(await empties(nodeTransport({ dispatcher }), server.url)).toBe(false);
    await dispatcher.close();
    expect(await empties(nodeTransport({ connect: buildConnector({}) }), server.url)).toBe(false);
  });

  test("is not emptied over HTTP/2, where one read has bytes of many streams", async () => {
    const [key, cert] = selfSigned();
    await using server = await loopback(createSecureServer({ key, cert }, megabyte));
    expect(await empties(nodeTransport({ tls: { ca: cert } }), `https://localhost:${server.port}`)).toBe(false);
  });
});
