import { type EventStream, latestBy, type StandardSchema } from "@longwire/core";
import type { CheckedEvent, ServerSentEvent } from "@longwire/sse";
import { expect, expectTypeOf, test } from "vitest";
import { clientOf, read, sse } from "./client-of.ts";

interface Price {
  readonly price: number;
}

/** Takes `{ p }`, and makes a Price of it. */
const Price: StandardSchema<Price> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) => {
      const { p } = Object(value) as { p?: unknown };
      return typeof p === "number" ? { value: { price: p } } : { issues: [{ message: "no number" }] };
    },
  },
};

test("sse with a schema: event.json is its output, by type and in fact", async () => {
  const { client } = clientOf([{ headers: sse, chunks: ['data: {"p":1}\n\ndata: [DONE]\n\n'] }]);
  const prices: Price[] = [];
  const events = client.sse("/prices", { schema: Price, until: "[DONE]" });
  expectTypeOf(events).toEqualTypeOf<EventStream<CheckedEvent<Price>>>();
  for await (const event of events) {
    expectTypeOf(event.json).toEqualTypeOf<Price>();
    prices.push(event.json);
  }
  expect(prices).toEqual([{ price: 1 }]);
  expect(await events.outcome).toMatchObject({ code: "complete" });
});

test("sse without one: there is no json", async () => {
  const { client } = clientOf([{ headers: sse, chunks: ['data: {"p":1}\n\n'] }, { status: 204 }]);
  const events = client.sse("/prices", { schema: undefined, reconnect: false });
  expectTypeOf(events).toEqualTypeOf<EventStream<ServerSentEvent>>();
  expect((await read(events)).map((event) => Object.keys(event))).toEqual([["type", "data", "lastEventId", "id"]]);
});

test("ndjson with a schema: records are its output, bad ones end the stream or are passed over", async () => {
  const chunks = ['{"p":1}\n{"q":1}\n{"p":2}\n'];
  const { client } = clientOf([{ chunks }, { chunks }]);
  const rows = client.ndjson("/rows", { schema: Price });
  expectTypeOf(rows).toEqualTypeOf<EventStream<Price>>();
  await expect(read(rows)).rejects.toMatchObject({ code: "protocol", line: 2 });
  const skipping = client.ndjson("/rows", { schema: Price, onBadItem: "skip" });
  expect(await read(skipping)).toEqual([{ price: 1 }, { price: 2 }]);
});

test("jsonSeq reads a JSON text sequence, with a schema or without", async () => {
  const headers = { "content-type": "application/json-seq" };
  const chunks = ['\x1e{"p":1}\n\x1e{"p":2}\n'];
  const { client } = clientOf([
    { headers, chunks },
    { headers, chunks },
  ]);
  const rows = client.jsonSeq<{ p: number }>("/rows");
  expectTypeOf(rows).toEqualTypeOf<EventStream<{ p: number }>>();
  expect(await read(rows)).toEqual([{ p: 1 }, { p: 2 }]);
  const checked = client.jsonSeq("/rows", { schema: Price });
  expectTypeOf(checked).toEqualTypeOf<EventStream<Price>>();
  expect(await read(checked)).toEqual([{ price: 1 }, { price: 2 }]);
});

test("a policy knows its item: latestBy without a schema, the literal with one", async () => {
  const events = [{ headers: sse, chunks: ["event: a\ndata: 1\n\nevent: b\ndata: 2\n\nevent: a\ndata: 3\n\n"] }];
  const plain = clientOf(events).client.sse("/events", {
    policy: latestBy((event) => event.type),
    capacity: 3,
    reconnect: false,
  });
  expect((await read(plain)).map(({ data }) => data)).toEqual(["3", "2"]);

  const checked = clientOf([{ headers: sse, chunks: ['data: {"p":1}\n\ndata: {"p":-1}\n\n'] }]).client.sse("/prices", {
    schema: Price,
    policy: { latestBy: (event) => Math.abs(event.json.price) },
    capacity: 3,
    reconnect: false,
  });
  expectTypeOf(checked).toEqualTypeOf<EventStream<CheckedEvent<Price>>>();
  expect((await read(checked)).map(({ json }) => json)).toEqual([{ price: -1 }]);

  const script = [{ chunks: ['{"p":1}\n{"p":-1}\n'] }];
  const rows = clientOf(script).client.ndjson("/rows", {
    schema: Price,
    policy: { latestBy: (row) => Math.abs(row.price) },
    capacity: 3,
  });
  expectTypeOf(rows).toEqualTypeOf<EventStream<Price>>();
  expect(await read(rows)).toEqual([{ price: -1 }]);
  const typed = clientOf(script).client.ndjson<{ p: number }>("/rows", {
    policy: latestBy((row) => Math.abs(row.p)),
    capacity: 3,
  });
  expect(await read(typed)).toEqual([{ p: -1 }]);
  const lines = clientOf(script).client.lines("/rows", { policy: latestBy((line) => line.includes("-")), capacity: 3 });
  expect((await read(lines)).length).toBe(2);
});
