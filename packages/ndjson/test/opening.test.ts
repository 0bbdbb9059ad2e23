import type { EventStream, Notice } from "@longwire/core";
import { type ScriptedAnswer, scriptedTransport } from "@longwire/core/testing";
import { expect, test } from "vitest";
import { openJsonSeq, openNdjson } from "../src/index.ts";
import { handmadeSchema } from "./handmade-schema.ts";

const url = "https://a.example/feed";
const once = { reconnect: false } as const;
const answer = (chunks: readonly string[], more: ScriptedAnswer = {}): ScriptedAnswer => ({
  headers: { "content-type": "application/json-seq" },
  chunks,
  ...more,
});

/** All there is to a stream: its items, its notices, its ending. */
async function all<T>(stream: EventStream<T>) {
  const told: Notice[] = [];
  const listening = (async () => {
    for await (const notice of stream.notices()) told.push(notice);
  })();
  const items: T[] = [];
  try {
    for await (const item of stream) items.push(item);
  } catch {
    // The outcome tells.
  }
  await listening;
  return { items, bad: told.filter((notice) => notice.type === "bad"), outcome: await stream.outcome };
}

test("a JSON text sequence is asked for by its media type, and read", async () => {
  const transport = scriptedTransport([answer(['\x1e{"a":1}\n\x1e', "2\n"])]);
  const { items, outcome } = await all(openJsonSeq(url, { transport }));
  expect(items).toEqual([{ a: 1 }, 2]);
  expect(outcome).toMatchObject({ code: "complete", items: 2 });
  expect(transport.requests[0]?.headers).toMatchObject({ accept: "application/json-seq" });
});

test.each(["application/json", "application/x-ndjson", "text/plain", ""])(
  "an answer of type %j is refused as a JSON text sequence, unless accept names it",
  async (type) => {
    const typed = answer(["\x1e1\n"], { headers: type ? { "content-type": type } : {} });
    const refused = await all(openJsonSeq(url, { ...once, transport: scriptedTransport([typed]) }));
    expect(refused.outcome.code).toBe("refused");
    const accept = type === "" ? "*/*" : type;
    const taken = await all(openJsonSeq(url, { ...once, accept, transport: scriptedTransport([typed]) }));
    expect(taken).toMatchObject({ items: [1], outcome: { code: "complete" } });
  },
);

test("a JSON text sequence goes on after a cut, by the caller's cursor", async () => {
  const transport = scriptedTransport([
    answer(['\x1e{"seq":1}\n\x1e{"se'], { framing: "close" }),
    answer(['\x1e{"seq":2}\n'], { framing: "close" }),
    answer(["\x1e[DONE]\n"]),
  ]);
  const stream = openJsonSeq<{ seq: number }>(url, {
    transport,
    reconnect: { firstMs: 0, floorMs: 0 },
    resume: { cursor: (row) => row.seq, apply: (request, since) => request.withQuery({ since }) },
    until: "[DONE]",
  });
  const { items, outcome } = await all(stream);
  expect(items).toEqual([{ seq: 1 }, { seq: 2 }]);
  expect(outcome).toMatchObject({ code: "complete", attempts: 3, cursor: 2 });
  expect(transport.requests.map((request) => request.url)).toEqual([url, `${url}?since=1`, `${url}?since=2`]);
});

test.each([
  ["\x1e1\n", "ended"],
  ["\x1e{}", "ended"],
  ["\x1e12", "truncated"],
  ["\x1e1\n\x1e", "truncated"],
] as const)("a JSON text sequence without framing that ends with %j is %s", async (body, code) => {
  const transport = scriptedTransport([answer([body], { framing: "close" })]);
  const { outcome } = await all(openJsonSeq(url, { ...once, transport }));
  expect(outcome.code).toBe(code);
});

test.each([
  ["NDJSON", openNdjson, ['1\n"long', 'er"\n2\n'], 2],
  ["a JSON text sequence", openJsonSeq, ['\x1e1\n\x1e"long', 'er"\n\x1e2\n'], 4],
] as const)("of %s an item over its limit is passed over and told in a notice", async (_, open, chunks, byteOffset) => {
  const transport = scriptedTransport([answer(chunks), answer(chunks)].map((one) => ({ ...one, headers: {} })));
  const options = { ...once, transport, accept: "*/*", maxItemBytes: 6 };
  const { items, bad, outcome } = await all(open(url, { ...options, onOversize: "skip" }));
  expect(items).toEqual([1, 2]);
  expect(bad).toMatchObject([
    {
      item: {
        line: 2,
        byteOffset,
        raw: new TextEncoder().encode('"longer"'),
        reason: "it has 8 bytes, more than maxItemBytes, 6 bytes",
      },
    },
  ]);
  expect(outcome.code).toBe("complete");
  expect((await all(open(url, options))).outcome.code).toBe("limit");
});

test.each([
  ["NDJSON", openNdjson],
  ["a JSON text sequence", openJsonSeq],
] as const)("a bad option of %s is refused before anything is sent", (_, open) => {
  const transport = scriptedTransport([]);
  expect(() => open(url, { transport, schema: {} as never })).toThrow(/^schema must be a Standard Schema/);
  expect(() => open(url, { transport, onOversize: "drop" as never })).toThrow(/^onOversize must be/);
  expect(() => open(url, { transport, maxItemBytes: 0 })).toThrow(RangeError);
  expect(transport.requests).toEqual([]);
});

test("a schema that answers with a promise ends the stream as protocol, whatever the policy for bad items", async () => {
  const schema = handmadeSchema((value) => Promise.resolve({ value }));
  const transport = scriptedTransport([answer(["1\n2\n"], { headers: {} })]);
  const { items, outcome } = await all(openNdjson(url, { ...once, transport, schema, onBadItem: "skip" }));
  expect(items).toEqual([]);
  expect(outcome.code).toBe("protocol");
  expect((outcome.error as Error).message).toContain("schema answers with a promise");
});

test("the cursor is read from what the schema made of a row", async () => {
  const schema = handmadeSchema((value) => ({ value: { place: Number(value) } }));
  const transport = scriptedTransport([answer(['"7"\n'], { headers: {} })]);
  const stream = openNdjson(url, { ...once, transport, schema, resume: { cursor: (row) => row.place } });
  expect((await all(stream)).outcome).toMatchObject({ code: "complete", cursor: 7 });
});
