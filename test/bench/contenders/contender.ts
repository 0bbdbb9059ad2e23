import { Writable } from "node:stream";

/**
 * Reads `events` events of an SSE stream, gives the data of each to `receive`, lets the connection go and resolves. With
 * `Infinity` it never resolves and holds the stream open.
 */
export type EventReader = (url: string, events: number, receive: (data: string) => void) => Promise<void>;

/** Reads a body to its end and gives each piece to `receive`. */
export type BodyReader = (url: string, receive: (piece: Uint8Array) => void) => Promise<void>;

/** Reads a body and looks at none of it. */
export const drained =
  (read: BodyReader) =>
  (url: string): Promise<void> =>
    read(url, () => {});

/** A Writable of Node that gives what it takes to `receive` and keeps nothing. */
export function sinkhole(receive: (piece: Uint8Array) => void): Writable {
  return new Writable({
    write(piece, _, done) {
      receive(piece);
      done();
    },
  });
}

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
