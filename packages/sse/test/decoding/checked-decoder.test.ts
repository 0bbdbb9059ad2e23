import { type BadItem, emptySink, type StandardSchema, StreamError } from "@longwire/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decoded, everyCut } from "../../../core/test/decoding/every-cut.ts";
import type { CheckedEvent, SchemaOptions } from "../../src/checked-decoder.ts";
import { sseDecoder } from "../../src/sse-decoder.ts";
import { bytesOf, cutAt, eventPieces, modelledUpTo, streamPieces } from "./model.ts";

interface Price {
  readonly price: number;
}

/** Takes `{ p }` with a number in it, and makes a Price of it: what comes out is not what goes in. */
const price: StandardSchema<Price> = schemaOf((value) => {
  const { p } = Object(value) as { p?: unknown };
  return typeof p === "number" ? { value: { price: p } } : { issues: [{ message: "no number", path: ["p"] }] };
});

function schemaOf<Output>(validate: StandardSchema<Output>["~standard"]["validate"]): StandardSchema<Output> {
  return { "~standard": { version: 1, vendor: "test", validate } };
}

function checked(
  chunks: readonly Uint8Array[],
  options: Partial<SchemaOptions<Price>> & { maxItemBytes?: number } = {},
) {
  return decoded(sseDecoder({ onOversize: "skip", ...options, schema: price }), chunks);
}

const jsonOf = ({ items }: { items: CheckedEvent<Price>[] }) => items.map(({ json }) => json);
const kindsOf = ({ marks }: { marks: { at: number; kind: string }[] }) => marks.map(({ at, kind }) => [at, kind]);

test("each event has the schema's output beside what it had", () => {
  for (const { cut, chunks } of everyCut('id: 7\nevent: tick\ndata: {"p":\ndata: 1}\n\n')) {
    expect(checked(chunks).items, cut).toEqual([
      { type: "tick", data: '{"p":\n1}', lastEventId: "7", id: "7", json: { price: 1 } },
    ]);
  }
});

test("without a schema there is no json", () => {
  const { items } = decoded(sseDecoder({ schema: undefined }), [bytesOf('data: {"p":1}\n\n')]);
  expect(Object.keys(items[0] ?? {})).toEqual(["type", "data", "lastEventId", "id"]);
});

test("a schema may be a function with the standard on it", () => {
  const schema = Object.assign(() => undefined, price);
  const { items } = decoded(sseDecoder({ schema }), [bytesOf('data: {"p":1}\n\n')]);
  expect(items).toMatchObject([{ json: { price: 1 } }]);
});

