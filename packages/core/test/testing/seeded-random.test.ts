import { expect, test } from "vitest";
import { seededRandom } from "../../src/testing/index.ts";

test("the same seed gives the same numbers, another seed gives others", () => {
  const draw = (seed: number) => Array.from({ length: 20 }, seededRandom(seed));
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
});

test("the numbers lie in [0, 1) and fill it evenly", () => {
  const random = seededRandom(0);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const bucket = Math.floor(random() * 10);
    counts[bucket] = (counts[bucket] ?? Number.NaN) + 1;
  }
  expect(counts).toHaveLength(10);
  for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(120);
});
