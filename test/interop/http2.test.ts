// HTTP/2 as real servers speak it: streams beside calls on one connection, streams that they reset, and their graceful ends, by GOAWAY.

import { writeFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { join } from "node:path";
import { createClient } from "longwire";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Authority } from "../faults/certificates.ts";
import { type Listening, listening } from "../faults/listening.ts";
import { buildGo, type GoProgram, type GoServer } from "./go-server.ts";
import { caddyFront, type Http2Front, nginxFront } from "./http2-front.ts";
import { describeWithPeer } from "./peers.ts";
import { scratchFolder, type ScratchFolder } from "./scratch-folder.ts";

const authority = new Authority();
afterAll(() => authority[Symbol.dispose]());
const local = authority.issue("DNS:localhost");

let client: ReturnType<typeof createClient>;
beforeEach(() => {
  client = createClient({
    tls: { ca: authority.cert },
    budget: { perSecond: 1e6 },
    reconnect: { firstMs: 10, floorMs: 1, maxMs: 50 },
    timeouts: { totalMs: 20_000 },
  });
});
afterEach(() => client.destroy());

const protocols = (): unknown[] =>
  client.stats().lanes.map(({ lane, protocol, open }) => `${lane} ${protocol} ${open}`);
const numbered = (word: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${word} ${index + 1}`);

describeWithPeer("nchan", "nginx that speaks HTTP/2", () => fronts(nginxFront));
describeWithPeer("caddy", "caddy that speaks HTTP/2", () => fronts(caddyFront));

function fronts(start: typeof nginxFront): void {
  let streams: ServerResponse[];
  let upstream: Listening;
  let front: Http2Front;
  let cursors: number[];
  beforeEach(async () => {
    streams = [];
    cursors = [];
    const server = createServer(async (request, response) => {
      if (request.url !== "/events") return void request.pipe(response);
      cursors.push(Number(request.headers["last-event-id"] ?? 0));
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
      streams.push(response);
    });
    upstream = await listening(server);
    front = await start(upstream.port, local);
  });
  afterEach(async () => {
    await client.destroy();
    await front[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  /** A stream that has its first event. */
  async function begun() {
    const before = streams.length;
    const stream = client.sse(`${front.url}/events`, { until: "[DONE]" });
    const opening = stream.open();
    await expect.poll(() => streams.length).toBe(before + 1);
    const items = stream[Symbol.asyncIterator]();
    streams.at(-1)?.write("id: 1\ndata: 1\n\n");
    await opening;
    expect((await items.next()).value?.data).toBe("1");
    return { stream, items };
  }

  async function echoed(body: string): Promise<string | null> {
    const reply = await client.request(`${front.url}/echo`, { method: "POST", body });
    expect(await reply.text()).toBe(body);
    return reply.headers.get("x-version");
  }

  it("has each event at once, beside posts of 1 MiB on one other connection", async () => {
    const { items } = await begun();
    for (let id = 2; id <= 20; id++) {
      streams[0]?.write(`id: ${id}\ndata: ${id}\n\n`);
      const [event] = await Promise.all([items.next(), echoed("longwire".repeat(2 ** 17))]);
      expect(event.value?.data).toBe(String(id));
    }
    expect(protocols().toSorted()).toEqual(["call h2 1", "stream h2 1"]);
  });

  it("passes a cut on as the end of one stream, which goes on by Last-Event-ID; its siblings notice nothing", async () => {
    const sibling = await begun();
    const stream = client.sse(`${front.url}/events`, { until: "[DONE]" });
    const all = Array.fromAsync(stream, ({ data }) => data);
    await expect.poll(() => streams.length).toBe(2);
    streams[1]?.write("id: 1\ndata: 1\n\nid: 2\ndata: 2\n\nid: 3\ndata: half of ev");
    await expect.poll(() => stream.stats.items).toBe(2);
    streams[1]?.socket?.resetAndDestroy();
    // nginx holds its RST_STREAM back until there is something else to say on that connection.
    streams[0]?.write("id: 2\ndata: 2\n\n");
    await expect.poll(() => streams.length).toBe(3);
    streams[2]?.end("id: 3\ndata: 3\n\ndata: [DONE]\n\n");
    expect(await all).toEqual(["1", "2", "3"]);
    expect(cursors).toEqual([0, 0, 2]);
    streams[0]?.end("data: [DONE]\n\n");
    expect((await sibling.items.next()).value?.data).toBe("2");
    expect((await sibling.items.next()).done).toBe(true);
    expect(await sibling.stream.outcome).toMatchObject({ code: "complete", attempts: 1 });
    expect(protocols()).toEqual(["stream h2 1"]);
  });

  it("reloads under load: no post fails, the stream loses nothing, what comes later is answered anew", async () => {
    const { stream, items } = await begun();
    const versions: (string | null)[] = [];
    const first = Promise.all(numbered("post", 20).map(echoed));
    if (!front.keepsAnswers) await first;
    await front.reload();
    expect((await first).length).toBe(20);
    while (versions.at(-1) !== "2") versions.push(...(await Promise.all(numbered("post", 10).map(echoed))));
    const second = items.next();
    await expect.poll(() => streams.length).toBe(front.keepsAnswers ? 1 : 2);
    streams.at(-1)?.write("id: 2\ndata: 2\n\n");
    expect((await second).value?.data).toBe("2");
    // The old connection, where it lasts, takes no more: this one is on another.
    const { items: later } = await begun();
    streams.at(-2)?.end("data: [DONE]\n\n");
    expect((await items.next()).done).toBe(true);
    const attempts = front.keepsAnswers ? 1 : 2;
    expect(await stream.outcome).toMatchObject({ code: "complete", items: 2, cursor: "2", attempts });
    expect(cursors).toEqual(front.keepsAnswers ? [0, 0] : [0, 1, 0]);
    // None of the posts was made twice.
    expect(client.stats().attempts).toBe(attempts + 20 + versions.length + 1);
    await later.return?.();
  });

  it("that ends its connections after so many requests loses none of 200", async () => {
    const bodies = numbered("body", 200);
    for (let at = 0; at < bodies.length; at += 20) await Promise.all(bodies.slice(at, at + 20).map(echoed));
    expect(client.stats().attempts).toBe(200);
  });
}

describeWithPeer("go", "a Go net/http server that speaks HTTP/2", () => {
  let folder: ScratchFolder;
  let program: GoProgram;
  let server: GoServer;
  let url: string;

  beforeAll(async () => {
    folder = await scratchFolder("http2");
    await writeFile(join(folder.path, "key.pem"), local.key, { mode: 0o600 });
    await writeFile(join(folder.path, "cert.pem"), local.cert);
    program = await buildGo("http2");
    return async () => {
      await program[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    };
  }, 150_000);
  beforeEach(async () => {
    server = await program.start(0, ["-folder", folder.path]);
    url = `https://localhost:${server.port}`;
  });
  afterEach(async () => {
    await client.destroy();
    await server.kill();
  });

  it("is spoken to in HTTP/2: 20 streams beside 100 posts, on a connection for each lane", async () => {
    const streams = Array.from({ length: 20 }, () => client.sse(`${url}/events?count=10`, { until: "[DONE]" }));
    const texts = streams.map((stream) => Array.fromAsync(stream, ({ data }) => data));
    for (const body of numbered("post", 100)) {
      const reply = await client.request(`${url}/echo`, { method: "POST", body });
      expect([await reply.text(), reply.headers.get("x-protocol")]).toEqual([body, "HTTP/2.0"]);
    }
    for (const one of texts) expect(await one).toEqual(numbered("event", 10));
    expect(protocols().toSorted()).toEqual(["call h2 1", "stream h2 1"]);
  });

  it("echoes 4 MiB while they are sent", async () => {
    const sent = Buffer.from("longwire".repeat(2 ** 19));
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < sent.length; at += 50_000) yield sent.subarray(at, at + 50_000);
    }
    const echoed = await Array.fromAsync(client.bytes(`${url}/echo`, { method: "POST", body: pieces() }));
    expect(Buffer.concat(echoed).equals(sent)).toBe(true);
  });

  it("that aborts a handler in mid-event resets that stream, which is read to its end on the same connection", async () => {
    const stream = client.sse(`${url}/events?count=10&abort_after=3`, { until: "[DONE]" });
    expect(await Array.fromAsync(stream, ({ data }) => data)).toEqual(numbered("event", 10));
    expect(stream.stats.reconnects).toBe(3);
    await expect(client.request(`${url}/abort`)).rejects.toMatchObject({ code: "reset" });
    expect(await (await client.request(`${url}/echo`, { method: "POST", body: "x" })).text()).toBe("x");
    expect(
      client
        .stats()
        .lanes.map(({ requests, reused }) => [requests, reused])
        .toSorted(),
    ).toEqual([
      [2, 1],
      [4, 3],
    ]);
  });

  it("shuts down gently: the stream is read to its end from the old process, and no post fails on the way to the new one", async () => {
    const processes = new Set<string | null>();
    const post = async (body: string): Promise<void> => {
      const reply = await client.request(`${url}/echo`, { method: "POST", body });
      expect(await reply.text()).toBe(body);
      processes.add(reply.headers.get("x-process"));
    };
    await post("before");
    const stream = client.sse(`${url}/events?count=100`, { until: "[DONE]" });
    const seen: string[] = [];
    let gone: Promise<void> | undefined;
    let next: GoServer | undefined;
    for await (const { data } of stream) {
      seen.push(data);
      if (seen.length !== 5) continue;
      gone = server.kill("SIGTERM");
      next = await program.start(server.port, ["-folder", folder.path]);
      for (const body of numbered("post", 20)) await post(body);
    }
    expect(seen).toEqual(numbered("event", 100));
    expect(await stream.outcome).toMatchObject({ code: "complete", attempts: 1 });
    expect(processes.size).toBe(2);
    await gone;
    server = next as GoServer;
  });

  it("that is killed breaks the stream, which goes on behind its last event in the next process", async () => {
    const stream = client.sse(`${url}/events?count=40`, { until: "[DONE]" });
    const seen: string[] = [];
    let restarted: Promise<void> | undefined;
    for await (const { data } of stream) {
      seen.push(data);
      if (seen.length !== 10) continue;
      restarted = (async () => {
        await server.kill();
        server = await program.start(server.port, ["-folder", folder.path]);
      })();
    }
    await restarted;
    expect(seen).toEqual(numbered("event", 40));
    expect(stream.stats.reconnects).toBeGreaterThanOrEqual(1);
  });
});
