import { describe, expect, test } from "vitest";
import type { Cursor } from "../../src/errors.ts";
import { StreamError } from "../../src/errors.ts";
import type { CursorStore } from "../../src/session/cursor-store.ts";
import { memoryCursorStore } from "../../src/session/cursor-store.ts";
import type { FakeClock, ScriptedAnswer, ScriptStep } from "../../src/testing/index.ts";
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

const done = { value: undefined, done: true } as const;
const cut = { error: new StreamError("reset", "The wire was cut") } as const;

/** A store that writes down what it is asked for; each save takes what `save` says, and two at once are an error. */
function storeOf(save: (cursor: Cursor, index: number) => PromiseLike<void> | void = () => {}, stored?: Cursor) {
  const asked: Cursor[] = [];
  const saved: Cursor[] = [];
  let under = 0;
  let most = 0;
  const store: CursorStore = {
    load: () => saved.at(-1) ?? stored,
    save(cursor) {
      const index = asked.push(cursor) - 1;
      most = Math.max(most, ++under);
      const over = (): void => void under--;
      try {
        const saving = save(cursor, index);
        if (!saving) {
          over();
          saved.push(cursor);
          return;
        }
        return saving.then(
          () => {
            over();
            saved.push(cursor);
          },
          (error: unknown) => {
            over();
            throw error;
          },
        );
      } catch (error) {
        over();
        throw error;
      }
    },
  };
  return { store, asked, saved, most: () => most };
}

/** A save that takes its time on the clock. */
function slow(clock: () => FakeClock, ms: number): () => Promise<void> {
  return () => new Promise((resolve) => void clock().timer(ms, resolve));
}

const hangs = (): Promise<void> => new Promise(() => {});
const fails = (): Promise<void> => Promise.reject(new Error("The disk is full"));
const throws = (): never => {
  throw new Error("The disk is full");
};

function saving(
  chunks: readonly ScriptStep[],
  store: CursorStore,
  options: RigOptions<Tick> & { endless?: boolean } = {},
  more: ScriptedAnswer[] = [],
) {
  return streamOf([{ chunks }, ...more], { cursorStore: store, ...options });
}

/** One item a second from the server: 1, 2, 3 … */
function ticking(count: number): ScriptStep[] {
  return Array.from({ length: count }, (_, i) => [{ waitMs: 1_000 }, `${i + 1}=x\n`] as ScriptStep[]).flat();
}

