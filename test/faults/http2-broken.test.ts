// What breaks on HTTP/2, frame by frame: a stream, a connection that is going away, one that is cut, and one that is dead.

import { fakeClock } from "@longwire/core/testing";
import { faultProxy } from "@longwire/testing";
import { createClient, StreamError } from "longwire";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { Authority } from "./certificates.ts";
import { answerH2, h2Server } from "./h2-server.ts";
import { type H2Request, type H2Wire, h2Codes, mark } from "./h2-wire.ts";
import { turns } from "./peer.ts";
import { rawH2Server } from "./raw-h2-server.ts";

const authority = new Authority();
afterAll(() => authority[Symbol.dispose]());
const tls = { ca: authority.cert };
const local = authority.issue("DNS:localhost");

let client: ReturnType<typeof createClient>;
beforeEach(() => {
  client = createClient({ tls, budget: { perSecond: 1e6 }, reconnect: { firstMs: 0, floorMs: 0 } });
});
afterEach(() => client.destroy());

const marked = (name: string | number) => ({ headers: mark(name) });
const ok = { ":status": "200" };

async function textOf(url: string, name: string | number, options = {}): Promise<string> {
  return (await client.request(url, { ...marked(name), ...options })).text();
}

/** As {@link textOf}, by the connections of streams. */
async function streamed(url: string, name: string | number): Promise<string> {
  const stream = client.bytes(url, { ...marked(name), reconnect: false });
  return Buffer.concat(await Array.fromAsync(stream)).toString();
}

/** Answers each request by its mark, or by what came with it, as long as the connection lasts. */
async function echo(wire: H2Wire): Promise<void> {
  for (let request = await wire.request(); request; request = await wire.request()) await echoed(wire, request);
}

async function echoed(wire: H2Wire, { stream, mark = "" }: H2Request): Promise<void> {
  await wire.until(() => wire.ended.has(stream));
  wire.answer(stream, `${mark}${wire.received.get(stream) ?? ""}`);
}

/** The requests of a test, in the order of their marks: they are on one connection, and in no order that is told. */
async function inOrder(wire: H2Wire, count: number): Promise<readonly H2Request[]> {
  return (await wire.requests(count)).toSorted((one, other) => Number(one.mark) - Number(other.mark));
}

describe("a stream that the server resets", () => {
  test.each([
    ["INTERNAL_ERROR", h2Codes.internalError],
    ["CANCEL", h2Codes.cancel],
    ["ENHANCE_YOUR_CALM", h2Codes.enhanceYourCalm],
    ["NO_ERROR", h2Codes.noError],
    ["PROTOCOL_ERROR", h2Codes.protocolError],
    ["a code that nobody knows", 0xbeef],
  ])("with %s is `reset`, before and after its head, and its siblings are answered", async (_name, code) => {
    await using server = await rawH2Server(local, async (wire) => {
      const [before, after, sibling] = await inOrder(wire, 3);
      wire.head((after as H2Request).stream, ok);
      wire.data((after as H2Request).stream, "half\n");
      wire.reset((before as H2Request).stream, code);
      wire.reset((after as H2Request).stream, code);
      await echoed(wire, sibling as H2Request);
      await echo(wire);
    });
    const before = client.bytes(server.url, { ...marked(1), reconnect: false });
    const after = client.lines(server.url, { ...marked(2), reconnect: false });
    const sibling = streamed(server.url, 3);
    const broken = await Promise.allSettled([Array.fromAsync(before), Array.fromAsync(after)]);
    expect(broken).toMatchObject([{ reason: { code: "reset" } }, { reason: { code: "reset" } }]);
    expect(await before.outcome).toMatchObject({ code: "reset", items: 0 });
    expect(await after.outcome).toMatchObject({ code: "reset", items: 1 });
    expect([await sibling, await streamed(server.url, 4)]).toEqual(["3", "4"]);
    expect(server.wires.length).toBe(1);
  });

  test("with REFUSED_STREAM was not processed, and goes out again: a POST too, its body made anew", async () => {
    let count = 0;
    await using server = await rawH2Server(local, async (wire) => {
      for (let request = await wire.request(); request; request = await wire.request()) {
        if (count++ % 2 === 0) wire.reset(request.stream, h2Codes.refusedStream);
        else await echoed(wire, request);
      }
    });
    expect(await textOf(server.url, "", { method: "GET", headers: {} })).toBe("");
    let made = 0;
    const body = (): string => `body ${++made}`;
    expect(await textOf(server.url, "", { method: "POST", headers: {}, body })).toMatch(/^body [12]$/);
    expect([count, client.stats().attempts, server.wires.length]).toEqual([4, 2, 1]);
  });

  test("with REFUSED_STREAM time and again is given up, after a few tries", async () => {
    let refusals = 0;
    await using server = await rawH2Server(local, async (wire) => {
      for (let request = await wire.request(); request; request = await wire.request()) {
        refusals++;
        wire.reset(request.stream, h2Codes.refusedStream);
      }
    });
    const error = await client.request(server.url, { method: "POST", body: "x" }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "reset" });
    expect(String(error)).toMatch(/refused|not process/i);
    expect(refusals).toBeGreaterThan(1);
    expect(refusals).toBeLessThanOrEqual(10);
  });

  test("with REFUSED_STREAM behind its head is `reset`: it was processed", async () => {
    let requests = 0;
    await using server = await rawH2Server(local, async (wire) => {
      for (let request = await wire.request(); request; request = await wire.request()) {
        requests++;
        wire.head(request.stream, ok);
        wire.data(request.stream, "half");
        wire.reset(request.stream, h2Codes.refusedStream);
      }
    });
    const stream = client.bytes(server.url, { reconnect: false });
    await expect(Array.fromAsync(stream)).rejects.toMatchObject({ code: "reset" });
    expect(requests).toBe(1);
  });

  test("with NO_ERROR behind the whole answer is an answer, though the request was not whole", async () => {
    await using server = await rawH2Server(local, async (wire) => {
      for (let request = await wire.request(); request; request = await wire.request()) {
        wire.answer(request.stream, "enough");
        wire.reset(request.stream, h2Codes.noError);
      }
    });
    let released = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          yield Buffer.from("more");
          await turns(1);
        }
      } finally {
        released = true;
      }
    }
    expect(await textOf(server.url, 1, { method: "POST", body: source() })).toBe("enough");
    await expect.poll(() => released).toBe(true);
    expect(await textOf(server.url, 2)).toBe("enough");
    expect(server.wires.length).toBe(1);
  });
});

