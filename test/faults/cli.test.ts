// The real command line against real servers: exit codes, what goes where, cuts, signals and pipes.

import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { longwire } from "@longwire/cli";
import { systemClock } from "@longwire/core";
import { afterEach, describe, expect, test } from "vitest";
import { runCli, startCli } from "./cli-process.ts";
import { chunked, rawServer } from "./raw-server.ts";

const sse = { "content-type": "text/event-stream" };
const ndjson = { "content-type": "application/x-ndjson" };
const plain = { "content-type": "text/plain" };

const open = new Set<() => Promise<void>>();
afterEach(async () => {
  for (const close of open) await close();
  open.clear();
});

/** A server on loopback; its URL, without a slash at the end. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.add(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A URL where nobody listens. */
async function nobody(): Promise<string> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** Answers each request with the next of these. */
function inTurn(...listeners: ((request: IncomingMessage, response: ServerResponse) => unknown)[]): RequestListener {
  let turn = 0;
  return (request, response) => {
    const listener = listeners[Math.min(turn++, listeners.length - 1)];
    void listener?.(request, response);
  };
}

/** Breaks the connection after what was written has left. */
function breakAfter(response: ServerResponse, written: string): void {
  response.write(written, () => setImmediate(() => response.socket?.resetAndDestroy()));
}

