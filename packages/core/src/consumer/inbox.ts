/** What a full buffer does with one item more. */
export type DropPolicy<T> = "dropOldest" | "dropNewest" | "error" | LatestBy<T>;

/** Keeps the latest item of each key. */
export interface LatestBy<T> {
  readonly latestBy: (item: T) => unknown;
}

/**
 * The policy that keeps the latest item of each key: a newer one takes the older one's place. With more keys than the buffer
 * has room for, the oldest item goes.
 */
export function latestBy<T>(key: (item: T) => unknown): LatestBy<T> {
  return { latestBy: key };
}
