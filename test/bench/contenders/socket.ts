import { emptySink } from "@longwire/core";
import { type ServerSentEvent, sseDecoder } from "@longwire/sse";
import { connect, type Socket } from "node:net";
import { chunkedReader } from "./chunked-reader.ts";
import { type BodyReader, counted, type EventReader } from "./contender.ts";

/** The limit: one static read buffer, a hand-written chunked reader and our decoder, called once an HTTP chunk. */
export const socketEvents: EventReader = (url, events, receive) =>
  decoded(url, events, receive, (decode) => chunkedReader(decode));

/** The same with the payload of a read moved together in the buffer itself, and the decoder called once a read. */
export const packedSocketEvents: EventReader = (url, events, receive) =>
  decoded(url, events, receive, (decode) => {
    let packed: Uint8Array = new Uint8Array(0);
    let packedBytes = 0;
    const read = chunkedReader((piece) => {
      packed.set(piece, packedBytes);
      packedBytes += piece.length;
    });
    return (bytes) => {
      packed = bytes;
      packedBytes = 0;
      read(bytes);
      decode(bytes.subarray(0, packedBytes));
    };
  });

async function decoded(
  url: string,
  events: number,
  receive: (data: string) => void,
  reader: (decode: (piece: Uint8Array) => void) => (bytes: Uint8Array) => unknown,
): Promise<void> {
  const { each, done, fail } = counted(events, receive);
  const decoder = sseDecoder();
  const sink = emptySink<ServerSentEvent>();
  const read = reader((piece) => {
    decoder.push(piece, sink);
    for (const event of sink.items) each(event.data);
    sink.items.length = 0;
  });
  const socket = connectStatic(url, read).on("error", fail);
  await done;
  socket.destroy();
}

/** A body by one static read buffer and the hand-written chunked reader. */
export const socketBody: BodyReader = (url, receive) => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const read = chunkedReader(receive);
  const socket = connectStatic(url, (bytes) => read(bytes) && resolve()).on("error", reject);
  return promise.finally(() => socket.destroy());
};

/** A body by `data` events of the socket and the hand-written chunked reader. */
export const socketDataBody: BodyReader = (url, receive) => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const read = chunkedReader(receive);
  const socket = connectData(url, (bytes) => read(bytes) && resolve()).on("error", reject);
  return promise.finally(() => socket.destroy());
};

/** Reads by one static buffer, in which only the last chunk's end is looked for: the cost of the socket itself. */
export const unreadStaticSocket: BodyReader = (url, receive) => unread(url, receive, connectStatic);

/** The same by `data` events, each with a buffer of its own. */
export const unreadSocket: BodyReader = (url, receive) => unread(url, receive, connectData);

function unread(url: string, receive: (piece: Uint8Array) => void, connected: typeof connectData): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let tail = "";
  const socket = connected(url, (bytes) => {
    receive(bytes);
    tail = (tail + String.fromCharCode(...bytes.subarray(-lastChunk.length))).slice(-lastChunk.length);
    if (tail === lastChunk) resolve();
  }).on("error", reject);
  return promise.finally(() => socket.destroy());
}

/** All that comes until the FIN, the head of the answer with it, by `data` events. */
export const rawSocket: BodyReader = (url, receive) =>
  new Promise((resolve, reject) => void connectData(url, receive).on("end", resolve).on("error", reject));

/** What no other bytes of the benches' answers are. */
const lastChunk = "\r\n0\r\n\r\n";

function connectData(url: string, read: (bytes: Uint8Array) => unknown): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) }).on("data", read);
  socket.write(requestHead(url));
  return socket;
}

function connectStatic(url: string, read: (bytes: Uint8Array) => unknown): Socket {
  const { hostname, port } = new URL(url);
  const callback = (bytes: number, buffer: Uint8Array): boolean => {
    read(buffer.subarray(0, bytes));
    return true;
  };
  const onread = { buffer: new Uint8Array(64 * 1024), callback };
  const socket = connect({ host: hostname, port: Number(port), onread });
  socket.write(requestHead(url));
  return socket;
}

function requestHead(url: string): string {
  const { pathname, search, host } = new URL(url);
  return `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n\r\n`;
}
