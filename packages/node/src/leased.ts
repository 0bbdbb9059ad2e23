import { Lease } from "./lease.ts";
import type { SocketPool } from "./socket-pool.ts";

/** What `use` makes of a connection of its own to `origin`, which the pool counts until it is gone; `signal` ends it while it is made. */
export async function leased<T>(
  pool: SocketPool,
  origin: string,
  signal: AbortSignal,
  use: (lease: Lease) => Promise<T>,
): Promise<T> {
  const lease = new Lease(origin);
  const giveUp = (): void => lease.end(signal.reason);
  signal.addEventListener("abort", giveUp);
  pool.adopt(lease);
  try {
    return await use(lease);
  } finally {
    signal.removeEventListener("abort", giveUp);
    lease.leave();
  }
}
