import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { linesDialect } from "../../src/events/lines-dialect.ts";
import { StreamError } from "../../src/errors.ts";
import { cursorAfter } from "../../src/session/hand.ts";
import { left, nothingLeft, reading, rig, settled, streamOf } from "./stream-of.ts";

const cut = { error: new StreamError("reset", "The wire was cut") } as const;

test("asking for the next item acknowledges the last", async () => {
  const { stream } = streamOf([{ chunks: ["1=a\n2=b\n", "3=c\n", "stall"] }]);
  const items = stream[Symbol.asyncIterator]();
  const cursors = [];
  for (let i = 0; i < 3; i++) {
    await items.next();
    cursors.push(stream.cursor);
  }
  expect(cursors).toEqual([undefined, "1", "2"]);
  void items.next();
  await stream.close();
  expect(await stream.outcome).toMatchObject({ cursor: "3", items: 3 });
});

test("asking for the next batch acknowledges the whole last batch", async () => {
  const { stream, clock } = streamOf([{ chunks: ["1=a\n2=b\n", "3=c\n4=d\n", "stall"] }]);
  const batches = stream.batches();
  await batches.next();
  expect(stream.cursor).toBe(undefined);
  await batches.next();
  expect(stream.cursor).toBe("2");
  const third = settled(batches.next(), clock);
  await third;
  expect(stream.cursor).toBe("4");
  await stream.close();
});

test("leaving the loop acknowledges nothing more", async () => {
  const { stream } = streamOf([{ chunks: ["1=a\n2=b\n3=c\n"] }]);
  for await (const { id } of stream) if (id === "2") break;
  expect([stream.cursor, (await stream.outcome).cursor]).toEqual(["1", "1"]);
});

test("stream.ack() acknowledges the item in hand, and the batch in hand", async () => {
  const one = streamOf([{ chunks: ["1=a\n2=b\n3=c\n"] }]).stream;
  for await (const { id } of one) {
    if (id !== "2") continue;
    one.ack();
    one.ack();
    break;
  }
  expect([one.cursor, (await one.outcome).cursor]).toEqual(["2", "2"]);
  const other = streamOf([{ chunks: ["1=a\n2=b\n3=c\n"] }]).stream;
  for await (const _ of other.batches()) {
    other.ack();
    break;
  }
  expect((await other.outcome).cursor).toBe("3");
});

test("ack() before the first item and after the end is nothing", async () => {
  const { stream } = streamOf([]);
  stream.ack();
  await stream.close();
  stream.ack();
  expect(stream.cursor).toBe(undefined);
});

test("a bookmark counts after the items before it", async () => {
  const { stream } = streamOf([{ chunks: ["1=a\n@8\n2=b\n@9\n", "stall"] }]);
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  expect(stream.cursor).toBe(undefined);
  await items.next();
  expect(stream.cursor).toBe("8");
  stream.ack();
  expect(stream.cursor).toBe("9");
  await stream.close();
});

test("a bookmark without an item counts as soon as it came", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["@8\n", cut] }, { chunks: ["stall"] }]);
  reading(stream);
  await clock.advance(1_000);
  expect([stream.cursor, transport.requests[1]?.headers["last-id"]]).toEqual(["8", "8"]);
  await stream.close();
});

test("the cursor survives a resumed attempt that drops before a new id", async () => {
  const { stream, clock, transport } = streamOf([
    { chunks: ["7=a\n", cut] },
    { chunks: [":hello\n", cut] },
    cut,
    { chunks: ["no id\n", cut] },
    { status: 204 },
  ]);
  reading(stream);
  await clock.advance(60_000);
  expect(transport.requests.map(({ headers }) => headers["last-id"])).toEqual([undefined, "7", "7", "7", "7"]);
  expect((await stream.outcome).cursor).toBe("7");
});

test("an empty id takes the cursor back", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["7=a\n@\n", cut] }, { status: 204 }]);
  const notices = reading(stream.notices());
  reading(stream);
  await clock.advance(60_000);
  expect([transport.requests[1]?.headers["last-id"], stream.cursor]).toEqual([undefined, undefined]);
  expect(notices.items.map(({ type }) => type)).toContain("gap");
});