describe("a body by its content-length", () => {
  test("that has fewer bytes is truncated, and its siblings are answered", async () => {
    await using server = await rawH2Server(local, async (wire) => {
      const [wrong, right] = await inOrder(wire, 2);
      wire.head((wrong as H2Request).stream, { ...ok, "content-length": "9" });
      wire.data((wrong as H2Request).stream, "short", { end: true });
      await echoed(wire, right as H2Request);
      await echo(wire);
    });
    const wrong = client.bytes(server.url, { ...marked(1), reconnect: false });
    const right = streamed(server.url, 2);
    await expect(Array.fromAsync(wrong)).rejects.toMatchObject({ code: "truncated" });
    expect([await right, await streamed(server.url, 3)]).toEqual(["2", "3"]);
    expect(server.wires.length).toBe(1);
  });

  test("that has more bytes is protocol", async () => {
    await using server = await rawH2Server(local, async (wire) => {
      const request = await wire.request();
      if (wire.index > 0 && request) return echoed(wire, request);
      wire.head((request as H2Request).stream, { ...ok, "content-length": "9" });
      wire.data((request as H2Request).stream, "much too long", { end: true });
    });
    const wrong = client.bytes(server.url, { ...marked(1), reconnect: false });
    await expect(Array.fromAsync(wrong)).rejects.toMatchObject({ code: "protocol" });
    expect(await streamed(server.url, 2)).toBe("2");
  });
});

