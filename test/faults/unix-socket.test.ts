// HTTP over Unix sockets, by `unix:` URLs and by the option `socketPath`.

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "longwire";
import { afterAll, expect, onTestFinished, test, vi } from "vitest";
import { Authority } from "./certificates.ts";
import { listening } from "./listening.ts";

const folder = mkdtempSync(join(tmpdir(), "longwire-unix-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "a.sock");
const echo: RequestListener = ({ method, url, headers }, response) => response.end(`${method} ${url} ${headers.host}`);

test("a unix: URL is a socket and what is asked for over it", async () => {
  await using _server = await listening(createServer(echo), path);
  await using client = createClient();
  for (const [url, asked] of [
    [`unix:${path}:/v1/events?since=1`, "GET /v1/events?since=1 localhost"],
    [`unix://${path}`, "GET / localhost"],
  ] as const) {
    expect(await (await client.request(url)).text()).toBe(asked);
  }
  expect(client.stats().sockets).toMatchObject([{ origin: `unix:${path}`, state: "idle", requests: 2 }]);
});

test("a path with a colon and a blank is written with % in the URL, and a % alone is one", async () => {
  await using _server = await listening(createServer(echo), join(folder, "b: c.sock"));
  await using _other = await listening(createServer(echo), join(folder, "50%.sock"));
  await using client = createClient();
  expect(await (await client.request(`unix:${folder}/b%3A c.sock:/x`)).text()).toBe("GET /x localhost");
  expect(await (await client.request(`unix:${folder}/50%.sock:/y`)).text()).toBe("GET /y localhost");
});

test("a baseUrl may be one: a stream over it resumes after a cut, with query and credentials of its own", async () => {
  const asked: unknown[] = [];
  await using _server = await listening(
    createServer(({ url, headers }, response) => {
      asked.push([url, headers.authorization, headers["last-event-id"]]);
      response.writeHead(200, { "content-type": "text/event-stream" });
      if (asked.length > 1) return response.end("id: 2\ndata: two\n\ndata: [DONE]\n\n");
      response.write("id: 1\ndata: one\n\n", () => response.destroy());
    }),
    path,
  );
  const auth = () => "Bearer t";
  await using client = createClient({ baseUrl: `unix:${path}:/v1`, auth, reconnect: { firstMs: 0, floorMs: 0 } });
  const seen: unknown[] = [];
  for await (const { data } of client.sse("/events", { query: { all: true }, until: "[DONE]" })) seen.push(data);
  expect(seen).toEqual(["one", "two"]);
  expect(asked).toEqual([
    ["/v1/events?all=true", "Bearer t", undefined],
    ["/v1/events?all=true", "Bearer t", "1"],
  ]);
});

test("credentials for one socket do not go to another", async () => {
  const answer: RequestListener = ({ headers }, response) => response.end(headers.authorization ?? "none");
  await using _one = await listening(createServer(answer), path);
  await using _other = await listening(createServer(answer), join(folder, "other.sock"));
  await using client = createClient({ baseUrl: `unix:${path}`, auth: () => "Bearer t" });
  expect(await (await client.request("/")).text()).toBe("Bearer t");
  expect(await (await client.request(`unix:${folder}/other.sock:/`)).text()).toBe("none");
});

test("a redirect stays on its socket", async () => {
  await using _server = await listening(
    createServer(({ url }, response) => {
      if (url === "/old") response.writeHead(301, { location: "/new" }).end();
      else response.end(url);
    }),
    path,
  );
  await using client = createClient({ baseUrl: `unix:${path}` });
  const reply = await client.request("/old");
  expect([await reply.text(), reply.url]).toEqual(["/new", `unix:${path}:/new`]);
});

test("socketPath takes every request there, with its host, and through no proxy", async () => {
  await using server = await listening(createServer(echo), path);
  vi.stubEnv("HTTP_PROXY", "http://127.0.0.1:9");
  onTestFinished(() => void vi.unstubAllEnvs());
  await using client = createClient({ baseUrl: "http://docker.example/v1", socketPath: path });
  expect(await (await client.request("/events")).text()).toBe("GET /v1/events docker.example");
  expect(await (await client.request("http://b.example/")).text()).toBe("GET / b.example");
  expect(server.sockets.length).toBe(2);
});

test("socketPath with an https URL speaks TLS over it", async () => {
  using authority = new Authority();
  await using _server = await listening(createSecureServer(authority.issue("DNS:a.example"), echo), path);
  await using client = createClient({ socketPath: path, tls: { ca: authority.cert } });
  expect(await (await client.request("https://a.example/x")).text()).toBe("GET /x a.example");
});

test("a socket that is not there is unreachable in phase connect, with the URL masked", async () => {
  await using client = createClient();
  const url = `unix:${folder}/none.sock:/events?token=secret`;
  await expect(client.request(url)).rejects.toMatchObject({
    code: "unreachable",
    phase: "connect",
    message: expect.stringContaining(`Cannot reach unix:${folder}/none.sock:/events?token=***: `),
    cause: { code: "ENOENT" },
  });
});

test("a server that ends under a stream, and is there again, is found", async () => {
  const answer =
    (text: string): RequestListener =>
    (_request, response) =>
      void response.writeHead(200, { "content-type": "text/event-stream" }).write(`data: ${text}\n\n`);
  const first = await listening(createServer(answer("first")), path);
  await using client = createClient({ reconnect: { firstMs: 0, floorMs: 0 } });
  await using events = client.sse(`unix:${path}:/events`);
  const pulled = events[Symbol.asyncIterator]();
  expect(await pulled.next()).toMatchObject({ value: { data: "first" } });
  const next = pulled.next();
  const [socket] = first.sockets;
  const gone = once(socket as NonNullable<typeof socket>, "close");
  await first[Symbol.asyncDispose]();
  await gone;
  await using _second = await listening(createServer(answer("second")), path);
  expect(await next).toMatchObject({ value: { data: "second" } });
});
