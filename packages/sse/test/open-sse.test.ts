import { type EventStream, latestBy, type Notice, type StandardSchema } from "@longwire/core";
import { fakeClock, type Script, scriptedTransport } from "@longwire/core/testing";
import { describe, expect, expectTypeOf, test } from "vitest";
import type { CheckedEvent } from "../src/checked-decoder.ts";
import { type OpenCheckedSseOptions, openSse } from "../src/open-sse.ts";
import type { ServerSentEvent } from "../src/server-sent-event.ts";

interface Price {
  readonly price: number;
}

const schema: StandardSchema<Price> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) => {
      const { price } = Object(value) as Partial<Price>;
      return typeof price === "number" ? { value: { price } } : { issues: [{ message: "no number", path: ["price"] }] };
    },
  },
};

const sse = { "content-type": "text/event-stream" } as const;
const body = (...chunks: string[]) => ({ headers: sse, chunks });

/** Reads to the end on a fake clock, and tells all that came of it. */
async function readPrices(script: Script, options: Partial<OpenCheckedSseOptions<Price>> = {}) {
  const clock = fakeClock();
  const transport = scriptedTransport(script, { clock });
  const stream = openSse("https://a.example/prices", { ...options, schema, transport, clock, random: () => 0 });
  const reader = stream.notices();
  const json: unknown[] = [];
  const reading = (async () => {
    for await (const event of stream) json.push(event.json);
  })().catch((error: unknown) => error);
  await clock.advance(60_000);
  const error = await reading;
  const notices: Notice[] = [];
  for await (const notice of reader) notices.push(notice);
  const bad = notices.flatMap((notice) => (notice.type === "bad" ? [notice.item] : []));
  return { json, error, bad, outcome: await stream.outcome, requests: transport.requests };
}

describe("types", () => {
  test("with a schema event.json is its output, and every event is a ServerSentEvent as well", () => {
    const open = () => openSse("/prices", { schema, until: (event) => event.json.price === 0 });
    expectTypeOf(open).returns.toEqualTypeOf<EventStream<CheckedEvent<Price>>>();
    expectTypeOf<CheckedEvent<Price>>().toExtend<ServerSentEvent>();
    expectTypeOf<CheckedEvent<Price>["json"]>().toEqualTypeOf<Price>();
  });

  test("without one there is no json", () => {
    expectTypeOf(() => openSse("/events")).returns.toEqualTypeOf<EventStream<ServerSentEvent>>();
    expectTypeOf(() => openSse("/events", { schema: undefined })).returns.toEqualTypeOf<EventStream<ServerSentEvent>>();
    expectTypeOf<ServerSentEvent>().not.toHaveProperty("json");
  });

  test("the key function of a policy knows its event, and so does gap", () => {
    const plain = openSse("https://a.example/events", {
      policy: latestBy((event) => {
        expectTypeOf(event).toEqualTypeOf<ServerSentEvent>();
        return event.type;
      }),
      capacity: 3,
      resume: { gap: (event) => (event.type === "lost" ? { to: event.data, reopen: true } : undefined) },
    });
    expectTypeOf(plain).toEqualTypeOf<EventStream<ServerSentEvent>>();
    const literal = openSse("https://a.example/prices", {
      schema,
      policy: { latestBy: (event) => event.json.price },
      capacity: 3,
      resume: { gap: (event) => ({ to: String(event.json.price), reopen: false }) },
    });
    const annotated = openSse("https://a.example/prices", {
      schema,
      policy: latestBy((event: CheckedEvent<Price>) => event.json.price),
      capacity: 3,
    });
    expectTypeOf(literal).toEqualTypeOf<EventStream<CheckedEvent<Price>>>();
    expectTypeOf(annotated).toEqualTypeOf<EventStream<CheckedEvent<Price>>>();
    // @ts-expect-error: a gap says whether it has to be asked again
    openSse("https://a.example/prices", { schema, resume: { gap: () => ({ to: "7" }) } });
    // @ts-expect-error: without a schema too
    openSse("https://a.example/prices", { resume: { gap: () => ({ to: "7" }) } });
  });
});

describe("a schema", () => {
  test("data that it refuses ends the stream with protocol, which is not retried", async () => {
    const { json, error, requests } = await readPrices([body('data: {"price":1}\n\ndata: {"price":"2"}\n\n')]);
    expect(json).toEqual([{ price: 1 }]);
    expect(error).toMatchObject({ code: "protocol", line: 3, byteOffset: 19 });
    expect(requests).toHaveLength(1);
  });

  test("one that answers with a promise ends the stream with protocol, and says what to do", async () => {
    const later = { "~standard": { ...schema["~standard"], validate: async () => ({ value: { price: 1 } }) } };
    const clock = fakeClock();
    const transport = scriptedTransport([body("data: 1\n\n")], { clock });
    const stream = openSse("https://a.example/", { schema: later, transport, clock });
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "protocol",
      message: expect.stringContaining("give a schema without asynchronous checks"),
    });
  });

  test("a skipped event is told, and moves the cursor when the next good one is acknowledged", async () => {
    const cut = [
      body('id: 1\ndata: {"price":1}\n\nid: 2\ndata: oops\n\n'),
      body('data: {"price":3}\n\n'),
      { status: 204 },
    ];
    const { json, bad, requests, outcome } = await readPrices(cut, { onBadItem: "skip" });
    expect(json).toEqual([{ price: 1 }, { price: 3 }]);
    expect(bad).toMatchObject([{ line: 4, raw: new TextEncoder().encode("oops") }]);
    // The bad one alone left the cursor where it was; the event that followed it was acknowledged with id 1 in force.
    expect(requests.map(({ headers }) => headers["last-event-id"])).toEqual([undefined, "1", "1"]);
    expect(outcome).toMatchObject({ code: "complete", items: 2 });

    const followed = [body('id: 1\ndata: oops\n\ndata: {"price":2}\n\n'), { status: 204 }];
    expect((await readPrices(followed, { onBadItem: "skip" })).requests[1]?.headers["last-event-id"]).toBe("1");
  });

  test("a bad value of an option is an error before anything is sent", () => {
    expect(() => openSse("https://a.example/", { schema: {} as StandardSchema })).toThrow(TypeError);
    expect(() => openSse("https://a.example/", { onOversize: "drop" as "skip" })).toThrow(TypeError);
  });
});