describe("saveMs: 1_000, the default", () => {
  test("after a batch the cursor is saved, and then at most once a second", async () => {
    const { store, saved } = storeOf();
    const chunks = Array.from({ length: 25 }, (_, i) => [`${i + 1}=x\n`, { waitMs: 90 }] as ScriptStep[]).flat();
    const { stream, clock } = saving([...chunks, "stall"], store);
    reading(stream);
    const seen = [];
    for (const ms of [0, 999, 1, 999, 1, 999, 1, 5_000]) {
      await clock.advance(ms);
      seen.push(saved.join());
    }
    expect(seen).toEqual(["1", "1", "1,12", "1,12", "1,12,23", "1,12,23", "1,12,23,25", "1,12,23,25"]);
    await stream.close();
  });

  test("of a batch that is worked on slowly, what is done with is saved by the timer", async () => {
    const { store, saved } = storeOf();
    const { stream, clock } = saving(["1=a\n2=b\n3=c\n", "stall"], store);
    const items = stream[Symbol.asyncIterator]();
    await items.next();
    await items.next();
    expect([saved, clock.pending > 0]).toEqual([[], true]);
    await clock.advance(1_000);
    expect(saved).toEqual(["1"]);
    await items.next();
    await clock.advance(1_000);
    expect(saved).toEqual(["1", "2"]);
    await stream.close();
  });

  test("when the consumer goes quiet, the timer makes the trailing save; a timer runs only while something is unsaved", async () => {
    const { store, saved } = storeOf();
    const { stream, clock } = saving(["1=a\n", "2=b\n", "stall"], store, {
      timeouts: { connectMs: 0, headersMs: 0, idleMs: 0 },
    });
    reading(stream);
    await clock.advance(0);
    expect([saved, clock.pending]).toEqual([["1"], 1]);
    await clock.advance(1_000);
    expect([saved, clock.pending]).toEqual([["1", "2"], 0]);
    await clock.advance(100_000);
    expect([saved, clock.pending]).toEqual([["1", "2"], 0]);
    await stream.close();
  });

  test("close(), return() and the end of the loop save what is left, at once", async () => {
    for (const how of ["close", "return", "done", "error"] as const) {
      const { store, saved } = storeOf();
      const last: ScriptStep[] = how === "error" ? [cut] : how === "done" ? [] : ["stall"];
      const { stream, clock, transport } = saving(["1=a\n", "2=b\n", ...last], store, {
        reconnect: false,
        endless: false,
      });
      const items = stream[Symbol.asyncIterator]();
      await items.next();
      await items.next();
      stream.ack();
      expect(saved).toEqual(["1"]);
      if (how === "close") await stream.close();
      else if (how === "return") await items.return?.();
      else await items.next().catch(() => {});
      expect([how, saved, clock.now()]).toEqual([how, ["1", "2"], 0]);
      expect(left({ clock, transport })).toEqual(nothingLeft);
    }
  });

  test("a save that fails is told, and tried again with the next cursor", async () => {
    for (const failing of [fails, throws]) {
      const { store, asked, saved } = storeOf((_, index) => (index === 0 ? failing() : undefined));
      const { stream, clock } = saving(["1=a\n", { waitMs: 3_000 }, "2=b\n", "stall"], store);
      const notices = reading(stream.notices());
      const seen = reading(stream);
      await clock.advance(2_000);
      expect([asked, seen.end]).toEqual([["1"], "reading"]);
      const error = new Error("The disk is full");
      expect(notices.items.at(-1)).toEqual({ type: "unsaved", cursor: "1", error });
      await clock.advance(5_000);
      expect([asked, saved, texts(seen.items)]).toEqual([["1", "2"], ["2"], ["a", "b"]]);
      await stream.close();
    }
  });

  test("a save that hangs holds nothing up; what moved meanwhile is saved behind it", async () => {
    let release = (): void => {};
    const { store, asked, most } = storeOf((_, index) => {
      if (index === 0) return new Promise((resolve) => (release = resolve));
    });
    const { stream, clock } = saving([...ticking(9), "stall"], store);
    const seen = reading(stream);
    await clock.advance(10_000);
    expect([seen.items.length, asked]).toEqual([9, ["1"]]);
    release();
    await clock.advance(1_000);
    expect([asked, most()]).toEqual([["1", "9"], 1]);
    await stream.close();
  });
});

test.each([0, 1_000])(
  "saveMs: %d: what a busy consumer acknowledged during a save is saved behind it",
  async (saveMs) => {
    const made = storeOf(slow(() => clock, 5_000));
    const { stream, clock } = saving(["1=a\n2=b\n", { waitMs: 1_000 }, "3=c\n4=d\n", "stall"], made.store, {
      saveMs,
      policy: "dropOldest",
      capacity: 9,
    });
    const batches = stream.batches();
    await batches.next();
    stream.ack();
    await clock.advance(1_000);
    expect(made.asked).toEqual(["2"]);
    const second = batches.next();
    await clock.advance(saveMs === 0 ? 5_000 : 0);
    await second;
    stream.ack();
    await clock.advance(20_000);
    expect([made.saved, made.most()]).toEqual([["2", "4"], 1]);
    await stream.close();
  },
);

test("with a store too, totalMs that runs out under a busy consumer is the end at once; its next pull throws", async () => {
  const { store, saved } = storeOf();
  const { stream, clock, transport } = saving(["1=a\n2=b\n3=c\n", "stall"], store, { timeouts: { totalMs: 5_000 } });
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  await items.next();
  await clock.advance(5_000);
  expect(await settled(stream.outcome, clock)).toMatchObject({ code: "deadline", items: 2, cursor: "1" });
  await expect(items.next()).rejects.toMatchObject({ code: "deadline", clock: "totalMs" });
  expect([saved, left({ clock, transport })]).toEqual([["1"], nothingLeft]);
});

