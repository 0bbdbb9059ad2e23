import { type BadItem, StreamError } from "@longwire/core";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { decoded, everyCut } from "../../../core/test/decoding/every-cut.ts";
import { ndjsonDecoder, type JsonOptions } from "../../src/index.ts";
import { encodeNdjson } from "../../src/ndjson-encoder.ts";
import { handmadeSchema } from "../handmade-schema.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const joined = (...parts: (string | number[])[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [...bytesOf(part)] : part)));

describe("hazards of the field", () => {
  test("null records end nothing", () => {
    for (const { cut, chunks } of everyCut("1\nnull\nnull\n2\n")) {
      expect(decoded(ndjsonDecoder(), chunks), cut).toEqual({ items: [1, null, null, 2], marks: [], end: "complete" });
    }
  });

  test("blank heartbeat lines throw nothing and are no items", () => {
    for (const { cut, chunks } of everyCut("\n1\n\r\n \t\n\n2\n")) {
      const { items, marks, end } = decoded(ndjsonDecoder(), chunks);
      expect(items, cut).toEqual([1, 2]);
      expect(marks, cut).toEqual([0, 1, 1, 1].map((at) => ({ at, kind: "heartbeat" })));
      expect(end, cut).toBe("complete");
    }
  });

  test("a BOM is dropped at the start of the body only", () => {
    for (const { cut, chunks } of everyCut("\ufeff1\n\ufeff2\n3\n")) {
      const { items, marks } = decoded(ndjsonDecoder({ onBadItem: "skip" }), chunks);
      expect(items, cut).toEqual([1, 3]);
      expect(marks, cut).toMatchObject([
        { at: 1, kind: "bad", value: { line: 2, byteOffset: 5, raw: bytesOf("\ufeff2") } },
      ]);
    }
  });

  test("a body of nothing but a BOM has no record and is no error", () => {
    for (const { cut, chunks } of everyCut("\ufeff")) {
      expect(decoded(ndjsonDecoder(), chunks), cut).toEqual({ items: [], marks: [], end: "complete" });
    }
  });

  test("a cut body is no complete one", () => {
    for (const { cut, chunks } of everyCut('{"a":1}\n{"a":')) {
      expect(decoded(ndjsonDecoder(), chunks, "close"), cut).toMatchObject({ items: [{ a: 1 }], end: "truncated" });
    }
  });

  test("a record is delivered when its line ends, not when the chunk does", () => {
    const decoder = ndjsonDecoder();
    const sink = { items: [] as unknown[], marks: [] };
    decoder.push(bytesOf("1"), sink);
    expect(sink.items).toEqual([]);
    decoder.push(bytesOf("\n2"), sink);
    expect(sink.items).toEqual([1]);
    decoder.push(bytesOf("3\r"), sink);
    expect(sink.items).toEqual([1]);
    decoder.push(bytesOf("\n"), sink);
    expect(sink.items).toEqual([1, 23]);
  });

  test("__proto__ changes no prototype", () => {
    const { items } = decoded(ndjsonDecoder<object>(), [bytesOf('{"__proto__":{"polluted":1}}\n')]);
    expect(Object.getPrototypeOf(items[0])).toBe(Object.prototype);
    expect(Object.keys(items[0] as object)).toEqual(["__proto__"]);
  });
});

