import { describe, expect, test } from "vitest";
import { type DropPolicy, latestBy } from "../../src/consumer/inbox.ts";
import { StreamError } from "../../src/errors.ts";
import { linesDialect } from "../../src/events/lines-dialect.ts";
import { memoryCursorStore } from "../../src/session/cursor-store.ts";
import type { Notice } from "../../src/session/notice.ts";
import { type ScriptedAnswer, seededRandom } from "../../src/testing/index.ts";
import { left, nothingLeft, reading, rig, settled, streamOf, texts, type Tick } from "../session/stream-of.ts";

const cut = { error: new StreamError("reset", "The wire was cut") } as const;
const done = { value: undefined, done: true } as const;
const byLetter = latestBy(({ text }: Tick) => text[0]);
const policies: DropPolicy<Tick>[] = ["dropOldest", "dropNewest", "error", byLetter];

/** A stream with a buffer of three, whose consumer has taken its first item and is busy with it. */
async function busy(policy: DropPolicy<Tick>, later: ScriptedAnswer["chunks"], more: ScriptedAnswer[] = []) {
  const made = streamOf([{ chunks: ["1=a1\n", { waitMs: 10 }, ...(later ?? [])] }, ...more], { policy, capacity: 3 });
  const notices = reading(made.stream.notices());
  const items = made.stream[Symbol.asyncIterator]();
  await items.next();
  await made.clock.advance(1_000);
  return { ...made, items, notices: notices.items };
}

function drops(notices: readonly Notice[]): [items: number, total: number][] {
  return notices.filter((notice) => notice.type === "dropped").map(({ items, total }) => [items, total]);
}

test.each<[string, DropPolicy<Tick>, string[]]>([
  ["dropOldest", "dropOldest", ["d4", "e5", "b6"]],
  ["dropNewest", "dropNewest", ["b2", "c3", "d4"]],
  // e5 drives b2 out, the oldest; so b6 is a new key, and drives c3 out.
  ["latestBy(key)", byLetter, ["d4", "e5", "b6"]],
])("%s: what a busy consumer finds when it comes back", async (_, policy, found) => {
  const { stream, items, clock, transport } = await busy(policy, [
    "2=b2\n",
    "3=c3\n4=d4\n",
    "5=e5\n",
    "6=b6\n",
    "stall",
  ]);
  expect([transport.pulled, stream.stats.dropped]).toEqual([5, 2]);
  expect([await items.next(), await items.next(), await items.next()].map(({ value }) => value?.text)).toEqual(found);
  expect(await settled(items.next(), clock)).toBe("pending");
  await stream.close();
});

test("latestBy(key): a newer item takes the older one's place in the queue", async () => {
  const { stream, items } = await busy(byLetter, ["2=b2\n3=c3\n", "4=b4\n", "stall"]);
  expect([(await items.next()).value?.text, (await items.next()).value?.text]).toEqual(["b4", "c3"]);
  expect(stream.stats.dropped).toBe(1);
  await stream.close();
});

test("drops are told once a batch that dropped something, with the count so far", async () => {
  const { notices, stream } = await busy("dropOldest", ["2=b\n3=c\n", "4=d\n5=e\n6=f\n", "7=g\n", "stall"]);
  expect(drops(notices)).toEqual([
    [2, 2],
    [1, 3],
  ]);
  expect(stream.stats).toMatchObject({ dropped: 3, items: 1 });
  await stream.close();
});

test("a consumer that keeps up loses nothing, and hears of no drops", async () => {
  for (const policy of policies) {
    const { stream, clock } = streamOf([{ chunks: ["1=a\n2=b\n3=c\n", { waitMs: 1 }, "4=d\n5=e\n6=f\n", "stall"] }], {
      policy,
      capacity: 3,
    });
    const notices = reading(stream.notices());
    const seen = reading(stream);
    await clock.advance(10);
    expect([texts(seen.items), drops(notices.items)]).toEqual([["a", "b", "c", "d", "e", "f"], []]);
    await stream.close();
  }
});

test("a batch is put in before the consumer that waits is served", async () => {
  for (const [policy, first] of [
    ["dropOldest", "c"],
    ["dropNewest", "a"],
  ] as const) {
    const { stream } = streamOf([{ chunks: ["a\nb\nc\n", "stall"] }], { policy, capacity: 1 });
    expect((await stream[Symbol.asyncIterator]().next()).value?.text).toBe(first);
    expect(stream.stats.dropped).toBe(2);
    await stream.close();
  }
});

