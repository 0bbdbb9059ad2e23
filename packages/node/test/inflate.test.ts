import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  deflateRawSync,
  deflateSync,
  gzipSync,
} from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type NodeTransport, nodeTransport } from "../src/node-transport.ts";
import { httpServer, send, textOf, turns } from "./loopback.ts";

let transport: NodeTransport;
beforeEach(() => {
  transport = nodeTransport();
});
afterEach(() => transport.destroy());

const text = "data: a line of an event stream\n\n".repeat(1_000);

test.each([
  ["gzip", gzipSync(text)],
  ["x-gzip", gzipSync(text)],
  ["GZIP", gzipSync(text)],
  ["deflate", deflateSync(text)],
  ["deflate", deflateRawSync(text)],
  ["br", brotliCompressSync(text)],
  ["gzip", Buffer.concat([gzipSync(text.slice(0, 100)), gzipSync(text.slice(100))])],
  ["gzip", Buffer.concat([gzipSync(text), Buffer.alloc(20)])],
])("a %s body is decoded, and the headers say no more that it is encoded", async (encoding, bytes) => {
  await using server = await httpServer((_request, response) => {
    response
      .writeHead(200, {
        "content-encoding": encoding,
        "content-length": bytes.length,
        "accept-ranges": "bytes",
        "x-kept": "1",
      })
      .end(bytes);
  });
  for (let count = 0; count < 2; count++) {
    const { headers, framing, body } = await send(transport, server.url);
    const told = ["content-encoding", "content-length", "accept-ranges", "x-kept"].map((name) => headers.get(name));
    expect(told).toEqual([null, null, null, "1"]);
    expect(framing).toBe("length");
    expect(await textOf(body)).toBe(text);
  }
  expect(server.sockets.length).toBe(1);
});

test.each([
  ["gzip", () => createGzip()],
  ["br", () => createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })],
] as const)("each event of a %s stream comes out when the server flushes it", async (encoding, create) => {
  const encoder = create();
  await using server = await httpServer((_request, response) => {
    response.writeHead(200, { "content-encoding": encoding });
    encoder.pipe(response);
  });
  const flushed = (event: string): Promise<void> =>
    new Promise((resolve) => {
      encoder.write(event);
      encoder.flush(() => resolve());
    });
  const answer = send(transport, server.url);
  await once(server.server, "request");
  await flushed("data: 0\n\n");
  const { body } = await answer;
  const pieces = body[Symbol.asyncIterator]();
  for (let event = 0; event < 5; event++) {
    // The next event is written only after this one is here, so nothing later can have pushed it out.
    expect(Buffer.from((await pieces.next()).value as Uint8Array).toString()).toBe(`data: ${event}\n\n`);
    await flushed(`data: ${event + 1}\n\n`);
  }
  encoder.end();
  expect(Buffer.from((await pieces.next()).value as Uint8Array).toString()).toBe("data: 5\n\n");
  expect((await pieces.next()).done).toBe(true);
});

test("an encoding that is not decoded here stays in the headers, and its body as it is", async () => {
  await using server = await httpServer((_request, response) => {
    response.writeHead(200, { "content-encoding": "zstd", "content-length": 3 }).end("raw");
  });
  const { headers, body } = await send(transport, server.url);
  expect([headers.get("content-encoding"), headers.get("content-length")]).toEqual(["zstd", "3"]);
  expect(await textOf(body)).toBe("raw");
});

test("gzip, deflate and br are asked for, unless the request says otherwise", async () => {
  await using server = await httpServer((request, response) => response.end(request.headers["accept-encoding"]));
  expect(await textOf((await send(transport, server.url)).body)).toBe("gzip, deflate, br");
  expect(await textOf((await send(transport, server.url, { headers: { "Accept-Encoding": "identity" } })).body)).toBe(
    "identity",
  );
});

test("an empty body is an empty body, whatever its encoding", async () => {
  await using server = await httpServer((_request, response) =>
    response.writeHead(200, { "content-encoding": "gzip" }).end(),
  );
  expect(await textOf((await send(transport, server.url)).body)).toBe("");
});

test("the answer to HEAD keeps its headers", async () => {
  await using server = await httpServer((_request, response) => {
    response.writeHead(200, { "content-encoding": "gzip", "content-length": 7 }).end();
  });
  const { headers, body } = await send(transport, server.url, { method: "HEAD" });
  expect([headers.get("content-encoding"), headers.get("content-length")]).toEqual(["gzip", "7"]);
  expect(await textOf(body)).toBe("");
});

test("a gzip body that ends short is truncated, after all that it held", async () => {
  const bytes = gzipSync(text);
  await using server = await httpServer((_request, response) => {
    response.writeHead(200, { "content-encoding": "gzip" }).end(bytes.subarray(0, -9));
  });
  let seen = "";
  const reading = (async () => {
    for await (const piece of (await send(transport, server.url)).body) seen += Buffer.from(piece).toString();
  })();
  await expect(reading).rejects.toMatchObject({ code: "truncated" });
  expect(seen.length).toBeGreaterThan(0);
  expect(text.startsWith(seen)).toBe(true);
});

test("a body that is not gzip is protocol, and its connection is let go", async () => {
  await using server = await httpServer((_request, response) =>
    response.writeHead(200, { "content-encoding": "gzip" }).write("data: plain\n\n"),
  );
  await expect(textOf((await send(transport, server.url)).body)).rejects.toMatchObject({ code: "protocol" });
  await gone(server.sockets[0] as Socket);
});

