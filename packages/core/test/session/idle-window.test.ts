import { describe, expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import type { Dialect } from "../../src/events/dialect.ts";
import { Cadence } from "../../src/session/cadence.ts";
import { left, nothingLeft, reading, rig, type RigOptions, streamOf, type Tick, ticks } from "./stream-of.ts";

describe("a server that sets the window", () => {
  test("sets it by its head", async () => {
    const dialect: Dialect<Tick> = { ...ticks(), idleMsOfHead: ({ headers }) => Number(headers.get("x-idle")) };
    expect(await endOf(dialect, {}, { "x-idle": "700" })).toEqual([700, "no byte for 700 ms (idleMs)"]);
  });

  test("sets it by an item, from that item on", async () => {
    const dialect: Dialect<Tick> = {
      ...ticks(),
      idleMsOf: ({ text }) => Number(/^idle (\d+)$/.exec(text)?.[1] ?? Number.NaN) || undefined,
    };
    const { stream, clock } = rig(dialect, [{ chunks: ["idle 250\n", "stall"] }], { reconnect: false });
    const seen = reading(stream);
    await clock.advance(249);
    expect([seen.items.length, seen.end]).toEqual([1, "reading"]);
    await clock.advance(1);
    expect(seen.end).toMatchObject({ thrown: { code: "idle", clock: "idleMs" } });
  });

  test("sets it by a mark of its decoder", async () => {
    const plain = ticks();
    const dialect: Dialect<Tick> = {
      ...plain,
      decoder: (response, cursor) => {
        const inner = plain.decoder(response, cursor);
        return {
          ...inner,
          push: (chunk, sink) => {
            inner.push(chunk, sink);
            sink.marks.push({ at: sink.items.length, kind: "idle", value: 40 });
          },
        };
      },
    };
    expect(await endOf(dialect, {}, {}, [":hello\n", "stall"])).toEqual([40, "no byte for 40 ms (idleMs)"]);
  });

  test("keeps it over attempts until it says otherwise, and 0 is none", async () => {
    const dialect: Dialect<Tick> = { ...ticks(), idleMsOfHead: ({ headers }) => numberOf(headers.get("x-idle")) };
    const { stream, clock, transport } = rig(dialect, [
      { headers: { "x-idle": "700" }, chunks: ["stall"] },
      { chunks: ["stall"] },
      { headers: { "x-idle": "0" }, chunks: ["stall"] },
    ]);
    reading(stream);
    await clock.advance(700 + 100 + 699);
    expect(transport.requests.length).toBe(2);
    await clock.advance(1 + 100);
    expect(transport.requests.length).toBe(3);
    await clock.advance(100 * 86_400_000);
    expect([transport.requests.length, stream.state.name]).toEqual([3, "open"]);
    await stream.close();
    expect(left({ clock, transport })).toEqual(nothingLeft);
  });

  test("has the last word by the head of a later answer, over an item of an earlier one", async () => {
    const dialect: Dialect<Tick> = {
      ...ticks(),
      idleMsOfHead: ({ headers }) => numberOf(headers.get("x-idle")),
      idleMsOf: ({ text }) => (text === "fast" ? 500 : undefined),
    };
    const cut = { error: new StreamError("reset", "the connection broke") };
    const { stream, clock, transport } = rig(dialect, [
      { chunks: ["1=fast\n", cut] },
      { headers: { "x-idle": "60000" }, chunks: ["2=b\n", "stall"] },
    ]);
    reading(stream);
    await clock.advance(50_000);
    expect([transport.requests.length, stream.state.name]).toEqual([2, "open"]);
    await stream.close();
  });

  test("does not set it for the time that an answer takes", async () => {
    const dialect: Dialect<Tick> = { ...ticks(), idleMsOfHead: () => 500 };
    const { stream, clock } = rig(dialect, [{ chunks: ["1=a\n"] }, { headersMs: 2_000, chunks: ["2=b\n", "stall"] }]);
    const seen = reading(stream);
    await clock.advance(100 + 2_000);
    expect(seen.items.length).toBe(2);
    await stream.close();
  });

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])("does not set it to what is no time: %d", async (told) => {
    const dialect: Dialect<Tick> = { ...ticks(), idleMsOfHead: () => told, idleMs: 700 };
    expect(await endOf(dialect, {}, {})).toEqual([700, "no byte for 700 ms (idleMs)"]);
  });

  test("does not move a window that the caller gave", async () => {
    const dialect: Dialect<Tick> = { ...ticks(), idleMsOfHead: () => 10, idleMsOf: () => 10 };
    const options = { timeouts: { idleMs: 5_000 } };
    expect(await endOf(dialect, options, {}, ["a\n", "stall"])).toEqual([5_000, "no byte for 5000 ms (idleMs)"]);
  });
});

