// Downloads into a writable: in constant memory, and exact over a wire that breaks.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { faultProxy } from "@longwire/testing";
import { createClient } from "longwire";
import { expect, test } from "vitest";
import { scratchFolder } from "../interop/scratch-folder.ts";

const MiB = 1024 * 1024;

test("1 GiB into a slow writer grows the memory of the process by less than 32 MiB", async () => {
  const block = Buffer.alloc(MiB, "a block of the body ");
  await using server = await serve(async (request, response) => {
    const blocks = Number(request.url?.split("=")[1]);
    response.writeHead(200, { "content-length": blocks * block.length });
    for (let sent = 0; sent < blocks; sent++) if (!response.write(block)) await once(response, "drain");
    response.end();
  });
  const { code, bytes, grownMiB, aheadBytes } = await pipedBy(server.url);
  expect([code, bytes]).toEqual(["complete", 1024 * MiB]);
  expect(grownMiB).toBeLessThan(32);
  // The server was held up: it could not run ahead of the writer.
  expect(aheadBytes).toBeLessThan(MiB);
}, 120_000);

test.each([["a Writable of Node"], ["a WritableStream"]])(
  "%s has all bytes in order, though the wire is cut by RST, FIN and silence",
  async (kind) => {
    const body = bytesOf(3 * MiB);
    await using server = await serve(ranges(body));
    await using proxy = await faultProxy({
      to: server.url,
      plan: [
        { resetAfter: 1_000_000 },
        { cutAfter: 700_000 },
        { stall: 300_000 },
        { slice: 50_000, resetAfter: 400_000 },
        {},
      ],
    });
    await using folder = await scratchFolder("pipe");
    await using client = createClient({
      baseUrl: proxy.url,
      timeouts: { idleMs: 500 },
      reconnect: { firstMs: 0, floorMs: 0 },
    });
    const path = join(folder.path, "image");
    const chunks: Uint8Array[] = [];
    const writable =
      kind === "a WritableStream"
        ? new WritableStream<Uint8Array>({ write: (chunk) => void chunks.push(chunk) })
        : createWriteStream(path);
    expect(await client.pipe("/image", writable)).toMatchObject({ code: "complete", cursor: body.length, attempts: 5 });
    const received = kind === "a WritableStream" ? Buffer.concat(chunks) : await readFile(path);
    expect([received.length, hashOf(received)]).toEqual([body.length, hashOf(body)]);
  },
  60_000,
);

test("a relay whose reader leaves closes what it reads from, and resolves as closed", async () => {
  let upstreamClosed = (): void => {};
  const closed = new Promise<void>((resolve) => {
    upstreamClosed = resolve;
  });
  await using upstream = await serve((_request, response) => {
    response.writeHead(200).write("the first of many");
    response.once("close", upstreamClosed);
  });
  await using client = createClient({ baseUrl: upstream.url });
  const outcomes: Promise<unknown>[] = [];
  await using relay = await serve((_request, response) => void outcomes.push(client.pipe("/", response)));
  const reader = new AbortController();
  const reply = await fetch(relay.url, { signal: reader.signal });
  expect(Buffer.from((await reply.body?.getReader().read())?.value ?? "").toString()).toBe("the first of many");
  reader.abort();
  await closed;
  expect(await Promise.all(outcomes)).toMatchObject([{ code: "closed" }]);
});

test("a relay takes a whole body, and its end, to its reader", async () => {
  const body = bytesOf(MiB);
  await using upstream = await serve((_request, response) => response.end(body));
  await using client = createClient({ baseUrl: upstream.url });
  await using relay = await serve((_request, response) => void client.pipe("/", response));
  const reply = await fetch(relay.url);
  expect(hashOf(new Uint8Array(await reply.arrayBuffer()))).toBe(hashOf(body));
});

test("a file that cannot be written is thrown as the system tells it, and the connection is let go", async () => {
  await using upstream = await serve((_request, response) => void response.writeHead(200).write("some"));
  await using folder = await scratchFolder("pipe");
  await using client = createClient({ baseUrl: upstream.url });
  const file = createWriteStream(join(folder.path, "no such folder", "image"));
  await expect(client.pipe("/", file)).rejects.toMatchObject({ code: "ENOENT" });
  expect(client.stats().streams).toBe(0);
});

interface Piped {
  readonly code: string;
  readonly bytes: number;
  readonly grownMiB: number;
  readonly aheadBytes: number;
}

async function pipedBy(url: string): Promise<Piped> {
  // By default the young generation of V8 alone may grow to 48 MiB before it is collected, whatever is held.
  const young = "--max-semi-space-size=2";
  const child = spawn(process.execPath, [young, fileURLToPath(new URL("pipe-consumer.ts", import.meta.url)), url], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [told] = await Promise.all([text(child.stdout), once(child, "exit")]);
    return JSON.parse(told) as Piped;
  } finally {
    child.kill("SIGKILL");
  }
}

async function serve(answer: RequestListener) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A file server for one file. */
function ranges(body: Uint8Array): RequestListener {
  return (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, {
      etag: '"one"',
      "accept-ranges": "bytes",
      "content-length": body.length - from,
      ...(from > 0 && { "content-range": `bytes ${from}-${body.length - 1}/${body.length}` }),
    });
    response.end(body.subarray(from));
  };
}

/** Bytes that do not repeat. */
function bytesOf(length: number): Buffer {
  const blocks = Array.from({ length: length / 64 }, (_, index) => createHash("sha512").update(String(index)).digest());
  return Buffer.concat(blocks);
}

function hashOf(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
