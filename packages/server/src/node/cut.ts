import type { Duplex } from "node:stream";

/** Ends a connection so that its other side knows that it was broken: by RST, where there is such a thing. */
export function cut(socket: Duplex & { resetAndDestroy?: () => unknown }): void {
  try {
    if (socket.resetAndDestroy) socket.resetAndDestroy();
    else socket.destroy();
  } catch {
    // TLS and Unix sockets have no RST; of TLS an end without close_notify is known to be none.
    socket.destroy();
  }
}
