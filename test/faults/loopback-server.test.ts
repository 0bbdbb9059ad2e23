// The loopback server's faults, seen by a plain TCP client: bytes exact, FIN, RST and stall told apart.

import { Readable } from "node:stream";
import { fakeClock } from "@longwire/core/testing";
import { type Answer, type FaultPlan, loopbackServer } from "@longwire/testing";
import { describe, expect, it, test } from "vitest";
import { getRequest, peer, turns } from "./peer.ts";

const body = "abcdef";
type Framing = NonNullable<Answer["framing"]>;

/** An answer on the wire; behind `short` bytes of body nothing more. Node writes the date, so there is none here. */
function wire(framing: Framing, chunks: string[], whole: boolean): string {
  const head = {
    length: `content-length: ${body.length}\r\nConnection: keep-alive\r\n\r\n`,
    chunked: "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n",
    close: "Connection: close\r\n\r\n",
  }[framing];
  const framed = framing === "chunked" ? chunks.map((one) => `${one.length.toString(16)}\r\n${one}\r\n`) : chunks;
  return `HTTP/1.1 200 OK\r\n${head}${framed.join("")}${whole && framing === "chunked" ? "0\r\n\r\n" : ""}`;
}

const dateless = (text: string): string => text.replace(/Date: .*\r\n/, "");
const dateLength = "Date: Fri, 20 Nov 2026 12:00:00 GMT\r\n".length;

describe.each(["length", "chunked", "close"] as const)("under framing %s", (framing) => {
  test.each([
    ["cutAfter", "FIN"],
    ["halfClose", "FIN"],
    ["resetAfter", "RST"],
    ["stall", "open"],
  ] as const)("%s is what it says behind every byte", async (fault, state) => {
    for (let at = 0; at <= body.length; at++) {
      await using server = await loopbackServer({ body, framing }, { plan: { [fault]: at } });
      await using client = await peer(server.port);
      const expected = wire(framing, at === 0 ? [] : [body.slice(0, at)], false);
      await client.until(expected.length + dateLength);
      if (state === "open") await turns();
      else await client.ended;
      expect({ at, text: dateless(client.text), state: client.state }).toEqual({ at, text: expected, state });
    }
  });

  it("past the end there is no fault", async () => {
    await using server = await loopbackServer({ body, framing }, { plan: { resetAfter: body.length + 1 } });
    await using client = await peer(server.port);
    const expected = wire(framing, [body], true);
    await client.until(expected.length + dateLength);
    await turns();
    expect(dateless(client.text)).toBe(expected);
    expect(client.state).toBe(framing === "close" ? "FIN" : "open");
  });

  it("slices leave apart", async () => {
    await using server = await loopbackServer({ body, framing }, { plan: { slice: [1, 2] } });
    await using client = await peer(server.port);
    const expected = wire(framing, ["a", "bc", "de", "f"], true);
    await client.until(expected.length + dateLength);
    expect(dateless(client.text)).toBe(expected);
    // The head and each slice; the last chunk may come with the last slice, or not.
    expect(client.chunks.length).toBeGreaterThanOrEqual(5);
  });
});

