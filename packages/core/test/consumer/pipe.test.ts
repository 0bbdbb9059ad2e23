import { getEventListeners } from "node:events";
import { PassThrough, Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { pipe, type PipeOptions } from "../../src/consumer/pipe.ts";
import { StreamError } from "../../src/errors.ts";
import { openBytes } from "../../src/open.ts";
import type { StreamOptions } from "../../src/options.ts";
import { fakeClock, type Script, scriptedTransport } from "../../src/testing/index.ts";

/** A writable whose chunks are taken when `take` is called, of either kind, and what became of it. */
interface Sink {
  readonly target: WritableStream<Uint8Array> | Writable;
  readonly seen: { text: string; end?: "finished" | { broken: unknown } };
  take(): void;
  fail(error: Error): void;
}

function webSink(): Sink {
  const seen: Sink["seen"] = { text: "" };
  const waiting: (() => void)[] = [];
  let controller: WritableStreamDefaultController | undefined;
  const target = new WritableStream<Uint8Array>({
    start(given) {
      controller = given;
    },
    write: (chunk) =>
      new Promise((resolve) => {
        waiting.push(() => {
          seen.text += Buffer.from(chunk).toString();
          resolve();
        });
      }),
    close() {
      seen.end = "finished";
    },
    abort(broken) {
      seen.end = { broken };
    },
  });
  return { target, seen, take: () => waiting.shift()?.(), fail: (error) => controller?.error(error) };
}

function nodeSink(): Sink {
  const seen: Sink["seen"] = { text: "" };
  const waiting: (() => void)[] = [];
  const target = new Writable({
    write(chunk, _, taken) {
      waiting.push(() => {
        seen.text += String(chunk);
        taken();
      });
    },
    final(done) {
      seen.end = "finished";
      done();
    },
    destroy(error, done) {
      if (seen.end !== "finished") seen.end = { broken: error };
      done(error);
    },
  });
  return { target, seen, take: () => waiting.shift()?.(), fail: (error) => target.destroy(error) };
}

function piped(sink: Sink, script: Script, { end, ...options }: StreamOptions<Uint8Array> & PipeOptions = {}) {
  const clock = fakeClock();
  const transport = scriptedTransport(script, { clock });
  const stream = openBytes("https://a.example/image", { transport, clock, random: () => 0, ...options });
  const { signal } = options;
  let result: unknown = "pending";
  pipe(stream, sink.target, { end, signal }).then(
    (outcome) => {
      result = outcome;
    },
    (thrown: unknown) => {
      result = { thrown };
    },
  );
  return { clock, transport, stream, result: () => result, passed: () => turnsOf(() => clock.advance(0)) };
}

/** Lets both kinds of streams do all they can: Node's tell in ticks, those of the web in promise jobs. */
async function turnsOf(step: () => Promise<unknown>): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    await step();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const whole = { framing: "length", headers: { "content-length": "6" }, chunks: ["ab", "cd", "ef"] } as const;
const reset = new StreamError("reset", "The wire was cut");

describe.each([
  ["a WritableStream", webSink],
  ["a Writable of Node", nodeSink],
] as const)("%s", (_, sinkOf) => {
  test("takes all bytes and its end, and the outcome is told then", async () => {
    const sink = sinkOf();
    const { result, transport, passed } = piped(sink, [whole]);
    for (const text of ["", "ab", "abcd"]) {
      await passed();
      expect([sink.seen, result()]).toEqual([{ text }, "pending"]);
      sink.take();
    }
    await passed();
    expect(sink.seen).toEqual({ text: "abcdef", end: "finished" });
    expect(result()).toMatchObject({ code: "complete", bytes: 6, items: 3, attempts: 1 });
    expect(transport.open).toBe(0);
  });

  test("that is slow holds the server up: a chunk is asked for when the one before was taken", async () => {
    const sink = sinkOf();
    const { transport, stream, passed } = piped(sink, [{ chunks: Array.from({ length: 100 }, () => "x") }]);
    for (let taken = 0; taken < 50; taken++) {
      await passed();
      expect([transport.pulled, stream.stats.items]).toEqual([taken + 1, taken + 1]);
      sink.take();
    }
    await stream.close();
    await passed();
  });

  test("is ended as broken with what the stream broke with", async () => {
    const sink = sinkOf();
    const { result, passed } = piped(sink, [{ chunks: ["ab", { error: reset }] }], { reconnect: false });
    await passed();
    sink.take();
    await passed();
    expect(sink.seen).toEqual({ text: "ab", end: { broken: reset } });
    expect(result()).toEqual({ thrown: reset });
  });

  test("that breaks while a chunk comes closes the stream, and its error is thrown as it is", async () => {
    const sink = sinkOf();
    const { result, transport, stream, passed } = piped(sink, [{ chunks: ["ab", "stall"] }]);
    await passed();
    sink.take();
    const error = new Error("disk full");
    sink.fail(error);
    await passed();
    expect(result()).toEqual({ thrown: error });
    expect([stream.state.name, transport.open]).toEqual(["closed", 0]);
  });

  test("that breaks while it takes a chunk does too", async () => {
    const sink = sinkOf();
    const { result, transport, passed } = piped(sink, [{ chunks: ["ab", "stall"] }]);
    await passed();
    const error = new Error("disk full");
    sink.fail(error);
    await passed();
    sink.take();
    await passed();
    expect(result()).toEqual({ thrown: error });
    expect(transport.open).toBe(0);
  });

  test("is ended as broken with the caller's reason, which is thrown as it is, whatever the pipe waits for", async () => {
    for (const takes of [0, 1, 3]) {
      const sink = sinkOf();
      const abort = new AbortController();
      const script = [takes === 3 ? whole : { chunks: ["ab", "stall"] }];
      const { result, transport, passed } = piped(sink, script, { signal: abort.signal });
      for (let taken = 0; taken < takes; taken++) {
        await passed();
        // At the third the end is on its way.
        if (taken < 2) sink.take();
      }
      const why = new Error("enough");
      abort.abort(why);
      sink.take();
      await passed();
      expect([sink.seen.end, result()]).toEqual([{ broken: why }, { thrown: why }]);
      expect(transport.open).toBe(0);
    }
  });

  test("of a signal that was aborted before is broken, and nothing is sent", async () => {
    const sink = sinkOf();
    const why = new Error("too late");
    const { result, transport, passed } = piped(sink, [], { signal: AbortSignal.abort(why) });
    await passed();
    expect([sink.seen.end, result(), transport.requests.length]).toEqual([{ broken: why }, { thrown: why }, 0]);
  });

  test("of a stream that somebody closes is no whole one: it is broken, and the pipe is closed", async () => {
    for (const takes of [0, 1]) {
      const sink = sinkOf();
      const { result, stream, passed } = piped(sink, [{ chunks: ["ab", "stall"] }]);
      await passed();
      if (takes === 1) sink.take();
      await passed();
      await stream.close();
      // A WritableStream waits for the write that it is at before it tells its sink.
      sink.take();
      await passed();
      expect(result()).toMatchObject({ code: "closed", bytes: 2 });
      expect(sink.seen.end).toMatchObject({ broken: { name: "AbortError" } });
    }
  });

  test("stays open with end: false, in every case", async () => {
    for (const script of [[whole], [{ chunks: ["ab", { error: reset }] }], [{ chunks: ["ab", "stall"] }]] as const) {
      const sink = sinkOf();
      const { result, stream, passed } = piped(sink, script, { end: false, reconnect: false });
      for (let taken = 0; taken < 4; taken++) {
        await passed();
        sink.take();
      }
      await stream.close();
      await passed();
      expect(result()).not.toBe("pending");
      expect(sink.seen.end).toBe(undefined);
      // It is free for the next.
      const next = piped(sink, [whole]);
      for (let taken = 0; taken < 4; taken++) {
        await next.passed();
        sink.take();
      }
      expect(next.result()).toMatchObject({ code: "complete" });
      expect(sink.seen.end).toBe("finished");
    }
  });
});

test("a Node writable that is closed before its end closes the stream, and the pipe resolves as closed", async () => {
  for (const takes of [0, 1, 3]) {
    const sink = nodeSink();
    const { target } = sink as { target: Writable };
    const script = [takes === 3 ? whole : { chunks: ["ab", "stall"] }];
    const { result, transport, stream, passed } = piped(sink, script);
    for (let taken = 0; taken < takes; taken++) {
      await passed();
      if (taken < 2) sink.take();
    }
    target.destroy();
    await passed();
    expect(result()).toMatchObject({ code: "closed" });
    expect([stream.state.name, transport.open, target.listenerCount("close")]).toEqual(["closed", 0, 0]);
  }
});

test("nothing is sent for a Node writable that was destroyed before", async () => {
  const sink = nodeSink();
  (sink.target as Writable).destroy();
  const { result, transport, passed } = piped(sink, []);
  await passed();
  expect(result()).toMatchObject({ code: "closed", attempts: 0 });
  expect(transport.requests.length).toBe(0);
});

test("a write that a Node writable refuses is thrown, also with end: false, and no error goes unheard", async () => {
  for (const end of [true, false]) {
    const full = new Error("no space left on device");
    const target = new Writable({ write: (_chunk, _encoding, taken) => taken(full) });
    const { result, transport, passed } = piped({ ...nodeSink(), target }, [{ chunks: ["ab", "stall"] }], { end });
    await passed();
    expect(result()).toEqual({ thrown: full });
    expect(transport.open).toBe(0);
  }
});

test("an end that the writable cannot keep is thrown", async () => {
  const full = new Error("no space left on device");
  for (const target of [
    new Writable({ write: (_chunk, _encoding, taken) => taken(), final: (done) => done(full) }),
    new WritableStream<Uint8Array>({ close: () => Promise.reject(full) }),
  ]) {
    const { result, passed } = piped({ ...nodeSink(), target }, [whole]);
    await passed();
    expect(result()).toEqual({ thrown: full });
  }
});

test("a Node writable that somebody ended before is no end that is waited for", async () => {
  for (const autoDestroy of [true, false]) {
    for (const chunks of [[], ["ab"]]) {
      const target = new Writable({ autoDestroy, write: (_chunk, _encoding, taken) => taken() });
      await new Promise<void>((resolve) => target.end(resolve));
      const { result, transport, passed } = piped({ ...nodeSink(), target }, [{ chunks, framing: "length" }]);
      await passed();
      const code = chunks.length === 0 ? "ERR_STREAM_ALREADY_FINISHED" : "ERR_STREAM_WRITE_AFTER_END";
      expect(result()).toMatchObject(autoDestroy ? { code: "closed" } : { thrown: { code } });
      expect(transport.open).toBe(0);
    }
  }
});

test("what was acknowledged is what the writable took", async () => {
  for (const sink of [webSink(), nodeSink()]) {
    const headers = { ...whole.headers, etag: '"1"', "accept-ranges": "bytes" };
    const { stream, passed } = piped(sink, [{ ...whole, headers }]);
    await passed();
    sink.take();
    await passed();
    expect([sink.seen.text, stream.stats.items, stream.cursor]).toEqual(["ab", 2, 2]);
    await stream.close();
    await passed();
  }
});

test("a Duplex is a writable too: backpressure comes from who reads it", async () => {
  const target = new PassThrough({ writableHighWaterMark: 1, readableHighWaterMark: 1 });
  const { result, transport, passed } = piped({ ...nodeSink(), target }, [whole]);
  await passed();
  expect(transport.pulled).toBeLessThan(3);
  let text = "";
  target.on("data", (chunk) => {
    text += String(chunk);
  });
  await passed();
  expect([text, result()]).toMatchObject(["abcdef", { code: "complete" }]);
});

test("what is no writable, is locked, or a bad option is a TypeError, before anything is sent", async () => {
  const clock = fakeClock();
  const transport = scriptedTransport([], { clock });
  const stream = openBytes("https://a.example/image", { transport, clock });
  const locked = new WritableStream<Uint8Array>();
  locked.getWriter();
  await expect(pipe(stream, {} as WritableStream<Uint8Array>)).rejects.toThrow(
    new TypeError("A pipe leads into a WritableStream or a Writable of Node, not [object Object]"),
  );
  await expect(pipe(stream, locked)).rejects.toThrow(TypeError);
  await expect(pipe(stream, new WritableStream(), { end: 0 as unknown as boolean })).rejects.toThrow(
    new TypeError("end must be true or false, not 0"),
  );
  expect(transport.requests.length).toBe(0);
});

test("a pipe leaves no listener on the signal or the writable", async () => {
  const target = new PassThrough();
  target.resume();
  const before = target.eventNames().map((name) => [name, target.listenerCount(name)]);
  const abort = new AbortController();
  const { result, passed } = piped({ ...nodeSink(), target }, [whole], { end: false, signal: abort.signal });
  await passed();
  expect(result()).toMatchObject({ code: "complete" });
  expect(target.eventNames().map((name) => [name, target.listenerCount(name)])).toEqual(before);
  expect(getEventListeners(abort.signal, "abort")).toEqual([]);
});