describe("the exit code", () => {
  test("is 0 when the body was complete; stdout has the data and stderr the rest", async () => {
    const url = await serve((_, response) => response.writeHead(200, ndjson).end('{"a":1}\n{"b":"ü"}\n'));
    const { code, stdout, stderr } = await runCli(["tail", `${url}/feed?token=hunter2`]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '{"a":1}\n{"b":"ü"}\n' });
    expect(stderr.split("\n").map((line) => line.replace(/\d+(\.\d+)? m?s$/, "TIME"))).toEqual([
      `* try    ${url}/feed?token=***`,
      "* open   200",
      "* end    complete: 2 items, 19 bytes, 1 attempt, TIME",
      "",
    ]);
  });

  test("is 0 when a clean end proves nothing, and lines are not asked for twice", async () => {
    await using server = await rawServer(async (wire) => {
      await wire.request();
      await wire.write("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\none\ntwo\n");
      wire.fin();
    });
    const { code, stdout, stderr } = await runCli(["tail", server.url]);
    expect({ code, stdout, wires: server.wires.length }).toEqual({ code: 0, stdout: "one\ntwo\n", wires: 1 });
    expect(stderr).toContain("* end    ended: 2 items");
    expect(stderr).not.toContain("* wait");
  });

  test("is 3 when the answer is refused; the error quotes it, control characters escaped", async () => {
    const url = await serve((_, response) =>
      response.writeHead(404, { "content-type": "text/html" }).end("no \u001b[31msuch\nthing"),
    );
    const { code, stdout, stderr } = await runCli(["tail", url]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toContain("longwire: Cannot open ");
    expect(stderr).toContain("the server answered 404\n    no \\x1b[31msuch\n    thing\n");
  });

  test("is 3 when --as asks for what the answer is not", async () => {
    const url = await serve((_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"));
    expect((await runCli(["tail", url, "--as", "sse"])).code).toBe(3);
  });

  test("is 4 when lines broke after some were printed, and they are not asked for twice", async () => {
    let requests = 0;
    const url = await serve((_, response) => {
      requests++;
      response.writeHead(200, plain);
      breakAfter(response, "one\ntw");
    });
    const { code, stdout, stderr } = await runCli(["tail", url]);
    expect({ code, stdout, requests }).toEqual({ code: 4, stdout: "one\n", requests: 1 });
    expect(stderr).toContain("* end    reset: 1 item");
    expect(stderr).not.toContain("* wait");
  });

  test("is 4 when the body ended short", async () => {
    await using server = await rawServer(async (wire) => {
      await wire.request();
      await wire.write(
        `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n${chunked("one\n")}`,
      );
      wire.fin();
    });
    const { code, stderr } = await runCli(["tail", server.url, "--as", "lines"]);
    expect(code).toBe(4);
    expect(stderr).toContain("* end    truncated: 1 item");
  });

  test("is 4 when the body is not what it says", async () => {
    const url = await serve((_, response) => response.writeHead(200, ndjson).end('{"a":1}\noops\n'));
    const { code, stdout, stderr } = await runCli(["tail", url]);
    expect({ code, stdout }).toEqual({ code: 4, stdout: '{"a":1}\n' });
    expect(stderr).toContain("longwire: Cannot read the item on line 2");
  });

  test("is 4 when the stream ended before what --until names", async () => {
    const url = await serve((_, response) => response.writeHead(200, sse).end("data: half an answer\n\n"));
    const { code, stdout } = await runCli(["tail", url, "-d", "{}", "--until", "[DONE]"]);
    expect({ code, stdout }).toEqual({ code: 4, stdout: "half an answer\n" });
  });

  test("is 5 when the silence is longer than --idle", async () => {
    const url = await serve((_, response) => response.writeHead(200, sse).write("data: one\n\n"));
    const { code, stdout, stderr } = await runCli(["tail", url, "--idle", "200ms", "--retries", "0"]);
    expect({ code, stdout }).toEqual({ code: 5, stdout: "one\n" });
    expect(stderr).toContain("* end    idle: 1 item");
  });

  test("is 5 when the server never answers at all", async () => {
    const url = await serve(() => {});
    expect((await runCli(["tail", url, "--idle", "200ms", "--retries", "0"])).code).toBe(5);
  });

  test("is 6 when the retries gave up, whatever they met", async () => {
    const { code, stderr } = await runCli(["tail", await nobody(), "--retries", "1"]);
    expect(code).toBe(6);
    expect(stderr).toContain("* cut    unreachable: ");
    expect(stderr).toContain("longwire: Gave up on ");
    expect(stderr).toContain("* end    exhausted: 0 items, 0 bytes, 2 attempts");
  });

  test("is 7 when nothing listens and no retry was made", async () => {
    const { code, stderr } = await runCli(["tail", await nobody(), "--retries", "0"]);
    expect(code).toBe(7);
    expect(stderr).toContain("ECONNREFUSED");
  });

  test("is 2 for a wrong command line, and nothing is sent", async () => {
    let requests = 0;
    const url = await serve((_, response) => response.end(`${++requests}`));
    const { code, stdout, stderr } = await runCli(["tail", url, "--idle", "soon"]);
    expect({ code, stdout, requests }).toEqual({ code: 2, stdout: "", requests: 0 });
    expect(stderr).toContain("such as 500ms, 30s, 1m");
  });
});

describe("the request", () => {
  test("is what -H, -X, -d and -u say", async () => {
    const seen: unknown[] = [];
    const url = await serve(async (request, response) => {
      const { method, headers } = request;
      seen.push({
        method,
        one: headers["x-one"],
        type: headers["content-type"],
        auth: headers.authorization,
        body: await text(request),
      });
      response.writeHead(200, plain).end("ok\n");
    });
    const words = ["-X", "PUT", "-H", "X-One: 1", "-H", "x-one: 2", "-d", '{"a":1}', "-u", "ops:hunter2"];
    const { code, stdout, stderr } = await runCli(["tail", url, ...words]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "ok\n" });
    const auth = `Basic ${Buffer.from("ops:hunter2").toString("base64")}`;
    expect(seen).toEqual([{ method: "PUT", one: "1, 2", type: "application/json", auth, body: '{"a":1}' }]);
    expect(stderr).not.toContain("hunter2");
  });

  test("is a POST with -d, from a file or from stdin", async () => {
    const seen: string[] = [];
    const url = await serve(async (request, response) => {
      seen.push(`${request.method} ${await text(request)}`);
      response.end();
    });
    const folder = await mkdtemp(join(tmpdir(), "longwire-cli-"));
    try {
      await writeFile(join(folder, "body.json"), '{"from":\n"a file"}\n');
      await runCli(["tail", url, "-d", `@${join(folder, "body.json")}`]);
    } finally {
      await rm(folder, { recursive: true });
    }
    await runCli(["tail", url, "-d", "@-"], { input: "from stdin\n" });
    expect(seen).toEqual(['POST {"from":\n"a file"}\n', "POST from stdin\n"]);
  });

  test("has the credentials of the URL as basic auth, and they are not printed", async () => {
    const seen: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization, request.url);
      response.writeHead(500, plain).end();
    });
    const words = ["tail", `${url.replace("//", "//ops:hunter2@")}/x?key=hunter2`, "--retries", "1"];
    const { code, stdout, stderr } = await runCli(words);
    expect(code).toBe(6);
    expect(seen.slice(0, 2)).toEqual([`Basic ${Buffer.from("ops:hunter2").toString("base64")}`, "/x?key=hunter2"]);
    expect(stdout + stderr).not.toContain("hunter2");
  });
});

