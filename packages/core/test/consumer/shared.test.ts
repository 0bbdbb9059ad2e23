import { describe, expect, test } from "vitest";
import { type DropPolicy, latestBy } from "../../src/consumer/inbox.ts";
import { shared, type SharedOptions } from "../../src/consumer/shared.ts";
import { StreamError } from "../../src/errors.ts";
import { memoryCursorStore } from "../../src/session/cursor-store.ts";
import type { ScriptedAnswer } from "../../src/testing/index.ts";
import {
  left,
  nothingLeft,
  reading,
  type RigOptions,
  settled,
  streamOf,
  texts,
  type Tick,
} from "../session/stream-of.ts";

const cut = { error: new StreamError("reset", "The wire was cut") } as const;
const done = { value: undefined, done: true } as const;
const byLetter = latestBy(({ text }: Tick) => text[0]);

function sharedOf(
  script: ScriptedAnswer[],
  options: Partial<SharedOptions<Tick>> = {},
  stream: RigOptions<Tick> & { endless?: boolean } = {},
) {
  const made = streamOf(script, { reconnect: false, ...stream });
  return { ...made, both: shared(made.stream, { capacity: 3, ...options }) };
}

const chunks = ["1=a\n", "2=b\n3=c\n", "4=d\n", "5=e\n6=f\n"];
const all = ["a", "b", "c", "d", "e", "f"];

test("every reader gets every item, in order", async () => {
  for (const policy of [undefined, "dropOldest", "dropNewest", "error", byLetter] as const) {
    const { both, clock, transport } = sharedOf([{ chunks: [...chunks, "stall"] }], { policy });
    const readers = [reading(both.read()), reading(both), reading(both)];
    await clock.advance(0);
    expect(readers.map(({ items }) => texts(items))).toEqual([all, all, all]);
    expect(transport.requests.length).toBe(1);
    await both.close();
  }
});

test("nothing is sent before a reader asks for an item", async () => {
  const { both, clock, transport, stream } = sharedOf([{ chunks: ["stall"] }]);
  const reader = both.read();
  void both.outcome;
  await clock.advance(1_000);
  expect([transport.requests.length, stream.state.name]).toEqual([0, "idle"]);
  void reader.next();
  await clock.advance(0);
  expect(transport.requests.length).toBe(1);
  await both.close();
});

test("a reader gets what comes after its read(), though it asks later", async () => {
  const { both, clock } = sharedOf([{ chunks: ["a\n", { waitMs: 10 }, "b\n", { waitMs: 10 }, "c\n", "stall"] }]);
  const first = reading(both);
  const patient = both.read();
  await clock.advance(5);
  const second = reading(both);
  await clock.advance(10);
  const third = reading(both);
  await clock.advance(10);
  expect([first, second, third].map(({ items }) => texts(items))).toEqual([["a", "b", "c"], ["b", "c"], ["c"]]);
  expect((await patient.next()).value?.text).toBe("a");
  await both.close();
});

describe("pull, the default", () => {
  test("the slowest reader sets the pace: no more is read than there is room for", async () => {
    const { both, clock, transport } = sharedOf([{ chunks: [...chunks, "stall"] }], { capacity: 2 });
    const fast = reading(both);
    const slow = both.read();
    await clock.advance(0);
    // The slow one holds a and b; c waits beside them, d is still on the wire.
    expect([texts(fast.items), transport.pulled]).toEqual([["a", "b"], 2]);
    const taken = [];
    for (let i = 0; i < all.length; i++) {
      taken.push((await slow.next()).value?.text);
      await clock.advance(0);
      expect(fast.items.length).toBeLessThanOrEqual(taken.length + 2);
    }
    expect([taken, texts(fast.items), slow.dropped]).toEqual([all, all, 0]);
    await both.close();
  });

  test("a slow reader that leaves lets the others go on", async () => {
    const { both, clock } = sharedOf([{ chunks: [...chunks, "stall"] }], { capacity: 1 });
    const fast = reading(both);
    const slow = both.read();
    await clock.advance(0);
    expect(texts(fast.items)).toEqual(["a"]);
    await slow.return();
    await clock.advance(0);
    expect(texts(fast.items)).toEqual(all);
    await both.close();
  });
});

