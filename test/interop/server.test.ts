// Our server against what others read it with, curl and Go's http.Client: directly, through nginx and through our relay. Each item is
// published when the one before was seen at the other end, so nothing that holds bytes back gets through.

import { createServer } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import { createPublisher, memoryReplayLog, type Publisher, publisherHandler, sseHandler } from "@longwire/server";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { listening } from "../faults/listening.ts";
import { buildGo, type GoProgram } from "./go-server.ts";
import { lineProgram } from "./line-program.ts";
import { describeWithPeer } from "./peers.ts";
import { describeEachWay, throughPlainNginx } from "./ways.ts";

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
  describeEachWay((way) => {
    test("shows each item as it is published, and ends well with the publisher", async () => {
      await using front = await way.to(server.port);
      await followed(["curl", "-sN", front.url], 0);
    });

    test("fails at a source that throws, behind all that it gave", async () => {
      await using front = await way.to(server.port);
      await using program = lineProgram(["curl", "-sN", `${front.url}/broken`]);
      await program.until("data: two");
      // CURLE_PARTIAL_FILE
      expect(await program.code).toBe(18);
    });
  });

  test("shows rows to who accepts them", async () => {
    await using program = lineProgram(["curl", "-sN", "-H", "accept: application/x-ndjson", server.url]);
    await subscribed();
    for (let n = 0; n < 3; n++) {
      const id = await publisher.publish("t", { n });
      expect(await program.line()).toBe(`{"id":"${id}","data":{"n":${n}}}`);
    }
  });

  test("over HTTP/2 is told of a source that throws by its stream alone", async () => {
    const sessions: ServerHttp2Session[] = [];
    const h2 = createHttp2Server((request, response) => void broken(request, response));
    h2.on("session", (session) => sessions.push(session));
    await using open = await listening(h2);
    await using program = lineProgram(["curl", "-sN", "--http2-prior-knowledge", `http://127.0.0.1:${open.port}`]);
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

  test("resumes by its Last-Event-ID, and is told a gap", async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push(await publisher.publish("t", `item ${n}`));
    await using resumed = lineProgram([program.binary, server.url, ids[2] as string]);
    await resumed.until("data: item 3");
    expect(await resumed.line()).toBe(`id: ${ids[4]}`);
    expect(await resumed.line()).toBe("data: item 4");
    await using late = lineProgram([program.binary, server.url, ids[0] as string]);
    await late.until("event: gap");
    expect(await late.line()).toBe(`data: {"from":"${ids[0]}","to":"${ids[1]}"}`);
    await late.until("data: item 2");
  });

  describeEachWay((way) => {
    test("reads each item as it is published, and a clean end when the publisher closes", async () => {
      await using front = await way.to(server.port);
      await followed([program.binary, front.url], 0, "end: EOF");
    });

    test("fails at a source that throws, behind all that it gave", async () => {
      await using front = await way.to(server.port);
      await using reader = lineProgram([program.binary, `${front.url}/broken`]);
      await reader.until("data: two");
      expect(await reader.line()).toBe("end: unexpected EOF");
    });
  });
});

describeWithPeer("nginx", "nginx with its defaults before our server", () => {
  test("passes each item on as it is published, and a source that throws as a cut", async () => {
    await using front = await throughPlainNginx(server.port);
    await using program = lineProgram(["curl", "-sN", `${front.url}/broken`]);
    await program.until("data: two");
    expect(await program.code).toBe(18);
    await followed(["curl", "-sN", front.url], 0);
  });
});

/** Follows a publisher with a program through five items, each published when the last was seen, and to its end. */
async function followed(command: readonly string[], code: number, last?: string): Promise<void> {
  await using program = lineProgram(command);
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
