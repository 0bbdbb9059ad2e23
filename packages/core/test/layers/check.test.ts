import { expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { checkLayer } from "../../src/layers/check.ts";
import { StreamRequest } from "../../src/request/stream-request.ts";
import { fakeClock, type ScriptedAnswer, scriptedTransport } from "../../src/testing/index.ts";

const request = new StreamRequest({ url: "https://ann:pw@a.example/feed?token=abc" });
const free = new AbortController().signal;
const sse = {
  name: "SSE",
  accept: "text/event-stream",
  accepts: (mediaType: string) => mediaType === "text/event-stream",
};

async function checked(answer: ScriptedAnswer, clock = fakeClock()) {
  const transport = scriptedTransport([answer], { clock });
  const result = await checkLayer(sse, clock)(transport)(request, { signal: free }).catch((error: unknown) => error);
  return { result, transport };
}

test.each(["text/event-stream", "Text/Event-Stream; charset=utf-8", "text/event-stream ;x=y"])(
  "%s is handed on untouched",
  async (type) => {
    const { result, transport } = await checked({
      headers: { "content-type": type, "content-encoding": "identity" },
      chunks: ["data: 1\n\n"],
    });
    expect(result).toMatchObject({ status: 200, framing: "chunked" });
    expect([transport.pulled, transport.released, transport.open]).toEqual([0, 0, 1]);
  },
);

test.each([204, 205])("a %d is handed on whatever its type", async (status) => {
  const { result } = await checked({ status, headers: { "content-type": "text/html" } });
  expect(result).toMatchObject({ status, framing: "chunked" });
});

test("a status that is not 2xx is refused with all it told, secrets masked, even when its type is right", async () => {
  const { result, transport } = await checked({
    status: 503,
    headers: { "Content-Type": "text/event-stream", "Retry-After": "7", "Set-Cookie": "session=secret" },
    chunks: ["try ", "later"],
  });
  expect(result).toBeInstanceOf(StreamError);
  expect(result).toMatchObject({
    code: "refused",
    message: "Cannot open https://a.example/feed?token=***: the server answered 503",
    status: 503,
    headers: { "content-type": "text/event-stream", "retry-after": "7", "set-cookie": "***" },
    excerpt: "try later",
    retryAfterMs: 7_000,
  });
  expect([transport.released, transport.open]).toEqual([1, 0]);
});

test("a Retry-After date counts from the clock's date", async () => {
  const clock = fakeClock(Date.UTC(1994, 10, 6, 8, 49, 0));
  const { result } = await checked({ status: 429, headers: { "retry-after": "Sun, 06 Nov 1994 08:49:37 GMT" } }, clock);
  expect(result).toMatchObject({ retryAfterMs: 37_000 });
});

test.each([304, 199, 300, 400, 500])("a %d is refused", async (status) => {
  const { result } = await checked({ status, headers: { "content-type": "text/event-stream" } });
  expect(result).toMatchObject({ code: "refused", status });
});

test("an HTML page with status 200 is refused, and both types are named", async () => {
  const { result, transport } = await checked({
    headers: { "content-type": "text/html; charset=utf-8" },
    chunks: ["<h1>Sign in</h1>"],
  });
  expect(result).toMatchObject({
    code: "refused",
    status: 200,
    excerpt: "<h1>Sign in</h1>",
    message:
      "Cannot open https://a.example/feed?token=***: the server answered 200 with text/html; charset=utf-8, and SSE is read from text/event-stream",
  });
  expect(transport.released).toBe(1);
});

test("an answer without a type is asked about as the empty string", async () => {
  const { result } = await checked({});
  expect(result).toMatchObject({ code: "refused" });
  expect((result as Error).message).toContain("with no media type");
});

test("a coding that nothing decodes is refused by name, and compressed bytes are no excerpt", async () => {
  const headers = { "content-type": "text/event-stream", "content-encoding": "zstd" };
  const { result, transport } = await checked({ headers, chunks: [new Uint8Array([0x28, 0xb5])] });
  expect(result).toMatchObject({ code: "refused" });
  expect((result as Error).message).toContain("content-encoding zstd");
  expect(result).not.toHaveProperty("excerpt");
  expect(transport.released).toBe(1);
});

test("accepts is called as the dialect's own method", async () => {
  class Dialect {
    readonly name = "NDJSON";
    readonly accept = "application/x-ndjson";
    accepts(mediaType: string): boolean {
      return mediaType === this.accept;
    }
  }
  const clock = fakeClock();
  const transport = scriptedTransport([{ headers: { "content-type": "application/x-ndjson" } }], { clock });
  expect(await checkLayer(new Dialect(), clock)(transport)(request, { signal: free })).toMatchObject({ status: 200 });
});

test("an abort while the excerpt is read is thrown as the caller's reason", async () => {
  const clock = fakeClock();
  const caller = new AbortController();
  const transport = scriptedTransport([{ status: 500, chunks: ["stall"] }], { clock });
  const refused = expect(checkLayer(sse, clock)(transport)(request, { signal: caller.signal })).rejects.toBe("mine");
  await clock.advance(10);
  caller.abort("mine");
  await refused;
  expect([transport.open, clock.pending]).toEqual([0, 0]);
});

test("an endless error page costs 1 s and no more", async () => {
  const clock = fakeClock();
  const transport = scriptedTransport([{ status: 500, chunks: ["oops", "stall"] }], { clock });
  const refused = expect(checkLayer(sse, clock)(transport)(request, { signal: free })).rejects.toMatchObject({
    excerpt: "oops",
  });
  await clock.advance(1_000);
  await refused;
});
