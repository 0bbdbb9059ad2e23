import { describe, expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { left, nothingLeft, reading, type RigOptions, streamOf, type Tick, texts } from "./stream-of.ts";

const cut = { error: new StreamError("reset", "the connection broke") };
const over = { status: 204 };
const dropReplayed = { resume: { dropReplayed: true } } as const;
const lines = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, i) => `${from + i}=t${from + i}\n`).join("");
const named = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => `t${from + i}`);

test("items that come again after a resume are handed on again by default", async () => {
  const { items } = await run([{ chunks: [lines(1, 3), cut] }, { chunks: [lines(2, 5), cut] }, over]);
  expect(items).toEqual(["t1", "t2", "t3", "t2", "t3", "t4", "t5"]);
});

describe("resume: { dropReplayed: true }", () => {
  test("leaves them out and says how many they were", async () => {
    const { items, notices, requests } = await run(
      [{ chunks: [lines(1, 3), cut] }, { chunks: [lines(2, 5), cut] }, over],
      dropReplayed,
    );
    expect([items, requests]).toEqual([named(1, 5), [undefined, "3", "5"]]);
    expect(notices).toContainEqual({ type: "replayed", items: 2 });
  });

  test("wherever the chunks are cut", async () => {
    const again = lines(1, 6);
    for (let at = 0; at <= again.length; at++) {
      const chunks = [again.slice(0, at), again.slice(at)].filter((chunk) => chunk !== "");
      const { items } = await run([{ chunks: [lines(1, 4), cut] }, { chunks: [...chunks, cut] }, over], dropReplayed);
      expect(items, `cut at ${at}`).toEqual(named(1, 6));
    }
  });

  test("ends with the first item that is none of them: a later one with an old cursor is handed on", async () => {
    const { items } = await run(
      [{ chunks: [lines(1, 3), cut] }, { chunks: [`${lines(3, 4)}2=again\n`, cut] }, over],
      dropReplayed,
    );
    expect(items).toEqual(["t1", "t2", "t3", "t4", "again"]);
  });

  test("hands on an item without a cursor of its own, and what follows it", async () => {
    const { items } = await run(
      [{ chunks: ["1=a\nb\n", cut] }, { chunks: ["b\n1=a\n2=c\n", cut] }, over],
      dropReplayed,
    );
    expect(items).toEqual(["a", "b", "b", "a", "c"]);
  });

  test("passes over some that are missing in the replay, never back", async () => {
    const { items } = await run(
      [{ chunks: [lines(1, 5), cut] }, { chunks: ["2=t2\n4=t4\n3=three\n", cut] }, over],
      dropReplayed,
    );
    expect(items).toEqual([...named(1, 5), "three"]);
  });

  test("where cursors are not unique hands an item on twice rather than lose one", async () => {
    const { items } = await run(
      [{ chunks: ["1=a\n1=b\n", cut] }, { chunks: ["1=a\n1=b\n1=c\n", cut] }, over],
      dropReplayed,
    );
    expect(items).toEqual(["a", "b", "b", "c"]);
  });

  test("knows the last 256", async () => {
    const { items } = await run(
      [{ chunks: [lines(1, 300), cut] }, { chunks: [lines(45, 301), cut] }, over],
      dropReplayed,
    );
    expect(items).toEqual(named(1, 301));
    const more = await run([{ chunks: [lines(1, 300), cut] }, { chunks: [lines(44, 301), cut] }, over], dropReplayed);
    expect(more.items.length).toBe(300 + 258);
  });

  test("does not move the cursor back, when the replay is cut too", async () => {
    const { items, requests } = await run(
      [{ chunks: [lines(1, 4), cut] }, { chunks: [lines(1, 2), cut] }, { chunks: ["@1\n", lines(1, 5), cut] }, over],
      dropReplayed,
    );
    expect([items, requests]).toEqual([named(1, 5), [undefined, "4", "4", "5"]]);
  });

  test("does nothing where the stream begins anew: a cursor that was taken back says that ids begin again", async () => {
    const { items, requests } = await run(
      [{ chunks: [lines(1, 2), "@\n", cut] }, { chunks: ["1=x\n2=y\n", cut] }, over],
      dropReplayed,
    );
    expect([items, requests]).toEqual([
      ["t1", "t2", "x", "y"],
      [undefined, undefined, "2"],
    ]);
  });

  test.each([
    ["410", { status: 410 }, "3"],
    ["an item", { chunks: ["lost 0\n"] }, "0"],
  ])("forgets what a log had that began anew: told by %s, over more than one connection", async (_, told, asked) => {
    const { items, requests } = await run(
      [{ chunks: [lines(1, 3), cut] }, told, { chunks: ["1=x\n", cut] }, { chunks: ["2=y\n3=z\n", cut] }, over],
      {
        resume: {
          dropReplayed: true,
          onGap: "restart",
          gap: ({ text }) => (text === "lost 0" ? { to: "0", reopen: true } : undefined),
        },
      },
    );
    expect([items, requests[2]]).toEqual([[...named(1, 3), "x", "y", "z"], asked === "0" ? "0" : undefined]);
  });

  test("is not ended by a heartbeat", async () => {
    const { items } = await run([{ chunks: [lines(1, 2), cut] }, { chunks: ["ping\n", lines(1, 3), cut] }, over], {
      ...dropReplayed,
      heartbeat: ({ text }) => text === "ping",
    });
    expect(items).toEqual(named(1, 3));
  });

  test("loses no item before one whose cursor throws", async () => {
    const ending = async (dropReplayed: boolean): Promise<unknown> => {
      const cursor = ({ id }: Tick): string | undefined => {
        if (id === "3") throw new Error("no");
        return id;
      };
      const { stream, clock } = streamOf([{ chunks: [lines(1, 3)] }], { resume: { dropReplayed, cursor } });
      const seen = reading(stream);
      await clock.advance(0);
      return [texts(seen.items), seen.end];
    };
    expect(await ending(true)).toMatchObject([named(1, 3), { thrown: { code: "protocol" } }]);
    expect(await ending(true)).toEqual(await ending(false));
  });

  test("keeps a bookmark that is news", async () => {
    const { requests } = await run([{ chunks: [lines(1, 3), cut] }, { chunks: ["@9\n", cut] }, over], dropReplayed);
    expect(requests).toEqual([undefined, "3", "9"]);
  });

  test("leaves out a bookmark in the middle of what comes again", async () => {
    const again = "2=t2\n@2b\n3=t3\n@3b\n";
    const { items, requests } = await run(
      [{ chunks: [lines(1, 3), cut] }, { chunks: [again.slice(0, 9), cut] }, { chunks: [again, cut] }, over],
      dropReplayed,
    );
    expect([items, requests]).toEqual([named(1, 3), [undefined, "3", "3", "3b"]]);
  });

  test("counts what comes again as no progress: an attempt of nothing else is not healthy", async () => {
    const { stream, clock } = streamOf((_, index) => ({ chunks: [lines(1, 4), cut] }), {
      ...dropReplayed,
      reconnect: { retries: 3 },
    });
    const seen = reading(stream);
    await clock.advance(60_000);
    expect([texts(seen.items), seen.end]).toMatchObject([named(1, 4), { thrown: { code: "exhausted" } }]);
  });
});

async function run(script: Parameters<typeof streamOf>[0], options: RigOptions<Tick> = {}) {
  const { stream, clock, transport } = streamOf(script, options);
  const notices = reading(stream.notices());
  const seen = reading(stream);
  await clock.advance(120_000);
  expect([seen.end, left({ clock, transport })]).toEqual(["done", nothingLeft]);
  const requests = transport.requests.map(({ headers }) => headers["last-id"]);
  return { items: texts(seen.items), notices: notices.items, requests };
}
