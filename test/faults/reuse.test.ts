// Connections are used again, counted at the server; and one that should not be costs nobody an answer.

import { loopbackServer } from "@longwire/testing";
import { createClient, type EventStream } from "longwire";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { turns } from "./peer.ts";
import { raceServer } from "./race-server.ts";
import { chunked, type RawWire, rawServer } from "./raw-server.ts";

let client: ReturnType<typeof createClient>;
beforeEach(() => {
  client = createClient({ budget: { perSecond: 1e6 } });
});
afterEach(() => client.destroy());

const rounds = 120;
const numbers = Array.from({ length: rounds }, (_, number) => number);

describe("one connection is enough", () => {
  const texts: [way: string, read: (url: string) => Promise<string>][] = [
    ["request()", async (url) => (await client.request(url)).text()],
    ["request() with a body", async (url) => (await client.request(url, { method: "POST", body: "ping" })).text()],
    ["bytes()", async (url) => (await Array.fromAsync(client.bytes(url), (part) => Buffer.from(part))).join("")],
    ["lines()", async (url) => `${(await Array.fromAsync(client.lines(url))).join("\n")}\n`],
    ["ndjson()", async (url) => `${(await Array.fromAsync(client.ndjson(url), String)).join("\n")}\n`],
  ];

  describe.each(["length", "chunked"] as const)("for bodies framed by %s", (framing) => {
    test.each(texts)(`for ${rounds} of %s, one after the other`, async (_way, read) => {
      await using server = await loopbackServer(({ path }) => ({ body: [`${path.slice(1)}\n`, "2\n"], framing }));
      for (const number of numbers) expect(await read(`${server.url}/${number}`)).toBe(`${number}\n2\n`);
      expect(server.connections.map(({ requests }) => requests)).toEqual([rounds]);
      expect(client.stats().sockets).toMatchObject([{ origin: server.url, state: "idle", requests: rounds }]);
    });
  });

  test("for answers without a body", async () => {
    await using server = await loopbackServer({ status: 204 });
    for (let round = 0; round < 20; round++) {
      for (const method of ["GET", "DELETE"]) expect((await client.request(server.url, { method })).status).toBe(204);
    }
    expect(server.connections.length).toBe(1);
  });
});

describe("a body that was not read to its end", () => {
  const leavings: [how: string, leave: (url: string) => Promise<unknown>][] = [
    ["by a loop that was left", (url) => leftLoop(client.lines(`${url}/half`))],
    ["by a reply that was released unread", async (url) => (await client.request(`${url}/half`)).release()],
    ["by a stream that was opened and closed", (url) => openedAndClosed(client.bytes(`${url}/half`))],
    ["by an abort in mid-body", (url) => abortedInBody(`${url}/half`)],
    ["by an abort before the head of the answer", (url) => abortedBeforeHead(`${url}/mute`)],
  ];

  test.each(leavings)("is in nobody else's answer: left %s", async (_how, leave) => {
    const left: RawWire[] = [];
    await using server = await rawServer(async (wire) => {
      for (let head = await wire.request(); head !== undefined; head = await wire.request()) {
        const path = head.split(" ")[1] as string;
        if (path === "/half") await wire.write(`${chunkedHead}${chunked("half\n")}`);
        if (path !== "/whole") left.push(wire);
        else {
          // What is left of the others, and an answer behind it that nobody asked for, comes before that to this one.
          for (const { socket } of left) socket.write(`${chunked("rest\n")}${chunked("")}${answer("foreign")}`);
          await wire.write(answer("own"));
        }
      }
    });
    for (let round = 0; round < 20; round++) {
      await leave(server.url);
      expect(await (await client.request(`${server.url}/whole`)).text()).toBe("own");
    }
    await Promise.all(left.map(({ left }) => left));
    expect(server.wires.length).toBe(21);
    expect(client.stats().sockets).toMatchObject([{ state: "idle" }]);
  });

  test("leaves its connection to the next request when it was whole all the same", async () => {
    await using server = await loopbackServer({ body: "1\n2\n3\n" });
    for (let round = 0; round < 20; round++) {
      const stream = client.lines(server.url);
      await stream.open();
      // The three lines are one piece, which is here when the first line is.
      for await (const line of stream) if (line === "1") break;
    }
    expect(server.connections.length).toBe(1);
  });

  const chunkedHead = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
  const answer = (body: string): string => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

  async function leftLoop(stream: EventStream<unknown>): Promise<void> {
    for await (const _ of stream) break;
    expect((await stream.outcome).code).toBe("closed");
  }

  async function openedAndClosed(stream: EventStream<unknown>): Promise<void> {
    await stream.open();
    await stream.close();
  }

  async function abortedInBody(url: string): Promise<void> {
    const abort = new AbortController();
    const items = client.lines(url, { signal: abort.signal })[Symbol.asyncIterator]();
    await items.next();
    abort.abort("enough");
    await expect(items.next()).rejects.toBe("enough");
  }

  async function abortedBeforeHead(url: string): Promise<void> {
    const abort = new AbortController();
    const reply = client.request(url, { signal: abort.signal });
    reply.catch(() => {});
    while (client.stats().sockets.every(({ state }) => state !== "busy")) await turns(1);
    await turns(5);
    abort.abort("enough");
    await expect(reply).rejects.toBe("enough");
  }
});

