import { once } from "node:events";
import { finished } from "node:stream/promises";
import { beforeAll, beforeEach, afterEach, describe, expect, it } from "vitest";
import { basic, createClient, waitReason } from "longwire";
import { buildGo, type GoProgram, type GoServer } from "./go-server.ts";
import { describeWithPeer } from "./peers.ts";

describeWithPeer("go", "a Go net/http server", () => {
  let program: GoProgram;
  let server: GoServer;
  let client: ReturnType<typeof createClient>;

  beforeAll(async () => {
    program = await buildGo("streams");
    return () => program[Symbol.asyncDispose]();
  }, 150_000);

  beforeEach(async () => {
    server = await program.start();
    client = createClient({
      baseUrl: server.url,
      reconnect: { firstMs: 10, floorMs: 1, maxMs: 50 },
      timeouts: { totalMs: 20_000 },
    });
  });
  afterEach(async () => {
    await client.close();
    await server.kill();
  });

  /** Kills the process, with no word to its connections, and starts another on its port. */
  const restart = async (): Promise<void> => {
    await server.kill();
    server = await program.start(server.port);
  };

  describe("of Server-Sent Events", () => {
    it("is read through a restart: nothing lost, nothing twice", async () => {
      const stream = client.sse("/events?count=60&interval=5&heartbeat=1", { until: "[DONE]" });
      const seen: string[] = [];
      let restarted: Promise<void> | undefined;
      for await (const event of stream) {
        seen.push(event.data);
        // Not awaited: the stream meets the broken connection and the closed port by itself.
        if (seen.length === 20) restarted = restart();
      }
      await restarted;
      expect(seen).toEqual(numbered("event", 60));
      expect(await stream.outcome).toMatchObject({ code: "complete", items: 60, cursor: "60" });
      expect(stream.stats.reconnects).toBeGreaterThanOrEqual(1);
    });

    it("is read through kills in mid-event: the half of an event is dropped, then comes whole", async () => {
      // Three events and half of the next come in one flush, so the half is there when the third is read.
      const stream = client.sse("/events?count=10&flush=0&abort_after=3&abort=hold", { until: "[DONE]" });
      const seen: string[] = [];
      for await (const event of stream) {
        seen.push(event.data);
        if (seen.length % 3 === 0) await restart();
      }
      expect(seen).toEqual(numbered("event", 10));
      expect(stream.stats.reconnects).toBe(3);
    });

    it.each(["fin", "reset"])("that aborts in mid-event with a %s is read to its end", async (abort) => {
      const path = `/events?count=10&interval=10&abort_after=3&abort=${abort}`;
      const stream = client.sse(path, { until: "[DONE]" });
      const seen: string[] = [];
      for await (const event of stream) seen.push(event.data);
      expect(seen).toEqual(numbered("event", 10));

      const once = client.sse(path, { until: "[DONE]", reconnect: false });
      await expect(drain(once)).rejects.toMatchObject({ code: abort === "fin" ? "truncated" : "reset" });
    });

    it("that forgets to flush gives its events when it returns", async () => {
      const seen: string[] = [];
      for await (const event of client.sse("/events?count=3&flush=0", { until: "[DONE]" })) seen.push(event.data);
      expect(seen).toEqual(numbered("event", 3));
    });
  });

  describe("of NDJSON", () => {
    it("that aborts in mid-row is read to its end by a field of its rows", async () => {
      const stream = client.ndjson<{ seq: number; text: string }>("/feed?count=10&abort_after=3", {
        resume: { cursor: (row) => row.seq, apply: (request, since) => request.withQuery({ since }) },
      });
      const seen: string[] = [];
      for await (const row of stream) seen.push(row.text);
      expect(seen).toEqual(numbered("row", 10));
      expect(await stream.outcome).toMatchObject({ code: "complete", cursor: 10 });
    });

    it("that is down is waited for: back on its port, it is asked for what comes after the cursor", async () => {
      const stream = client.ndjson<{ seq: number; text: string }>("/feed?count=40&interval=5", {
        resume: { cursor: (row) => row.seq, apply: (request, since) => request.withQuery({ since }) },
      });
      const notices = stream.notices();
      const backWhenMissed = async (): Promise<void> => {
        await server.kill();
        for await (const notice of notices) {
          if (notice.type === "waiting" && waitReason(notice.cause).includes("ECONNREFUSED")) break;
        }
        server = await program.start(server.port);
      };
      const seen: string[] = [];
      let back: Promise<void> | undefined;
      for await (const row of stream) {
        seen.push(row.text);
        // Not awaited: the stream waits, not its consumer.
        if (seen.length === 20) back = backWhenMissed();
      }
      await back;
      expect(seen).toEqual(numbered("row", 40));
      expect(await stream.outcome).toMatchObject({ code: "complete", cursor: 40 });
    });
  });

  describe("of a file, by http.ServeContent", () => {
    it.each(["fin", "reset"])("that is cut by a %s goes on behind the last byte, and comes whole", async (abort) => {
      const whole = Buffer.from(await (await fetch(`${server.url}/file`)).arrayBuffer());
      const body = client.bytes(`/file?cut_after=30000&abort=${abort}`);
      const notices = body.notices();
      expect(await text(body)).toBe(whole.toString());
      expect(await body.outcome).toMatchObject({ code: "complete", bytes: 100_000, cursor: 100_000 });
      const statuses = [];
      for await (const notice of notices) if (notice.type === "open") statuses.push(notice.status);
      expect(statuses).toEqual([200, 206, 206, 206]);
    });

    it("that has changed since the cut is refused: what came of the first stays, and nothing is mixed in", async () => {
      const body = client.bytes("/file?cut_after=30000&changing=1");
      const parts: Uint8Array[] = [];
      const reading = (async () => {
        for await (const chunk of body) parts.push(chunk);
      })();
      await expect(reading).rejects.toMatchObject({ code: "refused", status: 200 });
      await expect(reading).rejects.toThrow('it has changed; its etag was "version-1", and is "version-2" now');
      const seen = Buffer.concat(parts).toString();
      expect(seen.length).toBe(30_000);
      expect(seen.match(/version \d+/g)?.every((version) => version === "version 1")).toBe(true);
    });
  });

  describe("of plain text", () => {
    it("serves 100 chunked bodies, read to their end as bytes and as lines, with basic auth, over one socket", async () => {
      const auth = basic("ada", "lovelace");
      for (let request = 0; request < 100; request += 2) {
        const lines: string[] = [];
        for await (const line of client.lines("/lines?count=3", { auth })) lines.push(line);
        expect(lines).toEqual(numbered("line", 3));

        const body = client.bytes("/lines?count=3", { auth });
        expect(await text(body)).toBe("line 1\nline 2\nline 3\n");
        expect((await body.outcome).code).toBe("complete");
      }
      const { opened } = (await (await fetch(`${server.url}/connections`)).json()) as { opened: number };
      const ofThisQuestion = 1;
      expect(opened - ofThisQuestion).toBe(1);
    });

    it("refuses a wrong password, with its words in the error", async () => {
      const stream = client.lines("/lines", { auth: basic("ada", "wrong") });
      await expect(drain(stream)).rejects.toMatchObject({ code: "refused", status: 401, excerpt: "who are you?\n" });
    });

    it("with a body shorter than its Content-Length is truncated, not complete", async () => {
      const stream = client.bytes("/short");
      await expect(text(stream)).rejects.toMatchObject({ code: "truncated" });
      expect(await stream.outcome).toMatchObject({ code: "truncated", bytes: 10 });
    });

    it("without framing ends as `ended` after a whole line, as `truncated` inside one", async () => {
      const whole = client.lines("/unframed");
      await drain(whole);
      expect(await whole.outcome).toMatchObject({ code: "ended", items: 2 });
      const cut = client.lines("/unframed?cut=1");
      await expect(drain(cut)).rejects.toMatchObject({ code: "truncated" });
      expect(await cut.outcome).toMatchObject({ items: 2 });
    });

    it("sends back what was posted to it", async () => {
      const body = numbered("line", 10_000).join("\n");
      expect(await text(client.bytes("/echo", { method: "POST", body }))).toBe(body);
    });
  });

  describe("of a duplex call", () => {
    it("hijacked, speaks first, echoes what is written while it is read, and after our half-close says goodbye", async () => {
      const wire = await client.duplex("/talk");
      const pieces = wire[Symbol.asyncIterator]();
      const piece = async (): Promise<string> => Buffer.from((await pieces.next()).value ?? "").toString();
      expect(await piece()).toBe("welcome, ");
      expect((await wire.head).status).toBe(200);
      expect(client.stats()).toMatchObject({ streams: 1, sockets: [{ origin: server.url, state: "busy" }] });
      for (let round = 0; round < 100; round++) {
        await wire.write(`round ${round}`);
        expect(await piece()).toBe(`round ${round}`);
      }
      await wire.end();
      expect(await piece()).toBe(", goodbye");
      expect(await pieces.next()).toEqual({ done: true, value: undefined });
      expect(client.stats().streams).toBe(0);
    });

    it("hijacked, carries 16 MiB both ways at once", async () => {
      const sent = "longwire".repeat(2 ** 21);
      const body = async function* () {
        for (let from = 0; from < sent.length; from += 100_000) yield sent.slice(from, from + 100_000);
      };
      expect(await text(await client.duplex("/talk", { body }))).toBe(`welcome, ${sent}, goodbye`);
    });

    it("that is killed under it breaks it off, for who reads and for who writes", async () => {
      await using wire = await client.duplex("/talk");
      const pieces = wire[Symbol.asyncIterator]();
      await pieces.next();
      const reading = pieces.next();
      // A process that is gone leaves a FIN or a RST, by what it had not read; without framing a FIN is an end.
      const ended = reading.then(
        ({ done }) => done,
        (error: { code: string }) => error.code === "reset",
      );
      await server.kill();
      expect(await ended).toBe(true);
      await expect(wire.write("is anybody there?")).rejects.toMatchObject({ code: "reset" });
      server = await program.start(server.port);
    });

    it("that does not hijack can answer while it reads: its own rule against that is for connections kept alive", async () => {
      const wire = await client.duplex("/mirror");
      expect((await wire.head).status).toBe(200);
      const pieces = wire[Symbol.asyncIterator]();
      for (let round = 0; round < 10; round++) {
        await wire.write(`round ${round}\n`);
        expect(String((await pieces.next()).value)).toBe(`round ${round}\n`);
      }
      await wire.end();
      expect((await pieces.next()).done).toBe(true);
    });

    it.each(["close", "destroy"] as const)("is ended by %s() of the client, with what waits for it", async (end) => {
      const ending = createClient({ baseUrl: server.url });
      const wire = await ending.duplex("/talk");
      const reading = text(wire);
      const late = ending.duplex("/talk", { auth: () => new Promise(() => {}) });
      late.catch(() => {});
      await wire.head;
      await ending[end]();
      await reading;
      expect(ending.stats()).toMatchObject({ streams: 0, sockets: [] });
      await expect(wire.write("x")).rejects.toThrow("the call was closed");
      await expect(late).rejects.toMatchObject({ name: "AbortError" });
      await expect(ending.duplex("/talk")).rejects.toThrow("closed");
    });
  });

  describe("by http.Hijacker", () => {
    const protocol = "tcp";
    const auth = basic("ada", "lovelace");

    it("hands its connection over: early bytes first, then an echo of 1 MiB, and a half-close", async () => {
      const { socket, status, headers } = await client.takeOver("/attach?early=good+morning,+", { protocol, auth });
      expect([status, headers.get("content-type")]).toEqual([101, "application/vnd.docker.raw-stream"]);
      expect(client.stats()).toMatchObject({ streams: 1, sockets: [{ origin: server.url, state: "taken" }] });
      const sent = "longwire".repeat(2 ** 17);
      socket.end(sent);
      expect(await text(socket)).toBe(`good morning, ${sent}`);
      expect(client.stats()).toMatchObject({ streams: 0, sockets: [] });
    });

    it("hands it over as web streams too", async () => {
      const { readable, writable } = (await client.takeOver("/attach", { protocol, auth, method: "POST" })).web();
      const writer = writable.getWriter();
      await writer.write(new TextEncoder().encode("over the web"));
      await writer.close();
      expect(await text(readable)).toBe("over the web");
    });

    it("refuses another protocol and a wrong password, with its words, cut at 2 KiB", async () => {
      await expect(client.takeOver("/attach", { protocol: "udp", auth })).rejects.toMatchObject({
        code: "refused",
        status: 426,
        excerpt: `ask for tcp\n${"please ".repeat(1_000)}`.slice(0, 2_048),
      });
      const asked: boolean[] = [];
      const wrong = ({ refused }: { refused: boolean }) => {
        asked.push(refused);
        return "Basic YTpi";
      };
      await expect(client.takeOver("/attach", { protocol, auth: wrong })).rejects.toMatchObject({
        code: "refused",
        status: 401,
        headers: { "www-authenticate": 'Basic realm="lines"' },
        excerpt: "who are you?\n",
      });
      expect([asked, client.stats().sockets]).toEqual([[false, true], []]);
    });

    it("tunnels by CONNECT to a third server, and asks for a password before", async () => {
      await using other = await program.start();
      const connect = `127.0.0.1:${other.port}`;
      const { socket } = await client.takeOver("/", { connect, auth });
      socket.write(`GET /lines?count=1 HTTP/1.1\r\nHost: ${connect}\r\nConnection: close\r\n\r\n`);
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n.*who are you\?\n$/s);
      await expect(client.takeOver("/", { connect })).rejects.toMatchObject({
        code: "refused",
        status: 407,
        excerpt: "who are you?\n",
      });
    });

    it("that is killed leaves nothing behind; close() and destroy() of the client end it without an error", async () => {
      const killed = await client.takeOver("/attach?early=hello", { protocol, auth });
      await once(killed.socket, "data");
      await server.kill();
      // A process that is gone leaves a FIN or a RST, by what it had not read.
      killed.socket.end("is anybody there?");
      await finished(killed.socket).catch(() => {});
      server = await program.start(server.port);

      for (const end of ["close", "destroy"] as const) {
        const ending = createClient({ baseUrl: server.url });
        const { socket } = await ending.takeOver("/attach", { protocol, auth });
        const opening = ending.takeOver("/attach", { protocol, auth: () => new Promise(() => {}) });
        opening.catch(() => {});
        await ending[end]();
        expect([socket.closed, socket.errored, ending.stats()]).toMatchObject([
          true,
          null,
          { streams: 0, sockets: [] },
        ]);
        await expect(opening).rejects.toMatchObject({ name: "AbortError" });
        await expect(ending.takeOver("/attach", { protocol })).rejects.toThrow("closed");
      }
    });
  });
});

/** `event 1` to `event 10`. */
function numbered(word: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${word} ${index + 1}`);
}

async function text(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString();
}

async function drain(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}
