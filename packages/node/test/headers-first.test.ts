import { getEventListeners } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openLines, type Transport } from "@longwire/core";
import { connectorsOf } from "../src/connector.ts";
import { headersFirst } from "../src/headers-first.ts";
import { SocketPool } from "../src/socket-pool.ts";
import { failureOf, httpServer, rawServer, send, textOf, turns } from "./loopback.ts";

let pool: SocketPool;
let transport: Transport;
beforeEach(() => {
  pool = new SocketPool(
    {},
    connectorsOf({ allowH2: false }, () => undefined),
  );
  const send = () => Promise.reject(new Error("only over HTTP/2"));
  transport = headersFirst(pool, () => undefined, send);
});
afterEach(() => pool.destroy());

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

test.each([
  ["a source, in chunks, of which an empty one is not the last", pieces("one ", "", "two"), "none chunked one two"],
  ["text, with its length in bytes", "caf\u00e9", "5 none caf\u00e9"],
  ["bytes", Buffer.from("bytes"), "5 none bytes"],
  ["nothing", undefined, "0 none "],
])("it sends %s", async (_what, body, expected) => {
  await using server = await httpServer(async (request, response) => {
    const { "content-length": length = "none", "transfer-encoding": coding = "none" } = request.headers;
    response.end(`${length} ${coding} ${await textOf(request)}`);
  });
  const { signal } = new AbortController();
  const response = await send(transport, server.url, { method: "POST", body, signal });
  expect(await textOf(response.body)).toBe(expected);
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("a stream over it reads while its body is sent: each line asks for the next", async () => {
  await using server = await httpServer((request, response) => {
    response.write("ready\n");
    request.pipe(response);
  });
  const seen: string[] = [];
  let heard = (): void => {};
  const body = async function* () {
    while (seen.length < 5) {
      const count = seen.length;
      if (count > 0) yield Buffer.from(`line ${count}\n`);
      if (seen.length === count) await new Promise<void>((resolve) => (heard = resolve));
    }
  };
  for await (const line of openLines(server.url, { method: "POST", body, transport })) {
    seen.push(line);
    heard();
  }
  expect(seen).toEqual(["ready", "line 1", "line 2", "line 3", "line 4"]);
});

test("it lets a source go, once, when no connection comes about", async () => {
  const server = await rawServer(() => {});
  await server[Symbol.asyncDispose]();
  let returned = 0;
  const body = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<never>(() => {}),
      return: () => Promise.resolve({ done: true as const, value: ++returned }),
    }),
  };
  expect(await failureOf(send(transport, server.url, { method: "POST", body }))).toMatchObject({ code: "unreachable" });
  expect(returned).toBe(1);
});

test.each(["connected", "sent"] as const)(
  "an abort as soon as it is %s throws the reason, and leaves nothing",
  async (at) => {
    await using server = await rawServer(() => {});
    const abort = new AbortController();
    const stop = (event: string) => (): void => {
      if (event === at) abort.abort("enough");
    };
    const on = { hidden: () => {}, connected: stop("connected"), sent: stop("sent") };
    await expect(send(transport, server.url, { signal: abort.signal, on })).rejects.toBe("enough");
    while (pool.stats().length > 0) await turns(1);
  },
);

test("release is the end in any state, and again is nothing", async () => {
  await using server = await rawServer((socket) => void socket.write("HTTP/1.1 200 OK\r\n\r\nhalf"));
  for (const reads of [0, 1, 2]) {
    const response = await send(transport, server.url, { method: "POST", body: pieces("x") });
    const chunks = response.body[Symbol.asyncIterator]();
    if (reads > 0) await chunks.next();
    const waiting = reads > 1 ? chunks.next() : undefined;
    waiting?.catch(() => {});
    response.release("enough");
    response.release("more");
    await expect(waiting ?? chunks.next()).rejects.toBe("enough");
  }
  while (pool.stats().length > 0) await turns(1);
});

test("a pool that is closed takes no request", async () => {
  await pool.close();
  await expect(send(transport, "http://127.0.0.1:1/")).rejects.toThrow("the transport was closed");
});
