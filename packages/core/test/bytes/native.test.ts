import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as portable from "../../src/bytes/native.ts";
import * as node from "../../src/bytes/native.node.ts";

// Long enough to leave the loops that Node's primitives use for short input.
const text = fc
  .array(fc.constantFrom("a", "é", "豆", "😀", "\n", "\r", "\ufeff", "\ufffd", "x".repeat(90)), { maxLength: 40 })
  .map((parts) => parts.join(""));
const noise = fc.uint8Array({ maxLength: 400 });
const bytes = fc.oneof(
  text.map((any) => new TextEncoder().encode(any)),
  noise,
);
const range = fc.tuple(bytes, fc.nat(), fc.nat()).map(([any, a, b]) => {
  const [from, to] = [a % (any.length + 1), b % (any.length + 1)].sort((x, y) => x - y) as [number, number];
  return { bytes: any, from, to };
});

test("both lists have the same names", () => {
  expect(Object.keys(node).sort()).toEqual(Object.keys(portable).sort());
});

describe("both pairs answer alike:", () => {
  test("searches", () => {
    fc.assert(
      fc.property(range, fc.constantFrom(0x0a, 0x0d, 0x61, 0xff), (some, byte) => {
        expect(node.indexOfByte(some.bytes, byte, some.from)).toBe(portable.indexOfByte(some.bytes, byte, some.from));
        expect(node.indexOfLineEnd(some.bytes, some.from)).toBe(portable.indexOfLineEnd(some.bytes, some.from));
        expect(node.lastIndexOfLineEnd(some.bytes)).toBe(portable.lastIndexOfLineEnd(some.bytes));
        expect(node.lastIndexOfByte(some.bytes, byte)).toBe(portable.lastIndexOfByte(some.bytes, byte));
      }),
      { numRuns: 1_000 },
    );
  });

  test("texts, of invalid UTF-8 too", () => {
    fc.assert(
      fc.property(range, (some) => {
        const decoded = node.decodeUtf8(some.bytes, some.from, some.to);
        expect(decoded).toBe(portable.decodeUtf8(some.bytes, some.from, some.to));
        expect(node.utf8Length(decoded)).toBe(portable.utf8Length(decoded));
        expect(node.flat(decoded)).toBe(decoded);
        expect(portable.flat(decoded)).toBe(decoded);
        expect(node.isAscii(some.bytes)).toBe(portable.isAscii(some.bytes));
        expect(node.isUtf8(some.bytes)).toBe(portable.isUtf8(some.bytes));
      }),
      { numRuns: 1_000 },
    );
  });

  test("copies", () => {
    fc.assert(
      fc.property(range, fc.nat({ max: 20 }), (some, at) => {
        const [one, other] = [new Uint8Array(420), new Uint8Array(420)];
        node.copyBytes(some.bytes, some.from, some.to, one, at);
        portable.copyBytes(some.bytes, some.from, some.to, other, at);
        expect(one).toEqual(other);
      }),
    );
  });
});
