// Certificates that are trusted or not, by the options of a client under Node, against servers with certificates of an authority of ours.

import { once } from "node:events";
import { createServer, type ServerOptions } from "node:https";
import { createServer as createTcpServer } from "node:net";
import type { TLSSocket } from "node:tls";
import { StreamError, StreamRequest } from "@longwire/core";
import { nodeTransport } from "@longwire/node";
import { createClient } from "longwire";
import { afterAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { Authority, future, type Pair, past } from "./certificates.ts";
import { type Listening, listening } from "./listening.ts";

const authority = new Authority();
afterAll(() => authority[Symbol.dispose]());
const ca = authority.cert;
const local = authority.issue("DNS:localhost");

function secureServer(pair: Pair, options: ServerOptions = {}): Promise<Listening> {
  const server = createServer({ ...pair, ...options }, (request, response) => {
    const { subject } = (request.socket as TLSSocket).getPeerCertificate();
    response.end(`${(request.socket as TLSSocket).servername} ${subject?.CN ?? "nobody"}`);
  });
  return listening(server);
}

/** The error of one request, by a client that tries again what can be tried again: three times. */
async function errorOf(url: string, options: Parameters<typeof createClient>[0]): Promise<StreamError> {
  await using client = createClient({ ...options, proxy: false });
  const stream = client.lines(url, { reconnect: { retries: 3, firstMs: 0, floorMs: 0 } });
  const error = await stream.open().catch((reason: unknown) => reason);
  expect(stream.stats.attempts).toBe(1);
  return error as StreamError;
}

describe("a certificate", () => {
  test("of an authority that the client trusts is taken, and the name is told to the server", async () => {
    await using server = await secureServer(local);
    await using client = createClient({ baseUrl: `https://localhost:${server.port}`, tls: { ca } });
    expect(await (await client.request("/")).text()).toBe("localhost nobody");
  });

  test.each([
    ["for another name", "wrongName", authority.issue("DNS:other.example"), { ca }, "is for other names"],
    ["that has expired", "expired", authority.issue("DNS:localhost", past), { ca }, "has expired"],
    ["of tomorrow", "notYetValid", authority.issue("DNS:localhost", future), { ca }, "is not valid yet"],
    ["of an authority nobody knows", "unknownAuthority", local, {}, "as tls.ca"],
  ] as const)(
    "%s is unreachable in phase tls, %s, and not tried again",
    async (_claim, certificate, pair, tls, words) => {
      await using server = await secureServer(pair);
      const url = `https://localhost:${server.port}/?token=secret`;
      const error = await errorOf(url, { tls });
      expect(error).toBeInstanceOf(StreamError);
      expect(error).toMatchObject({ code: "unreachable", phase: "tls", certificate });
      expect(error.message).toContain(`Cannot reach https://localhost:${server.port}/?token=***: its certificate`);
      expect(error.message).toContain(words);
    },
  );

  test("that is no matter, as when the handshake breaks, is not told of", async () => {
    await using server = await secureServer(local, { maxVersion: "TLSv1.2" });
    const error = await errorOf(`https://localhost:${server.port}`, { tls: { ca, minVersion: "TLSv1.3" } });
    expect(error).toMatchObject({ code: "unreachable", phase: "tls" });
    expect(error).not.toHaveProperty("certificate");
  });

  test("for another name is taken under that name with tls.servername", async () => {
    await using server = await secureServer(authority.issue("DNS:other.example"));
    const tls = { ca, servername: "other.example" };
    await using client = createClient({ baseUrl: `https://localhost:${server.port}`, tls });
    expect(await (await client.request("/")).text()).toBe("other.example nobody");
  });

  test("of the client is shown to a server that asks for one", async () => {
    await using server = await secureServer(local, { ca, requestCert: true, rejectUnauthorized: true });
    const own = authority.issue("DNS:client.example");
    await using client = createClient({ baseUrl: `https://localhost:${server.port}`, tls: { ca, ...own } });
    expect(await (await client.request("/")).text()).toBe("localhost leaf");
  });

  test("or key that cannot be used is a TypeError at once, which does not print it", () => {
    const key = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----";
    const attempt = () => createClient({ tls: { key } });
    expect(attempt).toThrow(TypeError);
    expect(attempt).toThrow("tls holds a key or certificate that cannot be used: ");
    expect(attempt).not.toThrow("hunter2");
  });
});

describe("verification", () => {
  test("is turned off by rejectUnauthorized: false alone, with one warning a transport", async () => {
    await using server = await secureServer(authority.issue("DNS:other.example", past));
    const warnings: unknown[] = [];
    const onWarning = (warning: unknown): void => void warnings.push(warning);
    process.on("warning", onWarning);
    onTestFinished(() => void process.off("warning", onWarning));
    await using client = createClient({
      baseUrl: `https://localhost:${server.port}`,
      tls: { rejectUnauthorized: false },
    });
    for (let count = 0; count < 2; count++) expect(await (await client.request("/")).text()).toContain("localhost");
    expect(warnings).toMatchObject([{ code: "LONGWIRE_UNVERIFIED" }]);
    expect(String(warnings[0])).toContain("Certificates are not verified (tls.rejectUnauthorized is false)");
  });

  test("is not turned off by NODE_TLS_REJECT_UNAUTHORIZED in the environment", async () => {
    await using server = await secureServer(local);
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    onTestFinished(() => void vi.unstubAllEnvs());
    for (const tls of [undefined, {}, { rejectUnauthorized: undefined }]) {
      const error = await errorOf(`https://localhost:${server.port}`, { tls });
      expect(error).toMatchObject({ phase: "tls", certificate: "unknownAuthority" });
    }
  });
});

test.each([
  [true, ["h2", "http/1.1"]],
  [false, ["http/1.1"]],
])("with allowH2: %s, %j is what ALPN offers", async (allowH2, wanted) => {
  let offered: readonly string[] = [];
  const choose = ({ protocols }: { protocols: string[] }): string => {
    offered = protocols;
    return "http/1.1";
  };
  await using server = await secureServer(local, { ALPNCallback: choose });
  await using transport = nodeTransport({ tls: { ca }, allowH2 });
  const request = new StreamRequest({ url: `https://localhost:${server.port}/` });
  const response = await transport(request, { signal: new AbortController().signal });
  expect([response.status, offered]).toEqual([200, wanted]);
});

test("a handshake that hangs is given up with its socket", async () => {
  await using server = await listening(createTcpServer({ allowHalfOpen: true }));
  await using client = createClient({ tls: { ca } });
  const abort = new AbortController();
  const reply = client.request(`https://localhost:${server.port}`, { signal: abort.signal });
  reply.catch(() => {});
  while (server.sockets.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const socket = server.sockets[0];
  socket?.resume();
  abort.abort("enough");
  await expect(reply).rejects.toBe("enough");
  if (socket && !socket.readableEnded) await once(socket, "end");
});
