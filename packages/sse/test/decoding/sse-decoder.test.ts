import { emptySink, StreamError } from "@longwire/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decoded, everyCut } from "../../../core/test/decoding/every-cut.ts";
import type { ServerSentEvent } from "../../src/server-sent-event.ts";
import { sseDecoder } from "../../src/sse-decoder.ts";
import { bytesOf, cutAt, modelled, streamPieces } from "./model.ts";

const body = fc.array(fc.constantFrom(...streamPieces), { maxLength: 60 }).map((pieces) => bytesOf(...pieces));
const places = fc.array(fc.nat(), { maxLength: 12 });

describe("any body", () => {
  test("means what the standard says, however it is cut", () => {
    fc.assert(
      fc.property(body, places, (bytes, cuts) => {
        expect(decoded(sseDecoder(), cutAt(bytes, cuts))).toStrictEqual(modelled(bytes));
      }),
      { numRuns: 3_000 },
    );
  });

  test("means it also byte by byte", () => {
    fc.assert(
      fc.property(body, (bytes) => {
        expect(
          decoded(
            sseDecoder(),
            Array.from(bytes, (_, at) => bytes.slice(at, at + 1)),
          ),
        ).toStrictEqual(modelled(bytes));
      }),
      { numRuns: 500 },
    );
  });

  test("means it where small and large chunks take turns, and lines are longer than either", () => {
    const long = fc
      .constantFrom("data: ", "", ": ", "id: ")
      .chain((start) =>
        fc
          .tuple(fc.constantFrom("x", "é", "😀"), fc.integer({ min: 1, max: 80_000 }))
          .map(([unit, n]) => start + unit.repeat(n)),
      );
    const pieces = fc.array(fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...streamPieces) }, long), {
      minLength: 30,
      maxLength: 80,
    });
    fc.assert(
      fc.property(pieces, places, (parts, cuts) => {
        const bytes = bytesOf(...parts);
        expect(decoded(sseDecoder(), cutAt(bytes, cuts))).toStrictEqual(modelled(bytes));
      }),
      { numRuns: 150 },
    );
  });

  test("of invalid UTF-8 reads as TextDecoder reads it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), places, (noise, cuts) => {
        const bytes = bytesOf("data:", noise, "\n\n");
        expect(decoded(sseDecoder(), cutAt(bytes, cuts))).toStrictEqual(modelled(bytes));
      }),
      { numRuns: 1_000 },
    );
  });
});

test("a chunk belongs to its sender: what it holds later changes nothing", () => {
  const decoder = sseDecoder();
  const sink = emptySink<ServerSentEvent>();
  const buffer = new TextEncoder().encode("data: one\n\ndata: tw");
  decoder.push(buffer, sink);
  buffer.fill(0x21);
  decoder.push(new TextEncoder().encode("o\n\n"), sink);
  expect(sink.items.map((event) => event.data)).toEqual(["one", "two"]);
});

test("all events are of one shape, with and without an id of their own", () => {
  const { items } = decoded(sseDecoder(), [bytesOf("data: a\n\nid: 1\nevent: e\ndata: b\n\ndata: c\n\n")]);
  expect(items.map((event) => Object.keys(event))).toEqual(Array(3).fill(["type", "data", "lastEventId", "id"]));
  expect(items.map((event) => event.id)).toEqual([undefined, "1", undefined]);
  expect(items.map((event) => event.lastEventId)).toEqual(["", "1", "1"]);
});

describe("marks", () => {
  test("stand in order between the items that they came between", () => {
    const input = ": hello\nretry: 20\n\ndata: a\n\n:second\nid: 5\n\nevent: ping\n\ndata: b\n: in the event\n\n";
    for (const { cut, chunks } of everyCut(input)) {
      const { items, marks } = decoded(sseDecoder(), chunks);
      expect(items, cut).toHaveLength(2);
      expect(marks, cut).toEqual([
        { at: 0, kind: "comment", value: "hello" },
        { at: 0, kind: "retry", value: 20 },
        { at: 1, kind: "comment", value: "second" },
        { at: 1, kind: "cursor", value: "5" },
        { at: 1, kind: "heartbeat" },
        { at: 1, kind: "comment", value: "in the event" },
      ]);
    }
  });

  test("come as soon as their line ends, before the block does", () => {
    const sink = emptySink<ServerSentEvent>();
    sseDecoder().push(bytesOf("data: a\n:note\nretry: 5\r"), sink);
    expect(sink.marks.map((mark) => mark.kind)).toEqual(["comment", "retry"]);
  });

  test("an empty id without data takes the resume point back", () => {
    expect(decoded(sseDecoder({ cursor: "7" }), [bytesOf("id\n\n")]).marks).toEqual([
      { at: 0, kind: "cursor", value: "" },
    ]);
  });
});