describe("a plan", () => {
  it("blackhole accepts, reads, and never answers", async () => {
    await using server = await loopbackServer({ body }, { plan: { blackhole: true } });
    await using client = await peer(server.port, `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi`);
    await turns();
    expect({ text: client.text, state: client.state, requests: server.requests.length }).toEqual({
      ...{ text: "", state: "open", requests: 1 },
    });
  });

  it("status and retryAfter answer in place of the answer, which is not asked", async () => {
    const never = (): Answer => {
      throw new Error("asked");
    };
    await using server = await loopbackServer(never, {
      plan: [{ status: 429 }, { retryAfter: 7 }, { status: 307, retryAfter: 0 }],
    });
    const seen = [];
    for (let turn = 0; turn < 3; turn++) {
      const answer = await fetch(server.url, { redirect: "manual" });
      seen.push([answer.status, answer.headers.get("retry-after"), await answer.text()]);
    }
    expect(seen).toEqual([
      [429, null, ""],
      [503, "7", ""],
      [307, "0", ""],
    ]);
  });

  it("badUtf8 and splitBom change the body and its length", async () => {
    await using server = await loopbackServer({ body: "ab" }, { plan: { badUtf8: 1, splitBom: true } });
    const answer = await fetch(server.url);
    expect(answer.headers.get("content-length")).toBe("6");
    expect([...new Uint8Array(await answer.arrayBuffer())]).toEqual([0xef, 0xbb, 0xbf, 0x61, 0xff, 0x62]);
  });

  it("gzipStall can be read so far, and then waits", async () => {
    await using server = await loopbackServer({ body }, { plan: { gzipStall: 4 } });
    const abort = new AbortController();
    const answer = await fetch(server.url, { signal: abort.signal });
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("abcd");
    let settled = false;
    const next = reader.read().finally(() => (settled = true));
    await turns();
    expect(settled).toBe(false);
    abort.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
  });

  it("delay and drip wait by the clock that is given", async () => {
    const clock = fakeClock();
    const plan: FaultPlan = { delay: { firstMs: 1_000 }, drip: { bytes: 4, everyMs: 500 } };
    await using server = await loopbackServer({ body, framing: "close" }, { plan, clock });
    await using client = await peer(server.port);
    const bodySoFar = async (ms: number): Promise<string | undefined> => {
      await turns();
      await clock.advance(ms);
      await turns();
      return client.text.split("\r\n\r\n")[1];
    };
    expect(await bodySoFar(999)).toBeUndefined();
    expect(await bodySoFar(1)).toBe("abcd");
    expect(await bodySoFar(499)).toBe("abcd");
    expect(await bodySoFar(1)).toBe("abcdef");
    expect(clock.pending).toBe(0);
  });

  it("is by request: a list whose last one holds on, a function of the number, or set at any time", async () => {
    const statuses = async (server: { url: string }, count: number): Promise<number[]> => {
      const seen: number[] = [];
      for (let turn = 0; turn < count; turn++) seen.push((await fetch(server.url)).status);
      return seen;
    };
    await using server = await loopbackServer({}, { plan: [{ status: 500 }, { status: 502 }, {}] });
    expect(await statuses(server, 4)).toEqual([500, 502, 200, 200]);
    server.plan = (index) => (index % 2 === 0 ? { status: 503 } : undefined);
    expect(await statuses(server, 3)).toEqual([503, 200, 503]);
    server.plan = [];
    expect(await statuses(server, 1)).toEqual([200]);
  });
});

