import type { StreamResponse } from "@longwire/core";
import { describe, expect, test } from "vitest";
import { decoded } from "../../core/test/decoding/every-cut.ts";
import { ndjsonDialect } from "../src/index.ts";

const response = {} as StreamResponse;
const bytesOf = (text: string) => new TextEncoder().encode(text);

describe("media types", () => {
  const { accepts } = ndjsonDialect();

  test.each([
    "",
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/jsonlines",
    "application/json",
    "application/stream+json",
    "text/plain",
    "application/octet-stream",
  ])("%j is read", (mediaType) => {
    expect(accepts(mediaType)).toBe(true);
  });

  test.each([
    "text/html",
    "text/event-stream",
    "application/json-seq",
    "application/xml",
    "image/png",
    "application/jsonp",
  ])("%j is not", (mediaType) => {
    expect(accepts(mediaType)).toBe(false);
  });
});

test("the Accept header asks for NDJSON first and takes what comes", () => {
  expect(ndjsonDialect().accept).toBe(
    "application/x-ndjson, application/jsonl;q=0.9, application/json;q=0.8, */*;q=0.5",
  );
});

test("each answer has a decoder of its own, with the options", () => {
  const dialect = ndjsonDialect({ marker: "bye", maxItemBytes: 3 });
  expect(decoded(dialect.decoder(response, undefined), [bytesOf("1")], "close").end).toBe("truncated");
  const { items, marks } = decoded(dialect.decoder(response, undefined), [bytesOf("123\nbye\n")]);
  expect(items).toEqual([123]);
  expect(marks).toEqual([{ at: 1, kind: "marker" }]);
  expect(decoded(dialect.decoder(response, undefined), [bytesOf("1234\n")]).error).toMatchObject({ code: "limit" });
});

test("it has no cursor of its own", () => {
  expect(ndjsonDialect()).not.toHaveProperty("resume");
  expect(ndjsonDialect()).not.toHaveProperty("cursorOf");
});

test("a bad option is refused when the dialect is made", () => {
  expect(() => ndjsonDialect({ maxItemBytes: -5 })).toThrow(RangeError);
  expect(() => ndjsonDialect({ onBadItem: 7 as never })).toThrow("got number 7");
});