describe("error", () => {
  test("the stream ends as limit, behind the items that were found before it; the connection is let go at once", async () => {
    const { stream, items, transport, clock } = await busy("error", ["2=b\n3=c\n", "4=d\n5=e\n6=f\n", "stall"], [{}]);
    expect([transport.open, transport.requests.length, stream.state.name]).toEqual([0, 1, "open"]);
    expect([(await items.next()).value?.text, (await items.next()).value?.text]).toEqual(["b", "c"]);
    expect((await items.next()).value?.text).toBe("d");
    const limit = { code: "limit", limit: "capacity" };
    const error = await items.next().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject(limit);
    expect(String(error)).toMatch(
      /^StreamError: Cannot keep reading https:.*: the consumer is more than 3 items behind \(capacity\)$/,
    );
    expect(await items.next()).toEqual(done);
    // What did not fit was never received: the cursor says where to go on.
    expect(await stream.outcome).toMatchObject({ code: "limit", items: 4, cursor: "4", error: limit });
    expect([stream.state, stream.stats.dropped]).toMatchObject([{ name: "closed", outcome: { code: "limit" } }, 0]);
    expect(left({ clock, transport })).toEqual(nothingLeft);
  });

  test("it is told as closed with the outcome that the consumer met, behind all other notices", async () => {
    const { items, notices, clock } = await busy("error", ["2=b\n3=c\n4=d\n5=e\n", "stall"]);
    expect(notices.map(({ type }) => type)).toEqual(["opening", "open"]);
    for (let i = 0; i < 3; i++) await items.next();
    await items.next().catch(() => {});
    await clock.advance(0);
    expect(notices.at(-1)).toMatchObject({ type: "closed", outcome: { code: "limit", items: 4, cursor: "4" } });
  });
});

