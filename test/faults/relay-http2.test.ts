// The relay between HTTP/2 and HTTP/1.1, both ways round.

import {
  createSecureServer,
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type OutgoingHttpHeaders,
} from "node:http2";
import { once } from "node:events";
import type { Server } from "node:net";
import { nodeTransport } from "@longwire/node";
import { relay } from "@longwire/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Authority, type Pair } from "./certificates.ts";
import { h2Server } from "./h2-server.ts";
import { listening } from "./listening.ts";
import { rawServer } from "./raw-server.ts";
import { RawClient, relayServer } from "./relay-server.ts";

let authority: Authority;
let pair: Pair;
beforeAll(() => {
  authority = new Authority();
  pair = authority.issue("DNS:localhost");
});
afterAll(() => authority[Symbol.dispose]());

const ok = "HTTP/1.1 200 OK\r\n";

test("a client of HTTP/2 has the answer of HTTP/1.1 without what HTTP/2 forbids", async () => {
  let asked = "";
  await using upstream = await rawServer(async (wire) => {
    asked = (await wire.request()) ?? "";
    await wire.write(
      `${ok}Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n0\r\n\r\n`,
    );
  });
  await using front = await secureFront(upstream.url);
  const stream = front.request({ ":path": "/x?y", cookie: "a=1; b=2" });
  const [head] = (await once(stream, "response")) as [Record<string, unknown>];
  expect(head).toMatchObject({ ":status": 200, "set-cookie": ["a", "b"], via: "1.1 longwire" });
  expect(head).not.toHaveProperty("content-length");
  expect(head).not.toHaveProperty("keep-alive");
  expect(await endOf(stream)).toBe("some, and its end");
  expect(asked).toMatch(/^GET \/x\?y HTTP\/1\.1\r\n/);
  expect(asked.toLowerCase()).toContain("\r\nvia: 2 longwire");
  expect(asked).toContain(`;host="localhost:${front.port}";proto=https`);
  expect(asked).toContain("cookie: a=1; b=2");
});

test("an upstream of HTTP/1.1 that is cut is RST_STREAM for the client, never an end", async () => {
  await using upstream = await rawServer(async (wire) => {
    await wire.request();
    await wire.write(`${ok}transfer-encoding: chunked\r\n\r\n4\r\nsome\r\n`);
    await seen;
    wire.fin();
  });
  await using front = await secureFront(upstream.url);
  const stream = front.request({ ":path": "/" });
  const seen = once(stream, "data");
  expect(await endOf(stream)).toBe("some, cut: 2");
});

test("a client of HTTP/2 that gives one stream up takes its upstream's connection with it, and no other", async () => {
  await using upstream = await rawServer(async (wire) => {
    await wire.request();
    await wire.write(`${ok}transfer-encoding: chunked\r\n\r\n4\r\nsome\r\n`);
    if (wire.index === 1) {
      await upstream.wires[0]?.left;
      await wire.write("0\r\n\r\n");
    }
  });
  await using front = await secureFront(upstream.url);
  const first = front.request({ ":path": "/1" });
  await once(first, "data");
  const second = front.request({ ":path": "/2" });
  await once(second, "response");
  first.close(8);
  await upstream.wires[0]?.left;
  expect(await endOf(second)).toBe("some, and its end");
});

test("a body that a client of HTTP/2 sends while it reads crosses both ways", async () => {
  await using upstream = await h2Server(pair, (stream) => {
    stream.respond({ ":status": 200 });
    stream.write("head,");
    stream.on("data", (chunk) => stream.write(`<${String(chunk)}>`));
    stream.on("end", () => stream.end("end"));
  });
  await using front = await secureFront(upstream.url);
  const stream = front.request({ ":method": "POST", ":path": "/" }, { endStream: false });
  let text = "";
  stream.on("data", (chunk) => {
    text += String(chunk);
  });
  const until = async (wanted: string): Promise<void> => {
    while (!text.includes(wanted)) await once(stream, "data");
  };
  await until("head,");
  stream.write("a");
  await until("<a>");
  stream.end("b");
  await until("<b>end");
  expect(upstream.asked).toEqual(["0 /"]);
});

test("an upstream of HTTP/2 that resets its stream is a cut for a client of HTTP/1.1", async () => {
  await using upstream = await h2Server(pair, (stream) => {
    stream.respond({ ":status": 200, "set-cookie": ["a", "b"], "content-length": 8 });
    stream.write("some");
    void client.until("some").then(() => stream.close(2));
  });
  await using transport = nodeTransport({ tls: { ca: authority.cert } });
  await using front = await relayServer(upstream.url, { transport });
  using client = new RawClient(front.port);
  client.write("GET / HTTP/1.1\r\nHost: x\r\nX-Hop: 1\r\nConnection: x-hop\r\n\r\n");
  await client.ended;
  expect(client.body).toBe("some");
  expect(client.head).toMatch(/content-length: 8[\s\S]*set-cookie: a\nset-cookie: b\nvia: 2 longwire/);
  expect(front.failures.length).toBe(1);
});

test("a request that its client of HTTP/1.1 cuts is RST_STREAM for the upstream, with no end before it", async () => {
  const ended = Promise.withResolvers<string>();
  const begun = Promise.withResolvers<void>();
  await using upstream = await h2Server(pair, (stream) => {
    stream.once("data", () => begun.resolve()).resume();
    // Node ends a stream that was reset too, but closed by then.
    stream.once("end", () => ended.resolve(stream.closed ? `cut: ${stream.rstCode}` : "whole"));
  });
  await using transport = nodeTransport({ tls: { ca: authority.cert } });
  await using front = await relayServer(upstream.url, { transport });
  using client = new RawClient(front.port);
  client.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
  await begun.promise;
  client.socket.destroy();
  expect(await ended.promise).toBe("cut: 8");
});

/** How a stream ends: its text, and whether it came to an end. */
async function endOf(stream: ClientHttp2Stream): Promise<string> {
  let text = "";
  let ended = false;
  stream.on("data", (chunk) => {
    text += String(chunk);
  });
  stream.on("end", () => {
    ended = true;
  });
  stream.on("error", () => {});
  if (!stream.closed) await new Promise((resolve) => stream.once("close", resolve));
  return stream.rstCode === 0 && ended ? `${text}, and its end` : `${text}, cut: ${stream.rstCode}`;
}

/** A relay that speaks HTTP/2, and a client's session with it. */
async function secureFront(upstream: string) {
  const transport = nodeTransport({ tls: { ca: authority.cert } });
  const passing = relay(upstream, { transport });
  const server = createSecureServer({ ...pair, allowHTTP1: true }, passing);
  const { port, [Symbol.asyncDispose]: close } = await listening(server as unknown as Server);
  const session: ClientHttp2Session = connect(`https://localhost:${port}`, { ca: authority.cert });
  session.on("error", () => {});
  return {
    port,
    request: (headers: OutgoingHttpHeaders, options = {}) => session.request(headers, options).on("error", () => {}),
    async [Symbol.asyncDispose]() {
      session.destroy();
      await close();
      await transport.destroy();
    },
  };
}
