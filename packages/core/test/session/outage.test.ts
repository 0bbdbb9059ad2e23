import { expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { openStream } from "../../src/open.ts";
import { createBudget } from "../../src/session/budget.ts";
import { fakeClock, scriptedTransport, seededRandom } from "../../src/testing/index.ts";
import { reading, ticks } from "./stream-of.ts";

const perSecond = 50;
const burst = 100;

test("1,000 streams that an outage cut together never make more attempts at their origin than its budget", async () => {
  const { attempts, open } = await outage(1_000, 20_000);
  expect(open).toBe(1_000);
  expect(attempts.length).toBeGreaterThan(2_000);
  for (const windowMs of [1, 10, 100, 1_000, 10_000]) {
    expect(most(attempts, windowMs), `in ${windowMs} ms`).toBeLessThanOrEqual(
      burst + Math.ceil((windowMs * perSecond) / 1_000),
    );
  }
}, 60_000);

test("two origins have a budget each", async () => {
  const clock = fakeClock();
  const budget = createBudget(clock, { perSecond, burst });
  const took = ["https://a.example", "https://b.example"].map((origin) =>
    Array.from({ length: burst }, () => budget.take(origin)),
  );
  expect(took.flat()).toEqual(Array(2 * burst).fill(0));
});

/** All streams are open, the origin goes away for a while, then is back: when each attempt was made, and how many are open again. */
async function outage(streams: number, downMs: number): Promise<{ attempts: number[]; open: number }> {
  const clock = fakeClock();
  const random = seededRandom(20);
  const attempts: number[] = [];
  const down = new StreamError("unreachable", "Cannot reach the origin", { phase: "connect" });
  let cutAll = (_: StreamError): void => {};
  const cut = new Promise<never>((_, reject) => {
    cutAll = reject;
  });
  cut.catch(() => {});
  let upAtMs = 0;
  const transport = scriptedTransport(
    (_, index) => {
      attempts.push(clock.now());
      if (clock.now() < upAtMs) return { error: down };
      return { chunks: ["1=a\n", index < streams ? { gate: cut } : "stall"] };
    },
    { clock },
  );
  const budget = createBudget(clock, { perSecond, burst });
  const all = Array.from({ length: streams }, () =>
    openStream("https://a.example/", ticks(), { clock, random, transport, budget }),
  );
  for (const stream of all) reading(stream);
  await clock.advance(60_000);
  expect(all.every(({ state }) => state.name === "open")).toBe(true);
  upAtMs = clock.now() + downMs;
  cutAll(new StreamError("reset", "the origin went away"));
  await clock.advance(downMs + 120_000);
  const open = all.filter(({ state }) => state.name === "open").length;
  for (const stream of all) await stream.close();
  await clock.advance(0);
  expect([clock.pending, transport.open]).toEqual([0, 0]);
  return { attempts, open };
}

/** The most attempts within any window of this length. */
function most(attempts: readonly number[], windowMs: number): number {
  let first = 0;
  return attempts.reduce((so, at, last) => {
    while ((attempts[first] as number) <= at - windowMs) first++;
    return Math.max(so, last - first + 1);
  }, 0);
}