describe("a bad item", () => {
  const body = joined('"é"\r\n{"a":1}\n', '{"a":"', [0xff], '"}\r\n', "2\n");
  const bad = { line: 3, byteOffset: 14, raw: joined('{"a":"', [0xff], '"}') };

  test("throws protocol with line, byte offset and raw bytes, after the items before it, at every cut", () => {
    for (const { cut, chunks } of everyCut(body)) {
      const { items, error } = decoded(ndjsonDecoder(), chunks);
      expect(items, cut).toEqual(["é", { a: 1 }]);
      expect(error, cut).toBeInstanceOf(StreamError);
      expect(error, cut).toMatchObject({ code: "protocol", ...bad });
    }
  });

  test("is passed over and marked in its place with skip, at every cut", () => {
    for (const { cut, chunks } of everyCut(body)) {
      const { items, marks, end } = decoded(ndjsonDecoder({ onBadItem: "skip" }), chunks);
      expect(items, cut).toEqual(["é", { a: 1 }, 2]);
      expect(marks, cut).toEqual([{ at: 2, kind: "bad", value: { ...bad, reason: "it is not UTF-8" } }]);
      expect(end, cut).toBe("complete");
    }
  });

  test("is told to a function, passed over and marked, at every cut", () => {
    for (const { cut, chunks } of everyCut(body)) {
      const onBadItem = vi.fn<(bad: BadItem) => void>();
      const { items, marks } = decoded(ndjsonDecoder({ onBadItem }), chunks);
      expect(items, cut).toEqual(["é", { a: 1 }, 2]);
      expect(marks, cut).toMatchObject([{ at: 2, kind: "bad" }]);
      expect(onBadItem.mock.calls, cut).toEqual([[{ ...bad, reason: "it is not UTF-8" }]]);
    }
  });

  test("keeps its own copy of the bytes", () => {
    const chunk = bytesOf("{oops\n");
    const { error } = decoded(ndjsonDecoder(), [chunk]);
    chunk.fill(0);
    expect((error as StreamError).raw).toEqual(bytesOf("{oops"));
  });

  test("has a message that says where, how much, why and what to do, with an excerpt of bounded length", () => {
    const { error } = decoded(ndjsonDecoder(), [bytesOf(`1\n{"text":${"x".repeat(100_000)}\n`)]);
    const { message, cause } = error as StreamError;
    expect(message).toMatch(
      /^Cannot read the item on line 2, 100008 bytes from byte 2 on: .*; it is "\{\\"text\\":x+…"\. .*onBadItem$/s,
    );
    expect(message.length).toBeLessThan(400);
    expect(cause).toBeInstanceOf(SyntaxError);
  });

  test("U+FFFD that the server sent is text as any other, next to a line that is no UTF-8", () => {
    for (const { cut, chunks } of everyCut(joined('"\ufffd"\n"', [0x80], '"\n"\ufffd"\n'))) {
      const { items, marks } = decoded(ndjsonDecoder({ onBadItem: "skip" }), chunks);
      expect(items, cut).toEqual(["\ufffd", "\ufffd"]);
      expect(marks, cut).toMatchObject([{ at: 1, kind: "bad", value: { line: 2, byteOffset: 6 } }]);
    }
  });

  test("at a framed end without LF is one too", () => {
    for (const { cut, chunks } of everyCut("1\n{oops")) {
      expect(decoded(ndjsonDecoder(), chunks).error, cut).toMatchObject({ code: "protocol", line: 2, byteOffset: 2 });
    }
  });

  test.each([
    "{oops\n?\n",
    '{"a":1}{"a":2}\n1 2\n',
    "01\n+1\n",
    "NaN\nundefined\n",
    "{'a':1}\n[1,]\n",
    "1,\n,1\n",
    "[1\n2]\n",
  ])("each line of %j is one by itself", (text) => {
    for (const { cut, chunks } of everyCut(text)) {
      const { items, marks } = decoded(ndjsonDecoder({ onBadItem: "skip" }), chunks);
      expect(items, cut).toEqual([]);
      expect(
        marks.map(({ kind }) => kind),
        cut,
      ).toEqual(["bad", "bad"]);
    }
  });
});