describe("the end of the body", () => {
  test.each([
    ["data: [DONE]", { type: "message", data: "[DONE]", lastEventId: "", id: undefined }],
    ["data: [DONE]\n", { type: "message", data: "[DONE]", lastEventId: "", id: undefined }],
    ["id: 1\nevent: done\ndata: a\ndata: b", { type: "done", data: "a\nb", lastEventId: "1", id: "1" }],
    ["data: a\nid: 2", { type: "message", data: "a", lastEventId: "2", id: "2" }],
    ["data: a\n: cut comm", { type: "message", data: "a", lastEventId: "", id: undefined }],
    ["data: a\nretry: 10", { type: "message", data: "a", lastEventId: "", id: undefined }],
    ["data: \u20ac", { type: "message", data: "\u20ac", lastEventId: "", id: undefined }],
  ])("inside an event is truncated, and %j is marked as the event it would have been", (input, value) => {
    for (const { cut, chunks } of everyCut(input)) {
      const { items, marks, end } = decoded(sseDecoder(), chunks);
      expect({ items, end }, cut).toEqual({ items: [], end: "truncated" });
      expect(marks.at(-1), cut).toEqual({ at: 0, kind: "unfinished", value });
    }
  });

  test.each(["event: done\n", "id: 4\n", "da", ": comm", "retry: 100", "\ufeff".slice(0, 1) + "x"])(
    "inside a line, or a block that makes no event, is truncated and marks nothing: %j",
    (input) => {
      for (const { cut, chunks } of everyCut(input)) {
        expect(decoded(sseDecoder(), chunks), cut).toEqual({ items: [], marks: [], end: "truncated" });
      }
    },
  );

  test.each(["", "\ufeff", "\n", "data: a\n\n", "data: a\r\r", "data: a\n\n: bye\n", "retry: 1\n", "noise\n"])(
    "outside of an event is ended, and proves nothing: %j",
    (input) => {
      for (const framing of ["length", "chunked", "h2", "close", "unknown"] as const) {
        for (const { cut, chunks } of everyCut(input))
          expect(decoded(sseDecoder(), chunks, framing).end, cut).toBe("ended");
      }
    },
  );

  test("inside a BOM is truncated", () => {
    for (const length of [1, 2]) {
      expect(decoded(sseDecoder(), [bytesOf("\ufeff").slice(0, length)]).end).toBe("truncated");
    }
  });
});

