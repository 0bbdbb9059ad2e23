import { fakeClock } from "@longwire/core/testing";
import { describe, expect, it } from "vitest";
import { ndjsonResponse, type Source, sseResponse, type SseItem } from "../src/index.ts";

describe("sseResponse", () => {
  it("has the head of an event stream that nobody may hold back", async () => {
    const response = sseResponse(of(), { headers: { "X-Team": "ops" }, status: 201 });
    expect(response.status).toBe(201);
    expect(Object.fromEntries(response.headers)).toEqual({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
      "x-team": "ops",
    });
    expect(await response.text()).toBe(": \n\n");
  });

  it("sends texts and blocks", async () => {
    const source = of<SseItem>("one\r\ntwo", { id: "7", type: "price", data: "3", retry: 9, comment: "c" });
    expect(await sseResponse(source).text()).toBe(
      ": \n\ndata: one\ndata: two\n\n: c\nretry: 9\nid: 7\nevent: price\ndata: 3\n\n",
    );
  });

  it("begins with the wait for those who come back, in a comment of 2 KiB where that is asked for", async () => {
    const text = await sseResponse(of("x"), { retryMs: 2_500, paddingBytes: 2_048 }).text();
    const [opening, rest] = [text.slice(0, text.indexOf("\n\n") + 2), text.slice(text.indexOf("\n\n") + 2)];
    expect(opening).toMatch(/^: +\nretry: 2500\n\n$/);
    expect(opening.length).toBe(2_048);
    expect(rest).toBe("data: x\n\n");
  });

  it("tells a function the Last-Event-ID, as UTF-8, and the request", async () => {
    const bytes = String.fromCharCode(...new TextEncoder().encode("\ufeffid-ü"));
    const request = new Request("https://a.example/", { headers: { "last-event-id": bytes } });
    const source: Source<SseItem, Request | undefined> = ({ lastEventId, request }) =>
      of(`${lastEventId} ${request?.url}`);
    expect(await sseResponse(source, { request }).text()).toContain("data: \ufeffid-ü https://a.example/\n\n");
  });

  it("takes an empty Last-Event-ID for none", async () => {
    const request = new Request("https://a.example/", { headers: { "last-event-id": "" } });
    expect(await sseResponse(({ lastEventId }) => of(String(lastEventId)), { request }).text()).toContain("undefined");
  });

  const injections: readonly SseItem[] = [
    { id: "1\ndata: forged", data: "x" },
    { id: "1\rdata: forged", data: "x" },
    { id: "1\0", data: "x" },
    { type: "a\ndata: forged", data: "x" },
    { type: "a\rdata: forged", data: "x" },
    { type: "a\0", data: "x" },
    { retry: 1.5, data: "x" },
  ];
  it.each(injections)("refuses to send %j: the body breaks before it, and onError is told", async (block) => {
    const told: unknown[] = [];
    const { source, ended } = watched(of("good", block, "after"));
    const { text, error } = await readAll(sseResponse(source, { onError: (error) => told.push(error) }));
    expect(text).toBe(": \n\ndata: good\n\n");
    expect(error).toBe(told[0]);
    expect(told).toEqual([expect.any(Error)]);
    expect((told[0] as Error).message).toMatch(/line break|NUL|retry/);
    expect(ended()).toBe(true);
  });

  it("keeps data, types and comments in their lines, whatever breaks lines elsewhere", async () => {
    const odd = "a\u2028b\u2029c\u0085d\v\f\0e";
    expect(await sseResponse(of<SseItem>({ type: "x\u2028y", data: odd, comment: odd })).text()).toBe(
      `: \n\n: ${odd}\nevent: x\u2028y\ndata: ${odd}\n\n`,
    );
    expect(await sseResponse(of<SseItem>({ comment: "a\r\nb\rid: 9\n\ndata: forged" })).text()).toBe(
      ": \n\n: a\n: b\n: id: 9\n: \n: data: forged\n\n",
    );
  });

  it("makes one block of data with line breaks, whatever stands in it", async () => {
    expect(await sseResponse(of("a\n\nid: 9\rdata: b")).text()).toBe(
      ": \n\ndata: a\ndata: \ndata: id: 9\ndata: data: b\n\n",
    );
  });

  it("breaks the body when the source throws: no clean end", async () => {
    const told: unknown[] = [];
    async function* broken() {
      yield "one";
      throw new Error("no more database");
    }
    const { text, error } = await readAll(sseResponse(broken(), { onError: (error) => told.push(error) }));
    expect(text).toBe(": \n\ndata: one\n\n");
    expect(error).toMatchObject({ message: "no more database" });
    expect(told).toEqual([error]);
  });

  it("breaks a turn behind the piece before, which a server has written by then", async () => {
    const clock = fakeClock();
    async function* broken() {
      yield "one";
      throw new Error("no more database");
    }
    const reader = (sseResponse(broken, { clock }).body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await reader.read();
    let isBroken = false;
    const end = reader.read().catch(() => {
      isBroken = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isBroken).toBe(false);
    await clock.advance(0);
    await end;
    expect(isBroken).toBe(true);
  });

  it("asks the source for an item only when one is read, and lets it go with its reader", async () => {
    const { source, asked, ended } = watched(endless());
    const signals: AbortSignal[] = [];
    const response = sseResponse(({ signal }) => {
      signals.push(signal);
      return source;
    });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    expect([asked(), signals.length]).toEqual([0, 0]);
    await reader.read();
    expect([asked(), signals[0]?.aborted]).toEqual([1, false]);
    await reader.cancel();
    expect([asked(), ended(), signals[0]?.aborted]).toEqual([1, true, true]);
  });

  it("breaks when the source cannot be iterated, is none, or gives what is no step: onError has it, and nothing is thrown", async () => {
    const sources: unknown[] = [
      {
        [Symbol.asyncIterator]() {
          throw new Error("once only");
        },
      },
      ["a sync list"],
      () => "text",
      () => Promise.reject(new Error("not made")),
      () => {
        throw new Error("not made");
      },
      { [Symbol.asyncIterator]: () => ({ next: () => undefined }) },
      { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: null }) }) },
    ];
    for (const source of sources) {
      const told: unknown[] = [];
      const response = sseResponse(source as Source<SseItem, Request | undefined>, { onError: (e) => told.push(e) });
      const { text, error } = await readAll(response);
      expect([text, told]).toEqual([": \n\n", [expect.any(Error)]]);
      expect(error).toBe(told[0]);
    }
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("the log is full");
      },
    ],
    ["rejects", () => Promise.reject(new Error("the log is full"))],
  ])("breaks all the same when onError %s, and nobody else hears of it", async (_how, onError) => {
    const { text, error } = await readAll(sseResponse(of({ id: "\n" }), { onError }));
    expect([text, (error as Error).message]).toEqual([": \n\n", expect.stringContaining("event id")]);
  });

  it("tells onError nothing of an item that comes as its reader leaves, whichever is first", async () => {
    const told: unknown[] = [];
    for (let turns = 0; turns < 20; turns++) {
      const late = Promise.withResolvers<string>();
      async function* source() {
        yield await late.promise;
      }
      const body = sseResponse(source(), { onError: (error) => told.push(error) }).body as ReadableStream<Uint8Array>;
      const reader = body.getReader();
      await reader.read();
      const pending = reader.read();
      late.resolve("late");
      for (let turn = 0; turn < turns; turn++) await null;
      await reader.cancel();
      await pending;
    }
    expect(told).toEqual([]);
  });

  it("lets an iterable go that was never asked, and never calls a function that nobody reads", async () => {
    const { source, ended } = watched(endless());
    await sseResponse(source).body?.cancel();
    expect(ended()).toBe(true);
    let called = false;
    await sseResponse(() => {
      called = true;
      return of();
    }).body?.cancel();
    expect(called).toBe(false);
  });

  it("lets a source go that is being made when the client leaves", async () => {
    const { source, ended } = watched(endless());
    const making = Promise.withResolvers<typeof source>();
    const asked = Promise.withResolvers<void>();
    const response = sseResponse(() => {
      asked.resolve();
      return making.promise;
    });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    const pending = reader.read();
    await asked.promise;
    await reader.cancel();
    making.resolve(source);
    expect((await pending).done).toBe(true);
    await fakeClock().advance(0);
    expect(ended()).toBe(true);
  });

  it("ends with the request's signal, while the source is silent", async () => {
    const left = new AbortController();
    const { source, ended } = watched(silent());
    const request = new Request("https://a.example/", { signal: left.signal });
    const reader = (sseResponse(source, { request }).body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    const pending = reader.read();
    left.abort();
    await expect(pending).rejects.toMatchObject({ name: "AbortError" });
    expect(ended()).toBe(true);
  });

  it("has no body for HEAD, and begins nothing", async () => {
    const { source, asked, ended } = watched(endless());
    const response = sseResponse(source, { request: new Request("https://a.example/", { method: "HEAD" }) });
    expect([response.headers.get("content-type"), response.body]).toEqual(["text/event-stream", null]);
    expect([asked(), ended()]).toEqual([0, true]);
  });

  it("sends a comment after each silence of heartbeatMs, one timer all the while, none for who does not read", async () => {
    const clock = fakeClock();
    const response = sseResponse(silent(), { clock, heartbeatMs: 15_000 });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    expect(clock.pending).toBe(0);
    let beats = 0;
    const next = (): void =>
      void reader.read().then(({ value }) => {
        if (value && text(value) === ": \n\n") beats++;
      });
    next();
    await clock.advance(14_999);
    expect([beats, clock.pending]).toEqual([0, 1]);
    await clock.advance(1);
    expect(beats).toBe(1);
    await clock.advance(600_000);
    expect(beats).toBe(1);
    for (let n = 0; n < 3; n++) {
      next();
      await clock.advance(15_000);
    }
    expect(beats).toBe(4);
    await reader.cancel();
    expect(clock.pending).toBe(0);
  });

  it("is broken when its reader takes nothing for stallMs, and not while the source is silent", async () => {
    const clock = fakeClock();
    const { source, ended } = watched(silent());
    const reader = (
      sseResponse(source, { clock, stallMs: 1_000, heartbeatMs: 0 }).body as ReadableStream<Uint8Array>
    ).getReader();
    await reader.read();
    const pending = reader.read();
    await clock.advance(10_000);
    expect(ended()).toBe(false);
    await reader.cancel();
    expect([(await pending).done, clock.pending]).toEqual([true, 0]);
    const stalled = watched(endless());
    const slow = (
      sseResponse(stalled.source, { clock, stallMs: 1_000 }).body as ReadableStream<Uint8Array>
    ).getReader();
    for (let n = 0; n < 5; n++) {
      await slow.read();
      await clock.advance(999);
    }
    expect(stalled.ended()).toBe(false);
    await clock.advance(1);
    expect([stalled.ended(), clock.pending]).toEqual([true, 0]);
    await expect(slow.read()).rejects.toThrow("The client took nothing for 1000 ms (stallMs)");
  });

  it("hands a long item out in slices where there is a stallMs, so that who takes one slowly does not stall", async () => {
    const clock = fakeClock();
    const item = "x".repeat(1_000_000);
    const response = sseResponse(of(item), { clock, stallMs: 1_000, heartbeatMs: 1 });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let all = "";
    let longest = 0;
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      all += text(step.value);
      longest = Math.max(longest, step.value.length);
      await clock.advance(999);
    }
    expect(longest).toBe(65_536);
    expect(all).toBe(`: \n\ndata: ${item}\n\n`);
    expect(clock.pending).toBe(0);
  });

  it("loses no item that comes while a heartbeat goes out, and counts the silence from the last piece", async () => {
    const clock = fakeClock();
    async function* slow() {
      for (let n = 0; n < 5; n++) {
        await new Promise<void>((resolve) => void clock.timer(10_000, resolve));
        yield String(n);
      }
    }
    const all = sseResponse(slow(), { clock, heartbeatMs: 4_000 }).text();
    await clock.advance(60_000);
    const beat = ": \n\n";
    const items = [0, 1, 2, 3, 4].map((n) => `${beat}${beat}data: ${n}\n\n`);
    expect(await all).toBe(`${beat}${items.join("")}`);
    expect(clock.pending).toBe(0);
  });

  it.each([
    [{ heartbeatMs: -1 }, RangeError, "heartbeatMs must be a whole number from 0 up, got -1"],
    [{ heartbeatMs: "1" as unknown as number }, TypeError, "heartbeatMs must be a number, got string 1"],
    [{ paddingBytes: 0.5 }, RangeError, "paddingBytes must be a whole number from 0 up, got 0.5"],
    [{ retryMs: -3 }, RangeError, "retryMs must be a whole number from 0 up, got -3"],
    [{ status: 204 }, RangeError, "status must be from 200 to 299 and have a body, got 204"],
    [{ headers: { "x-a": "1\r\nx-b: 2" } }, TypeError, "x-b: 2"],
    [{ headers: { "x-a": "1\0" } }, TypeError, "invalid header value"],
    [{ headers: { "x-a\r\nx-b": "2" } }, TypeError, "x-b"],
    [{ headers: { "Content-Length": "5" } }, TypeError, "headers cannot have content-length"],
    [{ headers: { "transfer-encoding": "identity" } }, TypeError, "headers cannot have transfer-encoding"],
  ])("refuses %j", (options, kind, message) => {
    const make = () => sseResponse(of(), options);
    expect(make).toThrow(kind);
    expect(make).toThrow(message);
  });
});

