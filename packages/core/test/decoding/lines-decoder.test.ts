import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { linesDecoder, type LinesOptions } from "../../src/frames/lines-decoder.ts";
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
      'Cannot read the item on line 2, from byte 4 on: it is longer than maxLineBytes, 3 bytes; raise the limit, have the server send smaller items, or set onOversize: "skip"',
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

describe('onOversize: "skip"', () => {
  const skipping = (maxLineBytes: number) => linesDecoder({ maxLineBytes, onOversize: "skip" });
  const bad = (at: number, line: number, byteOffset: number, raw: string, bytes: number) => ({
    at,
    kind: "bad",
    value: {
      line,
      byteOffset,
      raw: new TextEncoder().encode(raw),
      reason: `it has ${bytes} bytes, more than maxLineBytes, 10 bytes`,
    },
  });

  test("a line over the limit is told in its place with where, how it begins and how many bytes, at every cut", () => {
    for (const { cut, chunks } of everyCut("é\r\n123456789é\nab\n1234567890\n12345678901\r\n\n")) {
      expect(decoded(skipping(10), chunks), cut).toEqual({
        items: ["é", "ab", "1234567890", ""],
        marks: [bad(1, 2, 4, "123456789é", 11), bad(3, 5, 30, "12345678901", 12)],
        end: "complete",
      });
    }
  });

  test("lines over the limit one after another, the first with a BOM, are told each", () => {
    const marks = [
      bad(0, 1, 0, "\ufeff123456789", 12),
      bad(0, 2, 13, "x".repeat(40), 40),
      bad(0, 3, 54, "12345678901", 11),
    ];
    for (const { cut, chunks } of everyCut(`\ufeff123456789\n${"x".repeat(40)}\n12345678901\nb\n`)) {
      expect(decoded(skipping(10), chunks), cut).toEqual({ items: ["b"], marks, end: "complete" });
    }
  });

  test("of a long one the first 1,024 bytes are told, at every cut", () => {
    const line = `${"0123456789".repeat(103)}\r`;
    for (const { cut, chunks } of everyCut(`a\n${line}\nb\n`)) {
      const { items, marks } = decoded(skipping(10), chunks);
      expect(items, cut).toEqual(["a", "b"]);
      expect(marks, cut).toEqual([bad(1, 2, 2, line.slice(0, 1_024), 1_031)]);
    }
  });

  test("the lines after it have their own numbers and places, at every cut", () => {
    const skips: LinesOptions = { maxLineBytes: 4, onOversize: "skip" };
    for (const { cut, chunks } of everyCut("12345\n1\n1234567\n2\n\n12345\n")) {
      const { items, marks } = decoded(linesDecoder(skips), chunks);
      expect(items, cut).toEqual(["1", "2", ""]);
      expect(marks, cut).toMatchObject([
        { at: 0, value: { line: 1, byteOffset: 0 } },
        { at: 1, value: { line: 3, byteOffset: 8 } },
        { at: 3, value: { line: 6, byteOffset: 19 } },
      ]);
    }
  });

  test.each(framedEnds)("a last one without LF is told at a framed end (%s), complete", (framing) => {
    for (const { cut, chunks } of everyCut("a\n12345678901")) {
      expect(decoded(skipping(10), chunks, framing), cut).toEqual({
        items: ["a"],
        marks: [bad(1, 2, 2, "12345678901", 11)],
        end: "complete",
      });
    }
  });

  test.each(unframedEnds)("a last one without LF is cut at an unframed end (%s): truncated", (framing) => {
    for (const { cut, chunks } of everyCut("a\n12345678901")) {
      expect(decoded(skipping(10), chunks, framing), cut).toEqual({ items: ["a"], marks: [], end: "truncated" });
    }
  });

  test("another value is a TypeError that prints it", () => {
    expect(() => linesDecoder({ onOversize: "drop" as never })).toThrow(
      new TypeError('onOversize must be "throw" or "skip", got string drop'),
    );
  });

  test("any bytes in any chunks: the lines within the limit as without one, and the others told", () => {
    const body = fc.array(fc.constantFrom(0x0a, 0x0d, 0x61, 0x62, 0xc3, 0xa9), { maxLength: 60 });
    fc.assert(
      fc.property(body, fc.integer({ min: 1, max: 6 }), (bytes, maxLineBytes) => {
        const whole = Uint8Array.from([...bytes, 0x0a]);
        const lines: number[][] = [[]];
        for (const byte of bytes)
          if (byte === 0x0a) lines.push([]);
          else lines.at(-1)?.push(byte);
        for (const { cut, chunks } of everyCut(whole)) {
          const { items, marks } = decoded(linesDecoder({ maxLineBytes, onOversize: "skip" }), chunks);
          expect(items, cut).toEqual(
            lines
              .filter((line) => line.length <= maxLineBytes)
              .map((line) => new TextDecoder().decode(Uint8Array.from(line)).replace(/\r$/, "")),
          );
          expect(
            marks.map(({ value }) => (value as { line: number }).line),
            cut,
          ).toEqual(lines.flatMap((line, i) => (line.length > maxLineBytes ? [i + 1] : [])));
        }
      }),
    );
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