describe("maxItemBytes", () => {
  const events = (input: string | Uint8Array, maxItemBytes: number) =>
    everyCut(input).map(({ cut, chunks }) => ({ cut, ...decoded(sseDecoder({ maxItemBytes }), chunks) }));

  test.each([
    ["one line", "data: 0123456789\n\n", 16],
    ["several lines", "id: 7\r\nevent: add\r\ndata: 01234\r\ndata: 56789\r\n\r\n", 37],
    ["multi-byte text", "data: 豆腐é😀\n\n", 18],
    ["invalid UTF-8", bytesOf("data: ", Uint8Array.of(0xff, 0xe2, 0x82), "\n\n"), 9],
    ["a BOM, which is not counted", "\ufeffdata: 01\n\n", 8],
    [
      "finished comments and unknown fields are not counted",
      ": é 0123456789\nnoise: é\ndata: 0123456789\n: é\nn: é\n: é\n\n",
      21,
    ],
    ["after events of that length", "data: 0123456789\n\ndata: 0123456789\n\n: note\ndata: 0123456789\n\n", 16],
  ])("is the event's lines without line ends, to the byte, at every cut: %s", (_, input, bytes) => {
    for (const { cut, error, items } of events(input, bytes)) {
      expect(error, cut).toBeUndefined();
      expect(items.length, cut).toBeGreaterThan(0);
    }
    for (const { cut, error } of events(input, bytes - 1)) {
      expect(error, cut).toBeInstanceOf(StreamError);
      expect(error, cut).toMatchObject({ code: "limit", limit: "maxItemBytes" });
    }
  });

  test.each([": a long comment", "a long unknown field", "retry: 00000000001"])(
    "counts a line that is not finished: %j",
    (line) => {
      for (const { cut, error, items } of events(`data: a\n\n${line}`, 12)) {
        expect(
          items.map((event) => event.data),
          cut,
        ).toEqual(["a"]);
        expect(error, cut).toMatchObject({ code: "limit" });
      }
    },
  );

  test("counts an unfinished line on top of the event's lines before it", () => {
    for (const { cut, error } of events("data: 0123456789\n: 345", 20))
      expect(error, cut).toMatchObject({ code: "limit" });
    for (const { cut, error } of events("data: 0123456789\n: 34", 20)) expect(error, cut).toBeUndefined();
  });

  test("hands out what came before the item that is too long", () => {
    for (const { cut, error, items, marks } of events(
      "data: a\n\n: hi\n\ndata: b\n\nid: 3\ndata: 01234567890\n\ndata: c\n\n",
      16,
    )) {
      expect(
        items.map((event) => event.data),
        cut,
      ).toEqual(["a", "b"]);
      expect(marks, cut).toEqual([{ at: 1, kind: "comment", value: "hi" }]);
      expect(error, cut).toMatchObject({ code: "limit" });
    }
  });

  test("says what, why, how much and what to do", () => {
    const { error } = decoded(sseDecoder({ maxItemBytes: 8 }), [bytesOf("data: a\n\ndata: too long\n\n")]);
    expect((error as Error).message).toBe(
      "Cannot read the item on line 3, from byte 9 on: it is longer than maxItemBytes, 8 bytes; " +
        'raise the limit, have the server send smaller items, or set onOversize: "skip"',
    );
  });

  test("is held by endless data, comments, ids and names alike", () => {
    for (const line of ["data: 0123456789\n", "id: 0123456789\n", "event: 0123456789\n"]) {
      const decoder = sseDecoder({ maxItemBytes: 10_000 });
      expect(() => {
        for (let i = 0; i < 1_000; i++) decoder.push(bytesOf(line), emptySink());
      }).toThrow("maxItemBytes, 10000 bytes");
    }
  });

  test("does not end a stream of comments without a blank line", () => {
    const decoder = sseDecoder({ maxItemBytes: 100 });
    const sink = emptySink<ServerSentEvent>();
    for (let i = 0; i < 1_000; i++) decoder.push(bytesOf(": é keep-alive\n"), sink);
    expect(sink.marks).toHaveLength(1_000);
  });

  test("is the same however any body is cut", () => {
    fc.assert(
      fc.property(body, places, fc.integer({ min: 1, max: 120 }), (bytes, cuts, maxItemBytes) => {
        const whole = decoded(sseDecoder({ maxItemBytes }), [bytes.slice()]);
        expect(decoded(sseDecoder({ maxItemBytes }), cutAt(bytes, cuts))).toStrictEqual(whole);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("options", () => {
  test("the events of a resumed stream go on from its cursor", () => {
    expect(decoded(sseDecoder({ cursor: "7" }), [bytesOf("data: a\n\n")]).items).toEqual([
      { type: "message", data: "a", lastEventId: "7", id: undefined },
    ]);
    expect(decoded(sseDecoder({ cursor: 7 }), [bytesOf("data: a\n\n")]).items[0]?.lastEventId).toBe("7");
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    "maxItemBytes %d is a RangeError that prints it",
    (maxItemBytes) => {
      expect(() => sseDecoder({ maxItemBytes })).toThrow(RangeError);
      expect(() => sseDecoder({ maxItemBytes })).toThrow(String(maxItemBytes));
    },
  );

  test("values of a wrong type are TypeErrors that print them", () => {
    expect(() => sseDecoder({ maxItemBytes: "9" as unknown as number })).toThrow(
      new TypeError("maxItemBytes must be a number of bytes, got string 9"),
    );
    expect(() => sseDecoder({ cursor: true as unknown as string })).toThrow(
      new TypeError("An event id must be a string or a number, got boolean true"),
    );
    expect(() => sseDecoder({ cursor: "a\nb" })).toThrow(
      new TypeError('An event id cannot have a NUL, LF or CR in it, got "a\\nb"'),
    );
  });
});