test("a key function that throws ends the stream as protocol, behind the items before it", async () => {
  const policy = latestBy(({ text }: Tick) => {
    if (text === "odd") throw new Error("no key");
    return text;
  });
  const { items, stream, clock, transport } = await busy(policy, ["2=b\n", "3=odd\n4=d\n", "stall"]);
  expect((await items.next()).value?.text).toBe("b");
  await expect(items.next()).rejects.toMatchObject({ code: "protocol", cause: { message: "no key" } });
  expect(await stream.outcome).toMatchObject({ code: "protocol", items: 2, cursor: "2" });
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("a function of the caller's that closes the stream is obeyed: nothing is handed out behind it", async () => {
  const rules = (obey: (text: string) => void) => [
    { policy: latestBy(({ text }: Tick) => obey(text)), capacity: 9 },
    { cursorStore: memoryCursorStore(), resume: { cursor: ({ id, text }: Tick) => (obey(text), id) } },
  ];
  for (const index of [0, 1]) {
    const { stream, clock, transport } = streamOf([{ chunks: ["1=a\n2=b\n3=c\n", "stall"] }], {
      ...rules((text) => void (text === "b" && stream.close()))[index],
    });
    const items = stream[Symbol.asyncIterator]();
    expect([await items.next(), await items.next()]).toEqual([done, done]);
    expect(await stream.outcome).toMatchObject({ code: "closed", items: 0 });
    expect(left({ clock, transport })).toEqual(nothingLeft);
  }
});

describe("cursors with a buffer", () => {
  test("the session goes on from what was received, the stream's cursor is what the consumer finished with", async () => {
    const { stream, items, transport, clock } = await busy(
      "dropOldest",
      ["2=b\n3=c\n", cut],
      [{ chunks: ["4=d\n", "stall"] }],
    );
    expect([transport.requests[1]?.headers["last-id"], stream.cursor]).toEqual(["3", undefined]);
    const cursors = [];
    for (let i = 0; i < 3; i++) {
      await items.next();
      cursors.push(stream.cursor);
    }
    expect(cursors).toEqual(["1", "2", "3"]);
    await settled(items.next(), clock);
    expect(stream.cursor).toBe("4");
    await stream.close();
    expect(await stream.outcome).toMatchObject({ code: "closed", cursor: "4", items: 4 });
  });

  test("dropped items are never fetched again: not by a reconnect, nor from the cursor that the consumer came to", async () => {
    const later = ["2=b\n3=c\n4=d\n5=e\n", cut] as const;
    const more = [{ chunks: ["stall"] }] as const;
    for (const policy of ["dropOldest", "dropNewest"] as const) {
      const { stream, items, transport, clock } = await busy(policy, later, [...more]);
      expect(transport.requests[1]?.headers["last-id"]).toBe("5");
      for (let i = 0; i < 3; i++) await items.next();
      await settled(items.next(), clock);
      expect([stream.cursor, stream.stats.dropped]).toEqual(["5", 1]);
      await stream.close();
    }
  });

  test("an item that waits is never behind the cursor: latestBy", async () => {
    const { stream, items, clock } = await busy(byLetter, ["2=b2\n3=c3\n", "4=b4\n", "stall"]);
    await items.next();
    expect(stream.cursor).toBe("1");
    // b4 is done with, c3 is not.
    await items.next();
    expect(stream.cursor).toBe("2");
    await settled(items.next(), clock);
    expect(stream.cursor).toBe("4");
    await stream.close();
  });

  test("close() acknowledges nothing more, and drops what waits", async () => {
    const { stream, items, clock, transport } = await busy("dropOldest", ["2=b\n3=c\n", "stall"]);
    await items.next();
    await stream.close();
    expect(await items.next()).toEqual(done);
    expect(await stream.outcome).toMatchObject({ code: "closed", items: 2, cursor: "1" });
    expect([stream.cursor, left({ clock, transport })]).toEqual(["1", nothingLeft]);
  });

  test("ack() acknowledges the item in hand, and the batch in hand", async () => {
    const { stream, items } = await busy("dropOldest", ["2=b\n3=c\n", "stall"]);
    await items.next();
    stream.ack();
    stream.ack();
    expect(stream.cursor).toBe("2");
    await items.return?.();
    stream.ack();
    expect((await stream.outcome).cursor).toBe("2");
    const other = streamOf([{ chunks: ["1=a\n2=b\n", "stall"] }], { policy: "dropOldest", capacity: 9 });
    for await (const _ of other.stream.batches()) {
      other.stream.ack();
      break;
    }
    expect((await other.stream.outcome).cursor).toBe("2");
  });

  test("a bookmark counts after the items before it, also when it comes later", async () => {
    const { stream, items, clock } = await busy("dropOldest", ["@8\n", "2=b\n@9\n", { waitMs: 5 }, "@10\n", "stall"]);
    expect(stream.cursor).toBe(undefined);
    await items.next();
    expect(stream.cursor).toBe("8");
    await settled(items.next(), clock);
    expect(stream.cursor).toBe("10");
    await stream.close();
  });

  test("before the first item it is where the stream began", async () => {
    const { stream } = streamOf([{ chunks: ["5=a\n", "stall"] }], {
      policy: "error",
      capacity: 1,
      resume: { from: "4" },
    });
    expect(stream.cursor).toBe("4");
    await stream[Symbol.asyncIterator]().next();
    expect(stream.cursor).toBe("4");
    await stream.close();
  });

  test("a resume.cursor that throws ends the stream as protocol, behind the items of that batch", async () => {
    const cursor = (line: string): string => {
      if (line === "odd") throw new Error("no seq");
      return line;
    };
    const { stream, clock, transport } = rig(linesDialect(), [{ chunks: ["a\n", "b\nodd\n", "stall"] }], {
      policy: "dropOldest",
      capacity: 9,
      resume: { cursor, apply: (request) => request },
    });
    const seen = reading(stream);
    await clock.advance(0);
    expect([seen.items, seen.end]).toMatchObject([["a", "b", "odd"], { thrown: { cause: { message: "no seq" } } }]);
    expect(await stream.outcome).toMatchObject({ code: "protocol", cursor: "a" });
    expect(left({ clock, transport })).toEqual(nothingLeft);
  });
});

describe("the end, with items that wait", () => {
  const ended = async (answer: ScriptedAnswer) => {
    const clockedOut = streamOf([answer], { policy: "dropOldest", capacity: 3, reconnect: false, endless: false });
    const items = clockedOut.stream[Symbol.asyncIterator]();
    await items.next();
    await clockedOut.clock.advance(10);
    return { ...clockedOut, items };
  };

  test("comes behind them: done", async () => {
    const { stream, items, clock, transport } = await ended({ chunks: ["1=a\n", "2=b\n"], framing: "length" });
    const outcome = settled(stream.outcome, clock);
    expect([await outcome, stream.state.name, left({ clock, transport })]).toEqual(["pending", "open", nothingLeft]);
    expect((await items.next()).value?.text).toBe("b");
    expect(await items.next()).toEqual(done);
    expect(await stream.outcome).toMatchObject({ code: "complete", items: 2, cursor: "2" });
    expect(stream.state.name).toBe("closed");
  });

  test("comes behind them: an error", async () => {
    const { stream, items } = await ended({ chunks: ["1=a\n", "2=b\n", cut] });
    expect((await items.next()).value?.text).toBe("b");
    await expect(items.next()).rejects.toBe(cut.error);
    expect(await stream.outcome).toMatchObject({ code: "reset", error: cut.error, items: 2 });
  });

  test("close() and return() drop them at once", async () => {
    for (const how of ["close", "return"] as const) {
      const { stream, items } = await ended({ chunks: ["1=a\n", "2=b\n", cut] });
      await (how === "close" ? stream.close() : items.return?.());
      expect(await items.next()).toEqual(done);
      expect(await stream.outcome).toMatchObject({ code: "closed", items: 1, cursor: undefined });
      expect(await stream.outcome).not.toHaveProperty("error");
    }
  });

  test("leaving before them is complete where `until` has matched", async () => {
    const { stream, clock } = streamOf([{ chunks: ["a\n", "b\nend\n"] }], {
      policy: "dropOldest",
      capacity: 3,
      until: "end",
    });
    const items = stream[Symbol.asyncIterator]();
    await items.next();
    await clock.advance(0);
    await items.return?.();
    expect(await stream.outcome).toMatchObject({ code: "complete", items: 1 });
  });

  test("an abort drops them at once, and is final though the session was over", async () => {
    const controller = new AbortController();
    const { stream, clock } = streamOf([{ chunks: ["a\n", "b\n", cut] }], {
      policy: "dropOldest",
      capacity: 3,
      reconnect: false,
      signal: controller.signal,
    });
    const items = stream[Symbol.asyncIterator]();
    await items.next();
    await clock.advance(10);
    expect(stream.state.name).toBe("open");
    controller.abort("enough");
    await expect(items.next()).rejects.toBe("enough");
    expect(await items.next()).toEqual(done);
    expect(await stream.outcome).toMatchObject({ code: "aborted", error: "enough", items: 1 });
  });
});

test("with a buffer, batches() hands out all that waits, and a web stream item by item", async () => {
  const { stream, clock } = streamOf([{ chunks: ["1=a\n", { waitMs: 1 }, "2=b\n", "3=c\n", "stall"] }], {
    policy: "dropOldest",
    capacity: 9,
  });
  const batches = stream.batches();
  expect(texts((await batches.next()).value ?? [])).toEqual(["a"]);
  await clock.advance(10);
  expect(texts((await batches.next()).value ?? [])).toEqual(["b", "c"]);
  expect([stream.stats.items, stream.cursor]).toEqual([3, "1"]);
  await batches.return?.();
  const other = streamOf([{ chunks: ["1=a\n2=b\n", "stall"] }], { policy: "dropOldest", capacity: 9 });
  const reader = other.stream.toReadableStream().getReader();
  expect([(await reader.read()).value?.text, (await reader.read()).value?.text]).toEqual(["a", "b"]);
  expect(other.stream.cursor).toBe("1");
  await reader.cancel();
  expect(left(other)).toEqual(nothingLeft);
});

test("a buffer begins to fill at the first pull, not at open()", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["a\n", "b\n", "stall"] }], {
    policy: "dropOldest",
    capacity: 9,
  });
  await stream.open();
  await clock.advance(1_000);
  expect(transport.pulled).toBe(0);
  await stream[Symbol.asyncIterator]().next();
  await clock.advance(1_000);
  expect(transport.pulled).toBe(2);
  await stream.close();
});