describe("saveMs: 0", () => {
  test("each cursor is saved before the next item is handed out, within one batch too", async () => {
    const made = storeOf(slow(() => clock, 100));
    const { stream, clock } = saving(["1=a\n2=b\n", "3=c\n", "stall"], made.store, { saveMs: 0 });
    const seen = reading(stream);
    await clock.advance(0);
    const steps = [];
    for (let i = 0; i < 4; i++) {
      steps.push([texts(seen.items).join(""), made.saved.join("")]);
      await clock.advance(100);
    }
    expect(steps).toEqual([
      ["a", ""],
      ["ab", "1"],
      ["abc", "12"],
      ["abc", "123"],
    ]);
    await stream.close();
    expect([made.asked, made.most()]).toEqual([["1", "2", "3"], 1]);
  });

  test("with batches() it is batch by batch", async () => {
    const made = storeOf(slow(() => clock, 100));
    const { stream, clock } = saving(["1=a\n2=b\n", "3=c\n4=d\n", "stall"], made.store, { saveMs: 0 });
    const seen = reading(stream.batches());
    await clock.advance(99);
    expect([seen.items.map(texts), made.asked]).toEqual([[["a", "b"]], ["2"]]);
    await clock.advance(1_000);
    expect([seen.items.map(texts), made.saved]).toEqual([
      [
        ["a", "b"],
        ["c", "d"],
      ],
      ["2", "4"],
    ]);
    await stream.close();
  });

  test("nexts that were asked for at once come in order, each behind the save of the one before", async () => {
    const made = storeOf(slow(() => clock, 100));
    const { stream, clock } = saving(["1=a\n2=b\n3=c\n", "stall"], made.store, { saveMs: 0 });
    const items = stream[Symbol.asyncIterator]();
    const order: string[] = [];
    const pulls = [items.next(), items.next(), items.next()];
    for (const pull of pulls) void pull.then(({ value }) => order.push(`${value?.text}:${made.saved.length}`));
    await clock.advance(1_000);
    expect(order).toEqual(["a:0", "b:1", "c:2"]);
    await stream.close();
  });

  test("items without a cursor, and a cursor that stays, are not saved", async () => {
    const { store, asked } = storeOf();
    const { stream, clock } = saving(["a\nb\n7=c\nd\ne\n", "stall"], store, { saveMs: 0 });
    reading(stream);
    await clock.advance(0);
    expect(asked).toEqual(["7"]);
    await stream.close();
    expect(asked).toEqual(["7"]);
  });

  test("ack() saves at once, and what is asked for then waits for it", async () => {
    const made = storeOf(slow(() => clock, 100));
    const { stream, clock } = saving(["1=a\n2=b\n", "stall"], made.store, { saveMs: 0 });
    const items = stream[Symbol.asyncIterator]();
    await items.next();
    stream.ack();
    stream.ack();
    expect(made.asked).toEqual(["1"]);
    const next = items.next();
    expect(await settled(next, clock)).toBe("pending");
    await clock.advance(100);
    expect((await next).value?.text).toBe("b");
    expect(made.asked).toEqual(["1"]);
    await stream.close();
  });

  test("a save that fails ends the stream as protocol, and is told by nothing else", async () => {
    for (const failing of [fails, throws]) {
      const { store, asked } = storeOf((_, index) => (index === 1 ? failing() : undefined));
      const { stream, clock, transport } = saving(["1=a\n2=b\n3=c\n", "stall"], store, { saveMs: 0 });
      const notices = reading(stream.notices());
      const seen = reading(stream);
      await clock.advance(0);
      expect(texts(seen.items)).toEqual(["a", "b"]);
      const error = { code: "protocol", cause: { message: "The disk is full" } };
      expect(seen.end).toMatchObject({ thrown: error });
      expect(String((seen.end as { thrown: unknown }).thrown)).toMatch(
        /: Cannot save the cursor of https:.*: The disk is full$/,
      );
      expect(await stream.outcome).toMatchObject({ code: "protocol", items: 2, cursor: "2", error });
      expect([notices.items.map(({ type }) => type), asked]).toEqual([
        ["opening", "open", "closed"],
        ["1", "2"],
      ]);
      expect(stream.state).toMatchObject({ name: "closed", outcome: { code: "protocol" } });
      expect(left({ clock, transport })).toEqual(nothingLeft);
    }
  });

  test("a failed save under a busy consumer ends the stream; its next pull throws", async () => {
    const { store } = storeOf(fails);
    const { stream, clock } = saving(["1=a\n2=b\n", "stall"], store, { saveMs: 0 });
    const items = stream[Symbol.asyncIterator]();
    await items.next();
    stream.ack();
    await clock.advance(0);
    expect(stream.state.name).toBe("closed");
    await expect(items.next()).rejects.toMatchObject({ code: "protocol" });
    expect(await items.next()).toEqual(done);
  });

  test("at every moment the stored cursor is at most one item behind what was handed out", async () => {
    const chunks: ScriptStep[] = ["1=a\n2=b\n3=c\n", { waitMs: 7 }, "4=d\n", "5=e\n6=f\n", cut];
    const more: ScriptedAnswer[] = [{ chunks: ["7=g\n8=h\n", "stall"] }];
    for (const policy of ["pull", "dropOldest"] as const) {
      const options = { saveMs: 0, policy, capacity: policy === "pull" ? undefined : 100 };
      for (const saveForMs of [0, 3]) {
        for (let stopMs = 0; stopMs < 300; stopMs++) {
          const made = storeOf(saveForMs === 0 ? undefined : slow(() => clock, saveForMs));
          const { stream, clock } = saving(chunks, made.store, options, more);
          const seen = reading(stream);
          // The process dies here: nothing is closed, nothing is saved any more.
          await clock.advance(stopMs);
          const handed = Number(seen.items.at(-1)?.id ?? 0);
          const stored = Number(made.saved.at(-1) ?? 0);
          expect([stopMs, handed - stored <= 1, stored <= handed]).toEqual([stopMs, true, true]);
          if (stopMs === 299) expect([policy, handed]).toEqual([policy, 8]);
        }
      }
    }
  });

  test("at every promise job too", async () => {
    for (let jobs = 0; jobs < 250; jobs++) {
      const { store, saved } = storeOf(async () => {});
      const { stream } = saving(["1=a\n2=b\n3=c\n", "4=d\n", "5=e\n6=f\n", "stall"], store, { saveMs: 0 });
      const seen = reading(stream);
      for (let job = 0; job < jobs; job++) await null;
      const handed = Number(seen.items.at(-1)?.id ?? 0);
      const stored = Number(saved.at(-1) ?? 0);
      expect([jobs, handed - stored <= 1, stored <= handed]).toEqual([jobs, true, true]);
      if (jobs === 249) expect(handed).toBe(6);
      await stream.close();
    }
  });
});