test("a cut acknowledges no item that the consumer has not asked beyond", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["1=a\n2=b\n", cut] }, { chunks: ["stall"] }]);
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  await items.next();
  await clock.advance(60_000);
  expect([stream.cursor, transport.requests.length, stream.state.name]).toEqual(["1", 1, "open"]);
  void items.next();
  await clock.advance(60_000);
  expect([stream.cursor, transport.requests[1]?.headers["last-id"]]).toEqual(["2", "2"]);
  await stream.close();
});

test("a resume.cursor that throws ends the stream as protocol, and lets everything go", async () => {
  for (const reconnect of [false, {}] as const) {
    const { stream, clock, transport } = rig(linesDialect(), [{ chunks: ["a\nb\n", "stall"] }], {
      reconnect,
      resume: {
        cursor: () => {
          throw new Error("no seq");
        },
      },
    });
    const seen = reading(stream);
    await clock.advance(0);
    expect(seen.end).toMatchObject({ thrown: { code: "protocol", cause: { message: "no seq" } } });
    expect(await stream.outcome).toMatchObject({ code: "protocol", cursor: undefined });
    expect(left({ clock, transport })).toEqual(nothingLeft);
  }
});

test("a resume.cursor that throws does not keep the stream from being aborted", async () => {
  const controller = new AbortController();
  const { stream, clock, transport } = rig(linesDialect(), [{ chunks: ["a\nb\n", "stall"] }], {
    reconnect: false,
    signal: controller.signal,
    resume: {
      cursor: () => {
        throw new Error("no seq");
      },
    },
  });
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  await items.next();
  expect(stream.cursor).toBe(undefined);
  controller.abort("enough");
  expect(await stream.outcome).toMatchObject({ code: "aborted", error: "enough", cursor: undefined });
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("resume.apply that throws ends the stream as protocol", async () => {
  const { stream, clock } = rig(linesDialect(), [{ chunks: ["a\n", cut] }], {
    resume: {
      cursor: (line) => line,
      apply: () => {
        throw new Error("no way");
      },
    },
  });
  reading(stream);
  await clock.advance(60_000);
  expect(await stream.outcome).toMatchObject({ code: "protocol", error: { cause: { message: "no way" } } });
  expect(clock.pending).toBe(0);
});

test("the last item that has a cursor gives it, the ones behind it leave it", () => {
  const items = [1, undefined, 3, undefined];
  const after = (count: number) => cursorAfter({ items, marks: [] }, count, 0, (item) => item);
  expect([0, 1, 2, 3, 4].map(after)).toEqual([0, 1, 1, 3, 3]);
});

test("of an item and a bookmark behind it the bookmark counts, of a bookmark and an item behind it the item", () => {
  const marks = [{ at: 1, kind: "cursor", value: "m" }] as const;
  const after = (count: number) => cursorAfter({ items: ["a", "b"], marks }, count, undefined, (item) => item);
  expect([0, 1, 2].map(after)).toEqual([undefined, "m", "b"]);
});

test("a cursor that is kept is a flat copy: it pins no chunk", () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  // Longer texts out of a Buffer lie outside the heap.
  const chunkBytes = 512 * 1_024;
  const kept: unknown[] = [];
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 128; i++) {
    const chunk = Buffer.alloc(chunkBytes, `${i} `).toString("latin1");
    kept.push(cursorAfter({ items: [chunk.slice(100, 140)], marks: [] }, 1, undefined, (item) => item));
  }
  gc();
  expect(kept.every((cursor) => String(cursor).length === 40)).toBe(true);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * chunkBytes);
});

test("a resume.cursor that answers no cursor ends the stream as protocol, and says what it answered", async () => {
  for (const odd of [{ seq: 1 }, Number.NaN, true]) {
    const { stream, clock } = streamOf([{ chunks: ["a\n", "b\n"] }], { resume: { cursor: () => odd as never } });
    const seen = reading(stream);
    await clock.advance(0);
    expect(seen.end).toMatchObject({
      thrown: { code: "protocol", message: expect.stringContaining("resume.cursor must answer") },
    });
  }
});
