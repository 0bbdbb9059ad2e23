// A name is asked for at every connection: a stream finds a server that has moved.

import type { LookupAddress } from "node:dns";
import { createServer, type RequestListener } from "node:http";
import { createClient } from "longwire";
import { expect, test } from "vitest";
import { listening } from "./listening.ts";

type Lookup = NonNullable<NonNullable<Parameters<typeof createClient>[0]>["lookup"]>;

test("a stream that is cut goes on at the address that its name has by then", async () => {
  const answers =
    (...parts: readonly string[]): RequestListener =>
    ({ headers }, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const part of parts) response.write(part.replace("?", String(headers["last-event-id"])));
    };
  const first = await listening(createServer(answers("id: 7\ndata: first\n\n")), { host: "127.0.0.1" });
  const { port } = first;
  await using _second = await listening(createServer(answers("data: second after ?\n\n")), { host: "127.0.0.2", port });
  const asked: string[] = [];
  let address = "127.0.0.1";
  const lookup: Lookup = (name, options, callback) => {
    asked.push(name);
    const found: LookupAddress = { address, family: 4 };
    if (options.all) callback(null, [found]);
    else callback(null, found.address, found.family);
  };
  await using client = createClient({ lookup, proxy: false, reconnect: { firstMs: 0, floorMs: 0 } });
  await using events = client.sse(`http://moving.example:${port}/events`);
  const pulled = events[Symbol.asyncIterator]();
  expect(await pulled.next()).toMatchObject({ value: { data: "first" } });
  address = "127.0.0.2";
  const next = pulled.next();
  await first[Symbol.asyncDispose]();
  expect(await next).toMatchObject({ value: { data: "second after 7" } });
  expect(asked).toEqual(["moving.example", "moving.example"]);
});

test("a name is asked for once a connection: keepAliveMs says how many there are", async () => {
  await using server = await listening(createServer((_request, response) => response.end("ok")));
  const asked: string[] = [];
  const lookup: Lookup = (name, options, callback) => {
    asked.push(name);
    if (options.all) callback(null, [{ address: "127.0.0.1", family: 4 }]);
    else callback(null, "127.0.0.1", 4);
  };
  for (const [keepAliveMs, times] of [
    [4_000, 1],
    [0, 3],
  ] as const) {
    asked.length = 0;
    await using client = createClient({ lookup, proxy: false, keepAliveMs });
    for (let count = 0; count < 3; count++) await (await client.request(`http://a.example:${server.port}/`)).text();
    expect(asked).toEqual(Array(times).fill("a.example"));
  }
});