describe.each([0, 1_000])("the last save, saveMs: %d", (saveMs) => {
  const ends = ["close()", "return()", "await using", "abort", "the end", "an error"] as const;
  test.each(ends)("%s waits for it, and every pending next() settles behind it", async (how) => {
    const made = storeOf(slow(() => clock, 300));
    const controller = new AbortController();
    const last: ScriptStep[] =
      how === "the end" ? [{ waitMs: 50 }] : how === "an error" ? [{ waitMs: 50 }, cut] : ["stall"];
    const { stream, clock, transport } = saving(["1=a\n", ...last], made.store, {
      saveMs,
      reconnect: false,
      signal: controller.signal,
    });
    const items = stream[Symbol.asyncIterator]();
    await items.next();
    const pulls = [items.next(), items.next()];
    await clock.advance(50);
    const ended =
      how === "close()"
        ? stream.close()
        : how === "return()"
          ? items.return?.()
          : how === "await using"
            ? stream[Symbol.asyncDispose]()
            : undefined;
    if (how === "abort") controller.abort("enough");
    const all = settled(Promise.allSettled([ended, ...pulls, stream.outcome]), clock);
    expect([await all, stream.state.name]).toEqual([
      "pending",
      saveMs === 0 && !ended && how !== "abort" ? "open" : "closed",
    ]);
    await clock.advance(1_000);
    const [, first, second, outcome] = (await Promise.allSettled([
      ended,
      ...pulls,
      stream.outcome,
    ])) as PromiseSettledResult<unknown>[];
    const code = { "the end": "ended", "an error": "reset", abort: "aborted" }[how as string] ?? "closed";
    expect(outcome).toMatchObject({ value: { code, cursor: "1" } });
    expect(first?.status).toBe(how === "an error" || how === "abort" ? "rejected" : "fulfilled");
    expect(second).toEqual({ status: "fulfilled", value: done });
    expect([made.saved, made.most(), left({ clock, transport })]).toEqual([["1"], 1, nothingLeft]);
  });

  test("one that hangs is given up after 5 s, by the clock; nothing is saved behind it", async () => {
    let release = (): void => {};
    const made = storeOf(() => new Promise((resolve) => (release = resolve)));
    const { stream, clock, transport } = saving(["1=a\n", "2=b\n", "stall"], made.store, { saveMs });
    const items = stream[Symbol.asyncIterator]();
    await items.next();
    const pulls = [items.next(), items.next()];
    await clock.advance(0);
    const closed = stream.close();
    expect([stream.state.name, await settled(closed, clock)]).toEqual(["closed", "pending"]);
    await clock.advance(4_999);
    expect(await settled(closed, clock)).toBe("pending");
    await clock.advance(1);
    await closed;
    expect((await Promise.all(pulls)).at(-1)).toEqual(done);
    expect([(await stream.outcome).code, left({ clock, transport })]).toEqual(["closed", nothingLeft]);
    const asked = made.asked.length;
    release();
    await clock.advance(100_000);
    expect([made.asked.length, clock.pending]).toEqual([asked, 0]);
  });

  test("one that fails is a notice, and rejects nothing", async () => {
    for (const failing of [fails, throws]) {
      const { store } = storeOf(failing);
      const { stream, clock } = saving(["1=a\n", "stall"], store, { saveMs });
      const notices = reading(stream.notices());
      const items = stream[Symbol.asyncIterator]();
      await items.next();
      const closed = stream.close();
      expect(await settled(closed, clock)).toBe(undefined);
      expect(notices.items.map(({ type }) => type)).toEqual(["opening", "open", "closed"]);
      const other = saving(["1=a\n", "stall"], store, { saveMs });
      const heard = reading(other.stream.notices());
      const others = other.stream[Symbol.asyncIterator]();
      await others.next();
      // Acknowledged and closed in one breath: with `saveMs: 0` the save is under way, and the last one tries once more.
      other.stream.ack();
      await other.stream.close();
      await other.clock.advance(0);
      const told = saveMs === 0 ? ["unsaved", "unsaved"] : ["unsaved"];
      expect(heard.items.map(({ type }) => type)).toEqual(["opening", "open", ...told, "closed"]);
      expect((await other.stream.outcome).code).toBe("closed");
    }
  });

  test("an outcome that is asked for during it comes behind it", async () => {
    const made = storeOf(slow(() => clock, 300));
    const { stream, clock } = saving(["1=a\n", "stall"], made.store, { saveMs });
    const items = stream[Symbol.asyncIterator]();
    await items.next();
    stream.ack();
    void stream.close();
    expect(await settled(stream.outcome, clock)).toBe("pending");
    await clock.advance(300);
    expect(await settled(stream.outcome, clock)).toMatchObject({ code: "closed", cursor: "1" });
  });

  test("where nothing is unsaved, nothing is waited for", async () => {
    const { store, asked } = storeOf(hangs);
    const { stream, clock } = saving(["a\n", "stall"], store, { saveMs });
    const items = stream[Symbol.asyncIterator]();
    await items.next();
    const pull = items.next();
    await clock.advance(0);
    await stream.close();
    expect([await pull, asked, clock.pending]).toEqual([done, [], 0]);
  });

  test("a close at any promise job settles everything, and never makes two saves at once", async () => {
    for (let jobs = 0; jobs < 120; jobs++) {
      const made = storeOf(async () => {});
      const { stream, clock, transport } = saving(["1=a\n2=b\n", "3=c\n", "stall"], made.store, { saveMs });
      const items = stream[Symbol.asyncIterator]();
      const pulls = Array.from({ length: 5 }, () => items.next());
      for (let job = 0; job < jobs; job++) await null;
      await stream.close();
      const results = await Promise.all(pulls);
      const { cursor, items: handed } = await stream.outcome;
      expect([jobs, results.filter((result) => !result.done).length, made.most() <= 1]).toEqual([jobs, handed, true]);
      expect([jobs, made.saved.at(-1), left({ clock, transport })]).toEqual([jobs, cursor, nothingLeft]);
    }
  });
});