describe("a connection that is going away (GOAWAY)", () => {
  test.each(["GET", "POST"])(
    "finishes the %s requests that it took; the others go out again on a new one",
    async (method) => {
      let finish = (): void => {};
      await using server = await rawH2Server(local, async (wire) => {
        if (wire.index > 0) return echo(wire);
        const requests = await wire.requests(5);
        const taken = requests.slice(0, 3);
        await wire.until(() => requests.every(({ stream }) => wire.ended.has(stream)));
        for (const { stream } of taken) wire.head(stream, ok);
        wire.goAway((taken.at(-1) as H2Request).stream);
        await new Promise<void>((resolve) => (finish = resolve));
        for (const { stream, mark } of taken) wire.data(stream, `${mark} finished`, { end: true });
        await wire.closed;
      });
      const names = ["a", "b", "c", "d", "e"];
      const body = method === "POST" ? { method, body: " posted" } : {};
      const replies = names.map((name) => textOf(server.url, name, body));
      await expect.poll(() => server.wires.length).toBe(2);
      const again = method === "POST" ? " posted" : "";
      expect((await Promise.all(replies.slice(3))).toSorted()).toEqual([`d${again}`, `e${again}`]);
      // What comes later goes there too, while the old one lasts.
      expect(await textOf(server.url, "f")).toBe("f");
      expect(server.wires.length).toBe(2);
      finish();
      expect(await Promise.all(replies.slice(0, 3))).toEqual(["a finished", "b finished", "c finished"]);
      expect(client.stats().attempts).toBe(6);
      await server.wires[0]?.closed;
      await expect.poll(() => client.stats().lanes).toMatchObject([{ open: 1, free: 1, waiting: 0 }]);
    },
  );

  test("is no matter to a stream that goes on for long, nor that to the new requests", async () => {
    await using server = await h2Server(local, (stream, headers) => {
      if (headers[":path"] !== "/events") return answerH2(stream, "new");
      stream.respond({ ":status": 200, "content-type": "text/event-stream" });
      stream.write("data: 1\n\n");
      stream.session?.once("more", () => stream.end("data: 2\n\n"));
    });
    const stream = client.bytes(`${server.url}/events`, { reconnect: false });
    const pieces = stream[Symbol.asyncIterator]();
    expect(String(Buffer.from((await pieces.next()).value as Uint8Array))).toBe("data: 1\n\n");
    server.sessions[0]?.close();
    for (let count = 0; count < 3; count++) {
      expect(await Array.fromAsync(client.lines(`${server.url}/new`))).toEqual(["new"]);
    }
    expect(server.sockets.length).toBe(2);
    server.sessions[0]?.emit("more");
    expect(String(Buffer.from((await pieces.next()).value as Uint8Array))).toBe("data: 2\n\n");
    expect((await pieces.next()).done).toBe(true);
    expect(await stream.outcome).toMatchObject({ code: "complete" });
  });

  test("by a first word that names no stream yet, as servers do to be gentle, loses nothing either", async () => {
    await using server = await rawH2Server(local, async (wire) => {
      if (wire.index > 0) return echo(wire);
      const [first, second] = await wire.requests(2);
      wire.goAway(2 ** 31 - 1);
      await turns(5);
      wire.goAway((first as H2Request).stream);
      wire.answer((first as H2Request).stream, `${first?.mark} finished`);
      await wire.closed;
      expect(second?.ended).toBe(true);
    });
    expect(await Promise.all(["a", "b"].map((name) => textOf(server.url, name)))).toEqual(["a finished", "b"]);
  });

  test("with an error breaks what it took as `reset`, and sends the rest again", async () => {
    await using server = await rawH2Server(local, async (wire) => {
      if (wire.index > 0) return echo(wire);
      const [first] = await wire.requests(2);
      wire.goAway((first as H2Request).stream, h2Codes.internalError);
      await wire.closed;
    });
    const [taken, other] = await Promise.allSettled(["a", "b"].map((name) => textOf(server.url, name)));
    expect([taken, other]).toMatchObject([{ reason: { code: "reset" } }, { value: "b" }]);
    expect(String((taken as PromiseRejectedResult).reason)).toContain("INTERNAL_ERROR");
  });

  test("that took nothing, each time, is given up after a few tries", async () => {
    let connections = 0;
    await using server = await rawH2Server(local, async (wire) => {
      connections++;
      await wire.request();
      wire.goAway(0);
      wire.fin();
    });
    const error = await client.request(server.url, { method: "POST", body: "x" }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StreamError);
    expect(connections).toBeGreaterThan(1);
    expect(connections).toBeLessThanOrEqual(10);
  });

  test("after 30 requests, each time, loses none of 100 at once: they go on from one to the next", async () => {
    await using server = await rawH2Server(local, async (wire) => {
      for (let count = 1; count <= 30; count++) {
        const request = await wire.request();
        if (!request) return;
        if (count === 30) wire.goAway(request.stream);
        await echoed(wire, request);
      }
    });
    const names = Array.from({ length: 100 }, (_, number) => `${number}`);
    const replies = names.map((name) => textOf(server.url, name, { method: "POST", body: "" }));
    expect(await Promise.all(replies)).toEqual(names);
  });

  test("while it is idle is left without a word: the next request goes out once, on a new one", async () => {
    await using server = await rawH2Server(local, async (wire) => {
      const request = await wire.request();
      if (!request) return;
      wire.answer(request.stream, `${wire.index}`);
      if (wire.index === 0) wire.goAway(request.stream);
    });
    expect(await textOf(server.url, 1)).toBe("0");
    await server.wires[0]?.closed;
    expect(await textOf(server.url, 2)).toBe("1");
    expect(server.wires.length).toBe(2);
  });
});

