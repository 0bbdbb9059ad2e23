import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { fakeClock, seededRandom } from "@longwire/core/testing";
import { expect, test } from "vitest";
import { createPublisher, memoryReplayLog, type Subscription } from "../src/index.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

test("10,000 subscriptions that come and go, each in some way, leave nothing behind", async () => {
  const clock = fakeClock();
  const log = memoryReplayLog({ maxItems: 20 });
  const publisher = createPublisher({ clock, log, random: seededRandom(7), capacity: 2, goodbyeMs: 1_000 });
  const ids: string[] = [];
  for (let n = 0; n < 20; n++) ids.push(await publisher.publish("t", n));
  const ways: ((subscription: Subscription) => unknown)[] = [
    // At once, before the log answered.
    (subscription) => subscription.return(),
    // In the midst of what it missed.
    async (subscription) => {
      for (let n = 0; n < 3; n++) await subscription.next();
      await subscription.return();
    },
    // When it has it all, and waits.
    async (subscription) => {
      while (!subscription.bookmark()) await subscription.next();
      void subscription.next();
      await subscription.return();
    },
    // Behind, evicted, and told so.
    async (subscription) => {
      await subscription.next();
      for (let n = 0; n < 3; n++) await publisher.publish("t", n);
      for await (const _delivery of subscription);
      await subscription.return();
    },
    // Behind, and never seen again.
    async () => {
      for (let n = 0; n < 3; n++) await publisher.publish("t", n);
    },
  ];
  const left: WeakRef<Subscription>[] = [];
  const round = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      const subscription = publisher.subscribe({ cursor: ids[10], address: `address ${n}`, topics: ["t"] });
      left.push(new WeakRef(subscription));
      await ways[n % ways.length]?.(subscription);
    }
    await clock.advance(1_000);
  };
  await round(500);
  const before = await heapBytes();
  await round(9_500);
  // A WeakRef each, and what the engine makes of the code.
  expect((await heapBytes()) - before).toBeLessThan(1_000_000);
  expect(left.filter((ref) => ref.deref()).length).toBe(0);
  expect([publisher.stats.subscribers, clock.pending]).toEqual([0, 0]);
});

async function heapBytes(): Promise<number> {
  // A WeakRef holds what it was made of until the turn is over.
  for (let n = 0; n < 3; n++) {
    await new Promise(setImmediate);
    collectGarbage();
  }
  return process.memoryUsage().heapUsed;
}
