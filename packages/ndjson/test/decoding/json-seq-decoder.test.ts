import { type BadItem, emptySink, type Framing, StreamError } from "@longwire/core";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { decoded, everyCut } from "../../../core/test/decoding/every-cut.ts";
import { encodeJsonSeq, jsonSeqDecoder } from "../../src/index.ts";
import { handmadeSchema } from "../handmade-schema.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const framedEnds = ["length", "chunked", "h2"] as const;
const unframedEnds = ["close", "unknown"] as const;

describe("a text", () => {
  test.each<[claim: string, body: string, items: unknown[]]>([
    ["is any JSON value", '\x1enull\n\x1etrue\n\x1e0\n\x1e"x"\n\x1e[]\n\x1e{}\n', [null, true, 0, "x", [], {}]],
    ["may have several lines", '\x1e[\n1,\n"]\\"",\n{"a":\n[]}]\n\x1e\n\n2\n', [[1, ']"', { a: [] }], 2]],
    ["may have white space around it, of every kind", '\x1e \t\r\n{"a":1}\t \r\n\n \x1e 2 \n', [{ a: 1 }, 2]],
    [
      "ends at the next RS, when it shows its own end",
      '\x1e{"a":1}\x1e[2]\x1e"3"\x1e4 \x1enull\t\x1e5\r\n',
      [{ a: 1 }, [2], "3", 4, null, 5],
    ],
    ["is not, where nothing but white space follows an RS", "\x1e\x1e \n\x1e\t\x1e1\n\x1e\n", [1]],
    ["may have white space before the first RS", " \n\x1e1\n", [1]],
    ["is not there in an empty body", "", []],
  ])("%s, at every cut", (_, body, items) => {
    for (const { cut, chunks } of everyCut(body)) {
      expect(decoded(jsonSeqDecoder(), chunks), cut).toEqual({ items, marks: [], end: "complete" });
    }
  });

  test("is delivered at its LF and waits for no RS", () => {
    const decoder = jsonSeqDecoder();
    const sink = emptySink<unknown>();
    decoder.push(bytesOf('\x1e{"a":'), sink);
    decoder.push(bytesOf("1}"), sink);
    expect(sink.items).toEqual([]);
    decoder.push(bytesOf("\n"), sink);
    expect(sink.items).toEqual([{ a: 1 }]);
    decoder.push(bytesOf("\x1e[\n2"), sink);
    decoder.push(bytesOf("\n]\n"), sink);
    expect(sink.items).toEqual([{ a: 1 }, [2]]);
  });

  test("__proto__ changes no prototype", () => {
    const { items } = decoded(jsonSeqDecoder<object>(), [bytesOf('\x1e{"__proto__":{"polluted":1}}\n')]);
    expect(Object.getPrototypeOf(items[0])).toBe(Object.prototype);
    expect(Object.keys(items[0] as object)).toEqual(["__proto__"]);
  });
});

