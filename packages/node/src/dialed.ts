import type { Socket } from "node:net";
import { originOf, shownUrl } from "@longwire/core";
import { dial } from "./dial.ts";
import { Lease } from "./lease.ts";
import type { SocketPool } from "./socket-pool.ts";

/** A connection of the pool's to where `url` leads, with nothing sent on it. See `NodeTransport.dial`. */
export async function dialed(pool: SocketPool, url: string, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const origin = originOf(url.replace(/^ws(?=s?:)/i, "http"));
  if (pool.closed) throw new TypeError(`Cannot dial ${shownUrl(url)}: the transport was closed`);
  const lease = new Lease(origin);
  const giveUp = (): void => lease.end(signal.reason);
  signal.addEventListener("abort", giveUp);
  pool.adopt(lease);
  try {
    const socket = await dial(pool.tunnelTo(origin), url, lease.opening, (made) => lease.connecting(made));
    // Whoever has it is told by its end; without a listener it would bring the process down.
    socket.on("error", () => {});
    lease.hold((reason) => void socket.destroy(reason as Error));
    lease.state = "taken";
    return socket;
  } finally {
    signal.removeEventListener("abort", giveUp);
    lease.leave();
  }
}
