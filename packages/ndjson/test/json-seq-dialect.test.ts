import type { StreamResponse } from "@longwire/core";
import { expect, test } from "vitest";
import { decoded } from "../../core/test/decoding/every-cut.ts";
import { jsonSeqDialect } from "../src/index.ts";

const response = {} as StreamResponse;
const bytesOf = (text: string) => new TextEncoder().encode(text);

test("it asks for application/json-seq and reads nothing else", () => {
  const { accept, accepts } = jsonSeqDialect();
  expect(accept).toBe("application/json-seq");
  expect(accepts("application/json-seq")).toBe(true);
  for (const other of ["", "application/json", "application/x-ndjson", "text/plain", "application/geo+json-seq"]) {
    expect(accepts(other), other).toBe(false);
  }
});

test("each answer has a decoder of its own, with the options", () => {
  const dialect = jsonSeqDialect({ marker: "bye", maxItemBytes: 3 });
  expect(dialect.marker).toBe("bye");
  expect(decoded(dialect.decoder(response, undefined), [bytesOf("\x1e1")], "close").end).toBe("truncated");
  const { items, marks } = decoded(dialect.decoder(response, undefined), [bytesOf("\x1e123\n\x1ebye\n")]);
  expect(items).toEqual([123]);
  expect(marks).toEqual([{ at: 1, kind: "marker" }]);
  expect(decoded(dialect.decoder(response, undefined), [bytesOf("\x1e1234\n")]).error).toMatchObject({ code: "limit" });
});

test("a bad option is refused when the dialect is made", () => {
  expect(() => jsonSeqDialect({ maxItemBytes: -5 })).toThrow(RangeError);
  expect(() => jsonSeqDialect({ schema: "x" as never })).toThrow("got string x");
});
