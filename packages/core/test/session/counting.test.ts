import { expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { createBudget } from "../../src/session/budget.ts";
import type { Notice } from "../../src/session/notice.ts";
import { fakeClock, type Script, scriptedTransport } from "../../src/testing/index.ts";
import { openStream } from "../../src/open.ts";
import { type Reading, reading, type RigOptions, streamOf, texts, ticks, type Tick } from "./stream-of.ts";

const cut = { error: new StreamError("reset", "The wire was cut") } as const;
const hour = 3_600_000;

type Wait = Extract<Notice, { type: "waiting" }>;
const waits = (seen: Reading<Notice>) => seen.items.filter((notice): notice is Wait => notice.type === "waiting");

function run(script: Script, options: RigOptions<Tick> = {}) {
  const made = streamOf(script, options);
  return { ...made, notices: reading(made.stream.notices()), seen: reading(made.stream) };
}

test("retries: 3 is at most 4 attempts", async () => {
  const { stream, clock, transport } = run(() => cut, { reconnect: { retries: 3 } });
  await clock.advance(hour);
  expect(transport.requests.length).toBe(4);
  expect(await stream.outcome).toMatchObject({ code: "exhausted", attempts: 4 });
});

test("by default there is no end of retries", async () => {
  const { stream, clock, transport } = run(() => cut);
  await clock.advance(hour);
  expect(transport.requests.length).toBeGreaterThan(1_000);
  expect(stream.state.name).toBe("waiting");
  await stream.close();
});

test("one new item is a healthy moment, and the row of retries begins anew", async () => {
  const { stream, clock, transport } = run((_, index) => (index % 3 === 2 ? { chunks: [`${index}=a\n`, cut] } : cut), {
    reconnect: { retries: 3 },
  });
  await clock.advance(10_000);
  expect(transport.requests.length).toBe(101);
  await stream.close();
});

test("an answer alone is no healthy moment", async () => {
  const { stream, clock } = run(() => ({ chunks: [":hello\n", cut] }), { reconnect: { retries: 2 } });
  await clock.advance(hour);
  expect(await stream.outcome).toMatchObject({ code: "exhausted", attempts: 3 });
});

test("an item that is replayed is not new", async () => {
  const { stream, clock, seen } = run(() => ({ chunks: ["5=a\n", cut] }), { reconnect: { retries: 2 } });
  await clock.advance(hour);
  expect(texts(seen.items)).toEqual(["a", "a", "a"]);
  expect(await stream.outcome).toMatchObject({ code: "exhausted", attempts: 3 });
});

test("the new item behind a replayed one is new", async () => {
  const { stream, clock } = run((_, index) => ({ chunks: [`${index}=a\n${index + 1}=b\n`, cut] }), {
    reconnect: { retries: 2 },
  });
  await clock.advance(10_000);
  expect(stream.state.name).not.toBe("closed");
  await stream.close();
});

test("healthyAfterItems: so many new items, in any chunks of one attempt", async () => {
  const options = { reconnect: { retries: 1, healthyAfterItems: 3 } };
  const two = run((_, index) => ({ chunks: [`${index}0=a\n`, `${index}1=b\n`, cut] }), options);
  await two.clock.advance(hour);
  expect(await two.stream.outcome).toMatchObject({ code: "exhausted", attempts: 2 });
  const three = run((_, index) => ({ chunks: [`${index}0=a\n`, `${index}1=b\n${index}2=c\n`, cut] }), options);
  await three.clock.advance(10_000);
  expect(three.stream.state.name).not.toBe("closed");
  await three.stream.close();
});

test("healthyAfterMs: ten seconds open without an item are healthy, and less are not", async () => {
  const open = (waitMs: number) => run(() => ({ chunks: [{ waitMs }, cut] }), { reconnect: { retries: 1 } });
  const short = open(9_999);
  await short.clock.advance(hour);
  expect(await short.stream.outcome).toMatchObject({ code: "exhausted", attempts: 2 });
  const long = open(10_000);
  await long.clock.advance(hour);
  expect(long.stream.state.name).not.toBe("closed");
  await long.stream.close();
});

test("a reopening after a healthy attempt ended cleanly is not counted", async () => {
  const { stream, clock, transport, notices } = run((_, index) => ({ chunks: [`${index}=a\n`] }), {
    reconnect: { retries: 1 },
  });
  await clock.advance(1_000);
  expect(transport.requests.length).toBe(11);
  expect(waits(notices).every(({ retry, cause }) => retry === 0 && cause === "ended")).toBe(true);
  await stream.close();
});

test("a healthy attempt that ended with an error is counted as the first retry of a new row", async () => {
  const { stream, clock, notices } = run((_, index) => ({ chunks: [`${index}=a\n`, cut] }), {
    reconnect: { retries: 1 },
  });
  await clock.advance(1_000);
  expect(waits(notices).every(({ retry }) => retry === 1)).toBe(true);
  await stream.close();
});

test("an open-then-close server is counted: it is not hammered", async () => {
  const { stream, clock, transport, notices } = run(() => ({}), { random: () => 0.999_999 });
  await clock.advance(60_000);
  expect(transport.requests.length).toBeLessThan(10);
  expect(waits(notices).map(({ retry }) => retry)).toEqual(waits(notices).map((_, index) => index + 1));
  await stream.close();
});

test("wait number n is floorMs + random * min(maxMs, firstMs * 2^(n-1))", async () => {
  const { stream, clock, notices } = run(() => cut, { random: () => 0.5 });
  await clock.advance(hour / 10);
  expect(
    waits(notices)
      .slice(0, 9)
      .map(({ waitMs }) => waitMs),
  ).toEqual([350, 600, 1_100, 2_100, 4_100, 8_100, 15_100, 15_100, 15_100]);
  await stream.close();
});

test("retry: of the server is a floor under every wait, with the jitter on top", async () => {
  const { stream, clock, notices } = run((_, index) => (index === 0 ? { chunks: ["~4000\n", cut] } : cut), {
    random: () => 0.5,
  });
  await clock.advance(60_000);
  expect(
    waits(notices)
      .slice(0, 3)
      .map(({ waitMs }) => waitMs),
  ).toEqual([4_250, 4_500, 5_000]);
  await stream.close();
});

test("retry: 0 still waits the floor", async () => {
  const { stream, clock, transport } = run((_, index) => ({ chunks: [`~0\n${index}=a\n`] }));
  await clock.advance(1_000);
  expect(transport.requests.length).toBe(11);
  await stream.close();
});

test("Retry-After is a floor under the next wait only", async () => {
  const { stream, clock, notices } = run(
    (_, index) => (index === 0 ? { status: 503, headers: { "retry-after": "7" } } : { status: 503 }),
    { random: () => 0.5 },
  );
  await clock.advance(60_000);
  expect(
    waits(notices)
      .slice(0, 2)
      .map(({ waitMs }) => waitMs),
  ).toEqual([7_250, 600]);
  await stream.close();
});

test("maxElapsedMs runs from the first failure in a row, and no retry is begun that would come after it", async () => {
  const reconnect = { maxElapsedMs: 1_000, firstMs: 0, floorMs: 300 };
  const failing = run(() => cut, { reconnect });
  await failing.clock.advance(hour);
  expect(await failing.stream.outcome).toMatchObject({ code: "exhausted", attempts: 4 });
  const recovering = run((_, index) => (index % 3 === 2 ? { chunks: [`${index}=a\n`, cut] } : cut), { reconnect });
  await recovering.clock.advance(60_000);
  expect(recovering.stream.state.name).toBe("waiting");
  await recovering.stream.close();
});

test("waiting for the origin's budget is a wait with the cause budget, and no retry", async () => {
  const clock = fakeClock();
  const budget = createBudget(clock, { perSecond: 1, burst: 1 });
  budget.take("https://a.example");
  const transport = scriptedTransport([{ chunks: ["1=a\n", "stall"] }], { clock });
  const stream = openStream("https://a.example/ticks", ticks(), { clock, transport, budget });
  const seen = reading(stream);
  await clock.advance(500);
  expect(stream.state).toMatchObject({
    name: "waiting",
    cause: "budget",
    waitMs: 1_000,
    retryAt: clock.date() + 500,
    tally: { retries: 0 },
  });
  await clock.advance(500);
  expect(texts(seen.items)).toEqual(["a"]);
  await stream.close();
});

test("a wait says why, how long, until when and which retry it is", async () => {
  const { stream, clock, notices } = run(() => cut);
  await clock.advance(50);
  expect(stream.state).toMatchObject({ name: "waiting", cause: cut.error, waitMs: 100, retryAt: clock.date() + 50 });
  expect(notices.items.at(-1)).toEqual({ type: "waiting", cause: cut.error, waitMs: 100, retry: 1 });
  await stream.close();
});

test("retryOn is asked with the error, and what it throws ends the stream as protocol", async () => {
  const asked: StreamError[] = [];
  const { stream, clock } = run([{ status: 404 }, cut], {
    retryOn: (error) => {
      asked.push(error);
      if (error.code === "reset") throw new Error("no idea");
      return true;
    },
  });
  await clock.advance(hour);
  expect(asked.map(({ code }) => code)).toEqual(["refused", "reset"]);
  expect(await stream.outcome).toMatchObject({ code: "protocol", error: { cause: { message: "no idea" } } });
  expect(clock.pending).toBe(0);
});

test("the row of retries is over at the healthy moment itself, which the state shows", async () => {
  const { stream, clock } = run((_, index) => (index < 2 ? cut : { chunks: [{ waitMs: 100 }, "1=a\n", "stall"] }));
  await clock.advance(250);
  expect(stream.state).toMatchObject({ name: "open", tally: { retries: 2 } });
  await clock.advance(100);
  expect(stream.state).toMatchObject({ name: "open", tally: { retries: 0, failingSinceMs: undefined } });
  await stream.close();
});

test("an attempt that was healthy by its time begins a new row: the waits do not grow", async () => {
  const { stream, clock, notices } = run(() => ({ chunks: [{ waitMs: 20_000 }, cut] }), { random: () => 0.5 });
  await clock.advance(hour);
  expect(new Set(waits(notices).map(({ retry, waitMs }) => `${retry} ${waitMs}`))).toEqual(new Set(["1 350"]));
  await stream.close();
});

test("maxElapsedMs ends a row that begins behind a healthy attempt", async () => {
  const { stream, clock, transport } = streamOf(() => ({ chunks: ["~5000\n1=a\n", cut] }), {
    reconnect: { maxElapsedMs: 1_000 },
  });
  const seen = reading(stream);
  await clock.advance(20_000);
  expect([transport.requests.length, seen.end]).toMatchObject([1, { thrown: { code: "reset" } }]);
});

test("healthyAfterItems counts new items, however the chunks are cut", async () => {
  const attempts = async (chunks: readonly string[]): Promise<number> => {
    const script: Script = (_, index) => ({ chunks: [...(index === 0 ? ["7=a\n"] : chunks), cut] });
    const { stream, clock, transport } = streamOf(script, {
      resume: { from: "6" },
      reconnect: { healthyAfterItems: 2, retries: 2 },
    });
    reading(stream);
    await clock.advance(5_000);
    await stream.close();
    return transport.requests.length;
  };
  expect(await attempts(["7=a\n8=b\n"])).toBe(await attempts(["7=a\n", "8=b\n"]));
});
