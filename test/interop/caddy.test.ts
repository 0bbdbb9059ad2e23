import { createClient } from "longwire";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { chunked, type RawServer, type RawWire, rawServer } from "../faults/raw-server.ts";
import { type CaddyServer, startCaddy } from "./caddy-server.ts";
import { describeWithPeer } from "./peers.ts";

describeWithPeer("caddy", "caddy in front of an upstream that is cut", () => {
  let upstream: RawServer;
  let caddy: CaddyServer;
  let client: ReturnType<typeof createClient>;
  let cut: (wire: RawWire) => void;

  beforeEach(async () => {
    upstream = await rawServer(async (wire) => {
      const head = (await wire.request()) ?? "";
      await (head.startsWith("GET /events") ? events : rows)(wire, head);
      cut(wire);
    });
    caddy = await startCaddy(upstream.port);
    client = createClient({
      baseUrl: caddy.url,
      reconnect: { firstMs: 10, floorMs: 1, maxMs: 50 },
      timeouts: { totalMs: 20_000 },
    });
  });
  afterEach(async () => {
    await client.close();
    await caddy[Symbol.asyncDispose]();
    await upstream.close();
  });

  describe.each([
    { how: "a FIN", with: (wire: RawWire) => wire.fin() },
    { how: "an RST", with: (wire: RawWire) => wire.reset() },
  ])("by $how", ({ with: cutting }) => {
    beforeEach(() => {
      cut = cutting;
    });

    it("makes a proper end of the cut: without `until`, half of the rows are `complete`", async () => {
      const stream = client.ndjson<Row>("/rows", { reconnect: false });
      expect(await read(stream)).toEqual([1, 2, 3]);
      expect((await stream.outcome).code).toBe("complete");
    });

    it("hides the cut, and `until` finds it: `truncated`", async () => {
      const stream = client.ndjson<Row>("/rows", { reconnect: false, until: isLast });
      await expect(read(stream)).rejects.toMatchObject({ code: "truncated" });
      expect(await stream.outcome).toMatchObject({ code: "truncated", items: 3 });
    });

    it("hides the cut, and with `until` and `resume` the rows go on: none lost, none twice", async () => {
      const stream = client.ndjson<Row>("/rows", {
        until: isLast,
        resume: { cursor: (row) => row.seq, apply: (request, since) => request.withQuery({ since }) },
      });
      expect(await read(stream)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      expect(await stream.outcome).toMatchObject({ code: "complete", cursor: 10, attempts: 4 });
    });

    it("hides the cut inside an event, and the events go on by Last-Event-ID: none lost, none twice", async () => {
      const stream = client.sse("/events", { until: "[DONE]" });
      const seen: string[] = [];
      for await (const { data } of stream) seen.push(data);
      expect(seen).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
      expect(await stream.outcome).toMatchObject({ code: "complete", cursor: "10", attempts: 4 });
    });
  });
});

interface Row {
  readonly seq: number;
}

const perConnection = 3;
const last = 10;
const isLast = (row: Row): boolean => row.seq === last;

/** The next rows after `since`; then the connection is cut where a row ends, so that no decoder can see it. */
async function rows(wire: RawWire, head: string): Promise<void> {
  await wire.write(headOf("application/x-ndjson"));
  for (const seq of next(/[?&]since=(\d+)/.exec(head))) await wire.write(chunked(`{"seq":${seq}}\n`));
}

/** The next events after Last-Event-ID; then the connection is cut inside one. */
async function events(wire: RawWire, head: string): Promise<void> {
  await wire.write(headOf("text/event-stream"));
  const ids = next(/^last-event-id: (\d+)/im.exec(head));
  for (const id of ids) await wire.write(chunked(`id: ${id}\ndata: ${id}\n\n`));
  await wire.write(chunked(ids.at(-1) === last ? "data: [DONE]\n\n" : "id: 99\ndata: half of an ev"));
}

function next(after: RegExpExecArray | null): number[] {
  const from = Number(after?.[1] ?? 0);
  return Array.from({ length: Math.min(perConnection, last - from) }, (_, index) => from + index + 1);
}

function headOf(mediaType: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: ${mediaType}\r\nTransfer-Encoding: chunked\r\n\r\n`;
}

async function read(items: AsyncIterable<Row>): Promise<number[]> {
  const seen: number[] = [];
  for await (const row of items) seen.push(row.seq);
  return seen;
}