describe("the end of a body without framing", () => {
  test.each(['{"a":1}', "[1]", '"text"', '  {"a":1} ', "[]\r"])(
    "delivers %j, which shows its own end: ended",
    (rest) => {
      for (const { cut, chunks } of everyCut(`0\n${rest}`)) {
        const result = decoded(ndjsonDecoder(), chunks, "unknown");
        expect(result, cut).toEqual({ items: [0, JSON.parse(rest)], marks: [], end: "ended" });
      }
    },
  );

  test.each(["12", "true", "null", "-", '"tex', '{"a":1', "[1", "{oops", '{"a":1}}'])(
    "does not deliver %j: truncated",
    (rest) => {
      for (const { cut, chunks } of everyCut(`0\n${rest}`)) {
        const result = decoded(ndjsonDecoder({ onBadItem: "skip" }), chunks, "close");
        expect(result, cut).toEqual({ items: [0], marks: [], end: "truncated" });
      }
    },
  );

  test("does not deliver a string that is no UTF-8: truncated", () => {
    for (const { cut, chunks } of everyCut(joined('0\n"', [0xc3], '"'))) {
      expect(decoded(ndjsonDecoder(), chunks, "close"), cut).toEqual({ items: [0], marks: [], end: "truncated" });
    }
  });

  test("after blanks only proves nothing: ended", () => {
    for (const { cut, chunks } of everyCut("0\n \t")) {
      expect(decoded(ndjsonDecoder(), chunks, "close"), cut).toMatchObject({ items: [0], end: "ended" });
    }
  });
});

describe("marker", () => {
  test.each(["[DONE]", "bye", "null"])("a line equal to it is a mark and no item, before it is JSON: %s", (marker) => {
    for (const { cut, chunks } of everyCut(`1\n${marker}\r\n${marker} \n"${marker}"\n`)) {
      const { items, marks } = decoded(ndjsonDecoder({ marker, onBadItem: "skip" }), chunks);
      expect(
        items.filter((item) => item !== null),
        cut,
      ).toEqual([1, marker]);
      expect(marks[0], cut).toEqual({ at: 1, kind: "marker" });
      expect(
        marks.filter(({ kind }) => kind === "marker"),
        cut,
      ).toHaveLength(1);
    }
  });

  test.each(["chunked", "close"] as const)("is found without LF at the end of a %s body", (framing) => {
    for (const { cut, chunks } of everyCut("1\n[DONE]")) {
      const { items, marks, end } = decoded(ndjsonDecoder({ marker: "[DONE]" }), chunks, framing);
      expect(items, cut).toEqual([1]);
      expect(marks, cut).toEqual([{ at: 1, kind: "marker" }]);
      expect(end, cut).toBe(framing === "chunked" ? "complete" : "ended");
    }
  });
});

describe("maxItemBytes", () => {
  test("a row of exactly the limit passes at every cut, its line end not counted", () => {
    for (const { cut, chunks } of everyCut('1\n"345678é"\n"3456789"\r\n')) {
      const { items, error } = decoded(ndjsonDecoder({ maxItemBytes: 10 }), chunks);
      expect(error, cut).toBeUndefined();
      expect(items, cut).toEqual([1, "345678é", "3456789"]);
    }
  });

  test.each(["\n", "\n2\n3\n", ""])("a row one byte longer fails at every cut, followed by %j", (after) => {
    for (const { cut, chunks } of everyCut(`1\n"3456789é"${after}`)) {
      const { items, error } = decoded(ndjsonDecoder({ maxItemBytes: 10, onBadItem: "skip" }), chunks);
      expect(items, cut).toEqual([1]);
      expect(error, cut).toMatchObject({ code: "limit", limit: "maxItemBytes", line: 2, byteOffset: 2 });
    }
  });
});

