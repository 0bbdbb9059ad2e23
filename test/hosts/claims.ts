// What the responses promise, whatever serves them: seen from outside, over real sockets.

import type { Outcome, Transport } from "@longwire/core";
import { openNdjson } from "@longwire/ndjson";
import { openSse } from "@longwire/sse";
import { expect } from "vitest";
import { floodItems, type Seen } from "./app.ts";
import type { Answer, Asking } from "./asked.ts";
import type { Host } from "./hosts.ts";

/** A host that runs, and the part of it that one claim has for itself. */
export interface Served {
  readonly host: Host;
  url(path: string): string;
  /** A client that does only what it is told. It takes gzip unless it is told otherwise. */
  ask(path: string, asking?: Asking): Promise<Answer>;
  /** Tells the sources something; answers with what became of them. */
  control(word: string): Promise<Seen>;
  /** Of our client. */
  readonly transport: Transport;
  /** Aborted when the claim takes too long. */
  readonly signal: AbortSignal;
}

/** A sentence about a host; it holds when this resolves. */
export type Claim = readonly [title: string, show: (served: Served) => Promise<void>];

/** Those of a host. */
export function claims({ isolates }: Host): readonly Claim[] {
  return isolates ? ofSources : [...ofSources, ...ofPublishers];
}

type Format = "sse" | "ndjson";

const ofSources: readonly Claim[] = [
  ...ofEachFormat("sends its head at once, and nothing of it compressed", async (format, served) => {
    const { host, ask, control } = served;
    const asking = ask(`/${format}/late`);
    await seen(served, ({ made }) => made === 1);
    if (host.holdsHeads && format === "ndjson") {
      const first = await Promise.race([asking, control("seen")]);
      expect(first).not.toHaveProperty("status");
      await control("next");
    }
    await using answer = await asking;
    expect(answer).toMatchObject({
      status: 200,
      headers: {
        "content-type": format === "sse" ? "text/event-stream" : "application/x-ndjson",
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no",
      },
    });
    expect(answer.headers["content-encoding"]).toBeUndefined();
    if (format === "sse") expect(await answer.until("\n\n")).toBe(": \n\n");
  }),

  ...ofEachFormat("sends each item before the next is made, and then a proper end", async (format, served) => {
    await using answer = await served.ask(`/${format}/stepped`);
    for (let n = 1; n <= 3; n++) {
      await answer.until(`item ${n}`);
      if (n < 3) await served.control("next");
    }
    expect(await answer.rest()).toEqual({ text: textOf(format, [1, 2, 3]), end: "end" });
  }),

  ...ofEachFormat("lets its source go when the client leaves in a silence", async (format, served) => {
    const heartbeatMs = served.host.noticesByWriting ? 50 : 0;
    await using answer = await served.ask(`/${format}/stepped?heartbeatMs=${heartbeatMs}`);
    await answer.until("item 1");
    await seen(served, ({ made }) => made === 2);
    answer.leave();
    await seen(served, ({ aborted, returned }) => aborted && returned);
  }),

  ...ofEachFormat("lets its source go when the client leaves that it waits for", async (format, served) => {
    await using answer = await served.ask(`/${format}/flood`);
    answer.leave();
    const { made } = await seen(served, ({ aborted, returned }) => aborted && returned);
    expect(made).toBeLessThan(floodItems);
  }),

  ...ofEachFormat("stops the source of a client that stalls, until that reads again", async (format, served) => {
    await using stalled = await served.ask(`/${format}/flood`);
    await using reading = await served.ask(`/${format}/flood`);
    const { text } = await reading.rest();
    expect(text.length).toBeGreaterThan(floodItems * 65_536);
    // Of the one that stalls is made what stands in the buffers of two kernels.
    expect((await served.control("seen")).made).toBeLessThan(1.5 * floodItems);
    const late = await stalled.rest();
    expect([late.text.length, late.end]).toEqual([text.length, "end"]);
  }),

  ...ofEachFormat("cuts a client that takes nothing for stallMs", async (format, served) => {
    await using answer = await served.ask(`/${format}/flood?stallMs=200`);
    await seen(served, ({ aborted, returned }) => aborted && returned);
    expect((await answer.rest()).end).toBe("cut");
  }),

  ...ofEachFormat("is cut when its source throws", async (format, served) => {
    await using answer = await served.ask(`/${format}/broken`);
    await answer.until("item 2");
    await served.control("next");
    expect(await answer.rest()).toEqual({ text: textOf(format, [1, 2]), end: "cut" });
    expect((await served.control("seen")).errors).toEqual(["Error: broken"]);
  }),

  ...ofEachFormat("is cut behind all that its source gave before it threw", async (format, served) => {
    await using answer = await served.ask(`/${format}/brokenOff`);
    expect(await answer.rest()).toEqual({ text: textOf(format, [1, 2]), end: "cut" });
  }),

  ...ofEachFormat("is cut when its source throws before it gave anything", async (format, served) => {
    const { items, code } = await read(format, "brokenFirst", served, 0);
    expect(items).toEqual([]);
    expect(code).toMatch(/^(reset|truncated)$/);
  }),

  ...ofEachFormat("is resumed by our client through sources that throw", async (format, served) => {
    const { items, code } = await read(format, "resumed", served, 3);
    expect(items).toEqual([1, 2, 3, 4, 5, 6].map((n) => `item ${n}`));
    expect(code).toBe("complete");
    expect((await served.control("seen")).calls).toBe(3);
  }),

  ...ofEachFormat("tells its source the Last-Event-ID as it was given, beyond ASCII too", async (format, served) => {
    const id = "é-日本";
    const headers = { "last-event-id": Buffer.from(id).toString("latin1") };
    await using answer = await served.ask(`/${format}/told`, { headers });
    expect((await answer.rest()).text).toContain(id);
  }),

  ...ofEachFormat("runs no source for HEAD", async (format, served) => {
    await using answer = await served.ask(`/${format}/flood`, { method: "HEAD" });
    expect(answer.status).toBe(200);
    expect(await answer.rest()).toEqual({ text: "", end: "end" });
    expect((await served.control("seen")).made).toBe(0);
  }),
];

