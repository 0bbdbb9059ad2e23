import type { Duplex } from "node:stream";
import type { Clock } from "@longwire/core";

/**
 * Ends a connection whose other side may not be through with what it sends. To close at once would be a reset, which could take the end of what
 * was sent from it: so what comes is read for a second, and thrown away.
 */
export function endGently(socket: Duplex, clock: Clock): void {
  const cancel = clock.timer(1_000, () => socket.destroy());
  socket.once("close", cancel);
  socket.removeAllListeners("readable");
  socket.resume().end();
}