describe("a cut", () => {
  test("of SSE is told on stderr, waited out, and gone on from with Last-Event-ID", async () => {
    const ids: (string | string[] | undefined)[] = [];
    const note = (request: IncomingMessage): unknown => ids.push(request.headers["last-event-id"]);
    const url = await serve(
      inTurn(
        (request, response) => {
          note(request);
          response.writeHead(200, sse);
          breakAfter(response, "id: 1\ndata: one\n\nid: 2\ndata: two\n\nid: 3\ndata: th");
        },
        (request, response) => {
          note(request);
          response.writeHead(200, sse).end("id: 3\ndata: three\n\ndata: [DONE]\n\n");
        },
      ),
    );
    const { code, stdout, stderr } = await runCli(["tail", url, "--until", "[DONE]"]);
    expect({ code, stdout, ids }).toEqual({ code: 0, stdout: "one\ntwo\nthree\n", ids: [undefined, "2"] });
    expect(stderr.split("\n").map((line) => line.slice(0, 9).trim())).toEqual([
      ...["* try", "* open", "* cut", "* wait", "* open", "* resume", "* end", ""],
    ]);
    expect(stderr).toContain('* resume after "2"');
    expect(stderr).toContain("* end    complete: 3 items");
  });

  test("of NDJSON is gone on from where --cursor and --cursor-param say, --since first", async () => {
    const asked: (string | undefined)[] = [];
    const url = await serve(
      inTurn(
        (request, response) => {
          asked.push(request.url);
          response.writeHead(200, ndjson);
          breakAfter(response, '{"at":{"seq":5}}\n{"at":{"seq":12345678901234567890}}\n{"at"');
        },
        (request, response) => {
          asked.push(request.url);
          response.writeHead(200, ndjson).end('{"at":{"seq":7}}\n');
        },
      ),
    );
    const words = ["--cursor", "at.seq", "--cursor-param", "since", "--since", "4", "--output", "json"];
    const { code, stdout } = await runCli(["tail", `${url}/rows?live=1`, ...words]);
    expect({ code, asked }).toEqual({
      code: 0,
      asked: ["/rows?live=1&since=4", "/rows?live=1&since=12345678901234567890"],
    });
    expect(stdout).toBe(
      '{"type":"record","data":{"at":{"seq":5}},"id":5}\n' +
        '{"type":"record","data":{"at":{"seq":12345678901234567890}},"id":"12345678901234567890"}\n' +
        '{"type":"record","data":{"at":{"seq":7}},"id":7}\n',
    );
  });

  test("of SSE that has no ids is told as a gap", async () => {
    const url = await serve(
      inTurn(
        (_, response) => response.writeHead(200, sse).end("data: one\n\n"),
        (_, response) => response.writeHead(200, sse).end("data: two\n\n"),
      ),
    );
    const { code, stdout, stderr } = await runCli(["tail", url, "--max", "2"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "one\ntwo\n" });
    expect(stderr).toContain("* cut    the stream ended");
    expect(stderr).toContain("* gap ");
  });

  test("of SSE that the server ends for good, by a 204 to the last id, is no gap", async () => {
    const ids: (string | string[] | undefined)[] = [];
    const url = await serve((request, response) => {
      const id = request.headers["last-event-id"];
      ids.push(id);
      if (id === "2") response.writeHead(204).end();
      else response.writeHead(200, sse).end("id: 1\ndata: one\n\nid: 2\ndata: two\n\n");
    });
    const { code, stdout, stderr } = await runCli(["tail", url]);
    expect({ code, stdout, ids }).toEqual({ code: 0, stdout: "one\ntwo\n", ids: [undefined, "2"] });
    expect(stderr).toContain("* end    complete: 2 items");
    expect(stderr).not.toContain("* gap");
  });

  test("--since of bytes is an offset, asked for by Range", async () => {
    const body = "0123456789";
    const ranges: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      ranges.push(request.headers.range);
      response.writeHead(206, { "content-range": "bytes 7-9/10", etag: '"one"', "accept-ranges": "bytes" });
      response.end(body.slice(7));
    });
    const { code, stdout } = await runCli(["tail", url, "--as", "bytes", "--since", "7"]);
    expect({ code, stdout, ranges }).toEqual({ code: 0, stdout: "789", ranges: ["bytes=7-"] });
  });

  test.each(["auto", "json-seq"])("of a JSON text sequence, read with --as %s, is gone on from", async (reading) => {
    const asked: (string | undefined)[] = [];
    const type = { "content-type": "application/json-seq" };
    const url = await serve(
      inTurn(
        (request, response) => {
          asked.push(request.url);
          response.writeHead(200, type);
          breakAfter(response, '\x1e{"seq":1}\n\x1e{\n"seq":2\n}\n\x1e{"seq"');
        },
        (request, response) => {
          asked.push(request.url);
          response.writeHead(200, type).end('\x1e{"seq":3}\n');
        },
      ),
    );
    const { code, stdout } = await runCli(["tail", url, "--as", reading, "--cursor", "seq", "--cursor-param", "after"]);
    expect({ code, stdout, asked }).toEqual({
      code: 0,
      stdout: '{"seq":1}\n{ "seq":2 }\n{"seq":3}\n',
      asked: ["/", "/?after=2"],
    });
  });

  test("--since of SSE goes out with the first request", async () => {
    let id: string | string[] | undefined;
    const url = await serve((request, response) => {
      id = request.headers["last-event-id"];
      response.writeHead(200, sse).end("id: 8\ndata: eight\n\n");
    });
    expect((await runCli(["tail", url, "--since", "7", "--max", "1"])).stdout).toBe("eight\n");
    expect(id).toBe("7");
  });
});

