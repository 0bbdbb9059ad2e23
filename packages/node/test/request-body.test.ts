import { once } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type NodeTransport, nodeTransport } from "../src/node-transport.ts";
import { SourceBody } from "../src/request-body.ts";
import { httpServer, send, textOf } from "./loopback.ts";

let transport: NodeTransport;
beforeEach(() => {
  transport = nodeTransport();
});
afterEach(() => transport.destroy());

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

/** A source that gives one piece and then nothing, ever; it tells when it was let go. */
function stuckSource() {
  const source = {
    returned: 0,
    asked: 0,
    [Symbol.asyncIterator]: () => ({
      next: () =>
        source.asked++ === 0
          ? Promise.resolve({ done: false, value: Buffer.from("first") })
          : new Promise<never>(() => {}),
      return: () => {
        source.returned += 1;
        return Promise.reject(new Error("nobody waits for this"));
      },
    }),
  };
  return source;
}

const echo = () =>
  httpServer(async (request, response) => {
    const { "content-length": length = "none", "transfer-encoding": coding = "none" } = request.headers;
    response.end(`${length} ${coding} ${await textOf(request)}`);
  });

test.each([
  ["a string, with its length in bytes", "caf\u00e9", "5 none caf\u00e9"],
  ["bytes", Buffer.from("bytes"), "5 none bytes"],
  ["an empty string", "", "0 none "],
  ["nothing", undefined, "0 none "],
  ["an async source, in chunks", pieces("one ", "two"), "none chunked one two"],
  ["what a function makes", () => "made", "4 none made"],
  ["a source that a function makes", () => pieces("made"), "none chunked made"],
])("%s is sent", async (_claim, body, expected) => {
  await using server = await echo();
  const response = await send(transport, server.url, { method: "POST", body });
  expect(await textOf(response.body)).toBe(expected);
});

test("a function is called anew for each send", async () => {
  await using server = await echo();
  let made = 0;
  const init = { method: "POST", body: () => `body ${++made}` };
  await send(transport, server.url, init);
  expect(await textOf((await send(transport, server.url, init)).body)).toContain("body 2");
});

test("what the source throws is thrown as it is, and the request is not taken for whole", async () => {
  const failure = { mine: true };
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("half");
    throw failure;
  }
  let whole: boolean | undefined;
  await using server = await httpServer((request) => {
    request.resume().on("error", () => {});
    request.on("close", () => {
      whole = request.complete;
    });
  });
  await expect(send(transport, server.url, { method: "POST", body: failing() })).rejects.toBe(failure);
  await new Promise((resolve) => server.sockets[0]?.once("close", resolve));
  expect(whole).toBe(false);
});

test("a source is let go when the signal is aborted, though it never answers", async () => {
  await using server = await httpServer(() => {});
  const source = stuckSource();
  const abort = new AbortController();
  const answer = send(transport, server.url, { method: "POST", body: source, signal: abort.signal });
  await once(server.server, "request");
  abort.abort("enough");
  await expect(answer).rejects.toBe("enough");
  expect(source.returned).toBe(1);
});

test("a source is let go when the answer ends before it", async () => {
  await using server = await httpServer((_request, response) => response.writeHead(413).end("too much"));
  const source = stuckSource();
  const response = await send(transport, server.url, { method: "POST", body: source });
  expect(await textOf(response.body)).toBe("too much");
  expect(source.returned).toBe(1);
});

test("a source is let go when the connection breaks", async () => {
  await using server = await httpServer((request) => request.socket.resetAndDestroy());
  const source = stuckSource();
  await expect(send(transport, server.url, { method: "POST", body: source })).rejects.toMatchObject({ code: "reset" });
  expect(source.returned).toBe(1);
});

test("a source is let go with a released answer", async () => {
  await using server = await httpServer((_request, response) => response.write("open"));
  const source = stuckSource();
  const response = await send(transport, server.url, { method: "POST", body: source });
  response.release();
  expect(source.returned).toBe(1);
});

test("a source that was not begun is let go when nothing could be reached", async () => {
  const server = await echo();
  await server[Symbol.asyncDispose]();
  const source = stuckSource();
  await expect(send(transport, server.url, { method: "POST", body: source })).rejects.toMatchObject({
    code: "unreachable",
  });
  expect([source.asked, source.returned]).toEqual([0, 1]);
});

test("a source is asked only as fast as the server reads", async () => {
  let asked = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      asked += 1;
      yield Buffer.alloc(64 * 1024);
    }
  }
  await using server = await httpServer((request) => void request.pause());
  const abort = new AbortController();
  const answer = send(transport, server.url, { method: "POST", body: endless(), signal: abort.signal });
  await once(server.server, "request");
  for (let turn = 0; turn < 5_000; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toBeLessThan(256);
  abort.abort("enough");
  await expect(answer).rejects.toBe("enough");
});

test("who waits for a source that is let go waits no more, and never takes it for whole", async () => {
  const body = new SourceBody(stuckSource());
  await body.next();
  const waiting = body.next();
  body.release();
  await expect(waiting).rejects.toThrow("let go");
  await expect(body.next()).rejects.toThrow("let go");
});