describe("until with a schema", () => {
  test("a text is compared before the data is taken for JSON, and the stream is complete", async () => {
    for (const chunks of [
      ['data: {"price":1}\n\ndata: [DONE]\n\ndata: oops\n\n'],
      ['data: {"price":1}\n\ndata: [DO', "NE]"],
    ]) {
      const { json, outcome, requests } = await readPrices([body(...chunks)], { until: "[DONE]" });
      expect(json).toEqual([{ price: 1 }]);
      expect(outcome).toMatchObject({ code: "complete", items: 1 });
      expect(requests).toHaveLength(1);
    }
  });

  test.each([
    ['data: {"price":2}\n\n', [{ price: 1 }, { price: 2 }]],
    ["data: bye\n\n", [{ price: 1 }]],
    ["data: bye", [{ price: 1 }]],
  ])(
    "the last event, by its type, is handed out when its data is a Price, and ends the stream in any case: %j",
    async (last, prices) => {
      const { json, outcome } = await readPrices([body(`data: {"price":1}\n\nevent: done\n${last}`)], {
        until: { event: "done" },
      });
      expect(json).toEqual(prices);
      expect(outcome).toMatchObject({ code: "complete", items: prices.length });
    },
  );

  test("a predicate sees events that the schema took, also the one that the body ends in", async () => {
    const until = ({ json }: CheckedEvent<Price>) => json.price === 0;
    const whole = await readPrices([body('data: {"price":1}\n\ndata: {"price":0}\n\n')], { until });
    expect([whole.json, whole.outcome.code]).toEqual([[{ price: 1 }, { price: 0 }], "complete"]);
    const unfinished = await readPrices([body('data: {"price":1}\n\ndata: {"price":0}')], { until });
    expect([unfinished.json, unfinished.outcome.code]).toEqual([[{ price: 1 }], "complete"]);
    const bad = await readPrices([body('data: {"price":')], { until, reconnect: false });
    expect(bad.outcome.code).toBe("truncated");
  });
});

test("a heartbeat with data is not checked, and not handed out", async () => {
  const { json, outcome } = await readPrices([body('event: ping\ndata: x\n\ndata: {"price":1}\n\n'), { status: 204 }], {
    heartbeat: ({ type }) => type === "ping",
  });
  expect([json, outcome.code]).toEqual([[{ price: 1 }], "complete"]);
});

test("an oversize event is passed over and told, and its id alone moves no cursor", async () => {
  const long = `id: 2\ndata: "${"x".repeat(3_000)}"\n\n`;
  const script = [body('id: 1\ndata: {"price":1}\n\n', long.slice(0, 1_500), long.slice(1_500)), { status: 204 }];
  const { json, bad, requests } = await readPrices(script, { maxItemBytes: 1_000, onOversize: "skip" });
  expect(json).toEqual([{ price: 1 }]);
  expect(bad).toMatchObject([{ line: 4, reason: "it has 3014 bytes, more than maxItemBytes, 1000 bytes" }]);
  expect(bad[0]?.raw).toHaveLength(1_024);
  expect(requests[1]?.headers["last-event-id"]).toBe("1");
});

test("without a schema too an oversize event is passed over and told", async () => {
  const clock = fakeClock();
  const transport = scriptedTransport([body(`data: ${"x".repeat(40)}\n\ndata: b\n\n`), { status: 204 }], { clock });
  const events = openSse("https://a.example/", { transport, clock, maxItemBytes: 30, onOversize: "skip" });
  const notices = events.notices();
  const items = Array.fromAsync(events, ({ data }) => data);
  await clock.advance(60_000);
  expect(await items).toEqual(["b"]);
  const told = (await Array.fromAsync(notices)).filter(({ type }) => type === "bad");
  expect(told).toMatchObject([{ item: { line: 1, byteOffset: 0, reason: expect.stringContaining("46 bytes") } }]);
});

test("an event over the limit ends the stream with limit, its line and its byte", async () => {
  const { error } = await readPrices([body('data: {"price":1}\n\n', `data: ${"x".repeat(40)}\n\n`)], {
    maxItemBytes: 30,
  });
  expect(error).toMatchObject({ code: "limit", limit: "maxItemBytes", line: 3, byteOffset: 19 });
});
