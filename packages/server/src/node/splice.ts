import type { Duplex } from "node:stream";

/**
 * Joins two connections until both have ended: what one reads the other writes, with backpressure, an end as an end. When one breaks, `broken`
 * is called with the other. `moved` is told of each chunk.
 */
export function splice(one: Duplex, other: Duplex, moved: () => void, broken: (left: Duplex) => void): Promise<void> {
  return new Promise((resolve) => {
    const closed = (gone: Duplex, left: Duplex): void => {
      if (left.closed) return resolve();
      // Both sides of it had ended: so has what the other one writes.
      if (gone.errored || !gone.readableEnded || !gone.writableFinished) broken(left);
    };
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      from.on("error", () => {});
      from.on("data", moved);
      from.on("close", () => closed(from, to));
      from.pipe(to);
      to.on("drain", moved);
    }
    if (one.destroyed) broken(other);
    else if (other.destroyed) broken(one);
  });
}
