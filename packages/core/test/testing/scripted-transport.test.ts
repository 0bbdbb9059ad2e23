import { expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { StreamRequest } from "../../src/request/stream-request.ts";
import { fakeClock, scriptedTransport } from "../../src/testing/index.ts";

const request = new StreamRequest({ url: "https://a.example/log" });
const free = () => new AbortController().signal;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function read(body: AsyncIterable<Uint8Array>): Promise<string[]> {
  const chunks: string[] = [];
  for await (const chunk of body) chunks.push(text(chunk));
  return chunks;
}

test("answers are played in order, one a request, and the requests are kept", async () => {
  const transport = scriptedTransport([
    { chunks: ["a", new Uint8Array([98])] },
    { status: 204, headers: { "X-One": "1" }, framing: "length", url: "https://b.example/" },
  ]);
  const first = await transport(request, { signal: free() });
  expect([first.status, first.framing, first.url]).toEqual([200, "chunked", request.url]);
  expect(await read(first.body)).toEqual(["a", "b"]);
  const second = await transport(request.withQuery({ n: 2 }), { signal: free() });
  expect([second.status, second.framing, second.url, second.headers.get("x-one")]).toEqual([
    204,
    "length",
    "https://b.example/",
    "1",
  ]);
  expect(transport.requests.map((each) => each.url)).toEqual(["https://a.example/log", "https://a.example/log?n=2"]);
});

test("a request behind the last answer is a TypeError that says which", async () => {
  const transport = scriptedTransport([]);
  await expect(transport(request, { signal: free() })).rejects.toThrow(
    new TypeError("The script has 0 answers; GET https://a.example/log is one request more"),
  );
  expect(transport.open).toBe(0);
});

test("a function answers by request and index", async () => {
  const transport = scriptedTransport(async (asked, index) => ({ chunks: [`${asked.method} ${index}`] }));
  await transport(request, { signal: free() });
  expect(await read((await transport(request.withMethod("PUT"), { signal: free() })).body)).toEqual(["PUT 1"]);
});

test("connected and sent are called when the clock says so, then the head comes", async () => {
  const clock = fakeClock();
  const calls: string[] = [];
  const on = {
    hidden: () => calls.push("hidden"),
    connected: ({ reused }: { reused: boolean }) => calls.push(`connected ${reused} ${clock.now()}`),
    sent: () => calls.push(`sent ${clock.now()}`),
  };
  const transport = scriptedTransport([{ connectMs: 10, headersMs: 20, reused: true }], { clock });
  const answer = transport(request, { signal: free(), on }).then(() => calls.push(`head ${clock.now()}`));
  await clock.advance(100);
  await answer;
  expect(calls).toEqual(["connected true 10", "sent 10", "head 30"]);
});

test("hidden behaves as fetch: hidden and sent at once, connected never", async () => {
  const calls: string[] = [];
  const on = {
    hidden: () => calls.push("hidden"),
    connected: () => calls.push("connected"),
    sent: () => calls.push("sent"),
  };
  const transport = scriptedTransport([{}], { hidden: true });
  const answer = transport(request, { signal: free(), on });
  expect(calls).toEqual(["hidden", "sent"]);
  await answer;
  expect(calls).toEqual(["hidden", "sent"]);
});

test("an unreachable server is told before anything is sent, another error after", async () => {
  const failures = [new StreamError("unreachable", "no"), new StreamError("reset", "cut")];
  const transport = scriptedTransport(failures.map((error) => ({ error })));
  for (const [failure, sent] of [
    [failures[0], false],
    [failures[1], true],
  ] as const) {
    let wasSent = false;
    const on = {
      hidden() {},
      connected() {},
      sent() {
        wasSent = true;
      },
    };
    await expect(transport(request, { signal: free(), on })).rejects.toBe(failure);
    expect(wasSent).toBe(sent);
  }
  expect(transport.open).toBe(0);
});

test.each(["connectMs", "headersMs"])(
  "a signal ends %s with its reason as it is, and no timer stays",
  async (field) => {
    const clock = fakeClock();
    const caller = new AbortController();
    const transport = scriptedTransport([{ [field]: 1_000 }], { clock });
    const answer = transport(request, { signal: caller.signal });
    const refused = expect(answer).rejects.toBe("their reason");
    await clock.advance(10);
    expect([clock.pending, transport.open]).toEqual([1, 1]);
    caller.abort("their reason");
    await refused;
    expect([clock.pending, transport.open]).toEqual([0, 0]);
  },
);

test("a signal that was aborted before the call sends nothing", async () => {
  const transport = scriptedTransport([{}]);
  await expect(transport(request, { signal: AbortSignal.abort("early") })).rejects.toBe("early");
  expect(transport.requests).toEqual([]);
});

test("the signal is let go at the head", async () => {
  const caller = new AbortController();
  const transport = scriptedTransport([{ chunks: ["a", { gate: Promise.resolve() }, "b"] }]);
  const { body } = await transport(request, { signal: caller.signal });
  caller.abort();
  expect(await read(body)).toEqual(["a", "b"]);
});

test("the body is played at the reader's pace, and waits by the clock and at gates", async () => {
  const clock = fakeClock();
  let pass = (): void => {};
  const gate = new Promise<void>((resolve) => {
    pass = resolve;
  });
  const transport = scriptedTransport([{ chunks: ["a", { waitMs: 50 }, "b", { gate }, "c", "d"] }], { clock });
  const { body, release } = await transport(request, { signal: free() });
  const iterator = body[Symbol.asyncIterator]();
  const taken: string[] = [];
  const take = () => iterator.next().then((step) => void taken.push(step.done ? "end" : text(step.value)));
  await take();
  expect([transport.pulled, clock.pending]).toEqual([1, 0]);
  const second = take();
  await clock.advance(49);
  expect(taken).toEqual(["a"]);
  await clock.advance(1);
  await second;
  const third = take();
  await clock.advance(1_000);
  expect(taken).toEqual(["a", "b"]);
  pass();
  await third;
  expect(taken).toEqual(["a", "b", "c"]);
  expect(transport.pulled).toBe(3);
  release();
});

test("an error is thrown where it stands, and closes the exchange", async () => {
  const cut = new StreamError("reset", "cut");
  const transport = scriptedTransport([
    { chunks: ["a", { error: cut }, "b"] },
    { chunks: [{ gate: Promise.reject(cut) }] },
  ]);
  for (let i = 0; i < 2; i++) {
    const { body } = await transport(request, { signal: free() });
    await expect(read(body)).rejects.toBe(cut);
  }
  expect([transport.pulled, transport.open, transport.released]).toEqual([1, 0, 0]);
});

test.each([["stall" as const], [{ waitMs: 1_000 }], [{ gate: new Promise(() => {}) }]])(
  "release settles a read that waits at %j, and leaves nothing behind",
  async (step) => {
    const clock = fakeClock();
    const transport = scriptedTransport([{ chunks: [step, "never"] }], { clock });
    const { body, release } = await transport(request, { signal: free() });
    const pending = body[Symbol.asyncIterator]().next();
    await clock.advance(1);
    expect(transport.open).toBe(1);
    release();
    release();
    expect(await pending).toEqual({ done: true, value: undefined });
    expect([transport.open, transport.released, transport.pulled, clock.pending]).toEqual([0, 1, 0, 0]);
  },
);

test("a chunk that was asked for before the release is not handed out after it", async () => {
  const transport = scriptedTransport([{ chunks: ["a"] }]);
  const { body, release } = await transport(request, { signal: free() });
  const pending = body[Symbol.asyncIterator]().next();
  release();
  expect((await pending).done).toBe(true);
});

test("release before the first read counts, and leaving the loop releases", async () => {
  const transport = scriptedTransport([{ chunks: ["a"] }, { chunks: ["a", "b"] }]);
  (await transport(request, { signal: free() })).release();
  expect([transport.open, transport.released]).toEqual([0, 1]);
  for await (const _ of (await transport(request, { signal: free() })).body) break;
  expect([transport.open, transport.released, transport.pulled]).toEqual([0, 2, 1]);
});

test("a body is read once", async () => {
  const transport = scriptedTransport([{ chunks: ["a"] }]);
  const { body } = await transport(request, { signal: free() });
  await read(body);
  await expect(read(body)).rejects.toThrow(TypeError);
});

test("a script that waits without a clock says so", async () => {
  const transport = scriptedTransport([{ connectMs: 5 }]);
  await expect(transport(request, { signal: free() })).rejects.toThrow("give scriptedTransport a clock");
});