describe("a bad item", () => {
  test.each<
    [
      claim: string,
      body: string | Uint8Array,
      items: unknown[],
      bad: { line: number; byteOffset: number; raw: string }[],
    ]
  >([
    ["a text that the next one cuts off", '\x1e{"a":\x1e1\n', [1], [{ line: 1, byteOffset: 1, raw: '{"a":' }]],
    [
      "a text of several lines that is cut off",
      '\x1e1\n\x1e{"a":\n[\x1e2\n',
      [1, 2],
      [{ line: 2, byteOffset: 4, raw: '{"a":\n[' }],
    ],
    ["a number that may be cut", "\x1e12\x1e3\n", [3], [{ line: 1, byteOffset: 1, raw: "12" }]],
    [
      "a literal that may be cut",
      "\x1enull\x1efalse\x1e3\n",
      [3],
      [
        { line: 1, byteOffset: 1, raw: "null" },
        { line: 1, byteOffset: 6, raw: "false" },
      ],
    ],
    ["what is no JSON", "\x1e{'a':1}\n\x1e1\n", [1], [{ line: 1, byteOffset: 1, raw: "{'a':1}" }]],
    [
      "what is no JSON, once, up to the next RS",
      "\x1eError: x\n at a\n at b\n\x1e1\n",
      [1],
      [{ line: 1, byteOffset: 1, raw: "Error: x" }],
    ],
    ["what closes more than it opened", '\x1e]\n"x"\n\x1e1\n', [1], [{ line: 1, byteOffset: 1, raw: "]" }]],
    ["two texts in one", "\x1e1 2\n\x1e3\n", [3], [{ line: 1, byteOffset: 1, raw: "1 2" }]],
    ["what stands after a text", "\x1e1\n2\n3\n\x1e4\n", [1, 4], [{ line: 2, byteOffset: 3, raw: "2" }]],
    ["what stands before the first RS", "junk\nmore\x1e1\n", [1], [{ line: 1, byteOffset: 0, raw: "junk" }]],
    ["a BOM", "\ufeff\x1e1\n", [1], [{ line: 1, byteOffset: 0, raw: "\ufeff" }]],
  ])("is %s, at every cut", (_, body, items, bad) => {
    for (const { cut, chunks } of everyCut(body)) {
      const result = decoded(jsonSeqDecoder({ onBadItem: "skip" }), chunks);
      expect(result.items, cut).toEqual(items);
      expect(result.marks, cut).toMatchObject(
        bad.map((value) => ({ kind: "bad", value: { ...value, raw: bytesOf(value.raw) } })),
      );
      expect(result.end, cut).toBe("complete");
    }
  });

  test("is a text that is no UTF-8, at every cut", () => {
    for (const { cut, chunks } of everyCut(
      Uint8Array.of(0x1e, 0x22, 0xff, 0x22, 0x0a, 0x1e, 0x22, 0xef, 0xbf, 0xbd, 0x22, 0x0a),
    )) {
      const { items, marks } = decoded(jsonSeqDecoder({ onBadItem: "skip" }), chunks);
      expect(items, cut).toEqual(["\ufffd"]);
      expect(marks, cut).toEqual([
        {
          at: 0,
          kind: "bad",
          value: { line: 1, byteOffset: 1, raw: Uint8Array.of(0x22, 0xff, 0x22), reason: "it is not UTF-8" },
        },
      ]);
    }
  });

  test("throws protocol with line, byte offset and raw bytes, after the items before it, at every cut", () => {
    for (const { cut, chunks } of everyCut("\x1e1\n\x1e23\x1e4\n")) {
      const { items, error } = decoded(jsonSeqDecoder(), chunks);
      expect(items, cut).toEqual([1]);
      expect(error, cut).toBeInstanceOf(StreamError);
      expect(error, cut).toMatchObject({ code: "protocol", line: 2, byteOffset: 4, raw: bytesOf("23") });
      expect((error as StreamError).message, cut).toBe(
        "Cannot read the item on line 2, 2 bytes from byte 4 on: it may be cut: no white space follows it " +
          '(RFC 7464 section 2.4); it is "23". To pass over such items, set onBadItem',
      );
    }
  });

  test("is told to a function and marked in its place", () => {
    const onBadItem = vi.fn<(bad: BadItem) => void>();
    const { items, marks } = decoded(jsonSeqDecoder({ onBadItem }), [bytesOf("\x1e1\n\x1e?\n\x1e2\n")]);
    expect(items).toEqual([1, 2]);
    expect(onBadItem.mock.calls).toMatchObject([[{ line: 2, byteOffset: 4, raw: bytesOf("?") }]]);
    expect(marks).toEqual([{ at: 1, kind: "bad", value: onBadItem.mock.calls[0]?.[0] }]);
  });

  test("keeps its own copy of the bytes", () => {
    const { marks } = decoded(jsonSeqDecoder({ onBadItem: "skip" }), [bytesOf("\x1eoops\n")]);
    expect(marks).toMatchObject([{ value: { raw: bytesOf("oops") } }]);
  });
});

