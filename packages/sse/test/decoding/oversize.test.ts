import type { Mark } from "@longwire/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decoded, everyCut } from "../../../core/test/decoding/every-cut.ts";
import type { ServerSentEvent } from "../../src/server-sent-event.ts";
import { sseDecoder } from "../../src/sse-decoder.ts";
import { bytesOf, cutAt, eventPieces, modelledUpTo, streamPieces } from "./model.ts";

const passing = (maxItemBytes: number) => sseDecoder({ maxItemBytes, onOversize: "skip" });
const dataOf = ({ items }: { items: ServerSentEvent[] }) => items.map((event) => event.data);
const told = ({ marks }: { marks: Mark[] }) =>
  marks.flatMap(({ at, kind, value }) => {
    if (kind !== "bad") return [];
    const { line, byteOffset, raw, reason } = value;
    return [{ at, line, byteOffset, raw: new TextDecoder().decode(raw), reason }];
  });

describe("onOversize: skip", () => {
  test("passes over the event up to its blank line, and tells where it began, how, and what it had in all, at every cut", () => {
    const input = "data: a\n\nid: 3\nevent: e\ndata: 01234567890\ndata: 1\n\ndata: b\n\n";
    for (const { cut, chunks } of everyCut(input)) {
      const result = decoded(passing(16), chunks);
      expect(dataOf(result), cut).toEqual(["a", "b"]);
      const raw = "id: 3\nevent: e\ndata: 01234567890\ndata: 1";
      expect(told(result), cut).toEqual([
        { at: 1, line: 3, byteOffset: 9, raw, reason: "it has 40 bytes, more than maxItemBytes, 16 bytes" },
      ]);
      expect(result.end, cut).toBe("ended");
    }
  });

  test.each([
    ["a comment", `: ${"c".repeat(20)}\ndata: x\n\n`],
    ["an unknown field", `noise: ${"n".repeat(20)}\ndata: x\n\n`],
    ["a comment behind fields", "data: 0123456789\n: 01234\n\n"],
    ["an id", `id: ${"7".repeat(20)}\ndata: x\n\n`],
    ["a line of invalid UTF-8", bytesOf("data: ", new Uint8Array(11).fill(0xff), "\r\n\r\n")],
  ])("passes over the event with a line that makes it too long: %s", (_, oversize) => {
    for (const { cut, chunks } of everyCut(bytesOf("data: a\n\n", oversize, "data: b\n\n"))) {
      const result = decoded(passing(16), chunks);
      expect(dataOf(result), cut).toEqual(["a", "b"]);
      expect(told(result), cut).toMatchObject([{ at: 1, line: 3, byteOffset: 9 }]);
      expect(result.items[1]?.lastEventId, cut).toBe("");
    }
  });

  test("its id moves no cursor by itself, before its long line or behind it, and is in force for the events after it", () => {
    const input = "id: 1\ndata: a\n\nid: 2\ndata: 0123456789\n\ndata: 0123456789\nid: 3\n\ndata: b\n\n";
    for (const { cut, chunks } of everyCut(input)) {
      const { items, marks } = decoded(passing(12), chunks);
      expect(
        items.map(({ data, lastEventId, id }) => [data, lastEventId, id]),
        cut,
      ).toEqual([
        ["a", "1", "1"],
        ["b", "3", undefined],
      ]);
      expect(
        marks.map(({ kind }) => kind),
        cut,
      ).toEqual(["bad", "bad"]);
    }
  });

  test("comments and waits in it are told as ever, and its name and data do not reach the next event", () => {
    const input = "event: e\ndata: 0123456789\n: hi\nretry: 5\n\ndata: b\n\n";
    for (const { cut, chunks } of everyCut(input)) {
      const { items, marks } = decoded(passing(20), chunks);
      expect(items, cut).toEqual([{ type: "message", data: "b", lastEventId: "", id: undefined }]);
      expect(
        marks.map(({ kind }) => kind),
        cut,
      ).toEqual(["comment", "retry", "bad"]);
    }
  });

  test("of a long one the first 1,024 bytes are shown, at every cut near their end", () => {
    const long = `data: ${"é".repeat(600)}\ndata: ${"x".repeat(3_000)}`;
    const body = bytesOf("data: a\n\n", long, "\n\ndata: b\n\n");
    for (let at = 0; at < body.length; at += at > 1_020 && at < 1_050 ? 1 : 7) {
      const result = decoded(passing(1_000), [body.slice(0, at), body.slice(at)]);
      const [bad] = result.marks.flatMap(({ kind, value }) => (kind === "bad" ? [value] : []));
      expect(bad?.raw, `at byte ${at}`).toEqual(bytesOf(long).slice(0, 1_024));
      expect(bad?.reason).toContain(`it has ${bytesOf(long).length} bytes`);
      expect(dataOf(result)).toEqual(["a", "b"]);
    }
  });

  test("one that the body ends in is no bad item but a truncated body, without an unfinished event", () => {
    for (const input of ["data: 0123456789", "data: 0123456789\n", "data: 0123456789\ndata: b"]) {
      for (const { cut, chunks } of everyCut(input)) {
        expect(decoded(passing(12), chunks), cut).toEqual({ items: [], marks: [], end: "truncated" });
      }
    }
  });

  test("holds for any body, however it is cut", () => {
    const body = fc
      .array(fc.oneof(fc.constantFrom(...streamPieces), fc.constantFrom(...eventPieces)), { maxLength: 40 })
      .map((pieces) => bytesOf(...pieces));
    const places = fc.array(fc.nat(), { maxLength: 12 });
    let passedOver = 0;
    fc.assert(
      fc.property(body, places, fc.integer({ min: 1, max: 24 }), (bytes, cuts, maxItemBytes) => {
        const { items, marks, end } = decoded(passing(maxItemBytes), cutAt(bytes, cuts));
        const model = modelledUpTo(bytes, maxItemBytes);
        passedOver += told({ marks }).length;
        expect(items).toStrictEqual(model.items);
        // Marks of a block that is not finished are not the model's.
        expect(marks.slice(0, model.marks.length)).toStrictEqual(model.marks);
        expect(told({ marks })).toHaveLength(told(model).length);
        if (model.over) expect([end, marks.some(({ kind }) => kind === "unfinished")]).toEqual(["truncated", false]);
      }),
      { numRuns: 3_000 },
    );
    expect(passedOver).toBeGreaterThan(3_000);
  });

  test("a bad value is a TypeError that prints it", () => {
    expect(() => sseDecoder({ onOversize: "drop" as "skip" })).toThrow(
      new TypeError('onOversize must be "throw" or "skip", got string drop'),
    );
  });
});

describe("onOversize: throw", () => {
  test("says on which line and at which byte the event began, at every cut", () => {
    const before = "\ufeffdata: é豆\r\n\r\n: hi\r\rdata: \ufffd\n\n\n";
    const at = { line: 8, byteOffset: bytesOf(before).length };
    for (const { cut, chunks } of everyCut(`${before}event: e\ndata: 0123456789\n\n`)) {
      const { error } = decoded(sseDecoder({ maxItemBytes: 16 }), chunks);
      expect(error, cut).toMatchObject({ code: "limit", limit: "maxItemBytes", ...at });
    }
  });
});