describe("the server", () => {
  it("keeps connections alive, and counts requests on each", async () => {
    await using server = await loopbackServer(({ index, path }) => ({ body: `${index} ${path}` }));
    await using one = await peer(server.port, getRequest + getRequest.replace("/", "/two?x=1"));
    await using two = await peer(server.port);
    await one.until(1);
    await two.until(1);
    await turns();
    expect(server.connections).toEqual([
      { index: 0, requests: 2, open: true },
      { index: 1, requests: 1, open: true },
    ]);
    expect(server.requests.map(({ path, connection }) => [path, connection.index])).toEqual(
      expect.arrayContaining([
        ["/", 0],
        ["/two?x=1", 0],
        ["/", 1],
      ]),
    );
    expect(one.state).toBe("open");
  });

  it("shows the request, and its body", async () => {
    await using server = await loopbackServer(async (request) => ({
      status: 201,
      headers: { "x-method": request.method, "x-path": request.path, "x-one": request.headers.get("x-one") ?? "" },
      body: await request.text(),
    }));
    const answer = await fetch(`${server.url}/a?b=c`, { method: "PUT", headers: { "X-One": "1" }, body: "hello" });
    expect([answer.status, answer.headers.get("x-method"), answer.headers.get("x-path")]).toEqual([
      201,
      "PUT",
      "/a?b=c",
    ]);
    expect([answer.headers.get("x-one"), await answer.text()]).toEqual(["1", "hello"]);
  });

  it("ends a body short that is less than its content-length says", async () => {
    await using server = await loopbackServer({ headers: { "content-length": "9" }, body: "abc" });
    await using client = await peer(server.port);
    expect(await client.ended).toBe("FIN");
    expect(client.text).toMatch(/content-length: 9\r\n[\s\S]*\r\n\r\nabc$/);
  });

  it("streams a body piece by piece, lets it go and tells the answer when the reader leaves", async () => {
    const events: string[] = [];
    let left: Promise<unknown> | undefined;
    await using server = await loopbackServer(({ signal }) => {
      left = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      return { body: endless(events) };
    });
    const abort = new AbortController();
    const answer = await fetch(server.url, { signal: abort.signal });
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    abort.abort();
    await left;
    await turns();
    expect(events).toEqual(["let go"]);
    expect(server.connections[0]).toMatchObject({ requests: 1, open: false });
  });

  it.each([
    ["a generator", () => endlessOnce()],
    ["a generator that waits", () => endless([])],
    ["a stream of the web", () => new Blob([body]).stream()],
    ["a stream of Node", () => Readable.from([body])],
  ])("says that %s was read already, in the place of an empty answer", async (_kind, make) => {
    const server = await loopbackServer({ body: make() }, { plan: { cutAfter: 3 } });
    for (const [count, how] of [
      [1, "FIN"],
      [0, "RST"],
    ] as const) {
      await using client = await peer(server.port);
      expect(await client.ended).toBe(how);
      expect(client.chunks.length > 0 ? 1 : 0).toBe(count);
    }
    await expect(server.close()).rejects.toThrow("was read already");
  });

  it("reads a body anew for each request, if that can be done", async () => {
    const anew = { [Symbol.iterator]: () => ["abc", "def"].values() };
    for (const parts of [["abc", "def"], new Set(["abc", "def"]), anew]) {
      await using server = await loopbackServer({ body: parts });
      for (let turn = 0; turn < 2; turn++) expect(await fetch(server.url).then((answer) => answer.text())).toBe(body);
    }
    await using server = await loopbackServer(() => ({ body: ["abc", "def"].values() }));
    for (let turn = 0; turn < 2; turn++) expect(await fetch(server.url).then((answer) => answer.text())).toBe(body);
  });

  it("has not read a body of which nothing was asked for", async () => {
    await using server = await loopbackServer(
      { body: [body].values() },
      { plan: [{ status: 503 }, { cutAfter: 0 }, {}] },
    );
    for (const told of [/^HTTP\/1\.1 503 /, /\r\n\r\n$/, /abcdef/]) {
      await using client = await peer(server.port, getRequest.replace("host", "connection: close\r\nhost"));
      await client.ended;
      expect(client.text).toMatch(told);
    }
  });

  it("asks for no more than the reader takes", async () => {
    let pieces = 0;
    await using server = await loopbackServer({
      body: (async function* () {
        for (; ; pieces++) yield "x".repeat(65_536);
      })(),
    });
    await using client = await peer(server.port);
    await client.until(1);
    client.socket.pause();
    let before: number;
    do {
      before = pieces;
      await turns();
    } while (pieces > before);
    // What the system's own buffers on both sides take, and no more.
    expect(pieces).toBeLessThan(500);
  });

  it("answers HEAD and 204 without a body", async () => {
    await using server = await loopbackServer(({ method }) => (method === "HEAD" ? { body } : { status: 204 }));
    await using client = await peer(server.port, getRequest.replace("GET", "HEAD") + getRequest);
    await client.until(1);
    await turns();
    expect(dateless(dateless(client.text)).split("\r\n\r\n")).toEqual([
      "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nConnection: keep-alive",
      "HTTP/1.1 204 No Content\r\nConnection: keep-alive",
      "",
    ]);
  });

  it("breaks the connection when an answer throws, and close says why", async () => {
    const server = await loopbackServer(() => {
      throw new Error("no answer to that");
    });
    await using client = await peer(server.port);
    expect(await client.ended).toBe("RST");
    await expect(server.close()).rejects.toThrow("no answer to that");
  });

  it("close ends everything, also what stalls", async () => {
    const server = await loopbackServer({ body }, { plan: { stall: 2 } });
    await using client = await peer(server.port);
    await client.until(1);
    await server.close();
    await client.ended;
    expect(server.connections).toMatchObject([{ open: false }]);
  });
});

async function* endless(events: string[]): AsyncGenerator<string> {
  try {
    for (;;) {
      yield "more";
      await turns(1);
    }
  } finally {
    events.push("let go");
  }
}

function* endlessOnce(): Generator<string> {
  for (;;) yield "more";
}
