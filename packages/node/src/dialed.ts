import type { Socket } from "node:net";
import { originOf, shownUrl } from "@longwire/core";
import { dial } from "./dial.ts";
import { leased } from "./leased.ts";
import type { SocketPool } from "./socket-pool.ts";

/** A connection of the pool's to where `url` leads, with nothing sent on it. See `NodeTransport.dial`. */
export async function dialed(pool: SocketPool, url: string, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const origin = originOf(url.replace(/^ws(?=s?:)/i, "http"));
  if (pool.closed) throw new TypeError(`Cannot dial ${shownUrl(url)}: the transport was closed`);
  return leased(pool, origin, signal, async (lease) => {
    const socket = await dial(pool.tunnelTo(origin), url, lease.opening, (made) => lease.connecting(made));
    // Whoever has it is told by its end; without a listener it would bring the process down.
    socket.on("error", () => {});
    lease.hold((reason) => void socket.destroy(reason as Error));
    lease.state = "taken";
    return socket;
  });
}
