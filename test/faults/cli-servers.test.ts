// `longwire serve` and `longwire relay` as real processes, asked by the real `longwire tail` and by our client.

import { once } from "node:events";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer, get } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "longwire";
import { describe, expect, test } from "vitest";
import { type CliProcess, runCli, startCli } from "./cli-process.ts";
import { listening } from "./listening.ts";
import { turns } from "./peer.ts";

interface Running extends AsyncDisposable {
  readonly url: string;
  readonly process: CliProcess;
}

/** A command that listens, once it does. */
async function running(...words: string[]): Promise<Running> {
  const process = startCli([...words, "--listen", "127.0.0.1:0"]);
  const url = await firstLine(process);
  return { url, process, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}

async function firstLine(process: CliProcess): Promise<string> {
  await process.printed("stdout", "\n");
  return process.seen.stdout.split("\n")[0] as string;
}

describe("longwire serve", () => {
  test("is tailed through its cuts, events and rows: none lost, none twice", async () => {
    await using server = await running("serve");
    const query = "count=60&every=5ms&cuts=3&retry=1";
    const [events, rows] = await Promise.all([
      runCli(["tail", `${server.url}/events?${query}`, "--until", "[DONE]", "--output", "json"]),
      runCli(["tail", `${server.url}/rows?${query}`, "--cursor", "seq", "--cursor-param", "since"]),
    ]);
    const seqs = (text: string): number[] => [...text.matchAll(/seq\\?":(\d+)/g)].map(([, seq]) => Number(seq));
    const all = Array.from({ length: 60 }, (_, index) => index + 1);
    expect([events.code, seqs(events.stdout), rows.code, seqs(rows.stdout)]).toEqual([0, all, 0, all]);
    expect(server.process.seen.stderr).toMatch(/^\* cut +a (RST|FIN|clean end) (inside|after) item \d+ of \/events$/m);
    expect(server.process.seen.stderr).toMatch(/^\* cut +a (RST|FIN) (inside|after) item \d+ of \/rows$/m);
  });

  test("says the same to events, rows and WebSockets of /live, under the same ids", async () => {
    await using server = await running("serve", "--every", "20ms");
    await using client = createClient({ baseUrl: server.url });
    const seen: Record<string, Map<string, unknown>> = { sse: new Map(), rows: new Map(), socket: new Map() };
    const enough = (of: Map<string, unknown>): boolean => of.size >= 10;
    await Promise.all([
      (async () => {
        for await (const { lastEventId, data } of client.sse("/live")) {
          if (enough(seen["sse"]?.set(lastEventId, JSON.parse(data)) as Map<string, unknown>)) break;
        }
      })(),
      (async () => {
        const options = { accept: "application/x-ndjson" };
        for await (const { id, data } of client.ndjson<{ id: string; data: unknown }>("/live", options)) {
          if (enough(seen["rows"]?.set(id, data) as Map<string, unknown>)) break;
        }
      })(),
      (async () => {
        for await (const message of client.webSocket("/live")) {
          const { id, data } = JSON.parse(String(message)) as { id: string; data: unknown };
          if (enough(seen["socket"]?.set(id, data) as Map<string, unknown>)) break;
        }
      })(),
    ]);
    const shared = [...(seen["sse"]?.keys() ?? [])].filter((id) => seen["rows"]?.has(id) && seen["socket"]?.has(id));
    expect(shared.length).toBeGreaterThan(3);
    for (const id of shared)
      expect([seen["rows"]?.get(id), seen["socket"]?.get(id)]).toEqual([seen["sse"]?.get(id), seen["sse"]?.get(id)]);
  });

  test("sends back what /echo gets, and to everybody what /chat gets", async () => {
    await using server = await running("serve");
    await using client = createClient({ baseUrl: server.url });
    const [echo, one, other] = [client.webSocket("/echo"), client.webSocket("/chat"), client.webSocket("/chat")];
    await Promise.all([echo.open(), one.open(), other.open()]);
    await echo.send("back");
    await one.send("to all");
    for (const [socket, text] of [
      [echo, "back"],
      [one, "to all"],
      [other, "to all"],
    ] as const) {
      expect((await socket[Symbol.asyncIterator]().next()).value).toBe(text);
    }
    const stranger = client.webSocket("/echo", { headers: { origin: "https://evil.example" } });
    await expect(stranger.open()).rejects.toMatchObject({ code: "refused", status: 403 });
    await expect(client.webSocket("/nothing").open()).rejects.toMatchObject({ code: "refused", status: 404 });
  });

  test("breaks a WebSocket as its query asks, and says what is wrong with one", async () => {
    await using server = await running("serve");
    await using client = createClient({ baseUrl: server.url, reconnect: false });
    // Behind the head and the first of two frames, in the midst of the second.
    const whole = client.webSocket("/echo");
    await whole.open();
    const cut = client.webSocket("/echo?resetAfter=300");
    await cut.open();
    await cut.send("x".repeat(400));
    await expect(cut[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "reset" });
    const silent = client.webSocket("/live?blackhole=1", { timeouts: { headersMs: 300 } });
    await expect(silent.open()).rejects.toMatchObject({ code: "deadline" });
    const wrong = client.webSocket("/echo?cutAfter=x");
    await expect(wrong.open()).rejects.toMatchObject({
      status: 400,
      excerpt: expect.stringContaining("cutAfter must be"),
    });
    for (const fault of ["gzipStall=3", "badUtf8=3", "splitBom=1"]) {
      await expect(client.webSocket(`/echo?${fault}`).open()).rejects.toMatchObject({
        status: 400,
        excerpt: expect.stringContaining("changes a body, and a WebSocket has none"),
      });
    }
    await whole.send("still there");
    expect((await whole[Symbol.asyncIterator]().next()).value).toBe("still there");
  });

  test.each([
    ["/rows?count=3&every=1ms&status=503&retryAfter=7", 503, "", "7"],
    ["/rows?count=x", 400, 'count must be a whole number from 0 to 999999999999999, not "x"\n', undefined],
    ["/rows?every=5", 400, expect.stringContaining('"5" is no duration'), undefined],
    ["/rows?stall=1&cutAfter=2", 400, expect.stringContaining("A fault plan has one end"), undefined],
    ["/nowhere", 404, expect.stringContaining("nothing here"), undefined],
    ["/constructor", 404, expect.stringContaining("nothing here"), undefined],
  ])("answers %s with %d", async (path, status, text, retryAfter) => {
    await using server = await running("serve", "-q");
    await using client = createClient({ baseUrl: server.url });
    const reply = await client.request(path);
    expect([reply.status, reply.headers.get("retry-after") ?? undefined, await reply.text()]).toEqual([
      status,
      retryAfter,
      text,
    ]);
    expect(server.process.seen.stderr).toBe("");
  });

  test("answers HEAD by the head alone, also of what never ends", async () => {
    await using server = await running("serve");
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1").setEncoding("latin1");
    const asked = (method: string, path: string, more = "") => `${method} ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
    // Each is answered behind the one before.
    for (const path of ["/events", "/rows", "/live", "/bytes?size=1000000"]) socket.write(asked("HEAD", path));
    socket.write(asked("GET", "/nowhere", "Connection: close\r\n"));
    const text = (await socket.toArray()).join("");
    expect(text.match(/^HTTP\/1\.1 \d+/gm)).toEqual([...Array(4).fill("HTTP/1.1 200"), "HTTP/1.1 404"]);
    expect(text.match(/^content-length: \d+/gm)).toEqual(["content-length: 1000000", "content-length: 46"]);
  });

  test("refuses other methods, and a target that is none", async () => {
    await using server = await running("serve");
    await using client = createClient({ baseUrl: server.url });
    const reply = await client.request("/events", { method: "POST" });
    expect([reply.status, reply.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    await reply.text();
    const { port } = new URL(server.url);
    const socket = connect(Number(port), "127.0.0.1").setEncoding("latin1");
    socket.end("GET http://[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect((await socket.toArray()).join("")).toMatch(/^HTTP\/1\.1 404 /);
  });

  test("resumes /bytes by range, through cuts", async () => {
    await using server = await running("serve");
    await using client = createClient({ baseUrl: server.url, reconnect: { firstMs: 1, floorMs: 1, retries: 1_000 } });
    let length = 0;
    for await (const chunk of client.bytes("/bytes?size=500000&resetAfter=200000")) {
      for (let at = (16 - (length % 16)) % 16; at + 15 <= chunk.length; at += 16) {
        expect(Number(Buffer.from(chunk.subarray(at, at + 15)).toString())).toBe(length + at);
      }
      length += chunk.length;
    }
    expect(length).toBe(500_000);
  });

  test("the first Ctrl-C says goodbye to everybody and exits 0", async () => {
    await using server = await running("serve", "--every", "20ms");
    await using client = createClient({ baseUrl: server.url, reconnect: false });
    const [live, socket] = [client.sse("/live"), client.webSocket("/live")];
    const ends = Promise.all([drained(live), drained(socket)]);
    await Promise.all([live.open(), socket.open()]);
    server.process.child.kill("SIGINT");
    await ends;
    expect([(await live.outcome).code, (await socket.outcome).code]).toEqual(["ended", "ended"]);
    expect(await server.process.ended).toMatchObject({ code: 0, signal: null });
  });

  test.each([
    "/rows?every=1h",
    "/live?stall=0",
    "/live?blackhole=1",
    "/live?status=503",
    "/live?cutAfter=x",
    "no request",
  ])("a client of %s that has left, or wanted nothing yet, does not hold it up", async (path) => {
    await using server = await running("serve", "--every", "1h");
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.on("error", () => {});
    if (path === "no request") {
      await once(socket, "connect");
    } else {
      const request = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
      await new Promise<void>((resolve) => socket.write(request, () => resolve()));
      if (!path.includes("blackhole")) await once(socket, "readable");
      socket.destroy();
      await server.process.printed("stderr", `GET ${path.split("=")[0]}`);
    }
    // The time for those who are there is 5 s.
    const killed = setTimeout(() => server.process.child.kill("SIGKILL"), 4_000);
    server.process.child.kill("SIGINT");
    expect(await server.process.ended).toMatchObject({ code: 0, signal: null });
    clearTimeout(killed);
    socket.destroy();
  });

  test.each([
    ["SIGINT", "SIGTERM"],
    ["SIGTERM", "SIGINT"],
  ] as const)("%s, then %s does not wait for those who are there", async (first, second) => {
    await using server = await running("serve");
    const { port } = new URL(server.url);
    const socket = connect(Number(port), "127.0.0.1");
    socket.on("error", () => {});
    socket.write("GET /rows HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "readable");
    server.process.child.kill(first);
    await server.process.printed("stderr", "* close");
    server.process.child.kill(second);
    expect(await server.process.ended).toMatchObject({ code: null, signal: second });
    socket.destroy();
  });

  test("who takes nothing does not hold it for longer than 5 s", async () => {
    await using server = await running("serve");
    const { port } = new URL(server.url);
    const socket = connect(Number(port), "127.0.0.1");
    socket.on("error", () => {});
    socket.write("GET /bytes?size=1000000000 HTTP/1.1\r\nHost: x\r\n\r\n");
    await server.process.printed("stderr", "* listen");
    await new Promise((resolve) => socket.once("readable", resolve));
    server.process.child.kill("SIGTERM");
    expect(await server.process.ended).toMatchObject({ code: 0, signal: null });
    socket.destroy();
  });

  test("a port that is taken is exit code 1, in words", async () => {
    await using taken = await listening(createServer());
    const { code, stdout, stderr } = await runCli(["serve", "--listen", `127.0.0.1:${taken.port}`]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(`longwire: Cannot listen on 127.0.0.1, port ${taken.port}: `);
  });

  test("so is a path where a killed process left its socket, or that is too long, with a hint", async () => {
    const path = join(tmpdir(), `longwire-left-${process.pid}.sock`);
    const killed = startCli(["serve", "--listen", `unix:${path}`]);
    await firstLine(killed);
    killed.child.kill("SIGKILL");
    await killed.ended;
    const stale = await runCli(["serve", "--listen", `unix:${path}`]);
    await rm(path);
    expect([stale.code, stale.stdout]).toEqual([1, ""]);
    expect(stale.stderr).toMatch(/EADDRINUSE: .*; if nobody listens there, a process that was killed left it/);
    const long = await runCli(["serve", "--listen", `unix:${join(tmpdir(), "x".repeat(120))}`]);
    expect([long.code, long.stdout]).toEqual([1, ""]);
    expect(long.stderr).toContain("the path may be longer than one of a socket can be");
  });

  test("an upgrade whose fault finds no port ends, and nothing else does", async () => {
    await using process = startCli(["serve", "--listen", "127.0.0.1:0"], { mostFiles: 60 });
    const url = await firstLine(process);
    const { port, host } = new URL(url);
    const fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    const sockets: Socket[] = [];
    const left = (): string[] => process.seen.stderr.match(/^\* fail +GET \/echo\?.*: listen EMFILE/gm) ?? [];
    while (left().length === 0) {
      const socket = connect(Number(port), "127.0.0.1");
      sockets.push(socket.on("error", () => {}));
      await once(socket, "connect");
      socket.write(`GET /echo?cutAfter=100000 HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`);
      await turns();
    }
    for (const socket of sockets) socket.destroy();
    await using client = createClient({ baseUrl: url });
    expect(await (await client.request("/rows?count=1&every=0")).text()).toBe('{"seq":1,"name":"row 1"}\n');
  });
});

describe("longwire relay", () => {
  test("passes streams on, and what breaks as broken; says so, and prints no query", async () => {
    await using origin = await running("serve");
    await using relay = await running("relay", "--to", origin.url);
    const query = "count=40&every=5ms&cuts=3&retry=1&token=hunter2";
    const tailed = await runCli(["tail", `${relay.url}/events?${query}`, "--until", "[DONE]", "--output", "json"]);
    expect(tailed.code).toBe(0);
    expect(tailed.stdout.match(/"id":"\d+"/g)?.length).toBe(40);
    // Who has read "[DONE]" leaves, maybe before the end.
    const whole = await runCli(["tail", `${relay.url}/rows?count=2&every=0&token=hunter2`]);
    expect([whole.code, whole.stdout]).toEqual([0, '{"seq":1,"name":"row 1"}\n{"seq":2,"name":"row 2"}\n']);
    await relay.process.printed("stderr", "GET /rows");
    const { stderr } = relay.process.seen;
    expect(stderr).toMatch(/^\* listen http:\/\/127\.0\.0\.1:\d+, to http:\/\/127\.0\.0\.1:\d+$/m);
    expect(stderr).toMatch(/^\* fail +GET \/events\?.*: Cannot read /m);
    expect(stderr).toMatch(/^\* cut +200, GET \/events\?/m);
    expect(stderr).toMatch(/^\* 200 +GET \/rows\?/m);
    expect(stderr).not.toContain("hunter2");
  });

  test("passes WebSockets on, and sets headers of its own", async () => {
    const seen: unknown[] = [];
    await using upstream = await listening(
      createServer((request, response) => {
        seen.push([request.url, request.headers.authorization, request.headers["x-secret"]]);
        response.end("here");
      }),
    );
    await using origin = await running("serve");
    await using relay = await running("relay", "--to", origin.url);
    await using client = createClient({ baseUrl: relay.url });
    const socket = client.webSocket("/echo");
    await socket.open();
    await socket.send("there and back");
    expect((await socket[Symbol.asyncIterator]().next()).value).toBe("there and back");
    const to = `http://127.0.0.1:${upstream.port}/v1`;
    await using other = await running(
      "relay",
      "--to",
      to,
      "-H",
      "Authorization: Bearer of-the-relay",
      "-H",
      "x-secret:",
    );
    const reply = await client.request(`${other.url}/a`, {
      headers: { "x-secret": "1", authorization: "Bearer mine" },
    });
    expect([await reply.text(), seen]).toEqual(["here", [["/v1/a", "Bearer of-the-relay", undefined]]]);
    expect(other.process.seen.stderr).not.toContain("of-the-relay");
  });

  test("without an upstream it is a 502, and goes on", async () => {
    await using relay = await running("relay", "--to", "http://127.0.0.1:9", "--connect", "2s");
    await using client = createClient({ baseUrl: relay.url });
    const reply = await client.request("/a");
    expect([reply.status, await reply.text()]).toEqual([502, "502: The upstream takes no connection\n"]);
    await relay.process.printed("stderr", "* 502");
    expect(relay.process.seen.stderr).toMatch(/^\* fail +GET \/a: Cannot reach /m);
  });

  test("listens on a Unix socket, and removes it when it ends", async () => {
    await using origin = await running("serve");
    const path = join(tmpdir(), `longwire-relay-${process.pid}.sock`);
    const relay = startCli(["relay", "--to", origin.url, "--listen", `unix:${path}`]);
    expect(await firstLine(relay)).toBe(`unix:${path}`);
    const response = await new Promise<number | undefined>((resolve, reject) => {
      get({ socketPath: path, path: "/bytes?size=1", agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      }).on("error", reject);
    });
    expect(response).toBe(200);
    relay.child.kill("SIGINT");
    expect((await relay.ended).code).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  test.each([
    [["relay"], "required option '--to <url>' not specified"],
    [["relay", "--to", "localhost:9"], "--to"],
    [["relay", "--to", "http://ann:hunter2@a.example/"], "userinfo"],
    [["relay", "--to", "http://a.example/?a=b"], "query"],
    [["relay", "--to", "http://a.example/", "--listen", "nowhere"], '"nowhere" is no address'],
    [["relay", "--to", "http://a.example/", "-H", "hunter2"], "-H needs a name"],
    [["relay", "--to", "http://a.example/", "-H", "a b: c"], "header"],
    [["relay", "--to", "http://a.example/", "-H", "Content-Length: 5"], "-H cannot have content-length"],
    [["serve", "--every", "5"], '"5" is no duration'],
    [["serve", "--every", "0"], "--every"],
    [["serve", "more"], "too many arguments"],
  ])("%j is exit code 2, and repeats no secret", async (words, why) => {
    const { code, stdout, stderr } = await runCli(words);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(why);
    expect(stderr).toMatch(/^Try: longwire (serve|relay) --help$/m);
    expect(stderr).not.toContain("hunter2");
  });
});

async function drained(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _item of items);
}