describe('idleMs: "learn"', () => {
  const learn = { timeouts: { idleMs: "learn" }, reconnect: false } as const;
  const beats = (count: number, everyMs: number) =>
    Array.from({ length: count }, () => [{ waitMs: everyMs }, "\n"] as const).flat();

  test("is the default until a minute was heard, then four times the longest silence", async () => {
    const { stream, clock } = streamOf([{ chunks: [...beats(20, 5_000), "stall"] }], learn);
    const seen = reading(stream);
    await clock.advance(100_000 + 19_999);
    expect(seen.end).toBe("reading");
    await clock.advance(1);
    expect(seen.end).toMatchObject({
      thrown: { code: "idle", message: expect.stringContaining("no byte for 20000 ms") },
    });
  });

  test("waits the default where less was heard", async () => {
    const { stream, clock } = streamOf([{ chunks: [...beats(5, 5_000), "stall"] }], learn);
    const seen = reading(stream);
    await clock.advance(25_000 + 299_999);
    expect(seen.end).toBe("reading");
    await clock.advance(1);
    expect(seen.end).toMatchObject({ thrown: { code: "idle" } });
  });

  test("is not made short by a burst between two silences", async () => {
    const bursts = Array.from({ length: 8 }, () => [{ waitMs: 30_000 }, ...Array(20).fill("\n")]).flat();
    const { stream, clock } = streamOf([{ chunks: [...bursts, { waitMs: 119_000 }, "\n", "stall"] }], learn);
    const seen = reading(stream);
    await clock.advance(8 * 30_000 + 119_000);
    expect([seen.end, stream.stats.heartbeats]).toEqual(["reading", 161]);
  });

  test("takes the time in which the consumer was busy for silence: what was there when it asked says nothing of the wire", async () => {
    const quick = Array.from({ length: 12 }, (_, i) => `${i}\n`);
    const script = [{ chunks: [...quick, { waitMs: 43_999 }, "x\n", "stall"] }];
    const { stream, clock } = streamOf(script, learn);
    const items = stream[Symbol.asyncIterator]();
    for (let i = 0; i < 12; i++) {
      await items.next();
      await clock.advance(11_000);
    }
    const next = items.next();
    await clock.advance(43_999);
    expect(await next).toMatchObject({ value: { text: "x" } });
    await stream.close();
  });

  test("grows when it was too short, so that a slower stream is not cut for ever", () => {
    const cadence = new Cadence();
    for (let now = 1_000; now <= 61_000; now += 1_000) cadence.heard(1_000, now);
    expect(cadence.windowMs(300_000)).toBe(4_000);
    cadence.heard(4_000, 65_000);
    expect(cadence.windowMs(300_000)).toBe(16_000);
  });

  test("is at least 1,000 and at most the default", () => {
    const cadence = new Cadence();
    for (let now = 10; now <= 60_010; now += 10) cadence.heard(10, now);
    expect([cadence.windowMs(300_000), cadence.windowMs(500), cadence.windowMs(0)]).toEqual([1_000, 500, 1_000]);
  });

  test("forgets a long silence after two spans", () => {
    const cadence = new Cadence();
    cadence.heard(50_000, 50_000);
    let now = 50_000;
    const hear = (forMs: number): void => {
      for (const end = now + forMs; now < end; ) cadence.heard(1_000, (now += 1_000));
    };
    hear(150_000);
    expect(cadence.windowMs(300_000)).toBe(200_000);
    hear(200_000);
    expect(cadence.windowMs(300_000)).toBe(4_000);
  });
});

test("another idleMs than a number or learn is refused before anything is sent", () => {
  expect(() => streamOf([], { timeouts: { idleMs: "guess" as "learn" } })).toThrow(
    new TypeError('timeouts.idleMs must be a number or "learn", not "guess"'),
  );
});

async function endOf(
  dialect: Dialect<Tick>,
  options: RigOptions<Tick>,
  headers: Record<string, string>,
  chunks: readonly string[] = ["stall"],
): Promise<[afterMs: number, why: string]> {
  const { stream, clock } = rig(dialect, [{ headers, chunks }], { ...options, reconnect: false });
  const seen = reading(stream);
  let afterMs = 0;
  for (; seen.end === "reading" && afterMs < 10_000; afterMs += 10) await clock.advance(afterMs === 0 ? 0 : 10);
  const { thrown } = seen.end as { thrown: StreamError };
  return [afterMs - 10, thrown.message.replace(/^.*: /, "")];
}

function numberOf(text: string | null): number | undefined {
  return text === null ? undefined : Number(text);
}
