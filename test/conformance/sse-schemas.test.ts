import type { StandardSchema } from "@longwire/core";
import { scriptedTransport } from "@longwire/core/testing";
import { openSse, sseDecoder } from "@longwire/sse";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { decoded, everyCut } from "../../packages/core/test/decoding/every-cut.ts";

// Each takes { price: number, at: a date as text }, and answers with a Date in the place of the text.

interface Price {
  price: number;
  at: Date;
}

const zodPrice = z.object({ price: z.number(), at: z.iso.datetime().transform((text) => new Date(text)) });

const valibotPrice = v.object({
  price: v.number(),
  at: v.pipe(
    v.string(),
    v.isoTimestamp(),
    v.transform((text) => new Date(text)),
  ),
});

const arktypePrice = type({ price: "number", at: "string.date.iso.parse" });

const at = "2026-11-20T00:00:00Z";
const good: Price = { price: 1, at: new Date(at) };
const body = `id: 1\ndata: {"price":1,"at":"${at}"}\n\ndata: {"price":"2","at":"${at}"}\n\ndata: {"price":3,"at":"then"}\n\n`;

describe.each<[library: string, schema: StandardSchema<Price>]>([
  ["zod", zodPrice],
  ["valibot", valibotPrice],
  ["arktype", arktypePrice],
])("a schema of %s", (_, schema) => {
  test("checks the data of events: json is its output, what it refuses is told with where and why, at every cut", () => {
    for (const { cut, chunks } of everyCut(body)) {
      const { items, marks } = decoded(sseDecoder({ schema, onBadItem: "skip" }), chunks);
      expect(
        items.map(({ json }) => json),
        cut,
      ).toEqual([good]);
      expect(marks, cut).toMatchObject([
        {
          at: 1,
          kind: "bad",
          value: { line: 4, reason: expect.stringMatching(/^the schema refuses its data: .*price/) },
        },
        { at: 1, kind: "bad", value: { line: 6, reason: expect.stringMatching(/^the schema refuses its data: .*at/) } },
      ]);
    }
  });

  test("types and checks a stream", async () => {
    const transport = scriptedTransport([{ headers: { "content-type": "text/event-stream" }, chunks: [body] }]);
    const seen: Price[] = [];
    const reading = (async () => {
      for await (const { json } of openSse("https://a.example/", { schema, transport })) seen.push(json);
    })();
    await expect(reading).rejects.toMatchObject({ code: "protocol", line: 4 });
    expect(seen).toEqual([good]);
  });
});

test("event.json is what the schema of each library puts out", () => {
  const json = <Output>(schema: StandardSchema<Output>) => sseDecoder({ schema });
  expectTypeOf<ReturnType<typeof json<Price>>>().toEqualTypeOf(json(zodPrice));
  expectTypeOf(json(valibotPrice)).toEqualTypeOf(json(zodPrice));
  expectTypeOf(json(arktypePrice)).toEqualTypeOf(json(zodPrice));
});