describe('onOversize: "skip"', () => {
  const body = '1\n"3456789é"\n\n[4,5,6,7,8,9]\n"345678é"\n?\n';
  const first = {
    line: 2,
    byteOffset: 2,
    raw: bytesOf('"3456789é"'),
    reason: "it has 11 bytes, more than maxItemBytes, 10 bytes",
  };
  const second = {
    line: 4,
    byteOffset: 15,
    raw: bytesOf("[4,5,6,7,8,9]"),
    reason: "it has 13 bytes, more than maxItemBytes, 10 bytes",
  };

  test("a row over the limit is passed over and marked in its place, at every cut", () => {
    for (const { cut, chunks } of everyCut(body)) {
      const decoder = ndjsonDecoder({ maxItemBytes: 10, onOversize: "skip", onBadItem: "skip" });
      const { items, marks, end } = decoded(decoder, chunks);
      expect(items, cut).toEqual([1, "345678é"]);
      expect(marks, cut).toMatchObject([
        { at: 1, kind: "bad", value: first },
        { at: 1, kind: "heartbeat" },
        { at: 1, kind: "bad", value: second },
        { at: 2, kind: "bad", value: { line: 6, byteOffset: 40 } },
      ]);
      expect(end, cut).toBe("complete");
    }
  });

  test("a function for bad items is told of it too, and a bad row is still thrown by default", () => {
    for (const { cut, chunks } of everyCut(body)) {
      const onBadItem = vi.fn<(bad: BadItem) => void>();
      decoded(ndjsonDecoder({ maxItemBytes: 10, onOversize: "skip", onBadItem }), chunks);
      expect(onBadItem.mock.calls, cut).toMatchObject([[first], [second], [{ line: 6 }]]);
    }
    for (const { cut, chunks } of everyCut(body)) {
      const { items, error } = decoded(ndjsonDecoder({ maxItemBytes: 10, onOversize: "skip" }), chunks);
      expect(items, cut).toEqual([1, "345678é"]);
      expect(error, cut).toMatchObject({ code: "protocol", line: 6, byteOffset: 40 });
    }
  });

  test("of a long row the first 1,024 bytes are told, at every cut", () => {
    const row = JSON.stringify("x".repeat(1_100));
    for (const { cut, chunks } of everyCut(`1\n${row}\n2\n`)) {
      const { items, marks } = decoded(ndjsonDecoder({ maxItemBytes: 100, onOversize: "skip" }), chunks);
      expect(items, cut).toEqual([1, 2]);
      expect(marks, cut).toMatchObject([
        {
          value: {
            raw: bytesOf(row.slice(0, 1_024)),
            reason: "it has 1102 bytes, more than maxItemBytes, 100 bytes",
          },
        },
      ]);
    }
  });

  test.each([
    ["chunked", "complete", 1],
    ["close", "truncated", 0],
  ] as const)("a last row without LF is told at a framed end only: %s, %s", (framing, end, told) => {
    for (const { cut, chunks } of everyCut('1\n"3456789é"')) {
      const result = decoded(ndjsonDecoder({ maxItemBytes: 10, onOversize: "skip" }), chunks, framing);
      expect(result.items, cut).toEqual([1]);
      expect(result.marks, cut).toHaveLength(told);
      expect(result.end, cut).toBe(end);
    }
  });
});

describe("schema", () => {
  const seqOf = handmadeSchema((value) =>
    typeof value === "object" && value !== null && "seq" in value && typeof value.seq === "number"
      ? { value: value.seq }
      : {
          issues: [
            { message: "Expected number", path: ["seq"] },
            { message: "again", path: [{ key: "a" }, 0] },
          ],
        },
  );
  const body = '{"seq":1}\n\n{"seq":"é"}\n[DONE]\n{"seq":2}\n';
  const bad = {
    line: 3,
    byteOffset: 11,
    raw: bytesOf('{"seq":"é"}'),
    reason: "the schema refuses it: seq: Expected number; a.0: again",
  };

  test("the item is what the schema answers with; heartbeats and the marker are not checked, at every cut", () => {
    for (const { cut, chunks } of everyCut(body)) {
      const { items, marks } = decoded(ndjsonDecoder({ schema: seqOf, onBadItem: "skip", marker: "[DONE]" }), chunks);
      expect(items, cut).toEqual([1, 2]);
      expect(marks, cut).toEqual([
        { at: 1, kind: "heartbeat" },
        { at: 1, kind: "bad", value: bad },
        { at: 1, kind: "marker" },
      ]);
    }
  });

  test("a row that it refuses throws protocol with line, byte offset and raw bytes, at every cut", () => {
    for (const { cut, chunks } of everyCut(body)) {
      const { items, error } = decoded(ndjsonDecoder({ schema: seqOf }), chunks);
      expect(items, cut).toEqual([1]);
      const { reason, ...place } = bad;
      expect(error, cut).toMatchObject({ code: "protocol", ...place });
      expect((error as StreamError).message, cut).toContain(reason);
    }
  });

  test("a row that it refuses is told to a function", () => {
    const onBadItem = vi.fn<(bad: BadItem) => void>();
    expect(decoded(ndjsonDecoder({ schema: seqOf, onBadItem, marker: "[DONE]" }), [bytesOf(body)]).items).toEqual([
      1, 2,
    ]);
    expect(onBadItem.mock.calls).toEqual([[bad]]);
  });

  test("what is no JSON, or no UTF-8, never comes to it", () => {
    const schema = handmadeSchema((value) => ({ value: [value] }));
    const { items, marks } = decoded(ndjsonDecoder({ schema, onBadItem: "skip" }), [
      joined('{oops\n"', [0xff], '"\n1\n'),
    ]);
    expect(items).toEqual([[1]]);
    expect(marks).toHaveLength(2);
  });

  test("one that answers with a promise is a TypeError that says so, whatever the policy, and rejects nothing unseen", () => {
    const schema = handmadeSchema(() => Promise.reject(new Error("late")));
    const { items, error } = decoded(ndjsonDecoder({ schema, onBadItem: "skip" }), [bytesOf("1\n2\n")]);
    expect(items).toEqual([]);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as TypeError).message).toMatch(/^schema answers with a promise/);
  });
});

