import type { DropPolicy, LatestBy } from "@longwire/core";
import { wholeFrom } from "./response-options.ts";

/** What becomes of one item more for a client that is `capacity` items behind. */
export type SlowPolicy<T> = "block" | "dropOldest" | "evict" | LatestBy<T>;

/** @throws TypeError on what is no policy */
export function checkedPolicy<T>(policy: SlowPolicy<T>): SlowPolicy<T> {
  const named: readonly unknown[] = ["block", "dropOldest", "evict"];
  if (named.includes(policy) || typeof Object(policy).latestBy === "function") return policy;
  throw new TypeError(`policy must be "block", "dropOldest", "evict" or latestBy(key), got ${String(policy)}`);
}

/** What one subscriber has of its own, where it has. @throws TypeError, RangeError on what is none */
export function checkQueue<T>({
  policy,
  capacity,
}: {
  readonly policy?: SlowPolicy<T> | undefined;
  readonly capacity?: number | undefined;
}): void {
  if (policy !== undefined) checkedPolicy(policy);
  if (capacity !== undefined) wholeFrom(1, "capacity", capacity);
}

/** What a full queue of `Queued` does, each made of a `T`; what it cannot take ends, or waits, in other hands. */
export function dropPolicy<T, Queued>(policy: SlowPolicy<T>, of: (queued: Queued) => T): DropPolicy<Queued> {
  if (policy === "block" || policy === "evict") return "error";
  return policy === "dropOldest" ? policy : { latestBy: (queued) => policy.latestBy(of(queued)) };
}