describe("with a policy that drops", () => {
  test.each<[string, DropPolicy<Tick>, string[]]>([
    ["dropOldest", "dropOldest", ["d", "e", "f"]],
    ["dropNewest", "dropNewest", ["a", "b", "c"]],
    ["latestBy(key)", latestBy(({ id }) => Number(id) % 3), ["d", "e", "f"]],
  ])("%s: one stalled reader changes nobody else, and finds what its policy kept", async (_, policy, kept) => {
    const { both, clock } = sharedOf([{ chunks: [...chunks, "stall"] }], { policy });
    const stalled = both.read();
    const others = [reading(both), reading(both)];
    await clock.advance(0);
    expect(others.map(({ items }) => texts(items))).toEqual([all, all]);
    expect(stalled.dropped).toBe(3);
    const found = [await stalled.next(), await stalled.next(), await stalled.next()];
    expect(found.map(({ value }) => value?.text)).toEqual(kept);
    expect(await settled(stalled.next(), clock)).toBe("pending");
    await both.close();
  });

  test("error: the reader that is behind gets its items, then the limit; the others read on", async () => {
    const { both, clock, stream } = sharedOf([{ chunks: [...chunks, "stall"] }], { policy: "error" });
    const stalled = both.read();
    const other = reading(both);
    await clock.advance(0);
    expect([texts(other.items), other.end, stream.state.name]).toEqual([all, "reading", "open"]);
    for (const text of ["a", "b", "c"]) expect((await stalled.next()).value?.text).toBe(text);
    await expect(stalled.next()).rejects.toMatchObject({ code: "limit", limit: "capacity" });
    expect([await stalled.next(), stalled.dropped]).toEqual([done, 0]);
    await both.close();
  });

  test("error: where every reader is behind, the stream is closed", async () => {
    const { both, clock, transport } = sharedOf([{ chunks: [...chunks, "stall"] }], { policy: "error", capacity: 1 });
    const one = both.read();
    expect((await one.next()).value?.text).toBe("a");
    await clock.advance(0);
    expect([(await both.outcome).code, left({ clock, transport })]).toEqual(["closed", nothingLeft]);
    expect((await one.next()).value?.text).toBe("b");
    await expect(one.next()).rejects.toMatchObject({ code: "limit" });
  });

  test("a key function that throws ends the readers as protocol, each behind its items", async () => {
    const policy = latestBy(({ text }: Tick) => {
      if (text === "b") throw new Error("no key");
      return text;
    });
    const { both, clock, transport } = sharedOf([{ chunks: [...chunks, "stall"] }], { policy });
    const readers = [reading(both), reading(both)];
    await clock.advance(0);
    for (const { items, end } of readers) {
      expect([texts(items), end]).toMatchObject([
        ["a"],
        { thrown: { code: "protocol", cause: { message: "no key" } } },
      ]);
    }
    expect(left({ clock, transport })).toEqual(nothingLeft);
  });
});

