import type { Socket } from "node:net";

/** The three endings of a TCP connection, as its server makes them. */
export const endings = {
  /** FIN. What the peer still sends is read and dropped, for a close over unread bytes would be a RST. */
  cut(socket: Socket): void {
    socket.end();
    socket.unpipe();
    socket.resume();
  },
  /** FIN; reading is not touched. */
  halfClose(socket: Socket): void {
    socket.end();
  },
  /** RST. */
  reset(socket: Socket): void {
    socket.resetAndDestroy();
  },
} as const;
