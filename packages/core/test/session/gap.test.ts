import { describe, expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import type { Gap } from "../../src/events/item-rules.ts";
import { left, nothingLeft, reading, type RigOptions, streamOf, type Tick, texts } from "./stream-of.ts";

const cut = { error: new StreamError("reset", "the connection broke") };
const over = { status: 204 };
/** `lost 40`: the watch is cancelled, what is up to 40 is gone. `hole 40`: the same, and the stream goes on. */
const gap = ({ text }: Tick): Gap | undefined => {
  const [, word, to] = /^(lost|hole)(?: (\d+))?$/.exec(text) ?? [];
  return word === undefined ? undefined : { to, reopen: word === "lost" };
};

describe("a cursor that is refused", () => {
  const gone = [{ chunks: ["7=a\n", cut] }, { status: 410, chunks: ["too old"] }, { chunks: ["40=x\n", cut] }, over];

  test("ends the stream by default: the refusal, with the end of the gap that is known", async () => {
    const { seen } = await run(gone);
    expect(texts(seen.items)).toEqual(["a"]);
    expect(seen.end).toMatchObject({
      thrown: { code: "refused", status: 410, excerpt: "too old", gap: { from: "7", to: undefined } },
    });
    expect((seen.end as { thrown: Error }).thrown.message).toContain(
      'what came after "7" cannot be asked for any more',
    );
  });

  test('with onGap: "restart" it goes on from the start, and the notice has both ends', async () => {
    const { seen, notices, requests } = await run(gone, { resume: { onGap: "restart" } });
    expect([texts(seen.items), seen.end]).toEqual([["a", "x"], "done"]);
    expect(requests).toEqual([undefined, "7", undefined, "40"]);
    expect(notices.filter(({ type }) => type === "gap")).toEqual([{ type: "gap", from: "7", to: "40" }]);
  });

  test("is by a rule of the caller's another status", async () => {
    const bad = [{ chunks: ["7=a\n", cut] }, { status: 400 }, { chunks: ["9=b\n", cut] }, over];
    const lost = ({ status }: StreamError) => status === 400;
    expect((await run(bad, { resume: { lost, onGap: "restart" } })).requests).toEqual([undefined, "7", undefined, "9"]);
    expect((await run(bad)).seen.end).not.toHaveProperty("thrown.gap");
  });

  test("is no gap where no cursor was sent", async () => {
    const { seen, requests } = await run([{ status: 410 }], { resume: { onGap: "restart" } });
    expect(seen.end).toMatchObject({ thrown: { code: "refused", status: 410 } });
    expect([requests.length, (seen.end as { thrown: StreamError }).thrown.gap]).toEqual([1, undefined]);
  });

  test("that is refused again and again is asked again by the rules of a retry", async () => {
    const { stream, clock } = streamOf(() => ({ status: 410 }), {
      resume: { from: "7", onGap: "restart", lost: () => true },
      reconnect: { retries: 2 },
    });
    const seen = reading(stream);
    await clock.advance(60_000);
    expect([stream.state.tally.attempts, seen.end]).toMatchObject([2, { thrown: { code: "refused" } }]);
  });
});

describe("an item that says that others are missing, and that it was the last", () => {
  const lost = [{ chunks: ["7=a\n8=b\nlost 40\n9=never\n", cut] }, { chunks: ["41=x\n", cut] }, over];

  test("ends the stream by default, with both ends; the items before it come first", async () => {
    const { seen, requests, outcome } = await run(lost, { resume: { gap } });
    expect([texts(seen.items), requests.length]).toEqual([["a", "b"], 1]);
    expect(seen.end).toMatchObject({ thrown: { code: "protocol", gap: { from: "8", to: "40" } } });
    expect(outcome.cursor).toBe("8");
    expect((seen.end as { thrown: Error }).thrown.message).toBe(
      "Cannot go on with https://a.example/ticks?key=***: the server says that items are missing " +
        'after "8", up to "40". To go on without them, set resume.onGap to "restart"',
    );
  });

  test('with onGap: "restart" it is asked again from where the server can, and told', async () => {
    const { seen, notices, requests } = await run(lost, { resume: { gap, onGap: "restart" } });
    expect([texts(seen.items), requests]).toEqual([
      ["a", "b", "x"],
      [undefined, "40", "41"],
    ]);
    expect(notices.filter(({ type }) => type === "gap")).toEqual([{ type: "gap", from: "8", to: "40" }]);
  });

  test("without a word on where, from the start", async () => {
    const script = [{ chunks: ["7=a\nlost\n", cut] }, { chunks: ["41=x\n", cut] }, over];
    const { notices, requests } = await run(script, { resume: { gap, onGap: "restart" } });
    expect(requests).toEqual([undefined, undefined, "41"]);
    expect(notices.filter(({ type }) => type === "gap")).toEqual([{ type: "gap", from: "7", to: "41" }]);
  });

  test("is told at the end where nothing came behind it", async () => {
    const { notices } = await run([{ chunks: ["7=a\nlost 9\n", cut] }, over], { resume: { gap, onGap: "restart" } });
    expect(notices.slice(-2)).toMatchObject([{ type: "gap", from: "7", to: "9" }, { type: "closed" }]);
  });

  test("counts as a retry, with its wait: a server that says it each time is not hammered", async () => {
    const { stream, clock } = streamOf(() => ({ chunks: ["lost 40\n", cut] }), {
      resume: { gap, onGap: "restart" },
      reconnect: { retries: 3 },
    });
    const seen = reading(stream);
    await clock.advance(60_000);
    expect([stream.state.tally.attempts, seen.end]).toMatchObject([4, { thrown: { code: "exhausted" } }]);
  });
});

test("of two gaps in a row the notice has the first near end and the last far end", async () => {
  const script = [{ chunks: ["5=a\nlost 100\n"] }, { status: 410 }, { chunks: ["200=x\n", cut] }, over];
  const { notices } = await run(script, { resume: { gap, onGap: "restart" } });
  expect(notices.filter(({ type }) => type === "gap")).toEqual([{ type: "gap", from: "5", to: "200" }]);
});

test("where a gap goes on is a cursor, or the stream ends", async () => {
  const { seen, requests } = await run([{ chunks: ["7=a\nlost 1\n"] }], {
    resume: { onGap: "restart", gap: ({ text }) => (text === "a" ? undefined : { to: Number.NaN, reopen: true }) },
  });
  expect([seen.end, requests.length]).toMatchObject([{ thrown: { code: "protocol" } }, 1]);
});

test("the remedy is not shown where it was taken", async () => {
  const { seen } = await run([{ chunks: ["7=a\nlost 1\n"] }], { resume: { gap, onGap: "restart" }, reconnect: false });
  expect((seen.end as { thrown: Error }).thrown.message).toMatch(/up to "1"$/);
});

describe("an item that says that others are missing, and goes on", () => {
  const hole = [{ chunks: ["7=a\nhole 40\n41=x\n", cut] }, over];

  test("is handed out, and the gap told, where gaps are gone on behind", async () => {
    const { seen, notices, requests } = await run(hole, { resume: { gap, onGap: "restart" } });
    expect([texts(seen.items), requests]).toEqual([
      ["a", "hole 40", "x"],
      [undefined, "41"],
    ]);
    expect(notices.filter(({ type }) => type === "gap")).toEqual([{ type: "gap", from: "7", to: "40" }]);
  });

  test("without a word on where has the cursor of the next item for its far end", async () => {
    const { notices } = await run([{ chunks: ["7=a\nhole\n41=x\n", cut] }, over], {
      resume: { gap, onGap: "restart" },
    });
    expect(notices.filter(({ type }) => type === "gap")).toEqual([{ type: "gap", from: "7", to: "41" }]);
  });

  test("is not told behind the end that until names", async () => {
    const { notices } = await run([{ chunks: ["1=a\n2=done\nhole 40\n"] }], {
      until: { event: "done" },
      resume: { gap, onGap: "restart" },
    });
    expect(notices.filter(({ type }) => type === "gap")).toEqual([]);
  });

  test("ends the stream by default", async () => {
    const { seen } = await run(hole, { resume: { gap } });
    expect([texts(seen.items), seen.end]).toMatchObject([["a"], { thrown: { gap: { from: "7", to: "40" } } }]);
  });
});

describe("a reopening without a cursor", () => {
  test("is told with the first item behind it, as its other end", async () => {
    const { notices } = await run([{ chunks: ["a\n", cut] }, { chunks: ["9=b\n", cut] }, over]);
    const types = notices.map(({ type }) => type);
    expect(types.slice(0, 6)).toEqual(["opening", "open", "waiting", "opening", "open", "gap"]);
    expect(notices[5]).toEqual({ type: "gap", from: undefined, to: "9" });
  });

  test("the other end is the cursor of that item, not of a bookmark behind it", async () => {
    const { notices } = await run([{ chunks: ["a\n", cut] }, { chunks: ["9=b\n@10\n", cut] }, over]);
    expect(notices[5]).toEqual({ type: "gap", from: undefined, to: "9" });
  });

  test.each([
    ["a reset", cut, "reset"],
    ["a clean end", undefined, "truncated"],
  ])('with onGap: "error" ends the stream: %s', async (_, end, code) => {
    const chunks = end ? ["a\n", end] : ["a\n"];
    const { seen, requests } = await run([{ chunks }], { resume: { onGap: "error" } });
    expect([texts(seen.items), requests.length]).toEqual([["a"], 1]);
    expect(seen.end).toMatchObject({ thrown: { code, gap: { from: undefined, to: undefined } } });
  });

  test('with onGap: "error" and a cursor goes on', async () => {
    const { seen, requests } = await run([{ chunks: ["7=a\n", cut] }, over], { resume: { onGap: "error" } });
    expect([seen.end, requests]).toEqual(["done", [undefined, "7"]]);
  });
});

test("a gap rule that throws ends the stream behind the items before it", async () => {
  const rule = ({ text }: Tick): undefined => {
    if (text === "b") throw new Error("cannot read b");
  };
  const { seen } = await run([{ chunks: ["7=a\nb\n", "stall"] }], { resume: { gap: rule } });
  expect([texts(seen.items), seen.end]).toMatchObject([["a"], { thrown: { code: "protocol" } }]);
});

async function run(script: Parameters<typeof streamOf>[0], options: RigOptions<Tick> = {}) {
  const { stream, clock, transport } = streamOf(script, options);
  const notices = reading(stream.notices());
  const seen = reading(stream);
  await clock.advance(120_000);
  expect(left({ clock, transport })).toEqual(nothingLeft);
  const requests = transport.requests.map(({ headers }) => headers["last-id"]);
  return { seen, notices: notices.items, requests, outcome: await stream.outcome };
}