describe("the end", () => {
  test("every reader sees the same: done, behind its items", async () => {
    const { both, clock, transport } = sharedOf(
      [{ chunks, framing: "length" }],
      { policy: "dropOldest" },
      { endless: false },
    );
    const late = both.read();
    const readers = [reading(both), reading(both)];
    await clock.advance(0);
    expect(readers.map(({ items, end }) => [items.length, end])).toEqual([
      [6, "done"],
      [6, "done"],
    ]);
    expect([await both.outcome, left({ clock, transport })]).toMatchObject([{ code: "complete" }, nothingLeft]);
    for (const text of ["d", "e", "f"]) expect((await late.next()).value?.text).toBe(text);
    expect([await late.next(), await late.next()]).toEqual([done, done]);
  });

  test("every reader is thrown the same error, once; a reader that comes later too", async () => {
    const { both, clock, transport } = sharedOf([{ chunks: ["a\n", cut] }]);
    const readers = [reading(both), reading(both)];
    const late = both.read();
    await clock.advance(0);
    for (const { items, end } of readers) expect([items.length, end]).toEqual([1, { thrown: cut.error }]);
    expect((await late.next()).value?.text).toBe("a");
    for (const reader of [late, both.read()]) {
      await expect(reader.next()).rejects.toBe(cut.error);
      expect(await reader.next()).toEqual(done);
    }
    expect([(await both.outcome).code, left({ clock, transport })]).toEqual(["reset", nothingLeft]);
  });

  test.each<["close()" | "await using" | "abort", policy: "pull" | "dropOldest"]>([
    ["close()", "pull"],
    ["close()", "dropOldest"],
    ["await using", "pull"],
    ["abort", "pull"],
    ["abort", "dropOldest"],
  ])("%s with the policy %s settles every pending next() and drops what waits", async (how, policy) => {
    const controller = new AbortController();
    const { both, clock, transport } = sharedOf(
      [{ chunks: [...chunks, "stall"] }],
      { policy, capacity: 1 },
      { signal: controller.signal },
    );
    const stalled = both.read();
    const waiting = both.read();
    const pulls = Array.from({ length: 9 }, () => waiting.next());
    await clock.advance(0);
    if (how === "abort") controller.abort("enough");
    else await (how === "close()" ? both.close() : both[Symbol.asyncDispose]());
    const results = await Promise.allSettled(pulls);
    const first = results.findIndex((result) => result.status === "rejected" || result.value.done === true);
    expect(first).toBeGreaterThan(0);
    if (how === "abort") {
      expect(results[first]).toEqual({ status: "rejected", reason: "enough" });
      await expect(stalled.next()).rejects.toBe("enough");
    }
    expect(
      results.slice(how === "abort" ? first + 1 : first).every((result) => "value" in result && result.value.done),
    ).toBe(true);
    expect([
      await stalled.next(),
      await waiting.next(),
      await both
        .read()
        .next()
        .catch((reason: unknown) => reason),
    ]).toEqual([done, done, how === "abort" ? "enough" : done]);
    expect([(await both.outcome).code, left({ clock, transport })]).toEqual([
      how === "abort" ? "aborted" : "closed",
      nothingLeft,
    ]);
  });

  test("close() before the first reader, and again, is no more than that", async () => {
    const { both, clock, transport } = sharedOf([]);
    await both.close();
    await both.close();
    expect([await both.read().next(), transport.requests.length, clock.pending]).toEqual([done, 0, 0]);
    expect((await both.outcome).code).toBe("closed");
  });

  test("closing the stream itself ends its readers", async () => {
    const { both, stream, clock } = sharedOf([{ chunks: ["stall"] }]);
    const readers = [reading(both), reading(both)];
    await clock.advance(0);
    await stream.close();
    await clock.advance(0);
    expect(readers.map(({ end }) => end)).toEqual(["done", "done"]);
  });
});