describe("what is saved", () => {
  test("what the store had, and where the caller began, is not saved again", async () => {
    for (const resume of [{}, { from: "40" }]) {
      const { store, asked } = storeOf(undefined, "41");
      const { stream, clock, transport } = saving(["a\n", "stall"], store, { resume, saveMs: 0 });
      reading(stream);
      await clock.advance(0);
      expect([transport.requests[0]?.headers["last-id"], stream.cursor]).toEqual(["41", "41"]);
      await stream.close();
      expect(asked).toEqual([]);
    }
    const { store, asked } = storeOf();
    const { stream } = saving([], store, { resume: { from: "40" } });
    await stream.close();
    expect(asked).toEqual([]);
  });

  test("a cursor that was taken back is not saved: there is none", async () => {
    const { store, asked } = storeOf();
    const { stream, clock } = saving(["@\nb\n", "stall"], store, { resume: { from: "7" }, saveMs: 0 });
    reading(stream);
    await clock.advance(0);
    expect(stream.cursor).toBe(undefined);
    await stream.close();
    expect(asked).toEqual([]);
  });

  test("leaving the loop saves no more than what was acknowledged", async () => {
    const { store, saved } = storeOf();
    const { stream } = saving(["1=a\n2=b\n3=c\n"], store);
    for await (const { id } of stream) if (id === "3") break;
    expect(saved).toEqual(["2"]);
  });

  test("a bookmark is saved before what comes behind it, or at the end", async () => {
    const { store, saved } = storeOf();
    const { stream, clock } = saving(["@8\n", { waitMs: 1 }, "a\n", { waitMs: 1 }, "@9\n", "stall"], store, {
      saveMs: 0,
    });
    const items = stream[Symbol.asyncIterator]();
    await Promise.all([items.next(), clock.advance(1)]);
    expect(saved).toEqual(["8"]);
    void items.next();
    await clock.advance(1);
    await stream.close();
    expect(saved).toEqual(["8", "9"]);
  });

  test("bookmarks that come without items are saved as they come", async () => {
    for (const options of [{ saveMs: 0 }, { saveMs: 1_000 }, { policy: "error", capacity: 9 }] as const) {
      const { store, saved } = storeOf();
      const { stream, clock } = saving(
        ["1=a\n", { waitMs: 5_000 }, "@2\n", { waitMs: 5_000 }, "@3\n", "stall"],
        store,
        options,
      );
      reading(stream);
      await clock.advance(20_000);
      expect(saved).toEqual(["1", "2", "3"]);
      await stream.close();
    }
  });

  test("with a buffer the stored cursor is the consumer's, not what was received", async () => {
    const { store, saved } = storeOf();
    const { stream, clock, transport } = saving(
      ["1=a\n", "2=b\n", "3=c\n", cut],
      store,
      { policy: "dropOldest", capacity: 9, saveMs: 0 },
      [{ chunks: ["stall"] }],
    );
    const items = stream[Symbol.asyncIterator]();
    await items.next();
    await clock.advance(1_000);
    expect([transport.requests[1]?.headers["last-id"], saved]).toEqual(["3", []]);
    await items.next();
    await items.next();
    expect(saved).toEqual(["1", "2"]);
    await stream.close();
    expect(saved).toEqual(["1", "2"]);
  });

  test("two streams with a store each keep to their own; two with one store follow one another", async () => {
    const [one, two] = [storeOf(), storeOf()];
    const first = saving(["1=a\n", "stall"], one.store);
    const second = saving(["5=a\n", "stall"], two.store);
    reading(first.stream);
    reading(second.stream);
    await first.clock.advance(2_000);
    await second.clock.advance(2_000);
    await first.stream.close();
    expect([one.saved, two.saved]).toEqual([["1"], ["5"]]);
    const third = saving(["2=b\n", "stall"], one.store);
    reading(third.stream);
    await third.clock.advance(2_000);
    expect([third.transport.requests[0]?.headers["last-id"], one.saved]).toEqual(["1", ["1", "2"]]);
    await second.stream.close();
    await third.stream.close();
  });

  test("a new stream goes on where the last one was left, with the store in memory", async () => {
    const cursorStore = memoryCursorStore();
    for (const [sent, expected] of [
      ["1=a\n2=b\n", undefined],
      ["3=c\n", "2"],
    ] as const) {
      const { stream, clock, transport } = saving([sent, "stall"], cursorStore);
      reading(stream);
      await clock.advance(0);
      await stream.close();
      expect(transport.requests[0]?.headers["last-id"]).toBe(expected);
    }
    expect(cursorStore.load()).toBe("3");
  });
});