describe("a bad option is refused at the door and printed", () => {
  test.each<[TypeErrorConstructor | RangeErrorConstructor, string, object]>([
    [RangeError, "maxItemBytes must be a whole number of bytes from 1 to 268435456, got 0", { maxItemBytes: 0 }],
    [TypeError, "maxItemBytes must be a number of bytes, got string 1kb", { maxItemBytes: "1kb" }],
    [TypeError, 'onBadItem must be "throw", "skip" or a function, got string ignore', { onBadItem: "ignore" }],
    [TypeError, "marker must be a string, got number 7", { marker: 7 }],
    [TypeError, 'onOversize must be "throw" or "skip", got boolean true', { onOversize: true }],
    [
      TypeError,
      "schema must be a Standard Schema, such as zod, valibot and arktype make, got object [object Object]",
      { schema: {} },
    ],
  ])("%o: %s", (type, message, options) => {
    expect(() => ndjsonDecoder(options as JsonOptions)).toThrow(new type(message));
  });

  test("an option may be undefined", () => {
    const options: JsonOptions = {
      maxItemBytes: undefined,
      onOversize: undefined,
      onBadItem: undefined,
      schema: undefined,
      marker: undefined,
    };
    expect(decoded(ndjsonDecoder(options), [bytesOf("1\n")]).items).toEqual([1]);
  });
});

test("what was encoded is decoded the same, in any chunks", () => {
  const values = fc.array(fc.jsonValue());
  fc.assert(
    fc.property(values, fc.infiniteStream(fc.integer({ min: 0, max: 40 })), (items, lengths) => {
      const bytes = bytesOf(items.map(encodeNdjson).join(""));
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += chunks.at(-1)?.length ?? 0) {
        chunks.push(bytes.slice(at, at + (lengths.next().value as number)));
      }
      expect(decoded(ndjsonDecoder(), chunks)).toEqual({
        items: items.map((item) => JSON.parse(JSON.stringify(item))),
        marks: [],
        end: "complete",
      });
    }),
  );
});

test("any bytes at all are items, marks or a StreamError, and the same ones at every cut", () => {
  const unit = fc.constantFrom(
    0x0a,
    0x0d,
    0x20,
    0x22,
    0x31,
    0x5b,
    0x5d,
    0x7b,
    0x7d,
    0xc3,
    0xa9,
    0xff,
    0xef,
    0xbb,
    0xbf,
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), fc.array(unit, { maxLength: 24 }), (some, many) => {
      const bytes = Uint8Array.from([...many, ...some]);
      for (const onOversize of ["throw", "skip"] as const) {
        const decoder = () => ndjsonDecoder({ onBadItem: "skip", maxItemBytes: 8, onOversize });
        const whole = decoded(decoder(), [bytes.slice()]);
        for (const { cut, chunks } of everyCut(bytes)) {
          expect(decoded(decoder(), chunks), `${onOversize}, ${cut}`).toEqual(whole);
        }
      }
    }),
  );
});
