// The ways of a duplex call under Node: https with certificates of an authority of ours, Unix sockets, proxies.

import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { createClient } from "longwire";
import { afterAll, expect, test } from "vitest";
import { Authority } from "./certificates.ts";
import { connectProxy } from "./connect-proxy.ts";
import { listening } from "./listening.ts";

const authority = new Authority();
const folder = mkdtempSync(join(tmpdir(), "longwire-duplex-"));
afterAll(() => {
  authority[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});
const ca = authority.cert;
const pair = authority.issue("DNS:a.example,DNS:localhost");

/** Greets with what it knows of the request, then echoes while it reads. */
const echo: RequestListener = (request, response) => {
  const { alpnProtocol = "no TLS" } = request.socket as TLSSocket;
  response.write(`${request.method} ${request.url} ${request.headers.host} ${alpnProtocol}`);
  request.on("error", () => {});
  request.pipe(response);
};

/** What a call is greeted with, once it has gone back and forth. */
async function greeting(client: ReturnType<typeof createClient>, url: string): Promise<string> {
  const wire = await client.duplex(url);
  const pieces = wire[Symbol.asyncIterator]();
  const piece = async (): Promise<string> => Buffer.from((await pieces.next()).value ?? "(done)").toString();
  const greeted = await piece();
  for (let round = 0; round < 20; round++) {
    await wire.write(`round ${round}`);
    expect(await piece()).toBe(`round ${round}`);
  }
  await wire.end();
  expect(await piece()).toBe("(done)");
  return greeted;
}

test("https is verified, and HTTP/1.1 is what it speaks", async () => {
  await using server = await listening(createSecureServer(pair, echo));
  const url = `https://localhost:${server.port}/talk`;
  await using client = createClient({ tls: { ca }, proxy: false });
  expect(await greeting(client, url)).toBe(`POST /talk localhost:${server.port} http/1.1`);
  await using distrustful = createClient({ proxy: false });
  await expect(distrustful.duplex(url)).rejects.toMatchObject({
    code: "unreachable",
    phase: "tls",
    certificate: "unknownAuthority",
  });
});

test("a Unix socket is one, whose server sees localhost", async () => {
  const path = join(folder, "a.sock");
  await using _server = await listening(createServer(echo), path);
  await using client = createClient({ baseUrl: `unix:${path}:/v1` });
  expect(await greeting(client, "/talk?a=b")).toBe("POST /v1/talk?a=b localhost no TLS");
});

test.each(["http", "https"] as const)("a proxy of %s opens a tunnel to https", async (scheme) => {
  await using server = await listening(createSecureServer(pair, echo));
  await using proxy = await connectProxy(scheme === "https" ? { secure: pair } : {});
  await using client = createClient({ proxy: `${scheme}://localhost:${proxy.port}`, tls: { ca } });
  const host = `a.example:${server.port}`;
  expect(await greeting(client, `https://${host}/talk`)).toBe(`POST /talk ${host} http/1.1`);
  expect(proxy.asked).toEqual([["CONNECT", host, undefined]]);
});

test("a proxy is asked for http in absolute form, with its credentials, and refuses a call without them", async () => {
  await using server = await listening(createServer(echo));
  const authorization = `Basic ${Buffer.from("ann:secret").toString("base64")}`;
  await using proxy = await connectProxy({ authorization });
  const url = `http://a.example:${server.port}/talk`;
  await using client = createClient({ proxy: `http://ann:secret@localhost:${proxy.port}` });
  expect(await greeting(client, url)).toBe(`POST /talk a.example:${server.port} no TLS`);
  expect(proxy.asked).toEqual([["POST", url, authorization]]);
  await using stranger = createClient({ proxy: `http://localhost:${proxy.port}` });
  await using refused = await stranger.duplex(url);
  await expect(refused.head).rejects.toMatchObject({ code: "refused", status: 407, excerpt: "who are you?" });
});