describe("a connection that is cut", () => {
  test.each([
    ["a FIN", "truncated", (wire: H2Wire) => wire.fin()],
    ["an RST", "reset", (wire: H2Wire) => wire.cut()],
  ] as const)("by %s breaks each of its streams as %s, and each goes on by itself", async (_how, code, cut) => {
    await using server = await rawH2Server(local, async (wire) => {
      for (let request = await wire.request(); request; request = await wire.request()) {
        wire.head(request.stream, { ...ok, "content-type": "text/event-stream" });
        if (wire.index > 0) wire.data(request.stream, "id: 2\ndata: two\n\ndata: [DONE]\n\n", { end: true });
        else wire.data(request.stream, "id: 1\ndata: one\n\nid: 2\ndata: hal");
      }
    });
    const streams = [1, 2, 3].map((name) => client.sse(server.url, { ...marked(name), until: "[DONE]" }));
    const causes = streams.map(async (stream) => {
      for await (const notice of stream.notices()) if (notice.type === "waiting") return notice.cause;
      return undefined;
    });
    const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
    const next = async (): Promise<unknown[]> => {
      const results = await Promise.all(iterators.map((items) => items.next()));
      return results.map(({ value }) => value?.data);
    };
    expect(await next()).toEqual(["one", "one", "one"]);
    cut(server.wires[0] as H2Wire);
    expect(await next()).toEqual(["two", "two", "two"]);
    expect(await next()).toEqual([undefined, undefined, undefined]);
    expect(await Promise.all(causes)).toMatchObject(Array(3).fill({ code }));
    expect(server.wires.length).toBe(2);
  });

  test("has its SSE go on behind the last event, by Last-Event-ID", async () => {
    const cursors: unknown[] = [];
    await using server = await h2Server(local, (stream, headers) => {
      const last = Number(headers["last-event-id"] ?? 0);
      cursors.push(last);
      stream.respond({ ":status": 200, "content-type": "text/event-stream" });
      for (let id = last + 1; id <= last + 2; id++) stream.write(`id: ${id}\ndata: ${id}\n\n`);
      if (last === 6) stream.end("data: [DONE]\n\n");
    });
    await using proxy = await faultProxy({ to: { port: server.port } });
    const stream = client.sse(`https://localhost:${proxy.port}`, { until: "[DONE]" });
    const seen: string[] = [];
    for await (const { data } of stream) {
      seen.push(data);
      if (data === "2") proxy.cut();
      if (data === "4") proxy.reset();
      if (data === "6") server.sessions.at(-1)?.destroy();
    }
    expect(seen).toEqual(["1", "2", "3", "4", "5", "6", "7", "8"]);
    expect([cursors, server.sockets.length]).toEqual([[0, 2, 4, 6], 4]);
  });

  test("before a byte of the answer fails a POST, which may have been processed", async () => {
    let requests = 0;
    await using server = await rawH2Server(local, async (wire) => {
      await wire.request();
      requests++;
      wire.fin();
    });
    const error = await client.request(server.url, { method: "POST", body: "x" }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "truncated" });
    expect(requests).toBe(1);
  });

  test.each([
    ["a FIN", (wire: H2Wire) => wire.fin()],
    ["an RST", (wire: H2Wire) => wire.cut()],
  ] as const)("by %s just when a request comes on it loses no GET, in 60 rounds", async (_how, cut) => {
    await using server = await rawH2Server(local, async (wire) => {
      const request = await wire.request();
      if (!request) return;
      await echoed(wire, request);
      if (await wire.request()) cut(wire);
    });
    for (let round = 0; round < 60; round++) expect(await textOf(server.url, `${round}`)).toBe(`${round}`);
    expect(server.wires.length).toBe(60);
  });

  test("by bytes that are no frames is protocol, and the next request gets a new one", async () => {
    await using server = await rawH2Server(local, async (wire) => {
      if (wire.index > 0) return echo(wire);
      await wire.request();
      wire.raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    });
    await expect(client.request(server.url, marked(1))).rejects.toMatchObject({ code: "protocol" });
    expect(await textOf(server.url, 2)).toBe("2");
  });
});

