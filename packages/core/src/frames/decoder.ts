import type { Cursor } from "../errors.ts";
import type { Framing } from "../transport/transport.ts";

/**
 * Contract 3: bytes to items. No I/O, no awaits, linear time, bounded memory.
 *
 * Items found before a `protocol` or `limit` error is thrown are in the sink and are delivered first. After it has thrown, or
 * after `end`, a decoder is used no more.
 */
export interface Decoder<T> {
  /** @throws StreamError `protocol`, `limit` */
  push(chunk: Uint8Array, sink: Sink<T>): void;
  /** What the end of the body means here. @throws StreamError `protocol` */
  end(framing: Framing, sink: Sink<T>): EndOfBody;
  /** Where a length was announced: whether all of it has come. From then on every end is `complete`, be it a break or a silence. */
  readonly whole?: boolean;
}

/** `complete`: all was received. `ended`: a clean end that proves nothing. `truncated`: the end fell inside an item. */
export type EndOfBody = "complete" | "ended" | "truncated";

/** Where a decoder puts what it found: items, and beside them the marks, in order. */
export interface Sink<T> {
  readonly items: T[];
  readonly marks: Mark<T>[];
}

/** What is no item. `at` is its place: the number of items in the sink before it. */
export type Mark<T = unknown> = { readonly at: number } & (
  | { readonly kind: "comment"; readonly value: string }
  /** A sign of life that is no item: a blank NDJSON line. */
  | { readonly kind: "heartbeat"; readonly value?: undefined }
  /** The server's wait before a reconnect, in ms. */
  | { readonly kind: "retry"; readonly value: number }
  /** The idle window that the server set from here on, in ms; `0`: none. */
  | { readonly kind: "idle"; readonly value: number }
  /** A resume point without an item; it counts after the items before it. */
  | { readonly kind: "cursor"; readonly value: Cursor }
  /** A bad item that the policy skips. */
  | { readonly kind: "bad"; readonly value: BadItem }
  /** The end marker that the caller declared, where it is no item. */
  | { readonly kind: "marker"; readonly value?: undefined }
  /** At the end of the body: what would have been the next item. Tried against `until`, never delivered. */
  | { readonly kind: "unfinished"; readonly value: T }
);

/** An item that could not be read. */
export interface BadItem {
  /** The line it began on, from 1. */
  readonly line: number;
  /** Where it began, in bytes of the decoded body, from 0. */
  readonly byteOffset: number;
  /** Its bytes, without the line end; of one over its limit the first 1,024. */
  readonly raw: Uint8Array;
  /** Why it was refused. */
  readonly reason: string;
}

/** A sink with nothing in it. */
export function emptySink<T>(): { items: T[]; marks: Mark<T>[] } {
  return { items: [], marks: [] };
}
