import { type FaultProxy, faultProxy } from "@longwire/testing";
import { createClient } from "longwire";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { base64, type EtcdServer, startEtcd } from "./etcd-server.ts";
import { describeWithPeer } from "./peers.ts";

describeWithPeer("etcd", "etcd's watch, an NDJSON stream by POST", () => {
  let etcd: EtcdServer;
  let client: ReturnType<typeof createClient>;
  let key: string;
  let keys = 0;

  beforeAll(async () => {
    etcd = await startEtcd();
    return () => etcd[Symbol.asyncDispose]();
  }, 30_000);

  beforeEach(() => {
    key = `key ${++keys}`;
    client = createClient({
      reconnect: { firstMs: 10, floorMs: 1, maxMs: 50 },
      timeouts: { totalMs: 25_000 },
    });
  });
  afterEach(() => client.close());

  /** As etcd's own guide says: first a state and its revision, then what comes after. */
  const watch = (url: string, from: number, own: { onGap?: "restart"; onProgress?: () => void } = {}) => {
    const create = { key: base64(key), progress_notify: own.onProgress !== undefined };
    return client.ndjson<WatchRow>(`${url}/v3/watch`, {
      method: "POST",
      json: { create_request: create },
      heartbeat: (row) => {
        const { result } = row;
        if (result?.events || result?.compact_revision) return false;
        if (result && !result.created) own.onProgress?.();
        return true;
      },
      resume: {
        from: String(from),
        cursor: cursorOf,
        apply: (request, revision) =>
          request.withJson({ create_request: { ...create, start_revision: String(Number(revision) + 1) } }),
        // A shutdown is a last row, which says so, and a proper end.
        forever: true,
        // A cursor says after what, etcd says from where.
        gap: ({ result }) =>
          result?.compact_revision ? { to: String(Number(result.compact_revision) - 1), reopen: true } : undefined,
        onGap: own.onGap,
      },
    });
  };

  const putAll = async (values: readonly string[]): Promise<number> => {
    let revision = 0;
    for (const value of values) revision = await etcd.put(key, value);
    return revision;
  };

  it("is read through resets while puts go on: none lost, none twice", async () => {
    // The first connections go right behind the row `created`, which tells the newest revision before the events come.
    await using proxy = await faultProxy({
      to: etcd,
      plan: (index) => (index < 4 ? { resetAfter: 400 + index * 60 } : {}),
    });
    const from = await etcd.put(key, "before");
    const stream = watch(proxy.url, from);
    const [rounds, perRound] = [6, 25];
    const values = numbered(rounds * perRound);
    const seen: string[] = [];
    let puts = putAll(values.slice(0, perRound));
    for await (const row of stream) {
      const inRound = seen.length % perRound;
      seen.push(...valuesOf(row));
      if (seen.length === values.length) break;
      if (seen.length % perRound === 0) {
        await puts;
        puts = putAll(values.slice(seen.length, seen.length + perRound));
      } else if (inRound < 5 && seen.length % perRound >= 5) proxy.reset();
    }
    expect(seen).toEqual(values);
    // Each connection up to the fifth, then one a round; the first round may be over by then.
    expect(stream.stats.attempts).toBeGreaterThanOrEqual(5 + rounds - 1);
  });

  it.each(["SIGTERM", "SIGKILL"] as const)("is read through a %s to the server and its restart", async (signal) => {
    const from = await etcd.put(key, "before");
    const stream = watch(etcd.url, from);
    const seen: string[] = [];
    await putAll(numbered(5));
    for await (const row of stream) {
      seen.push(...valuesOf(row));
      if (seen.length === 5) {
        await etcd.restart(signal);
        await putAll(numbered(5, 6));
      }
      if (seen.length >= 10) break;
    }
    expect(seen).toEqual(numbered(10));
  });

  it("moves its cursor by a progress row, without an item: what is compacted meanwhile was no loss", async () => {
    await using proxy = await faultProxy({ to: etcd });
    const from = await etcd.put(key, "before");
    const elsewhere = await etcd.put("another key", "x");
    const stream = watch(proxy.url, from, {
      // Asked of a row when its cursor has not counted yet, hence the row after it.
      onProgress: () => Number(stream.cursor) >= elsewhere && moved(),
    });
    let moved: () => void;
    const hasMoved = new Promise<void>((resolve) => {
      moved = resolve;
    });
    const first = stream[Symbol.asyncIterator]().next();
    await hasMoved;
    proxy.reset();
    await etcd.compact(elsewhere);
    await etcd.put(key, "after");
    expect(valuesOf((await first).value as WatchRow)).toEqual(["after"]);
    expect(stream.stats).toMatchObject({ items: 1, reconnects: 1 });
    await stream.close();
  });

  it("is a duplex call too: a watch is made, a second one beside it, and the first cancelled, on one POST", async () => {
    const wire = await client.duplex(`${etcd.url}/v3/watch`);
    const rows = rowsOf(wire);
    const next = async (): Promise<WatchRow["result"]> => ((await rows.next()).value as WatchRow).result;
    const create = (name: string) => wire.write(JSON.stringify({ create_request: { key: base64(name) } }));

    await create(key);
    const first = await next();
    expect([first?.created, (await wire.head).status]).toEqual([true, 200]);
    await etcd.put(key, "one");
    expect((await next())?.events?.length).toBe(1);

    await create(`${key} b`);
    const second = await next();
    expect([second?.created, second?.watch_id === first?.watch_id]).toEqual([true, false]);

    // etcd leaves the id out where it is 0.
    await wire.write(JSON.stringify({ cancel_request: { watch_id: first?.watch_id ?? "0" } }));
    expect(await next()).toMatchObject({ canceled: true });
    await etcd.put(key, "unseen");
    await etcd.put(`${key} b`, "two");
    const seen = await next();
    expect([seen?.watch_id, valuesOf({ result: seen } as WatchRow)]).toEqual([second?.watch_id, ["two"]]);
    await wire.end();
    await wire.close();
  });

  /** A watch that saw two of five puts, lost its connection, and finds the third and fourth compacted away. */
  const lost = async (proxy: FaultProxy, onGap?: "restart") => {
    const from = await etcd.put(key, "before");
    const stream = watch(proxy.url, from, { ...(onGap && { onGap }) });
    const notices = stream.notices();
    const items = stream[Symbol.asyncIterator]();
    const seen: string[] = [];
    await putAll(numbered(2));
    while (seen.length < 2) seen.push(...valuesOf((await items.next()).value as WatchRow));
    const cursor = stream.cursor;
    const next = items.next();
    proxy.plan = { resetAfter: 0 };
    proxy.reset();
    const last = await putAll(numbered(3, 3));
    await etcd.compact(last);
    proxy.plan = {};
    return { stream, notices, items, seen, next, cursor, last };
  };

  it("that lost its cursor to a compaction fails, with both ends of the gap", async () => {
    await using proxy = await faultProxy({ to: etcd });
    const { stream, next, last } = await lost(proxy);
    const gap = { from: String(last - 3), to: String(last - 1) };
    await expect(next).rejects.toMatchObject({ name: "StreamError", code: "protocol", gap });
    await expect(next).rejects.toThrow(`after "${gap.from}", up to "${gap.to}"`);
    expect(await stream.outcome).toMatchObject({ code: "protocol", cursor: gap.from });
  });

  it("that lost its cursor to a compaction goes on from what etcd still has with `restart`, and tells", async () => {
    await using proxy = await faultProxy({ to: etcd });
    const { stream, notices, items, seen, next, last } = await lost(proxy, "restart");
    seen.push(...valuesOf((await next).value as WatchRow));
    await putAll(["6"]);
    while (seen.at(-1) !== "6") seen.push(...valuesOf((await items.next()).value as WatchRow));
    await stream.close();
    expect(seen).toEqual(["1", "2", "5", "6"]);
    const gaps = [];
    for await (const notice of notices) if (notice.type === "gap") gaps.push(notice);
    expect(gaps).toEqual([{ type: "gap", from: String(last - 3), to: String(last - 1) }]);
  });
});