describe("onBadItem", () => {
  const first = '\ufeffdata: {"p":1}\n\n: é\n\n';
  const second = 'id: 2\ndata: {"p":"é"}\r\n\r\n';
  const body = `${first}${second}id: 3\ndata: oops\n\ndata: {"p":4}\n\n`;
  const bad = [
    { line: 5, byteOffset: bytesOf(first).length, raw: bytesOf('{"p":"é"}') },
    { line: 8, byteOffset: bytesOf(first, second).length, raw: bytesOf("oops") },
  ];

  test("throw: the stream ends with protocol, where the event began and why, after the events before it", () => {
    for (const { cut, chunks } of everyCut(body)) {
      const result = checked(chunks);
      expect(jsonOf(result), cut).toEqual([{ price: 1 }]);
      expect(result.error, cut).toBeInstanceOf(StreamError);
      expect(result.error, cut).toMatchObject({ code: "protocol", ...bad[0] });
      expect((result.error as Error).message, cut).toBe(
        'Cannot read the event on line 5, from byte 24 on: the schema refuses its data: p: no number; it is "{\\"p\\":\\"é\\"}", ' +
          "10 bytes. To pass over such events, set onBadItem",
      );
    }
  });

  test("throw: data that is no JSON keeps the parser's error as the cause", () => {
    const { error } = checked([bytesOf("data: oops\n\n")]);
    expect(error).toMatchObject({ code: "protocol", line: 1, byteOffset: 0, cause: { name: "SyntaxError" } });
    expect((error as Error).message).toContain("its data is no JSON: ");
  });

  test("skip: passed over, and told in marks between the events that it came between; none moves the cursor by itself", () => {
    for (const { cut, chunks } of everyCut(body)) {
      const result = checked(chunks, { onBadItem: "skip" });
      expect(jsonOf(result), cut).toEqual([{ price: 1 }, { price: 4 }]);
      expect(kindsOf(result), cut).toEqual([
        [1, "comment"],
        [1, "bad"],
        [1, "bad"],
      ]);
      const told = result.marks.flatMap(({ kind, value }) => (kind === "bad" ? [value] : []));
      expect(told, cut).toMatchObject(bad);
      expect(
        result.items.map(({ lastEventId }) => lastEventId),
        cut,
      ).toEqual(["", "3"]);
    }
  });

  test("a function is called with each bad item first, also with one that is passed over for its size", () => {
    const seen: BadItem[] = [];
    const onBadItem = (item: BadItem): void => void seen.push(item);
    const { marks } = checked([bytesOf('data: x\n\ndata: 0123456789\n\ndata: {"p":1}\n\n')], {
      onBadItem,
      maxItemBytes: 15,
    });
    expect(seen.map(({ line, byteOffset }) => [line, byteOffset])).toEqual([
      [1, 0],
      [3, 9],
    ]);
    expect(marks.map(({ value }) => value)).toEqual(seen);
  });

  test("the first thing that is wrong is thrown, be it the schema's or the limit's", () => {
    const options = { schema: price, maxItemBytes: 15 };
    const bytes = bytesOf("data: x\n\ndata: 0123456789\n\n");
    expect(decoded(sseDecoder(options), [bytes]).error).toMatchObject({ code: "protocol", line: 1 });
    expect(decoded(sseDecoder(options), [bytes.slice(9)]).error).toMatchObject({ code: "limit", line: 1 });
    const after = bytesOf('data: {"p":1}\n\n', bytes.slice(9));
    expect(decoded(sseDecoder(options), [after])).toMatchObject({
      items: [{ json: { price: 1 } }],
      error: { line: 3 },
    });
  });

  test("tells the line and the byte of every event of any body, however it is cut", () => {
    const any = fc
      .array(fc.oneof(fc.constantFrom(...streamPieces), fc.constantFrom(...eventPieces)), { maxLength: 40 })
      .map((pieces) => bytesOf(...pieces));
    let told = 0;
    fc.assert(
      fc.property(any, fc.array(fc.nat(), { maxLength: 12 }), (bytes, cuts) => {
        const model = modelledUpTo(bytes, 2 ** 20);
        const none = schemaOf<Price>(() => ({ issues: [] }));
        const { marks } = decoded(sseDecoder({ schema: none, onBadItem: "skip" }), cutAt(bytes, cuts));
        const bad = marks.flatMap(({ kind, value }) => (kind === "bad" ? [value] : []));
        told += bad.length;
        expect(bad.map(({ line, byteOffset }) => ({ line, byteOffset }))).toEqual(model.places);
        expect(bad.map(({ raw }) => raw)).toEqual(model.items.map(({ data }) => bytesOf(data)));
      }),
      { numRuns: 2_000 },
    );
    expect(told).toBeGreaterThan(1_000);
  });
});