describe("the end of the body", () => {
  const ends = (body: string, framings: readonly Framing[], expected: object) => {
    for (const framing of framings) {
      for (const { cut, chunks } of everyCut(body)) {
        const { items, marks, end } = decoded(jsonSeqDecoder({ onBadItem: "skip" }), chunks, framing);
        expect({ items, bad: marks.length, end }, `${framing}, ${cut}`).toEqual(expected);
      }
    }
  };

  test.each(["", "\n", " "])("after a whole text and %j is complete with framing, ended without", (after) => {
    ends(`\x1e1\n${after}`, framedEnds, { items: [1], bad: 0, end: "complete" });
    ends(`\x1e1\n${after}`, unframedEnds, { items: [1], bad: 0, end: "ended" });
  });

  test.each(['{"a":1}', "[\n1]", '"text"', "12 ", " null\t"])(
    "delivers %j, which shows its own end: complete, ended",
    (rest) => {
      ends(`\x1e0\n\x1e${rest}`, framedEnds, { items: [0, JSON.parse(rest)], bad: 0, end: "complete" });
      ends(`\x1e0\n\x1e${rest}`, unframedEnds, { items: [0, JSON.parse(rest)], bad: 0, end: "ended" });
    },
  );

  test.each(["12", "true", '"tex', '{"a":1', "[1,\n", "oops"])(
    "does not deliver %j: bad with framing, truncated without",
    (rest) => {
      ends(`\x1e0\n\x1e${rest}`, framedEnds, { items: [0], bad: 1, end: "complete" });
      ends(`\x1e0\n\x1e${rest}`, unframedEnds, { items: [0], bad: 0, end: "truncated" });
    },
  );

  test.each(["\x1e", "\x1e \n"])("after a text has begun with %j is truncated without framing", (rest) => {
    ends(`\x1e0\n${rest}`, framedEnds, { items: [0], bad: 0, end: "complete" });
    ends(`\x1e0\n${rest}`, unframedEnds, { items: [0], bad: 0, end: "truncated" });
  });

  test("after what no RS stands before, or after a bad item, proves nothing: ended", () => {
    ends("junk", unframedEnds, { items: [], bad: 1, end: "ended" });
    ends("\x1e1\n2", unframedEnds, { items: [1], bad: 1, end: "ended" });
    ends("\x1e?\nmore", unframedEnds, { items: [], bad: 1, end: "ended" });
  });
});

describe("marker", () => {
  test("a text equal to it is a mark and no item, before it is JSON", () => {
    for (const { cut, chunks } of everyCut('\x1e1\n\x1e [DONE]\r\n\x1e"[DONE]"\n')) {
      const { items, marks } = decoded(jsonSeqDecoder({ marker: "[DONE]" }), chunks);
      expect(items, cut).toEqual([1, "[DONE]"]);
      expect(marks, cut).toEqual([{ at: 1, kind: "marker" }]);
    }
  });

  test.each(["chunked", "close"] as const)("is found without LF at the end of a %s body", (framing) => {
    for (const { cut, chunks } of everyCut("\x1e1\n\x1e[DONE]")) {
      const { items, marks, end } = decoded(jsonSeqDecoder({ marker: "[DONE]" }), chunks, framing);
      expect(items, cut).toEqual([1]);
      expect(marks, cut).toEqual([{ at: 1, kind: "marker" }]);
      expect(end, cut).toBe(framing === "chunked" ? "complete" : "ended");
    }
  });
});