describe.each(["fin", "reset"] as const)(
  "a server that closes a connection just when a request comes on it (%s)",
  (how) => {
    const paths = numbers.map((number) => `/${number}`);
    const post = { method: "POST", body: "once" } as const;

    test(`loses none of ${rounds} GETs: each is answered, and by one request of the server's`, async () => {
      await using server = await raceServer(how);
      for (const path of paths) expect(await (await client.request(server.url + path)).text()).toBe(path);
      expect(server.answered).toEqual(paths.map((path) => `GET ${path}`));
      // All but the first met a connection that was closing, and went out once more on a new one.
      expect(server.lost).toEqual(paths.slice(1).map((path) => `GET ${path}`));
      expect(server.wires.length).toBe(rounds);
      expect(client.stats().attempts).toBe(rounds);
    });

    test("loses none of them as streams, without a retry", async () => {
      await using server = await raceServer(how);
      for (const path of paths) {
        const stream = client.bytes(server.url + path, { reconnect: false });
        expect((await Array.fromAsync(stream, (part) => Buffer.from(part))).join("")).toBe(path);
        expect(await stream.outcome).toMatchObject({ code: "complete", attempts: 1 });
      }
      expect(server.answered).toEqual(paths.map((path) => `GET ${path}`));
      expect(server.lost.length).toBe(rounds - 1);
    });

    test.each([
      ["an Idempotency-Key", { headers: { "idempotency-key": "k" } }],
      ["`replayable`", { replayable: true }],
    ])("loses no POST with %s, and sends its body anew", async (_how, options) => {
      await using server = await raceServer(how);
      for (const number of numbers) {
        const reply = await client.request(server.url, { ...post, ...options, body: `body ${number}` });
        expect(await reply.text()).toBe(`body ${number}`);
      }
      expect(server.answered.length).toBe(rounds);
      expect(server.lost.length).toBe(rounds - 1);
    });

    test("is not sent any other POST again: the error says what happened, and that nobody answered", async () => {
      await using server = await raceServer(how);
      for (const path of paths) {
        // A connection that is up, for the POST to be sent on.
        expect(await (await client.request(server.url + path)).text()).toBe(path);
        const error = await client.request(server.url, post).catch((reason: unknown) => reason);
        expect(error).toMatchObject({ code: how === "fin" ? "truncated" : "reset" });
        expect(String(error)).toContain("before the head of the answer");
      }
      expect(server.answered).toEqual(paths.map((path) => `GET ${path}`));
      expect(server.lost).toEqual(paths.map(() => "POST /"));
      expect(server.wires.length).toBe(rounds);
    });

    test("is not sent a GET a third time: what fails on a new connection is an error", async () => {
      await using server = await rawServer(async (wire) => {
        if ((await wire.request()) === undefined) return;
        if (wire.index === 0) await wire.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        if (wire.index === 0) await wire.anything();
        wire[how]();
      });
      await (await client.request(server.url)).text();
      await expect(client.request(server.url)).rejects.toMatchObject({ code: how === "fin" ? "truncated" : "reset" });
      expect(server.wires.length).toBe(2);
    });
  },
);