describe("the output", () => {
  const events = 'id: 1\nevent: price\ndata: {"eur":1}\n\ndata: two\ndata: lines\n\n';

  test.each([
    ["data", '{"eur":1}\ntwo\nlines\n'],
    ["pretty", '#1 price {"eur":1}\ntwo\n  lines\n'],
    ["json", '{"type":"price","data":"{\\"eur\\":1}","id":"1"}\n{"type":"message","data":"two\\nlines","id":"1"}\n'],
  ])("as %s", async (form, expected) => {
    const url = await serve((_, response) => response.writeHead(200, sse).write(events));
    const { code, stdout } = await runCli(["tail", url, "--max", "2", "--output", form]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expected });
  });

  test("as raw is a stream that tail can read again", async () => {
    const first = await serve((_, response) => response.writeHead(200, sse).write(events));
    const { stdout: raw } = await runCli(["tail", first, "--max", "2", "--output", "raw"]);
    const second = await serve((_, response) => response.writeHead(200, sse).write(raw));
    const words = ["--max", "2", "--output", "json"];
    const [direct, again] = [await runCli(["tail", first, ...words]), await runCli(["tail", second, ...words])];
    expect(again.stdout).toBe(direct.stdout);
  });

  test("of bytes is those bytes", async () => {
    const body = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 31) % 256));
    const url = await serve((_, response) => response.end(body));
    const { code, stdout } = await runCli(["tail", url, "--as", "bytes", "--output", "json"]);
    const chunks = stdout
      .trim()
      .split("\n")
      .map((line) => Buffer.from((JSON.parse(line) as { data: string }).data, "base64"));
    expect({ code, same: Buffer.concat(chunks).equals(body) }).toEqual({ code: 0, same: true });
  });

  test("is coloured only where it is asked for, and escapes what came in pretty alone", async () => {
    const url = await serve((_, response) => response.writeHead(200, sse).write("id: 1\ndata: \u001b[2J\n\n"));
    const words = ["tail", url, "--max", "1", "--output"];
    expect((await runCli([...words, "pretty"])).stdout).toBe("#1 \\x1b[2J\n");
    expect((await runCli([...words, "data"])).stdout).toBe("\u001b[2J\n");
    const coloured = await runCli([...words, "pretty"], { env: { FORCE_COLOR: "1" } });
    expect(coloured.stdout).toBe("\u001b[2m#1 \u001b[22m\\x1b[2J\n");
    expect(coloured.stderr).toContain("\u001b[32m* open  \u001b[39m 200\n");
  });

  test("--max stops inside of a batch, and the cursor is that of the last item printed", async () => {
    const url = await serve((_, response) =>
      response.writeHead(200, sse).write("id: 1\ndata: one\n\nid: 2\ndata: two\n\nid: 3\ndata: three\n\n"),
    );
    const { code, stdout, stderr } = await runCli(["tail", url, "--max", "2"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "one\ntwo\n" });
    expect(stderr).toMatch(/\* end {4}closed: 2 items, .*, cursor "2"\n$/);
  });

  test("--quiet leaves stderr empty, but for the error", async () => {
    const good = await serve((_, response) => response.writeHead(200, plain).end("one\n"));
    expect(await runCli(["tail", good, "-q"])).toMatchObject({ code: 0, stdout: "one\n", stderr: "" });
    const bad = await runCli(["tail", await nobody(), "-q", "--retries", "0"]);
    expect(bad.code).toBe(7);
    expect(bad.stderr).toMatch(/^longwire: Cannot [^\n]+\n$/);
  });
});

