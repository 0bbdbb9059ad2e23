/**
 * Writes, and resolves when the system has taken the bytes and a reader in this process has had its turn: so each write is a segment of
 * its own, at most one is in flight, and a reset overtakes none. Resolves too when the connection is gone.
 */
export function written(write: (done: () => void) => unknown): Promise<void> {
  // The first turn may be the end of the one that wrote; sockets are read between it and the second.
  return new Promise((resolve) => write(() => setImmediate(() => setImmediate(resolve))));
}
