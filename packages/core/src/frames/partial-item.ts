import { copyBytes } from "#native";
import { type LimitName, StreamError } from "../errors.ts";
import type { BadItem } from "./decoder.ts";

/** A limit in bytes, and the option that set it. */
export interface ByteLimit {
  readonly name: LimitName;
  readonly bytes: number;
}

/**
 * What becomes of an item over its limit. `throw` ends the stream with `limit`. `skip` passes over it, keeps no more of it than
 * its first 1,024 bytes, and tells it in a mark `bad`.
 */
export type OnOversize = "throw" | "skip";

/** The option as a caller gave it, checked; `throw` when they gave none. @throws TypeError that prints a bad one */
export function checkedOnOversize(onOversize: OnOversize | undefined = "throw"): OnOversize {
  if (onOversize === "throw" || onOversize === "skip") return onOversize;
  throw new TypeError(`onOversize must be "throw" or "skip", got ${typeof onOversize} ${String(onOversize)}`);
}

/**
 * The bytes of an item that has begun and not ended, copied out of their chunks. It is what a decoder holds from chunk to chunk, and
 * where it keeps its limit: all copying together is linear, and between two items it holds no memory.
 *
 * @example
 * ```ts
 * import { PartialItem } from "@longwire/core";
 *
 * const item = new PartialItem({ name: "maxItemBytes", bytes: 4 }, "skip");
 * item.keep(new TextEncoder().encode("too "), 0, 4, 1, 0);
 * item.keep(new TextEncoder().encode("long"), 0, 4, 1, 0);
 * if (item.isOversize) console.log(item.told(1, 0).reason); // it has 8 bytes, more than maxItemBytes, 4 bytes
 * item.drop(true);
 * ```
 */
export class PartialItem {
  /** Memory in which the bytes stand first. */
  bytes: Uint8Array = noBytes;
  /** How many there were. Of an item over its limit only the first 1,024 are kept. */
  length = 0;
  readonly #limit: ByteLimit;
  readonly #onOversize: OnOversize;

  constructor(limit: ByteLimit, onOversize: OnOversize) {
    this.#limit = limit;
    this.#onOversize = onOversize;
  }

  /** Adds `source[from, to)` to the item, which began at that place of the body. @throws StreamError `limit` */
  keep(source: Uint8Array, from: number, to: number, line: number, byteOffset: number): void {
    const length = this.length + to - from;
    if (length > this.#limit.bytes) {
      if (this.#onOversize === "throw") throw limitExceeded(this.#limit, line, byteOffset);
      this.#keepStart(source, from, to);
    } else {
      if (length > this.bytes.length) this.#move(Math.max(length, 2 * this.bytes.length, leastBytes));
      copyBytes(source, from, to, this.bytes, this.length);
    }
    this.length = length;
  }

  /** Whether it is over its limit, and passed over. */
  get isOversize(): boolean {
    return this.length > this.#limit.bytes;
  }

  /** What is told of it when it is passed over. `length`: its bytes, without its end. */
  told(line: number, byteOffset: number, length: number = this.length): BadItem {
    const { name, bytes } = this.#limit;
    const raw = this.bytes.slice(0, Math.min(length, startBytes));
    return { line, byteOffset, raw, reason: `it has ${length} bytes, more than ${name}, ${bytes} bytes` };
  }

  /** Forgets it. Memory of a common size stays for the next item, unless `rest` says that none has begun. */
  drop(rest: boolean): void {
    this.length = 0;
    if (rest || this.bytes.length > mostReusedBytes) this.bytes = noBytes;
  }

  #keepStart(source: Uint8Array, from: number, to: number): void {
    if (this.bytes.length !== startBytes) this.#move(startBytes);
    const kept = Math.min(this.length, startBytes);
    copyBytes(source, from, Math.min(to, from + startBytes - kept), this.bytes, kept);
  }

  #move(capacity: number): void {
    const bytes = new Uint8Array(capacity);
    copyBytes(this.bytes, 0, Math.min(this.length, capacity), bytes, 0);
    this.bytes = bytes;
  }
}

function limitExceeded(limit: ByteLimit, line: number, byteOffset: number): StreamError {
  const message =
    `Cannot read the item on line ${line}, from byte ${byteOffset} on: it is longer than ${limit.name}, ${limit.bytes} bytes; ` +
    'raise the limit, have the server send smaller items, or set onOversize: "skip"';
  return new StreamError("limit", message, { limit: limit.name, line, byteOffset });
}

const noBytes: Uint8Array = new Uint8Array(0);
const leastBytes = 256;
const mostReusedBytes = 64 * 1024;
/** What is kept and told of an item over its limit. */
const startBytes = 1_024;
