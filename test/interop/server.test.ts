// Our server against what others read it with: curl, Go's http.Client, and nginx in between. Each item is published when the one before
// was seen at the other end, so nothing that holds bytes back gets through.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import { createInterface } from "node:readline";
import { createPublisher, memoryReplayLog, type Publisher, publisherHandler, sseHandler } from "@longwire/server";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { listening } from "../faults/listening.ts";
import { freePort } from "./free-port.ts";
import { buildGo, type GoProgram } from "./go-server.ts";
import { launchNginx } from "./nginx.ts";
import { describeWithPeer } from "./peers.ts";
import { scratchFolder } from "./scratch-folder.ts";

let publisher: Publisher;
let server: AsyncDisposable & { url: string; port: number };

const broken = sseHandler(async function* () {
  yield "one";
  yield "two";
  throw new Error("broken");
});

beforeEach(async () => {
  publisher = createPublisher({ retryMs: 1_234, log: memoryReplayLog({ maxItems: 3 }) });
  const items = publisherHandler(publisher);
  const open = await listening(
    createServer({ keepAliveTimeout: 0 }, (request, response) => {
      void (request.url === "/broken" ? broken : items)(request, response);
    }),
  );
  server = Object.assign(open, { url: `http://127.0.0.1:${open.port}` });
});
afterEach(async () => {
  await publisher.close({ deadlineMs: 0 });
  await server[Symbol.asyncDispose]();
});

describeWithPeer("curl", "curl -N", () => {
  test("shows each item as it is published, and ends well with the publisher", async () => {
    await followed(["curl", "-sN", server.url], 0);
  });

  test("shows rows to who accepts them", async () => {
    await using program = started(["curl", "-sN", "-H", "accept: application/x-ndjson", server.url]);
    await subscribed();
    for (let n = 0; n < 3; n++) {
      const id = await publisher.publish("t", { n });
      expect(await program.line()).toBe(`{"id":"${id}","data":{"n":${n}}}`);
    }
  });

  test("fails at a source that throws, behind all that it gave", async () => {
    await using program = started(["curl", "-sN", `${server.url}/broken`]);
    await program.until("data: two");
    // CURLE_PARTIAL_FILE
    expect(await program.code).toBe(18);
  });

  test("over HTTP/2 is told of a source that throws by its stream alone", async () => {
    const sessions: ServerHttp2Session[] = [];
    const h2 = createHttp2Server((request, response) => void broken(request, response));
    h2.on("session", (session) => sessions.push(session));
    await using open = await listening(h2);
    await using program = started(["curl", "-sN", "--http2-prior-knowledge", `http://127.0.0.1:${open.port}`]);
    await program.until("data: two");
    // CURLE_HTTP2_STREAM
    expect(await program.code).toBe(92);
    for (const session of sessions) session.destroy();
  });
});

describeWithPeer("go", "the loop of Go's http.Client", () => {
  let program: GoProgram;
  beforeAll(async () => {
    program = await buildGo("reader");
    return () => program[Symbol.asyncDispose]();
  }, 150_000);

  test("reads each item as it is published, and a clean end when the publisher closes", async () => {
    await followed([program.binary, server.url], 0, "end: EOF");
  });

  test("resumes by its Last-Event-ID, and is told a gap", async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push(await publisher.publish("t", `item ${n}`));
    await using resumed = started([program.binary, server.url, ids[2] as string]);
    await resumed.until("data: item 3");
    expect(await resumed.line()).toBe(`id: ${ids[4]}`);
    expect(await resumed.line()).toBe("data: item 4");
    await using late = started([program.binary, server.url, ids[0] as string]);
    await late.until("event: gap");
    expect(await late.line()).toBe(`data: {"from":"${ids[0]}","to":"${ids[1]}"}`);
    await late.until("data: item 2");
  });

  test("fails at a source that throws, behind all that it gave", async () => {
    await using reader = started([program.binary, `${server.url}/broken`]);
    await reader.until("data: two");
    expect(await reader.line()).toBe("end: unexpected EOF");
  });
});

describeWithPeer("nginx", "nginx before our server", () => {
  test.each(["on", "off"])("passes each item on as it is published, with buffering %s", async (buffering) => {
    await using folder = await scratchFolder("nginx");
    const port = await freePort();
    const to = `proxy_pass http://127.0.0.1:${server.port}; proxy_http_version 1.1; proxy_buffering ${buffering};`;
    await using _ = await launchNginx(folder.path, `server { listen 127.0.0.1:${port}; location / { ${to} } }`);
    await followed(["curl", "-sN", `http://127.0.0.1:${port}/`], 0);
  });
});

/** Follows a publisher with a program through five items, each published when the last was seen, and to its end. */
async function followed(command: readonly string[], code: number, last?: string): Promise<void> {
  await using program = started(command);
  await program.until("retry: 1234");
  await subscribed();
  for (let n = 0; n < 5; n++) {
    const id = await publisher.publish("t", `item ${n}`);
    await program.until(`id: ${id}`);
    expect(await program.line()).toBe(`data: item ${n}`);
  }
  const closed = publisher.close({ deadlineMs: 10_000 });
  await program.until(": goodbye");
  expect(await program.line()).toMatch(/^retry: \d+$/);
  await closed;
  if (last !== undefined) expect(await program.line()).toBe(last);
  expect(await program.code).toBe(code);
}

async function subscribed(): Promise<void> {
  while (publisher.stats.subscribers === 0) await new Promise(setImmediate);
}

/** A program whose lines are read one by one, empty ones left out; killed when disposed of. */
function started([command, ...args]: readonly string[]) {
  const child = spawn(command as string, args, { stdio: ["ignore", "pipe", "inherit"], timeout: 20_000 });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const code = once(child, "close").then(([code]) => code as number | null);
  const line = async (): Promise<string> => {
    for (;;) {
      const { done, value } = await lines.next();
      if (done) throw new Error(`${command} ended with ${await code}`);
      if (value !== "") return value;
    }
  };
  return {
    code,
    line,
    async until(wanted: string): Promise<void> {
      while ((await line()) !== wanted);
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await code;
    },
  };
}
