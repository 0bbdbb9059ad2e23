/**
 * Reads `events` events of an SSE stream, gives the data of each to `receive`, lets the connection go and resolves. With
 * `Infinity` it never resolves and holds the stream open.
 */
export type EventReader = (url: string, events: number, receive: (data: string) => void) => Promise<void>;

/** Reads a body to its end and gives each piece to `receive`. */
export type BodyReader = (url: string, receive: (piece: Uint8Array) => void) => Promise<void>;

/** As {@link EventReader}, of the messages of a WebSocket: text as a string, binary as bytes. */
export type MessageReader = (url: string, messages: number, receive: (message: Message) => void) => Promise<void>;

export type Message = string | Uint8Array;

/** `receive` until it was called `events` times; that call resolves `done`. For what delivers by callback. */
export function counted<T>(
  events: number,
  receive: (data: T) => void,
): { each(data: T): void; done: Promise<void>; fail(error: unknown): void } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let left = events;
  const each = (data: T): void => {
    if (left <= 0) return;
    receive(data);
    if (--left === 0) resolve();
  };
  return { each, done: promise, fail: reject };
}
