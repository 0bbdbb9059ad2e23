import { expect, test } from "vitest";
import { linesDialect } from "../../src/events/lines-dialect.ts";
import type { StreamResponse } from "../../src/transport/transport.ts";
import { decoded } from "./every-cut.ts";

test("lines of any media type are read; the text of an item is the line", () => {
  const dialect = linesDialect();
  expect(dialect.accepts("text/html")).toBe(true);
  expect(dialect.accepts("")).toBe(true);
  expect(dialect.textOf?.("DONE")).toBe("DONE");
});

test("each answer has a decoder of its own, with the options", () => {
  const dialect = linesDialect({ maxLineBytes: 3 });
  const decoder = () => dialect.decoder({} as StreamResponse, undefined);
  expect(decoded(decoder(), [new TextEncoder().encode("ab")], "close").end).toBe("truncated");
  expect(decoded(decoder(), [new TextEncoder().encode("abc\nd")]).items).toEqual(["abc", "d"]);
  expect(decoded(decoder(), [new TextEncoder().encode("abcd")]).error).toMatchObject({ code: "limit" });
});

test("a bad option is refused when the dialect is made", () => {
  expect(() => linesDialect({ maxLineBytes: -5 })).toThrow("-5");
});
