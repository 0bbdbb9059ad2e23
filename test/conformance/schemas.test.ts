import type { EventStream, Sink, StandardSchema } from "@longwire/core";
import { scriptedTransport } from "@longwire/core/testing";
import { encodeJsonSeq, encodeNdjson, jsonSeqDecoder, ndjsonDecoder, openJsonSeq, openNdjson } from "@longwire/ndjson";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { decoded, everyCut } from "../../packages/core/test/decoding/every-cut.ts";

// Each takes { seq: number, at: a date as text }, drops other fields, and answers with a Date in the place of the text.

interface Row {
  seq: number;
  at: Date;
}

const zodRow = z.object({ seq: z.number(), at: z.iso.datetime().transform((text) => new Date(text)) });

const valibotRow = v.object({
  seq: v.number(),
  at: v.pipe(
    v.string(),
    v.isoTimestamp(),
    v.transform((text) => new Date(text)),
  ),
});

const arktypeRow = type({ "+": "delete", seq: "number", at: "string.date.iso.parse" });

const rows = [
  { seq: 1, at: "2026-11-20T00:00:00Z", more: true },
  { seq: "2", at: "2026-11-20T00:00:01Z" },
  { seq: 3, at: "yesterday" },
  { seq: 4, at: "2026-11-20T00:00:03Z" },
];
const taken: Row[] = [
  { seq: 1, at: new Date("2026-11-20T00:00:00Z") },
  { seq: 4, at: new Date("2026-11-20T00:00:03Z") },
];

describe.each<[library: string, schema: StandardSchema<Row>]>([
  ["zod", zodRow],
  ["valibot", valibotRow],
  ["arktype", arktypeRow],
])("a schema of %s", (_, schema) => {
  test.each([
    ["NDJSON", ndjsonDecoder, encodeNdjson],
    ["a JSON text sequence", jsonSeqDecoder, encodeJsonSeq],
  ] as const)(
    "checks %s: items are its output, what it refuses is told with where and why, at every cut",
    (__, decoder, encode) => {
      for (const { cut, chunks } of everyCut(rows.map(encode).join(""))) {
        const { items, marks } = decoded(decoder({ schema, onBadItem: "skip" }), chunks);
        expect(items, cut).toEqual(taken);
        expect(marks, cut).toMatchObject([
          { at: 1, kind: "bad", value: { line: 2, reason: expect.stringMatching(/^the schema refuses it: .*seq/) } },
          { at: 1, kind: "bad", value: { line: 3, reason: expect.stringMatching(/^the schema refuses it: .*at/) } },
        ]);
      }
    },
  );

  test("ends a stream as protocol by default, after the items before the bad row", async () => {
    const transport = scriptedTransport([{ chunks: rows.map(encodeNdjson) }]);
    const stream = openNdjson("https://a.example/", { schema, transport });
    const seen: Row[] = [];
    const reading = (async () => {
      for await (const row of stream) seen.push(row);
    })();
    await expect(reading).rejects.toMatchObject({
      code: "protocol",
      line: 2,
      byteOffset: encodeNdjson(rows[0]).length,
    });
    expect(seen).toEqual(taken.slice(0, 1));
  });
});

test.each<[library: string, schema: StandardSchema<unknown>]>([
  ["zod", z.string().refine(async () => true)],
  [
    "valibot",
    v.pipeAsync(
      v.string(),
      v.checkAsync(async () => true),
    ),
  ],
])(
  "a schema of %s that answers with a promise ends the stream as protocol, and the message says so",
  async (_, schema) => {
    for (const onBadItem of ["throw", "skip"] as const) {
      const transport = scriptedTransport([{ chunks: ['"a"\n'] }]);
      const { code, error } = await drained(openNdjson("https://a.example/", { schema, onBadItem, transport }));
      expect(code).toBe("protocol");
      expect((error as Error).message).toContain(
        "schema answers with a promise, and a decoder does not wait; give a schema without asynchronous checks",
      );
    }
  },
);

test("the type of the items is the output of the schema", () => {
  const transport = scriptedTransport([]);
  expectTypeOf(openNdjson("https://a.example/", { schema: zodRow, transport })).toEqualTypeOf<EventStream<Row>>();
  expectTypeOf(openNdjson("https://a.example/", { schema: valibotRow, transport })).toEqualTypeOf<EventStream<Row>>();
  expectTypeOf(openNdjson("https://a.example/", { schema: arktypeRow, transport })).toEqualTypeOf<EventStream<Row>>();
  expectTypeOf(openJsonSeq("https://a.example/", { schema: zodRow, transport })).toEqualTypeOf<EventStream<Row>>();
  expectTypeOf(ndjsonDecoder({ schema: zodRow }).push)
    .parameter(1)
    .toEqualTypeOf<Sink<Row>>();
  const resumed = openNdjson("https://a.example/", {
    schema: zodRow,
    transport,
    resume: { cursor: (row) => row.at.getTime() },
    until: (row) => row.seq === 9,
  });
  expectTypeOf(resumed).toEqualTypeOf<EventStream<Row>>();
  expectTypeOf(openNdjson<Row>("https://a.example/", { transport })).toEqualTypeOf<EventStream<Row>>();
  expectTypeOf(openNdjson("https://a.example/", { transport })).toEqualTypeOf<EventStream<unknown>>();
  // @ts-expect-error: a row of the schema is no text
  expect(openNdjson<string>("https://a.example/", { schema: zodRow, transport })).toBeDefined();
});

async function drained(stream: EventStream<unknown>): Promise<{ code: string; error?: unknown }> {
  try {
    for await (const _ of stream);
  } catch {
    // The outcome tells.
  }
  return stream.outcome;
}
