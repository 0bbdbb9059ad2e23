import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decoded } from "../../../core/test/decoding/every-cut.ts";
import { sseDecoder } from "../../src/sse-decoder.ts";
import { canTravel } from "../../src/event-id.ts";
import { encodeSse, type SseBlock } from "../../src/sse-encoder.ts";
import { bytesOf, cutAt } from "./model.ts";

const text = fc.string({ unit: "binary", maxLength: 30 });
const line = text.map((any) => any.replace(/[\r\n]/g, " "));
const places = fc.array(fc.nat(), { maxLength: 12 });

test("what was encoded is decoded, however it is cut", () => {
  const event = fc.record({
    type: line.filter((type) => type !== ""),
    data: text.map((any) => any.replace(/\r\n?/g, "\n")),
    id: fc.option(
      line.map((id) => id.replaceAll("\0", "0")),
      { nil: undefined },
    ),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 8 }), places, (events, cuts) => {
      const bytes = bytesOf(...events.map(encodeSse));
      let lastEventId = "";
      const expected = events.map(({ type, data, id }) => {
        lastEventId = id ?? lastEventId;
        return { type, data, lastEventId, id };
      });
      expect(decoded(sseDecoder(), cutAt(bytes, cuts))).toStrictEqual({ items: expected, marks: [], end: "ended" });
    }),
    { numRuns: 1_000 },
  );
});

test("comments, waits and ids without data come back as marks", () => {
  const block = fc.oneof(
    fc.record({ comment: line.map((comment) => comment) }),
    fc.record({ retry: fc.maxSafeNat() }),
    fc.record({ id: line.map((id) => (canTravel(id) ? id : "0")) }),
  );
  fc.assert(
    fc.property(fc.array(block, { maxLength: 8 }), places, (blocks: SseBlock[], cuts) => {
      const { items, marks, end } = decoded(sseDecoder(), cutAt(bytesOf(...blocks.map(encodeSse)), cuts));
      expect({ items, end }).toEqual({ items: [], end: "ended" });
      expect(marks.map((mark) => mark.value)).toEqual(blocks.map(({ comment, retry, id }) => comment ?? retry ?? id));
    }),
  );
});

describe("encodeSse", () => {
  test.each<[SseBlock, string]>([
    [{ data: "a" }, "data: a\n\n"],
    [{ data: "" }, "data: \n\n"],
    [{ data: " b\nc\n" }, "data:  b\ndata: c\ndata: \n\n"],
    [{ type: "message", data: "a" }, "data: a\n\n"],
    [{ type: "", data: "a" }, "data: a\n\n"],
    [
      { comment: "x\ny", retry: 0, id: "7", type: "add", data: "a" },
      ": x\n: y\nretry: 0\nid: 7\nevent: add\ndata: a\n\n",
    ],
    [{ id: "" }, "id: \n\n"],
    [{}, "\n"],
  ])("%j", (block, encoded) => {
    expect(encodeSse(block)).toBe(encoded);
  });

  test("a CR and a CRLF in data cannot be carried: each arrives as LF", () => {
    expect(decoded(sseDecoder(), [bytesOf(encodeSse({ data: "a\rb\r\nc\n\rd" }))]).items[0]?.data).toBe("a\nb\nc\n\nd");
  });

  test("a decoded event can be sent on: its own id is, the id in force is not", () => {
    const [event] = decoded(sseDecoder({ cursor: "6" }), [bytesOf("event: add\ndata: a\ndata: b\n\n")]).items;
    expect(encodeSse(event as SseBlock)).toBe("event: add\ndata: a\ndata: b\n\n");
  });

  test.each<[SseBlock, Error]>([
    [{ type: "a\nb" }, new TypeError('An event type cannot have a line break in it, got "a\\nb"')],
    [{ type: "a\r" }, new TypeError('An event type cannot have a line break in it, got "a\\r"')],
    [{ id: "a\nb" }, new TypeError('An event id cannot have a NUL, LF or CR in it, got "a\\nb"')],
    [{ id: "\r" }, new TypeError('An event id cannot have a NUL, LF or CR in it, got "\\r"')],
    [{ id: "a\0" }, new TypeError('An event id cannot have a NUL, LF or CR in it, got "a\\u0000"')],
    [{ retry: 1.5 }, new RangeError("retry must be a whole number of milliseconds from 0, got 1.5")],
    [{ retry: -1 }, new RangeError("retry must be a whole number of milliseconds from 0, got -1")],
    [
      { retry: 2 ** 60 },
      new RangeError("retry must be a whole number of milliseconds from 0, got 1152921504606847000"),
    ],
  ])("refuses what would be read as something else: %j", (block, error) => {
    expect(() => encodeSse(block)).toThrow(error);
  });
});
