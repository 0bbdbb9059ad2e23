import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { linesDecoder } from "../../src/frames/lines-decoder.ts";
import { decoded, everyCut } from "./every-cut.ts";

const framedEnds = ["length", "chunked", "h2"] as const;
const unframedEnds = ["close", "unknown"] as const;

test.each<[claim: string, body: string | Uint8Array, lines: string[]]>([
  ["LF ends a line", "one\ntwo\n", ["one", "two"]],
  ["one CR before the LF is dropped", "one\r\ntwo\r\r\n", ["one", "two\r"]],
  ["a CR alone ends no line", "one\rtwo\n", ["one\rtwo"]],
  ["an empty line is an item", "\n\r\none\n\n", ["", "", "one", ""]],
  ["multi-byte text is whole", "€豆腐\n😀\n", ["€豆腐", "😀"]],
  ["a BOM at the start of the body is dropped", "\ufeffone\n\ufefftwo\n", ["one", "\ufefftwo"]],
  ["a BOM is not counted as a line", "\ufeff", []],
  ["a BOM before a LF is an empty line", "\ufeff\none\n", ["", "one"]],
  [
    "what is no UTF-8 becomes U+FFFD",
    Uint8Array.of(0x61, 0xff, 0x62, 0x0a, 0xe2, 0x82, 0x0a, 0x63, 0x0a),
    ["a\ufffdb", "\ufffd", "c"],
  ],
  ["U+2028, U+0085, VT and FF end no line", "a\u2028b\u0085c\u000bd\u000ce\n", ["a\u2028b\u0085c\u000bd\u000ce"]],
  ["an empty body has no line", "", []],
])("%s, at every cut", (_, body, lines) => {
  for (const { cut, chunks } of everyCut(body)) {
    expect(decoded(linesDecoder(), chunks), cut).toEqual({ items: lines, marks: [], end: "complete" });
  }
});

test.each(framedEnds)("a last line without LF is delivered at a framed end (%s), complete", (framing) => {
  for (const { cut, chunks } of everyCut("one\ntwo\r")) {
    expect(decoded(linesDecoder(), chunks, framing), cut).toEqual({
      items: ["one", "two\r"],
      marks: [],
      end: "complete",
    });
  }
});

test.each(unframedEnds)("a last line without LF is not delivered at an unframed end (%s), truncated", (framing) => {
  for (const { cut, chunks } of everyCut("one\ntw")) {
    expect(decoded(linesDecoder(), chunks, framing), cut).toEqual({
      items: ["one"],
      marks: [{ at: 1, kind: "unfinished", value: "tw" }],
      end: "truncated",
    });
  }
});

test.each(unframedEnds)("an unframed end after a LF (%s) proves nothing", (framing) => {
  for (const { cut, chunks } of everyCut("one\n")) {
    expect(decoded(linesDecoder(), chunks, framing), cut).toEqual({ items: ["one"], marks: [], end: "ended" });
  }
});

describe("maxLineBytes", () => {
  test.each(["1234567890", "12345678é", "123456789\r"])(
    "a line of exactly the limit passes at every cut: %j",
    (line) => {
      for (const { cut, chunks } of everyCut(`a\n${line}\nb\n${line}\n`)) {
        const { items, error } = decoded(linesDecoder({ maxLineBytes: 10 }), chunks);
        expect(error, cut).toBeUndefined();
        expect(items, cut).toEqual(["a", line.replace("\r", ""), "b", line.replace("\r", "")]);
      }
    },
  );

  test.each([
    ["that ends inside the chunk", "\nb\nc\n"],
    ["that ends with the chunk", "\n"],
    ["that does not end", ""],
  ])("a line one byte longer, %s, fails at every cut, after the lines before it", (_, after) => {
    for (const { cut, chunks } of everyCut(`é\r\nab\n123456789é${after}`)) {
      const { items, error } = decoded(linesDecoder({ maxLineBytes: 10 }), chunks);
      expect(items, cut).toEqual(["é", "ab"]);
      expect(error, cut).toBeInstanceOf(StreamError);
      expect(error, cut).toMatchObject({ code: "limit", limit: "maxLineBytes", line: 3, byteOffset: 7 });
    }
  });

  test("the message says which line, where, the limit and what to do", () => {
    const { error } = decoded(linesDecoder({ maxLineBytes: 3 }), [new TextEncoder().encode("abc\nabcd\n")]);
    expect((error as StreamError).message).toBe(
      "Cannot read line 2, from byte 4 on: it is longer than maxLineBytes, 3 bytes; raise the limit or have the server send shorter lines",
    );
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 28 + 1])(
    "%d is a RangeError that prints it",
    (maxLineBytes) => {
      expect(() => linesDecoder({ maxLineBytes })).toThrow(RangeError);
      expect(() => linesDecoder({ maxLineBytes })).toThrow(String(maxLineBytes));
    },
  );

  test.each(["10", null, 10n])("%o is a TypeError that prints it", (maxLineBytes) => {
    expect(() => linesDecoder({ maxLineBytes: maxLineBytes as never })).toThrow(TypeError);
    expect(() => linesDecoder({ maxLineBytes: maxLineBytes as never })).toThrow(String(maxLineBytes));
  });
});

test("any lines, with either line end, in any chunks, come out as they went in", () => {
  const line = fc.string({ unit: "binary" }).filter((text) => !/[\r\n]|^\ufeff/.test(text));
  const body = fc.array(fc.tuple(line, fc.constantFrom("\n", "\r\n")));
  fc.assert(
    fc.property(body, fc.infiniteStream(fc.integer({ min: 0, max: 12 })), (parts, lengths) => {
      const bytes = new TextEncoder().encode(parts.map(([text, end]) => text + end).join(""));
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += chunks.at(-1)?.length ?? 0) {
        chunks.push(bytes.slice(at, at + (lengths.next().value as number)));
      }
      expect(decoded(linesDecoder(), chunks).items).toEqual(parts.map(([text]) => text));
    }),
  );
});