const ofPublishers: readonly Claim[] = [
  [
    "publisher: sends what is published to events and rows alike, and a goodbye with a proper end",
    async (served) => {
      const { ask, control } = served;
      const asking = [ask("/publisher"), ask("/publisher", { headers: { accept: "application/x-ndjson" } })] as const;
      await seen(served, ({ subscribers }) => subscribers === 2);
      await control("publish?data=first");
      await using events = await asking[0];
      await using rows = await asking[1];
      await events.until("data: first\n");
      await rows.until('"data":"first"}\n');
      await control("publish?data=second");
      await events.until("data: second\n");
      await rows.until('"data":"second"}\n');
      await control("close");
      for (const { text, end } of [await events.rest(), await rows.rest()]) {
        expect(text).toContain("goodbye");
        expect(end).toBe("end");
      }
      await using late = await ask("/publisher");
      expect(late.status).toBe(503);
    },
  ],

  [
    "publisher: goes on behind a Last-Event-ID, and counts who leaves",
    async (served) => {
      const { host, ask, control } = served;
      await using first = await ask(`/publisher?heartbeatMs=${host.noticesByWriting ? 50 : 0}`);
      await control("publish?data=first");
      const [, id] = /id: (\S+)\ndata: first/.exec(await first.until("data: first\n")) ?? [];
      first.leave();
      await seen(served, ({ subscribers }) => subscribers === 0);
      await control("publish?data=second");
      await using second = await ask("/publisher", { headers: { "last-event-id": id as string } });
      expect(await second.until("data: second\n")).not.toContain("first");
    },
  ],

  [
    "publisher: cuts who is too far behind for a goodbye",
    async (served) => {
      await using stalled = await served.ask("/publisher");
      await seen(served, ({ subscribers }) => subscribers === 1);
      await served.control("flood");
      await seen(served, ({ subscribers }) => subscribers === 0);
      expect((await stalled.rest()).end).toBe("cut");
    },
  ],
];

/** A claim about an event stream, and the same about rows. */
function ofEachFormat(title: string, show: (format: Format, served: Served) => Promise<void>): readonly Claim[] {
  const formats: readonly Format[] = ["sse", "ndjson"];
  return formats.map((format) => [`${format}: ${title}`, (served) => show(format, served)]);
}

/** Asks again and again until it is so. */
async function seen({ control }: Served, isSo: (seen: Seen) => boolean): Promise<Seen> {
  for (;;) {
    const seen = await control("seen");
    if (isSo(seen)) return seen;
  }
}

function textOf(format: Format, items: readonly number[]): string {
  if (format === "ndjson") return items.map((n) => `{"id":"${n}","data":"item ${n}"}\n`).join("");
  return [": \n\n", ...items.map((n) => `id: ${n}\ndata: item ${n}\n\n`)].join("");
}

/** Reads a source with our client: to its end, or with `retries` to its sixth item. */
async function read(
  format: Format,
  source: string,
  { url, transport, signal }: Served,
  retries: number,
): Promise<{ readonly items: readonly string[]; readonly code: Outcome["code"] }> {
  const options = {
    transport,
    signal,
    reconnect: retries > 0 && { firstMs: 0, floorMs: 0, retries },
    // An end that comes before what is waited for would be truncated, however proper.
    ...(retries > 0 && { until: ({ data }: { readonly data: string }) => data === "item 6" }),
  };
  const stream =
    format === "sse"
      ? openSse(url(`/sse/${source}`), options)
      : openNdjson<{ readonly id: string; readonly data: string }>(url(`/ndjson/${source}`), {
          ...options,
          resume: { cursor: ({ id }) => id, apply: (request, id) => request.withHeader("last-event-id", String(id)) },
        });
  const items: string[] = [];
  try {
    for await (const { data } of stream) items.push(data);
  } catch {
    // The outcome tells.
  }
  return { items, code: (await stream.outcome).code };
}
