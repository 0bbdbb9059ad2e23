import { expect, test } from "vitest";
import { bytesDialect } from "../../src/events/bytes-dialect.ts";
import { linesDialect } from "../../src/events/lines-dialect.ts";
import { terminator } from "../../src/events/until.ts";
import { ticks } from "../session/stream-of.ts";

const tick = (text: string) => ({ id: undefined, text });

test("a string swallows the item whose text is equal, and no other", () => {
  const until = terminator("done", ticks());
  expect(["done", "done ", "doned", ""].map((text) => until?.(tick(text)))).toEqual([
    "swallow",
    undefined,
    undefined,
    undefined,
  ]);
  expect(terminator("done", linesDialect())?.("done")).toBe("swallow");
});

test("an event delivers the item of that type", () => {
  const until = terminator({ event: "done" }, ticks());
  expect(["done 7", "do", "undone"].map((text) => until?.(tick(text)))).toEqual(["deliver", undefined, undefined]);
});

test("a predicate delivers the item it is true for", () => {
  const until = terminator((line: string) => line.length > 3, linesDialect());
  expect(["one", "three"].map((line) => until?.(line))).toEqual([undefined, "deliver"]);
});

test("without until nothing ends the stream from within", () => {
  expect(terminator(undefined, linesDialect())).toBe(undefined);
});

test("an event is a TypeError where items have no types", () => {
  expect(() => terminator({ event: "done" }, bytesDialect())).toThrow(
    new TypeError('until: { event: "done" } needs events with types; bytes has none'),
  );
});
