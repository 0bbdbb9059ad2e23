// Our relay between others: before Go's server, behind nginx, asked by curl and by our client.

import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import { promisify } from "node:util";
import { basic, createClient } from "longwire";
import { relay } from "@longwire/server";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type Listening, listening } from "../faults/listening.ts";
import { buildGo, type GoProgram, type GoServer } from "./go-server.ts";
import { describeWithPeer } from "./peers.ts";
import { throughNginx } from "./ways.ts";

describeWithPeer("go", "a relay before a Go net/http server", () => {
  let program: GoProgram;
  let server: GoServer;
  let passing: ReturnType<typeof relay>;
  let front: Listening;
  let client: ReturnType<typeof createClient>;

  beforeAll(async () => {
    program = await buildGo("streams");
    return () => program[Symbol.asyncDispose]();
  }, 150_000);
  beforeEach(async () => {
    server = await program.start();
    passing = relay(server.url);
    const http: Server = createServer(passing).on("upgrade", passing.upgrade);
    front = await listening(http);
    client = createClient({
      baseUrl: `http://127.0.0.1:${front.port}`,
      reconnect: { firstMs: 10, floorMs: 1, maxMs: 50 },
      timeouts: { totalMs: 20_000 },
    });
  });
  afterEach(async () => {
    await client.close();
    await front[Symbol.asyncDispose]();
    await passing.destroy();
    await server.kill();
  });

  it.each(["fin", "reset"])(
    "passes a %s in mid-event on as a cut, and the stream is resumed through it",
    async (abort) => {
      const path = `/events?count=10&interval=5&abort_after=3&abort=${abort}`;
      const stream = client.sse(path, { until: "[DONE]" });
      const seen: string[] = [];
      for await (const event of stream) seen.push(event.data);
      expect(seen).toEqual(numbered("event", 10));
      const once = client.sse(path, { until: "[DONE]", reconnect: false });
      await expect(drain(once)).rejects.toMatchObject({ code: "truncated" });
    },
  );

  it("gives our client the connection that Go's Hijacker gave up", async () => {
    const auth = basic("ada", "lovelace");
    const { socket, status } = await client.takeOver("/attach?early=good+morning,+", { protocol: "tcp", auth });
    socket.end("and good night");
    expect(status).toBe(101);
    expect(String(Buffer.concat(await socket.toArray()))).toBe("good morning, and good night");
  });

  it("goes on through a restart of the upstream", async () => {
    const stream = client.sse("/events?count=30&interval=5&heartbeat=1", { until: "[DONE]" });
    const seen: string[] = [];
    for await (const event of stream) {
      seen.push(event.data);
      if (seen.length !== 10) continue;
      await server.kill();
      server = await program.start(server.port);
    }
    expect(seen).toEqual(numbered("event", 30));
  });

  describeWithPeer("curl", "asked by curl", () => {
    it("gives it a whole stream, and an error where the upstream is cut", async () => {
      const url = `http://127.0.0.1:${front.port}/events?count=5&interval=1`;
      const { stdout } = await promisify(execFile)("curl", ["-sSN", "--max-time", "10", url]);
      expect(stdout.match(/^data: ?event/gm)?.length).toBe(5);
      const cut = promisify(execFile)("curl", ["-sSN", "--max-time", "10", `${url}&abort_after=3&abort=fin`]);
      // 18: the transfer ended short.
      await expect(cut).rejects.toMatchObject({ code: 18 });
    });
  });

  describeWithPeer("nginx", "behind nginx", () => {
    it.each(["on", "off"] as const)("with buffering %s streams to our client", async (buffering) => {
      await using nginx = await throughNginx(front.port, buffering);
      const stream = client.sse(`${nginx.url}/events?count=10&interval=5`, { until: "[DONE]" });
      const seen: string[] = [];
      for await (const event of stream) seen.push(event.data);
      expect(seen).toEqual(numbered("event", 10));
    });
  });
});

function numbered(word: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${word} ${index + 1}`);
}

async function drain(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _item of items);
}
