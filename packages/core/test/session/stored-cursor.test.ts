import { expect, test } from "vitest";
import { type Cursor, StreamError } from "../../src/errors.ts";
import { type CursorStore, memoryCursorStore } from "../../src/session/cursor-store.ts";
import { left, nothingLeft, reading, streamOf } from "./stream-of.ts";

const reset = new StreamError("reset", "the connection broke");
const storeOf = (load: CursorStore["load"]): CursorStore => ({ load, save: () => {} });

test.each<[string, Cursor | undefined, Cursor | undefined, string | undefined]>([
  ["what the store has goes before resume.from", "7", "3", "7"],
  ["an empty store leaves resume.from", undefined, "3", "3"],
  ["an empty store and no resume.from is the start", undefined, undefined, undefined],
  ["a number is a cursor", 0, undefined, "0"],
])("%s", async (_, stored, from, sent) => {
  const { stream, clock, transport } = streamOf([{ status: 204 }], {
    cursorStore: memoryCursorStore(stored),
    resume: { from },
  });
  reading(stream);
  await clock.advance(0);
  expect(transport.requests.map(({ headers }) => headers["last-id"])).toEqual([sent]);
});

test("the store is asked once, by the first pull, and not again by a retry", async () => {
  let loads = 0;
  const cursorStore = storeOf(async () => String(++loads));
  const { stream, clock, transport } = streamOf([{ status: 503 }, { status: 503 }, { status: 204 }], { cursorStore });
  await clock.advance(0);
  expect(loads).toBe(0);
  reading(stream);
  await clock.advance(60_000);
  expect([loads, transport.requests.map(({ headers }) => headers["last-id"])]).toEqual([1, ["1", "1", "1"]]);
});

test.each<[string, CursorStore["load"], string]>([
  [
    "throws",
    () => {
      throw new Error("disk on fire");
    },
    "disk on fire",
  ],
  ["rejects", () => Promise.reject(new Error("disk on fire")), "disk on fire"],
  [
    "answers with what is no cursor",
    () => ({}) as string,
    "cursorStore.load must answer a string, a finite number or undefined",
  ],
])("a store that %s ends the stream before anything is sent", async (_, load, why) => {
  const { stream, clock, transport } = streamOf([], { cursorStore: storeOf(load) });
  const seen = reading(stream);
  await clock.advance(60_000);
  expect(seen.end).toMatchObject({ thrown: { code: "protocol", message: expect.stringContaining(why) } });
  expect([transport.requests.length, stream.state.name]).toEqual([0, "closed"]);
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("a load that rejects with a StreamError is protocol all the same: nothing is sent, and nothing tried again", async () => {
  const away = new StreamError("reset", "the store is away");
  const { stream, clock, transport } = streamOf([], { cursorStore: storeOf(() => Promise.reject(away)) });
  const seen = reading(stream);
  await clock.advance(1_000);
  expect([transport.requests.length, seen.end]).toMatchObject([0, { thrown: { code: "protocol", cause: away } }]);
});

test.each([
  ["a store", { cursorStore: memoryCursorStore("") }],
  ["resume.from", { resume: { from: "" } }],
])("an empty cursor is none: %s", async (_, options) => {
  const { stream, clock, transport } = streamOf([{ error: reset }, { chunks: ["1=a\n", "stall"] }], options);
  const notices = reading(stream.notices());
  reading(stream);
  await clock.advance(1_000);
  expect(transport.requests.map(({ headers }) => headers["last-id"])).toEqual([undefined, undefined]);
  expect(notices.items.map(({ type }) => type)).not.toContain("resumed");
  await stream.close();
});

test("close() and totalMs do not wait for a store that never answers", async () => {
  const never = storeOf(() => new Promise(() => {}));
  const closed = streamOf([], { cursorStore: never });
  const seen = reading(closed.stream);
  await closed.clock.advance(1_000);
  await closed.stream.close();
  await closed.clock.advance(0);
  expect([seen.end, left(closed)]).toEqual(["done", nothingLeft]);
  const late = streamOf([], { cursorStore: never, timeouts: { totalMs: 500 } });
  const tried = reading(late.stream);
  await late.clock.advance(500);
  expect([tried.end, left(late)]).toMatchObject([{ thrown: { code: "deadline", clock: "totalMs" } }, nothingLeft]);
});

test("what is no store is refused before anything is sent", () => {
  expect(() => streamOf([], { cursorStore: { load: () => undefined } as never })).toThrow(
    new TypeError("cursorStore must be a CursorStore, such as memoryCursorStore() makes, not [object Object]"),
  );
});
