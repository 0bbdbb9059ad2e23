// Upstreams that do what they may not: nothing of it gets to a client as if it were right, nor to the next client.

import { describe, expect, test } from "vitest";
import { rawServer } from "./raw-server.ts";
import { RawClient, relayServer } from "./relay-server.ts";

const ok = "HTTP/1.1 200 OK\r\n";
const two = "Content-Length: 2\r\n\r\nok";

// Each goes its own way to the upstream.
const requests = {
  "a GET": "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
  "a body that is streamed":
    "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
  "an upgrade": "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\n",
};

describe.each(Object.entries(requests))("%s", (_what, request) => {
  test.each([
    [
      "switches to what nobody asked for",
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n`,
    ],
    ["switches to nothing", "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
    ["has a length and chunks", `${ok}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`],
    ["has two lengths", `${ok}Content-Length: 3\r\n${two}`],
    ["has a coding in its chunks", `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`],
    ["has a CR in a field", `${ok}X-A: 1\rX-Injected: 2\r\n${two}`],
    ["has a LF in a field", `${ok}X-A: 1\nX-Injected: 2\r\n${two}`],
    ["has a NUL in a field", `${ok}X-Injected: 1\0\r\n${two}`],
    ["folds a field", `${ok}X-A: 1\r\n X-Injected: 2\r\n${two}`],
    ["has a head of 100 KB", `${ok}X-Injected: ${"a".repeat(100_000)}\r\n${two}`],
    ["has a status that is none", `HTTP/1.1 099 X\r\nX-Injected: 1\r\n${two}`],
  ])("that is answered with what %s is a 502", async (_how, answer) => {
    await using upstream = await rawServer(async (wire) => {
      await wire.request();
      await wire.write(answer);
      await wire.left;
    });
    await using front = await relayServer(upstream.url, { timeouts: { headersMs: 5_000 } });
    using client = new RawClient(front.port);
    client.write(request);
    await client.ended;
    expect(client.received).toMatch(/^HTTP\/1\.1 502 /);
    expect(client.received.toLowerCase()).not.toContain("x-injected");
    expect(front.failures.length).toBe(1);
  });

  test.each(["FIN", "RST"])(
    "that is answered with a body which the close ends is whole with FIN alone: %s",
    async (how) => {
      await using upstream = await rawServer(async (wire) => {
        await wire.request();
        await wire.write(`${ok}\r\nsome`);
        await client.until("some");
        if (how === "FIN") wire.fin();
        else wire.reset();
      });
      await using front = await relayServer(upstream.url);
      using client = new RawClient(front.port);
      client.write(request);
      await client.ended;
      expect(client.body).toBe(how === "FIN" ? "4\r\nsome\r\n0\r\n\r\n" : "4\r\nsome\r\n");
      expect(front.failures.length).toBe(how === "FIN" ? 0 : 1);
    },
  );

  test("has no field that others make of one", async () => {
    await using upstream = await rawServer(async (wire) => {
      await wire.request();
      await wire.write(`${ok}constructor: 1\r\n__proto__: 2\r\ntoString: 3\r\n${two}`);
    });
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write(request);
    await client.ended;
    expect(client.head).toMatch(
      /^HTTP\/1\.1 200 OK\nconnection: close\nconstructor: 1\ncontent-length: 2\ntostring: 3\n/,
    );
  });

  test("is not told a length that a 204 cannot have", async () => {
    await using upstream = await rawServer(async (wire) => {
      await wire.request();
      await wire.write(`HTTP/1.1 204 No Content\r\n${two}`);
    });
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write(request);
    await client.ended;
    expect(client.head).toMatch(/^HTTP\/1\.1 204 /);
    expect(client.head).not.toContain("content-length");
    expect(client.body).toBe("");
  });

  test("is answered behind a thousand interim answers", async () => {
    await using upstream = await rawServer(async (wire) => {
      await wire.request();
      await wire.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(1_000) + ok + two);
    });
    await using front = await relayServer(upstream.url);
    using client = new RawClient(front.port);
    client.write(request);
    await client.ended;
    expect(client.received).toMatch(/^HTTP\/1\.1 200 /);
  });
});

test.each([
  ["with it", true],
  ["later", false],
])("an answer that nobody asked for, sent behind another %s, reaches no other client", async (_when, atOnce) => {
  const poison = `${ok}Content-Length: 6\r\n\r\npoison`;
  await using upstream = await rawServer(async (wire) => {
    while ((await wire.request()) !== undefined) {
      await wire.write(ok + two + (atOnce ? poison : ""));
      if (!atOnce) await wire.write(poison);
    }
  });
  await using front = await relayServer(upstream.url);
  for (let n = 0; n < 5; n++) expect(await (await fetch(front.url)).text()).toBe("ok");
});

test.each(["HEAD", "GET"])(
  "a body behind an answer to %s that can have none reaches no other client",
  async (method) => {
    const status = method === "HEAD" ? "200 OK" : "304 Not Modified";
    let answered = 0;
    await using upstream = await rawServer(async (wire) => {
      while ((await wire.request()) !== undefined) {
        answered++;
        await wire.write(
          answered === 1
            ? `HTTP/1.1 ${status}\r\nContent-Length: 44\r\n\r\n${ok}Content-Length: 6\r\n\r\npoison`
            : ok + two,
        );
      }
    });
    await using front = await relayServer(upstream.url);
    await (await fetch(front.url, { method })).text();
    for (let n = 0; n < 3; n++) expect(await (await fetch(front.url)).text()).toBe("ok");
  },
);