describe("maxItemBytes", () => {
  test.each(["\n", "\x1e"])("a text of exactly the limit passes at every cut, its end (%j) not counted", (end) => {
    for (const { cut, chunks } of everyCut(`\x1e"345678é"${end}\x1e[1,\n3,5,7]${end}`)) {
      const { items, error } = decoded(jsonSeqDecoder({ maxItemBytes: 10 }), chunks);
      expect(error, cut).toBeUndefined();
      expect(items, cut).toEqual(["345678é", [1, 3, 5, 7]]);
    }
  });

  test.each(["\n", "\x1e2\n", "", "\n\x1e2\n\x1e3\n"])(
    "a text one byte longer fails at every cut, followed by %j",
    (after) => {
      for (const { cut, chunks } of everyCut(`\x1e1\n\x1e"3456789é"${after}`)) {
        const { items, error } = decoded(jsonSeqDecoder({ maxItemBytes: 10, onBadItem: "skip" }), chunks);
        expect(items, cut).toEqual([1]);
        expect(error, cut).toMatchObject({ code: "limit", limit: "maxItemBytes", line: 2, byteOffset: 4 });
      }
    },
  );

  test('with onOversize: "skip" one is told at the next RS, with its beginning and length, at every cut', () => {
    const long = JSON.stringify(["x".repeat(1_200)]);
    for (const { cut, chunks } of everyCut(`\x1e1\n\x1e"3456789é"\n\x1e${long}\x1e[1,\n2,\n3,\n4]\n\x1e2\n`)) {
      const onBadItem = vi.fn<(bad: BadItem) => void>();
      const { items, marks, end } = decoded(
        jsonSeqDecoder({ maxItemBytes: 10, onOversize: "skip", onBadItem }),
        chunks,
      );
      expect(items, cut).toEqual([1, 2]);
      const told = (line: number, byteOffset: number, raw: string, bytes: number) => ({
        line,
        byteOffset,
        raw: bytesOf(raw),
        reason: `it has ${bytes} bytes, more than maxItemBytes, 10 bytes`,
      });
      const bad = [
        told(2, 4, '"3456789é"', 11),
        told(3, 17, long.slice(0, 1_024), 1_204),
        told(3, 1_222, "[1,\n2,\n3,\n4]", 12),
      ];
      expect(marks, cut).toEqual(bad.map((value) => ({ at: 1, kind: "bad", value })));
      expect(onBadItem.mock.calls, cut).toEqual(bad.map((value) => [value]));
      expect(end, cut).toBe("complete");
    }
  });

  test.each<[after: string, framing: Framing, end: string, told: number]>([
    ["\n", "close", "ended", 1],
    ["", "close", "truncated", 0],
    ["", "chunked", "complete", 1],
  ])('with onOversize: "skip" at the end of the body, before %j, %s: %s', (after, framing, end, told) => {
    for (const { cut, chunks } of everyCut(`\x1e1\n\x1e"3456789é"${after}`)) {
      const result = decoded(jsonSeqDecoder({ maxItemBytes: 10, onOversize: "skip" }), chunks, framing);
      expect(result.items, cut).toEqual([1]);
      expect(
        result.marks.map(({ value }) => value),
        cut,
      ).toMatchObject(
        Array(told).fill({ raw: bytesOf('"3456789é"'), reason: "it has 11 bytes, more than maxItemBytes, 10 bytes" }),
      );
      expect(result.end, cut).toBe(end);
    }
  });
});

test("a schema makes the item, or a bad one, at every cut", () => {
  const schema = handmadeSchema((value) =>
    typeof value === "number" ? { value: value + 1 } : { issues: [{ message: "no number" }] },
  );
  for (const { cut, chunks } of everyCut('\x1e1\n\x1e"é"\n\x1e3\n')) {
    const { items, marks } = decoded(jsonSeqDecoder({ schema, onBadItem: "skip" }), chunks);
    expect(items, cut).toEqual([2, 4]);
    expect(marks, cut).toEqual([
      {
        at: 1,
        kind: "bad",
        value: { line: 2, byteOffset: 4, raw: bytesOf('"é"'), reason: "the schema refuses it: no number" },
      },
    ]);
  }
});

test("what was encoded is decoded the same, on one line or on many, in any chunks", () => {
  const pretty = (value: unknown) => `\x1e${JSON.stringify(value, null, 2)}\n`;
  const values = fc.array(fc.tuple(fc.jsonValue(), fc.constantFrom(encodeJsonSeq, pretty)));
  fc.assert(
    fc.property(values, fc.infiniteStream(fc.integer({ min: 0, max: 40 })), (items, lengths) => {
      const bytes = bytesOf(items.map(([value, encode]) => encode(value)).join(""));
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += chunks.at(-1)?.length ?? 0) {
        chunks.push(bytes.slice(at, at + (lengths.next().value as number)));
      }
      expect(decoded(jsonSeqDecoder(), chunks, "close")).toEqual({
        items: items.map(([value]) => JSON.parse(JSON.stringify(value))),
        marks: [],
        end: "ended",
      });
    }),
  );
});

test("any bytes at all are items, marks or a StreamError, and the same ones at every cut", () => {
  const unit = fc
    .constantFrom(...'\x1e\x1e\x1e\n\n\r ""11[]{}:\\', "\xc3", "\xa9", "\xff")
    .map((text) => text.charCodeAt(0));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 8 }), fc.array(unit, { maxLength: 30 }), (some, many) => {
      const bytes = Uint8Array.from([...many, ...some]);
      for (const onOversize of ["throw", "skip"] as const) {
        for (const framing of ["chunked", "close"] as const) {
          const decoder = () => jsonSeqDecoder({ onBadItem: "skip", maxItemBytes: 6, onOversize });
          const whole = decoded(decoder(), [bytes.slice()], framing);
          for (const { cut, chunks } of everyCut(bytes)) {
            expect(decoded(decoder(), chunks, framing), `${onOversize}, ${framing}, ${cut}`).toEqual(whole);
          }
        }
      }
    }),
  );
});
