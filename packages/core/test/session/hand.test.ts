import { expect, test } from "vitest";
import type { Mark } from "../../src/frames/decoder.ts";
import { cursorAfter, cursorsAfterEach } from "../../src/session/hand.ts";
import { seededRandom } from "../../src/testing/index.ts";

test("the resume points after each item are those after so many items, for items and marks in any order", () => {
  const random = seededRandom(3);
  const pick = (count: number): number => Math.floor(random() * count);
  const seen = new Set<unknown>();
  for (let run = 0; run < 2_000; run++) {
    const items = Array.from({ length: 1 + pick(4) }, () => [undefined, "", "x", "y", 7][pick(5)]);
    const marks: Mark<string | number | undefined>[] = [];
    for (let at = 0; at <= items.length; at++) {
      for (let count = pick(3); count > 0; count--) {
        marks.push(
          pick(2) === 0
            ? { at, kind: "heartbeat" }
            : { at, kind: "cursor", value: ["m", "", "x", 8][pick(4)] as string },
        );
      }
    }
    const given = [undefined, "x", "before"][pick(3)];
    const hand = { items, marks };
    const cursorOf = pick(4) === 0 ? undefined : (item: string | number | undefined) => item;
    const before = cursorAfter(hand, 0, given, cursorOf);
    const each = cursorsAfterEach(hand, before, cursorOf);
    expect(each).toEqual(items.map((_, index) => cursorAfter(hand, index + 1, given, cursorOf)));
    for (const cursor of each) seen.add(cursor);
  }
  expect(seen).toEqual(new Set([undefined, "", "x", "y", 7, "m", 8, "before"].filter((cursor) => cursor !== "")));
});
