import { describe, expect, test } from "vitest";
import type { Cursor } from "../../src/errors.ts";
import { type DropPolicy, Inbox, latestBy } from "../../src/consumer/inbox.ts";

test("who keeps an entry that was taken keeps none of those behind it", () => {
  for (const policy of ["dropOldest", latestBy((item: string) => item)] as const) {
    const inbox = new Inbox<string>(policy, 2);
    inbox.put("a");
    const kept = inbox.take();
    inbox.put("b");
    inbox.put("c");
    const other = inbox.take();
    expect([kept?.next, other?.item, other?.next]).toEqual([undefined, "b", undefined]);
  }
});

/** What a queue of three holds after `a1 b2 …` were put in, as item and resume point, and what it said. */
function after(policy: "pull" | DropPolicy<string>, items: string): { held: string[]; put: boolean; dropped: number } {
  const inbox = new Inbox(policy, 3);
  const put = items.split(" ").map((item) => inbox.put(item, Number(item.slice(1))));
  const held = drained(inbox).map(([item, cursor]) => `${item}@${cursor}`);
  return { held, put: put.every(Boolean), dropped: inbox.dropped };
}

function drained<T>(inbox: Inbox<T>): [T, Cursor | undefined][] {
  const all: [T, Cursor | undefined][] = [];
  for (let entry = inbox.take(); entry; entry = inbox.take()) all.push([entry.item, entry.cursor]);
  return all;
}

const byLetter = latestBy((item: string) => item[0]);

test.each<["pull" | DropPolicy<string>, string, string[], boolean, number]>([
  ["pull", "a1 b2 c3", ["a1@1", "b2@2", "c3@3"], true, 0],
  ["pull", "a1 b2 c3 d4", ["a1@1", "b2@2", "c3@3"], false, 0],
  ["error", "a1 b2 c3 d4", ["a1@1", "b2@2", "c3@3"], false, 0],
  ["dropOldest", "a1 b2 c3 d4 e5", ["c3@3", "d4@4", "e5@5"], true, 2],
  ["dropNewest", "a1 b2 c3 d4 e5", ["a1@1", "b2@2", "c3@5"], true, 2],
  [byLetter, "a1 b2 c3", ["a1@1", "b2@2", "c3@3"], true, 0],
  // The newer one stands where the older one stood; that place promises no more than before, the last one all that came.
  [byLetter, "a1 b2 a3", ["a3@1", "b2@3"], true, 1],
  [byLetter, "a1 b2 a3 a4 b5", ["a4@1", "b5@5"], true, 3],
  [byLetter, "a1 a2 a3", ["a3@3"], true, 2],
  // More keys than places: the oldest item goes, and its key with it.
  [byLetter, "a1 b2 c3 d4 a5", ["c3@3", "d4@4", "a5@5"], true, 2],
])("a queue of three with the policy %j, given %s, holds %j", (policy, items, held, put, dropped) => {
  expect(after(policy, items)).toEqual({ held, put, dropped });
});

test("a resume point never goes beyond an item that waits behind it, whatever the order of keys", () => {
  for (const policy of ["dropOldest", "dropNewest", byLetter] as const) {
    // All sequences of six items over three keys.
    for (let code = 0; code < 3 ** 6; code++) {
      const inbox = new Inbox<string>(policy, 2);
      for (let i = 0; i < 6; i++) inbox.put(`${"abc"[Math.floor(code / 3 ** i) % 3]}${i}`, i);
      const held = drained(inbox);
      for (const [index, [, cursor]] of held.entries()) {
        for (const [item] of held.slice(index + 1)) expect(Number(item.slice(1))).toBeGreaterThan(Number(cursor));
      }
      expect(held.at(-1)?.[1]).toBe(5);
    }
  }
});

describe("a queue that was emptied", () => {
  test.each(["take", "clear"] as const)("by %s takes as many as before, and knows no key of old", (how) => {
    const inbox = new Inbox(byLetter, 2);
    inbox.put("a1", 1);
    inbox.put("b2", 2);
    if (how === "clear") inbox.clear();
    else drained(inbox);
    expect([inbox.size, inbox.isFull, inbox.last]).toEqual([0, false, undefined]);
    inbox.put("b3", 3);
    inbox.put("a4", 4);
    expect([inbox.isFull, drained(inbox), inbox.dropped]).toEqual([
      true,
      [
        ["b3", 3],
        ["a4", 4],
      ],
      0,
    ]);
  });
});