test("a stream is listed as running until its last save: who closes the list can wait for it", async () => {
  const made = storeOf(slow(() => clock, 100));
  const running = new Set<{ close(): void }>();
  const { stream, clock } = saving(["1=a\n2=b\n", "stall"], made.store, { running });
  expect(running.size).toBe(0);
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  await items.next();
  for (const each of running) each.close();
  expect([stream.state.name, running.size]).toEqual(["closed", 1]);
  await clock.advance(100);
  expect([running.size, made.saved]).toEqual([0, ["1"]]);
});

test("a load that hangs is let go by close(), and nothing is saved", async () => {
  const { store, asked } = storeOf();
  const { stream, clock, transport } = saving([], { ...store, load: () => new Promise(() => {}) });
  const items = stream[Symbol.asyncIterator]();
  const pull = items.next();
  await clock.advance(10);
  await stream.close();
  expect([await pull, transport.requests.length, asked, clock.pending]).toEqual([done, 0, [], 0]);
});

test.each<[saveMs: unknown, error: Error]>([
  [-1, new RangeError("saveMs must be a number from 0 up, and finite, not -1")],
  [Number.NaN, new RangeError("saveMs must be a number from 0 up, and finite, not NaN")],
  [Number.POSITIVE_INFINITY, new RangeError("saveMs must be a number from 0 up, and finite, not Infinity")],
  ["1", new TypeError('saveMs must be a number, not "1"')],
])("a bad saveMs is told before anything is sent: %s", (saveMs, error) => {
  const { store } = storeOf();
  expect(() => saving([], store, { saveMs: saveMs as number })).toThrow(error);
});

test("a stream with a store that nobody waits for makes no unhandled rejection", async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  for (const saveMs of [0, 1_000]) {
    const { stream, clock } = saving(["1=a\n", "2=b\n", cut], storeOf(fails).store, { saveMs, reconnect: false });
    const items = stream[Symbol.asyncIterator]();
    for (let i = 0; i < 4; i++) void items.next();
    await clock.advance(10_000);
    void stream.close();
  }
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});