describe("ndjsonResponse", () => {
  it("sends rows, and no heartbeats unless they are asked for", async () => {
    const clock = fakeClock();
    const response = ndjsonResponse(of<unknown>({ a: "x\ny" }, [1], "s"), { clock });
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    expect(await response.text()).toBe('{"a":"x\\ny"}\n[1]\n"s"\n');
    const reader = (ndjsonResponse(silent(), { clock }).body as ReadableStream<Uint8Array>).getReader();
    void reader.read();
    await clock.advance(100_000);
    expect(clock.pending).toBe(0);
    await reader.cancel();
    const beating = (
      ndjsonResponse(silent(), { clock, heartbeatMs: 1_000 }).body as ReadableStream<Uint8Array>
    ).getReader();
    const beat = beating.read();
    await clock.advance(1_000);
    expect(text((await beat).value as Uint8Array)).toBe("\n");
    await beating.cancel();
  });

  it("breaks at what JSON has no text for", async () => {
    const told: unknown[] = [];
    const { text, error } = await readAll(ndjsonResponse(of<unknown>(1, undefined), { onError: (e) => told.push(e) }));
    expect([text, told]).toEqual(["1\n", [expect.any(TypeError)]]);
    expect(error).toBe(told[0]);
  });
});

async function* of<T>(...items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function* endless(): AsyncGenerator<string> {
  for (let n = 0; ; n++) yield String(n);
}

function silent(): AsyncIterable<never> {
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: async () => ({ done: true, value: undefined }),
    }),
  };
}

/** The same items, with what was asked of them. */
function watched<T>(items: AsyncIterable<T>) {
  let asked = 0;
  let ended = false;
  const iterator = items[Symbol.asyncIterator]();
  const source: AsyncIterable<T> = {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        asked++;
        return iterator.next();
      },
      return: () => {
        ended = true;
        return iterator.return?.() ?? Promise.resolve({ done: true, value: undefined });
      },
    }),
  };
  return { source, asked: () => asked, ended: () => ended };
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

async function readAll(response: Response): Promise<{ text: string; error: unknown }> {
  let all = "";
  try {
    for await (const chunk of response.body as ReadableStream<Uint8Array>) all += text(chunk);
    return { text: all, error: undefined };
  } catch (error) {
    return { text: all, error };
  }
}