describe("a connection that is dead, with nothing to tell", () => {
  test.each(["idleMs", "headersMs"] as const)("is not used again once %s ran out on a stream of it", async (name) => {
    await using server = await h2Server(local, (stream, headers) => {
      if (headers[":path"] === "/alive") return answerH2(stream, "alive");
      if (name === "headersMs") return;
      stream.respond({ ":status": 200 });
      stream.write("1\n");
    });
    await using proxy = await faultProxy({ to: { port: server.port } });
    const clock = fakeClock();
    await using timed = createClient({ tls, clock, timeouts: { connectMs: 0, totalMs: 0 } });
    const url = `https://localhost:${proxy.port}`;
    expect(await Array.fromAsync(timed.lines(`${url}/alive`))).toEqual(["alive"]);
    const stream = timed.lines(`${url}/dead`, { timeouts: { [name]: 1_000 }, reconnect: false });
    const items = stream[Symbol.asyncIterator]();
    const first = items.next();
    first.catch(() => {});
    if (name === "idleMs") await first;
    await server.requests(2);
    proxy.stall();
    const next = name === "idleMs" ? items.next() : first;
    next.catch(() => {});
    await turns(20);
    await clock.advance(1_000);
    await expect(next).rejects.toMatchObject({ code: name === "idleMs" ? "idle" : "deadline", clock: name });
    expect(await Array.fromAsync(timed.lines(`${url}/alive`))).toEqual(["alive"]);
    expect(server.sockets.length).toBe(2);
    await timed.destroy();
  });

  test("is not waited for when it died before its first word, the server's SETTINGS", async () => {
    await using server = await rawH2Server(local, echo, { silent: 1 });
    const clock = fakeClock();
    await using timed = createClient({ tls, clock, timeouts: { connectMs: 0, totalMs: 0, headersMs: 1_000 } });
    const dead = timed.request(server.url, marked(1)).catch((reason: unknown) => reason);
    while (!server.wires[0]?.greeted) await turns(1);
    await clock.advance(1_000);
    expect(await dead).toMatchObject({ code: "deadline", clock: "headersMs" });
    let text: string | undefined;
    void timed.request(server.url, marked(2)).then(async (reply) => (text = await reply.text()));
    await turns(500);
    expect([text, server.wires.length]).toEqual(["2", 2]);
    await timed.destroy();
  });

  test("lets its other streams run into their own clocks, and all go on together on a new one", async () => {
    await using server = await h2Server(local, (stream, headers) => {
      const last = Number(headers["last-event-id"] ?? 0);
      stream.respond({ ":status": 200, "content-type": "text/event-stream" });
      stream.write(`id: ${last + 1}\ndata: ${last + 1}\n\n`);
      if (last > 0) stream.end("data: [DONE]\n\n");
    });
    await using proxy = await faultProxy({ to: { port: server.port } });
    const clock = fakeClock();
    await using timed = createClient({
      tls,
      clock,
      timeouts: { connectMs: 0, totalMs: 0, idleMs: 1_000 },
      reconnect: { firstMs: 0, floorMs: 0 },
    });
    const streams = Array.from({ length: 10 }, () => timed.sse(`https://localhost:${proxy.port}`, { until: "[DONE]" }));
    const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
    for (const items of iterators) expect((await items.next()).value?.data).toBe("1");
    expect(server.sockets.length).toBe(1);
    proxy.stall();
    const seconds = iterators.map((items) => items.next());
    await turns(20);
    await clock.advance(1_000);
    // They wait 0 ms before they open again.
    while (server.sessions.length < 2) await Promise.all([clock.advance(0), turns(1)]);
    expect((await Promise.all(seconds)).map(({ value }) => value?.data)).toEqual(Array(10).fill("2"));
    for (const items of iterators) expect((await items.next()).done).toBe(true);
    expect(server.sockets.length).toBe(2);
    await timed.destroy();
  });

  test("does not hold up destroy()", async () => {
    await using server = await h2Server(local, (stream) => {
      stream.respond({ ":status": 200 });
      stream.write("1\n");
    });
    await using proxy = await faultProxy({ to: { port: server.port } });
    const items = client.lines(`https://localhost:${proxy.port}`)[Symbol.asyncIterator]();
    await items.next();
    proxy.stall();
    await client.destroy();
    expect((await items.next()).done).toBe(true);
    expect(client.stats().sockets).toEqual([]);
  });
});