test("a connection that breaks under a gzip body is a reset", async () => {
  await using server = await httpServer((_request, response) => opened(response));
  const pieces = (await send(transport, server.url)).body[Symbol.asyncIterator]();
  await pieces.next();
  const waiting = pieces.next();
  server.sockets[0]?.resetAndDestroy();
  await expect(waiting).rejects.toMatchObject({ code: "reset" });
  expect(await pieces.next()).toEqual({ done: true, value: undefined });
});

test("release settles a read that waits, and closes the connection", async () => {
  await using server = await httpServer((_request, response) => opened(response));
  const response = await send(transport, server.url);
  const pieces = response.body[Symbol.asyncIterator]();
  await pieces.next();
  const waiting = pieces.next();
  response.release("why");
  await expect(waiting).rejects.toBe("why");
  expect(await pieces.next()).toEqual({ done: true, value: undefined });
  await gone(server.sockets[0] as Socket);
});

test("a second pull while one waits is a TypeError, and the first still settles", async () => {
  await using server = await httpServer((_request, response) => opened(response));
  const response = await send(transport, server.url);
  const pieces = response.body[Symbol.asyncIterator]();
  await pieces.next();
  const waiting = pieces.next();
  await expect(pieces.next()).rejects.toThrow(TypeError);
  response.release();
  expect(await waiting).toEqual({ done: true, value: undefined });
});

test("leaving the loop closes the connection", async () => {
  await using server = await httpServer((_request, response) => opened(response));
  for await (const _ of (await send(transport, server.url)).body) break;
  await gone(server.sockets[0] as Socket);
});

test("a reader that does not pull stops the sender of a gzip body", async () => {
  const totalBytes = 32 * 1024 * 1024;
  await using server = await httpServer((_request, response) => {
    // Stored, not squeezed: as many bytes on the wire as in the body.
    response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(totalBytes), { level: 0 }));
  });
  const pieces = (await send(transport, server.url)).body[Symbol.asyncIterator]();
  let bytes = (await pieces.next()).value?.length ?? 0;
  await turns(5_000);
  expect(transport.stats()[0]?.bytesRead).toBeLessThan(512 * 1024);
  for (let piece = await pieces.next(); !piece.done; piece = await pieces.next()) bytes += piece.value.length;
  expect(bytes).toBe(totalBytes);
});

const MiB = 1024 * 1024;
const zeros = Buffer.alloc(64 * MiB);

describe.each([
  ["gzip", () => gzipSync(zeros)],
  ["br", () => brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })],
  ["deflate", () => deflateSync(zeros)],
  ["deflate", () => deflateRawSync(zeros)],
] as const)("a bomb of %s", (encoding, make) => {
  const bomb = make();

  test("ends as limit at 200 times what came on the wire, and its connection is let go", async () => {
    // It says not that this was all: only who reads can end it.
    await using server = await httpServer((_request, response) =>
      response.writeHead(200, { "content-encoding": encoding }).write(bomb),
    );
    const { seen, thrown } = await read(server.url, transport);
    expect(thrown).toMatchObject({ code: "limit", limit: "maxInflateRatio" });
    expect((thrown as Error).message).toMatch(
      new RegExp(`^Cannot go on reading http\\S+: \\d+ bytes of ${encoding} are \\d+ decoded so far, over 200 to 1`),
    );
    expect(seen).toBeGreaterThan(0);
    expect(seen).toBeLessThanOrEqual(Math.max(MiB, 200 * bomb.length));
    await gone(server.sockets[0] as Socket);
  });

  test("comes whole when the caller lets it", async () => {
    await using server = await bombServer(encoding, bomb);
    await using trusting = nodeTransport({ maxInflateRatio: 0 });
    expect(await read(server.url, trusting)).toEqual({ seen: zeros.length, thrown: undefined });
  });
});

test("what grows less than the limit comes whole, and so does the first MiB of all else", async () => {
  // A little of what cannot be compressed in every block: about 30 to 1.
  const block = Buffer.concat([randomBytes(1024), Buffer.alloc(31 * 1024)]);
  const body = Buffer.concat(Array.from({ length: 256 }, () => block));
  for (const [maxInflateRatio, bytes, whole] of [
    [200, body, true],
    [20, body, false],
    [1, zeros.subarray(0, MiB), true],
    [1, zeros.subarray(0, MiB + 1), false],
  ] as const) {
    await using server = await bombServer("gzip", gzipSync(bytes, { windowBits: 9 }));
    await using strict = nodeTransport({ maxInflateRatio });
    const { seen, thrown } = await read(server.url, strict);
    expect([seen === bytes.length, thrown === undefined]).toEqual([whole, whole]);
  }
});

test("a ratio that is none is a RangeError that prints it", () => {
  for (const maxInflateRatio of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => nodeTransport({ maxInflateRatio })).toThrow(
      new RangeError(`maxInflateRatio must be a number from 1 up, or 0 for no limit; it is ${maxInflateRatio}`),
    );
  }
});

function bombServer(encoding: string, bomb: Uint8Array) {
  return httpServer((_request, response) => response.writeHead(200, { "content-encoding": encoding }).end(bomb));
}

async function read(url: string, by: NodeTransport): Promise<{ seen: number; thrown: unknown }> {
  let seen = 0;
  try {
    for await (const piece of (await send(by, url)).body) seen += piece.length;
    return { seen, thrown: undefined };
  } catch (thrown) {
    return { seen, thrown };
  }
}

/** One flushed event of a gzip stream that stays open. */
function opened(response: ServerResponse): void {
  const encoder = createGzip();
  encoder.pipe(response.writeHead(200, { "content-encoding": "gzip" }));
  encoder.write("data: 0\n\n");
  encoder.flush();
}

async function gone(socket: Socket): Promise<void> {
  if (!socket.destroyed) await new Promise((resolve) => socket.once("close", resolve));
}