/** https://etcd.io/docs/v3.4/dev-guide/api_reference_v3/#message-watchresponse-etcdserveretcdserverpbrpcproto, as its gateway writes it. */
interface WatchRow {
  readonly result?: {
    readonly header: { readonly revision?: string };
    readonly created?: boolean;
    readonly canceled?: boolean;
    readonly watch_id?: string;
    readonly compact_revision?: string;
    readonly events?: readonly { readonly kv: { readonly mod_revision: string; readonly value: string } }[];
  };
  readonly error?: { readonly message: string };
}

/** A row of events ends with its newest; a progress row says up to where there is nothing. `created` comes before older events. */
function cursorOf({ result }: WatchRow): string | undefined {
  if (result?.events) return result.events.at(-1)?.kv.mod_revision;
  return result?.created ? undefined : result?.header.revision;
}

/** Rows of NDJSON, without a stream of their own: what comes is whole lines, sooner or later. */
async function* rowsOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<WatchRow> {
  let text = "";
  for await (const chunk of chunks) {
    const lines = (text + Buffer.from(chunk).toString()).split("\n");
    text = lines.pop() as string;
    for (const line of lines) yield JSON.parse(line) as WatchRow;
  }
}

function valuesOf({ result }: WatchRow): string[] {
  return (result?.events ?? []).map(({ kv }) => Buffer.from(kv.value, "base64").toString());
}

function numbered(count: number, first = 1): string[] {
  return Array.from({ length: count }, (_, index) => String(first + index));
}
