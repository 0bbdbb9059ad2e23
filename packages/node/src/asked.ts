import type { Socket } from "node:net";

/** What comes of asking something on a socket. A failure destroys the socket, at any time; so does `signal`, until there is an answer. */
export function asked<T>(
  socket: Socket,
  signal: AbortSignal,
  ask: (answer: (value: T) => void, fail: (reason: unknown) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const settled = (): void => signal.removeEventListener("abort", giveUp);
    const fail = (reason: unknown): void => {
      settled();
      socket.destroy();
      reject(reason);
    };
    const giveUp = (): void => fail(signal.reason);
    if (signal.aborted) return giveUp();
    signal.addEventListener("abort", giveUp);
    ask((value) => {
      settled();
      resolve(value);
    }, fail);
  });
}