test("with a policy that reads on, silence is noticed though the consumer is busy", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["a\n", "stall"] }, { chunks: ["b\n", "stall"] }], {
    policy: "dropOldest",
    capacity: 9,
    timeouts: { idleMs: 5_000 },
  });
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  await clock.advance(5_200);
  expect([transport.requests.length, (await items.next()).value?.text]).toEqual([2, "b"]);
  await stream.close();
});

test("a stream whose items wait behind its end is listed as running, and closing it drops them", async () => {
  const running = new Set<{ close(): void }>();
  const { stream, clock } = streamOf([{ chunks: ["a\n", "b\n", cut] }], {
    policy: "dropOldest",
    capacity: 9,
    reconnect: false,
    running,
  });
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  await clock.advance(0);
  expect([running.size, stream.state.name]).toEqual([1, "open"]);
  for (const each of running) each.close();
  expect([running.size, (await stream.outcome).code, await items.next()]).toEqual([0, "closed", done]);
});

// What must hold whatever comes, however slow the consumer is, and whenever it stops.
test.each(policies.map((policy) => [JSON.stringify(policy), policy] as const))(
  "%s: all that was sent up to the cursor was handed out or dropped, and nothing comes twice or out of order",
  async (_, policy) => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const pick = (count: number): number => Math.floor(random() * count);
      let id = 0;
      const sent: string[] = [];
      const answers: ScriptedAnswer[] = Array.from({ length: 3 }, () => ({
        chunks: Array.from({ length: 6 }, () => {
          if (pick(4) === 0) return { waitMs: pick(40) };
          const lines = Array.from({ length: 1 + pick(4) }, () => `${++id}=${"abc"[pick(3)]}${id}\n`);
          sent.push(...lines);
          return lines.join("");
        }),
      }));
      const { stream, clock, transport } = streamOf([...answers, { status: 204 }], { policy, capacity: 1 + pick(6) });
      const items = stream[Symbol.asyncIterator]();
      const handed: number[] = [];
      const stopsAfter = pick(2) === 0 ? Number.POSITIVE_INFINITY : pick(sent.length);
      let end = "reading";
      void (async () => {
        try {
          for await (const item of { [Symbol.asyncIterator]: () => items }) {
            handed.push(Number(item.id));
            const { cursor } = stream;
            // In hand, and so not done with.
            expect(Number(cursor ?? 0)).toBeLessThan(Number(item.id));
            if (handed.length > stopsAfter) break;
            if (pick(3) === 0) await new Promise<void>((resolve) => void clock.timer(pick(30), resolve));
          }
          end = "done";
        } catch (thrown) {
          end = (thrown as StreamError).code ?? String(thrown);
        }
      })();
      await clock.advance(10_000);
      const { cursor, items: count } = await stream.outcome;
      const { dropped } = stream.stats;
      const all = [...handed].sort((a, b) => a - b);
      expect([seed, new Set(handed).size, count]).toEqual([seed, handed.length, handed.length]);
      // Only latestBy puts a newer item before an older one.
      if (typeof policy === "string") expect([seed, handed]).toEqual([seed, all]);
      expect([seed, ["done", "limit"].includes(end)]).toEqual([seed, true]);
      const missing = Array.from({ length: Number(cursor ?? 0) }, (_, i) => i + 1).filter((n) => !handed.includes(n));
      expect([seed, missing.length <= dropped]).toEqual([seed, true]);
      const wasRead = end === "done" && handed.length <= stopsAfter;
      if (wasRead) expect([seed, handed.length + dropped, cursor]).toEqual([seed, sent.length, String(sent.length)]);
      if (end === "limit") expect([seed, handed, dropped]).toEqual([seed, all.map((_, i) => i + 1), 0]);
      expect([seed, left({ clock, transport })]).toEqual([seed, nothingLeft]);
    }
  },
);

