import { StreamError } from "../errors.ts";
import type { Decoder, EndOfBody, Sink } from "../frames/decoder.ts";
import { framed } from "../frames/framed.ts";
import type { Framing } from "../transport/transport.ts";
import type { BodyPart } from "./range-answer.ts";

/**
 * The bytes of one part: counted, with what comes before those wanted passed over, and the number of them checked at the end.
 * With `marked`, each chunk has its resume point: the offset behind it.
 */
export class RangeDecoder implements Decoder<Uint8Array> {
  /** Something was handed out. */
  handed = false;
  /** The body ended cleanly, and that proves nothing. */
  inconclusive = false;
  readonly #part: BodyPart;
  readonly #url: string;
  readonly #marked: boolean;
  /** The most that the head allows. */
  readonly #limit: number;
  #at: number;

  /** `url` is what errors call it. */
  constructor(part: BodyPart, url: string, marked: boolean) {
    const { start, end = Number.POSITIVE_INFINITY, whole } = part;
    this.#part = part;
    this.#url = url;
    this.#marked = marked;
    this.#limit = Math.min(end, whole.total ?? end);
    this.#at = start;
  }

  get whole(): boolean {
    return this.#at === this.#part.whole.total;
  }

  push(chunk: Uint8Array, { items, marks }: Sink<Uint8Array>): void {
    if (chunk.length === 0) return;
    const passed = this.#part.from - this.#at;
    this.#at += chunk.length;
    if (this.#at > this.#limit) {
      throw new StreamError("protocol", `${this.#reading()}: ${this.#limit} bytes were announced, and more came`);
    }
    if (passed >= chunk.length) return;
    this.handed = true;
    items.push(passed > 0 ? chunk.subarray(passed) : chunk);
    if (this.#marked) marks.push({ at: items.length, kind: "cursor", value: this.#at });
  }

  end(framing: Framing): EndOfBody {
    const { from, end, whole } = this.#part;
    const { total = end } = whole;
    if (total !== undefined && this.#at < total) {
      throw new StreamError("truncated", `${this.#reading()}: it ended after ${this.#at} of ${total} bytes`);
    }
    if (this.#at < from) {
      const why = `bytes from ${from} on were asked for, and the whole ended after ${this.#at}`;
      throw new StreamError(framed(framing) ? "refused" : "truncated", `${this.#reading()}: ${why}`);
    }
    // A part of what has no known length may have been the last one.
    const proven = whole.total !== undefined || (end === undefined && framed(framing));
    this.inconclusive = !proven;
    return proven ? "complete" : "ended";
  }

  #reading(): string {
    return `Cannot finish ${this.#url}`;
  }
}