describe("marker", () => {
  test("a text is compared with the data before it is taken for JSON, ends all, and what is behind it is not looked at", () => {
    for (const { cut, chunks } of everyCut('data: {"p":1}\n\ndata: [DONE]\n\n')) {
      const result = checked(chunks, { marker: "[DONE]" });
      expect(jsonOf(result), cut).toEqual([{ price: 1 }]);
      expect(kindsOf(result), cut).toEqual([[1, "marker"]]);
      expect(result.error, cut).toBeUndefined();
    }
    const behind = checked([bytesOf("data: [DONE]\n\ndata: oops\n\n: hi\n\n")], { marker: "[DONE]" });
    expect(behind).toEqual({ items: [], marks: [{ at: 0, kind: "marker" }], end: "ended" });
  });

  test("an event of the last type is handed out when the schema takes its data, and is a marker when it does not", () => {
    const last = { marker: { event: "done" } };
    for (const { cut, chunks } of everyCut('data: {"p":1}\n\nevent: done\ndata: {"p":2}\n\n')) {
      const result = checked(chunks, last);
      expect([jsonOf(result), kindsOf(result)], cut).toEqual([[{ price: 1 }, { price: 2 }], []]);
    }
    for (const data of ["bye", '{"q":1}', ""]) {
      for (const { cut, chunks } of everyCut(`data: {"p":1}\n\nevent: done\ndata: ${data}\n\n`)) {
        const result = checked(chunks, last);
        expect([jsonOf(result), kindsOf(result), result.error], cut).toEqual([
          [{ price: 1 }],
          [[1, "marker"]],
          undefined,
        ]);
      }
    }
  });

  test("is found in an event that the body ends in, too", () => {
    for (const [marker, input] of [
      ["[DONE]", "data: [DONE]"],
      [{ event: "done" }, "event: done\ndata: bye\n"],
    ] as const) {
      for (const { cut, chunks } of everyCut(input)) {
        expect(checked(chunks, { marker }), cut).toEqual({
          items: [],
          marks: [{ at: 0, kind: "marker" }],
          end: "truncated",
        });
      }
    }
  });
});

test("an unfinished event is marked with its json when the schema takes it, and is no bad item when it does not", () => {
  expect(checked([bytesOf('data: {"p":1}')]).marks).toMatchObject([
    { kind: "unfinished", value: { json: { price: 1 } } },
  ]);
  for (const input of ['data: {"p":', 'data: {"p":"1"}\n']) {
    expect(checked([bytesOf(input)])).toEqual({ items: [], marks: [], end: "truncated" });
  }
});

test("a heartbeat is not checked and not handed out; it is a mark, and so is its id", () => {
  const heartbeat = ({ type }: { type: string }) => type === "ping";
  const input = 'event: ping\ndata: x\n\ndata: {"p":1}\n\nevent: ping\nid: 5\ndata: y\n\n';
  for (const { cut, chunks } of everyCut(input)) {
    const result = checked(chunks, { heartbeat });
    expect(jsonOf(result), cut).toEqual([{ price: 1 }]);
    expect(result.marks, cut).toEqual([
      { at: 0, kind: "heartbeat" },
      { at: 1, kind: "heartbeat" },
      { at: 1, kind: "cursor", value: "5" },
    ]);
  }
});

test("a schema that answers with a promise is a TypeError that says what to do", () => {
  const schema = schemaOf(async () => ({ value: 1 }));
  const push = () => sseDecoder({ schema }).push(bytesOf("data: 1\n\n"), emptySink());
  expect(push).toThrow(TypeError);
  expect(push).toThrow("give a schema without asynchronous checks");
});

test("what is no schema, a bad onBadItem and a bad marker are TypeErrors that print them", () => {
  expect(() => sseDecoder({ schema: 5 as unknown as StandardSchema })).toThrow(
    new TypeError("schema must be a Standard Schema, such as zod, valibot and arktype make, got number 5"),
  );
  expect(() => sseDecoder({ schema: price, onBadItem: "drop" as "skip" })).toThrow(
    new TypeError('onBadItem must be "throw", "skip" or a function, got string drop'),
  );
  expect(() => sseDecoder({ schema: price, marker: 5 as unknown as string })).toThrow(
    new TypeError("marker must be a string or { event }, got number 5"),
  );
});
