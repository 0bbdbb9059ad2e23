import { expect, test } from "vitest";
import { createBudget } from "../../src/session/budget.ts";
import { fakeClock } from "../../src/testing/index.ts";
import { left, nothingLeft, reading, type RigOptions, streamOf, type Tick } from "./stream-of.ts";

const never = () => new Promise<never>(() => {});

test.each<[string, (clock: ReturnType<typeof fakeClock>) => RigOptions<Tick>]>([
  ["the budget of the origin", (clock) => ({ budget: createBudget(clock, { perSecond: 0.01, burst: 0 }) })],
  ["a cursor store that loads", () => ({ cursorStore: { load: never, save: () => {} } })],
  ["credentials", () => ({ auth: never })],
])("totalMs runs while the first attempt waits for %s", async (_, optionsOf) => {
  const clock = fakeClock();
  const { stream, transport } = streamOf([], {
    clock,
    timeouts: { totalMs: 5_000, connectMs: 0, headersMs: 0, idleMs: 0 },
    ...optionsOf(clock),
  });
  const seen = reading(stream);
  await clock.advance(4_999);
  expect(seen.end).toBe("reading");
  await clock.advance(1);
  expect(seen.end).toMatchObject({ thrown: { code: "deadline", clock: "totalMs" } });
  expect(left({ clock, transport })).toEqual(nothingLeft);
});