test("open() that fails settles the outcome of a stream with a buffer", async () => {
  const { stream } = streamOf([{ status: 404 }], { policy: "dropOldest", capacity: 1 });
  await expect(stream.open()).rejects.toMatchObject({ code: "refused" });
  expect(await stream.outcome).toMatchObject({ code: "refused", items: 0 });
});

test.each<[options: Record<string, unknown>, error: Error]>([
  [
    { policy: "dropOldest" },
    new TypeError("capacity must be given: how many items are kept for a consumer that is behind, from 1"),
  ],
  [{ policy: "error", capacity: 0 }, new RangeError("capacity must be a whole number from 1 up, not 0")],
  [{ policy: "error", capacity: 1.5 }, new RangeError("capacity must be a whole number from 1 up, not 1.5")],
  [{ policy: "error", capacity: Infinity }, new RangeError("capacity must be a whole number from 1 up, not Infinity")],
  [{ policy: "error", capacity: "9" }, new TypeError('capacity must be a number, not "9"')],
  [{ capacity: 9 }, new TypeError('capacity needs a policy such as "dropOldest": with "pull" nothing is kept')],
  [
    { policy: "pull", capacity: 9 },
    new TypeError('capacity needs a policy such as "dropOldest": with "pull" nothing is kept'),
  ],
])("a bad capacity is told before anything is sent: %j", (options, error) => {
  expect(() => streamOf([], options)).toThrow(error);
});