describe("a pipe", () => {
  test("whose reader leaves ends it with 0 and without a word", async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, sse);
      const flood = (): void => {
        while (!response.destroyed && response.write("data: more\n\n"));
      };
      response.on("drain", flood);
      flood();
    });
    await using command = startCli(["tail", url, "-q"]);
    await command.printed("stdout", "more\nmore\n");
    command.child.stdout?.destroy();
    expect(await command.ended).toMatchObject({ code: 0, signal: null, stderr: "" });
  });

  test("that nobody reads stops the server, and an interrupt still ends it", async () => {
    const chunk = `data: ${"x".repeat(65_000)}\n\n`;
    const most = 1_000;
    let sent = 0;
    const url = await serve((_, response) => {
      response.writeHead(200, sse);
      const more = (): void => {
        if (sent++ < most) response.write(chunk, more);
      };
      more();
    });
    const interrupt = new AbortController();
    const stuck = new Writable({ write() {} });
    const world = {
      stdin: () => new PassThrough(),
      stdout: stuck,
      stderr: new PassThrough().resume(),
      clock: systemClock,
    };
    const ended = longwire(["tail", url], { ...world, interrupted: interrupt.signal });
    // Everything is in one process: nothing is under way any more when the event loop goes round without one more chunk.
    for (let turns = 0, before = 0; turns < 1_000; turns++) {
      if (sent === 0 || sent !== before) turns = 0;
      before = sent;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(sent).toBeLessThan(most / 4);
    interrupt.abort();
    expect(await ended).toBe(130);
  });
});

describe("Ctrl-C", () => {
  test("ends an open stream with 130 and the summary", async () => {
    const url = await serve((_, response) => response.writeHead(200, sse).write("id: 1\ndata: one\n\n"));
    await using command = startCli(["tail", url]);
    await command.printed("stdout", "one\n");
    command.child.kill("SIGINT");
    const { code, signal, stderr } = await command.ended;
    expect({ code, signal }).toEqual({ code: 130, signal: null });
    expect(stderr).toMatch(/\* end {4}interrupted: 1 item, .*, cursor "1"\n$/);
  });

  test("ends a wait for the next retry", async () => {
    const url = await serve((_, response) => response.writeHead(503, { "retry-after": "3600" }).end());
    await using command = startCli(["tail", url]);
    await command.printed("stderr", "* wait   1 h");
    command.child.kill("SIGINT");
    expect(await command.ended).toMatchObject({ code: 130, signal: null });
  });

  test("twice does not wait for a reader that does not read", async () => {
    const url = await serve((_, response) => response.writeHead(200, sse).write(`data: ${"x".repeat(2 ** 22)}\n\n`));
    await using command = startCli(["tail", url], { unread: true });
    await once(command.child.stdout as NodeJS.ReadableStream, "readable");
    command.child.kill("SIGINT");
    await command.printed("stderr", "* end    interrupted");
    command.child.kill("SIGINT");
    expect(await command.ended).toMatchObject({ code: null, signal: "SIGINT" });
  });
});