describe("a reader that leaves", () => {
  test("leaves the others be", async () => {
    const { both, clock } = sharedOf([{ chunks: ["a\n", { waitMs: 10 }, "b\n", "stall"] }]);
    const stays = reading(both);
    for await (const _ of both) break;
    await clock.advance(20);
    expect([texts(stays.items), stays.end]).toEqual([["a", "b"], "reading"]);
    await both.close();
  });

  test("settles its own pending next(), and is done", async () => {
    const { both, clock } = sharedOf([{ chunks: ["stall"] }]);
    const stays = reading(both);
    const leaves = both.read();
    const pulls = [leaves.next(), leaves.next()];
    await clock.advance(0);
    await leaves.return();
    expect([await Promise.all(pulls), await leaves.next(), stays.end]).toEqual([[done, done], done, "reading"]);
    await leaves.return();
    await both.close();
  });

  test("by await using lets the others go on, and is done", async () => {
    const { both, clock } = sharedOf([{ chunks: [...chunks, "stall"] }], { capacity: 1 });
    const stays = reading(both);
    let kept: ReturnType<typeof both.read>;
    {
      await using leaves = both.read();
      kept = leaves;
      await clock.advance(0);
      expect([(await leaves.next()).value?.text, texts(stays.items)]).toEqual(["a", ["a"]]);
    }
    await clock.advance(0);
    expect([texts(stays.items), await kept.next()]).toEqual([all, done]);
    await both.close();
  });

  test("as the last one closes the stream", async () => {
    const { both, clock, transport } = sharedOf([{ chunks: ["a\n", "stall"] }]);
    const [one, two] = [both.read(), both.read()];
    await one.next();
    await one.return();
    expect(transport.open).toBe(1);
    await two.return();
    expect([(await both.outcome).code, left({ clock, transport })]).toEqual(["closed", nothingLeft]);
    expect(await both.read().next()).toEqual(done);
  });
});

test("what was put in every queue is acknowledged when more is asked for; with a full one it is not yet", async () => {
  const cursorStore = memoryCursorStore();
  const { both, stream, clock } = sharedOf(
    [{ chunks: [...chunks, "stall"] }],
    { capacity: 2 },
    { cursorStore, saveMs: 0 },
  );
  const fast = reading(both);
  const slow = both.read();
  await clock.advance(0);
  expect([fast.items.length, stream.cursor, cursorStore.load()]).toEqual([2, "1", "1"]);
  await slow.next();
  await slow.next();
  await clock.advance(0);
  expect([stream.cursor, cursorStore.load()]).toEqual(["3", "3"]);
  await both.close();
});

test("next() that nobody waits for makes no unhandled rejection", async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  const { both, clock } = sharedOf([{ chunks: ["a\n", cut] }]);
  const readers = [both.read(), both.read()];
  for (let i = 0; i < 4; i++) for (const reader of readers) void reader.next();
  await clock.advance(0);
  void both.close();
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

test("a close in any moment settles every reader and leaves nothing", async () => {
  for (const policy of ["pull", "dropOldest", "error"] as const) {
    for (let jobs = 0; jobs < 80; jobs++) {
      const { both, clock, transport } = sharedOf([{ chunks: [...chunks, "stall"] }], { policy, capacity: 2 });
      const readers = [reading(both), reading(both)];
      const stalled = both.read();
      for (let job = 0; job < jobs; job++) await null;
      await both.close();
      await clock.advance(0);
      expect([jobs, readers.map(({ end }) => end), left({ clock, transport })]).toEqual([
        jobs,
        ["done", "done"],
        nothingLeft,
      ]);
      const last = await Promise.race([stalled.next(), clock.advance(0).then(() => "pending")]).catch(
        ({ code }) => code,
      );
      expect([jobs, last === "pending"]).toEqual([jobs, false]);
    }
  }
});

test("a stream that has a consumer cannot be shared, nor one that is shared be read", async () => {
  const { stream } = streamOf([]);
  stream[Symbol.asyncIterator]();
  expect(() => shared(stream, { capacity: 1 })).toThrow("This stream has a consumer already");
  const other = sharedOf([]);
  expect(() => other.stream.batches()).toThrow("This stream has a consumer already");
});

test.each<[options: object, error: Error]>([
  [{}, new TypeError("capacity must be given: how many items are kept for a consumer that is behind, from 1")],
  [{ capacity: 0 }, new RangeError("capacity must be a whole number from 1 up, not 0")],
  [
    { capacity: 1, policy: "drop" },
    new TypeError('policy must be "pull", "dropOldest", "dropNewest", "error" or latestBy(key), not "drop"'),
  ],
])("bad options are told: %j", (options, error) => {
  const { stream } = streamOf([]);
  expect(() => shared(stream, options as never)).toThrow(error);
  // And the stream may still be read.
  stream[Symbol.asyncIterator]();
});
