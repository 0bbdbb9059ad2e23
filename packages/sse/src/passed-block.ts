// An event over the limit that is passed over: what is told of it when its blank line has come.

import type { BadItem } from "@longwire/core";
import type { Block } from "./block.ts";
import { appendBytes, type ByteTail, dropBytes, emptyTail, restTail } from "./byte-tail.ts";

/** The block that is passed over, while one is; and the first bytes of the block in hand, which may become one. */
export class PassedBlock {
  /** A block is passed over. */
  active = false;
  /** The line in hand is over the limit by itself: its bytes are dropped up to its end. */
  inLongLine = false;
  /** Where the last line of it ended that did, in bytes of the body. */
  end = 0;
  readonly #head: ByteTail = emptyTail();

  /** Keeps the first bytes of the block out of a chunk, which begins at `offset` in the body. */
  remember(chunk: Uint8Array, offset: number, { byteOffset }: Block): void {
    const head = this.#head;
    if (byteOffset >= offset) dropBytes(head, head.to);
    const from = Math.max(byteOffset - offset, 0);
    const to = Math.min(chunk.length, from + mostRawBytes - head.to);
    if (from < to) appendBytes(head, chunk, from, to, mostRawBytes);
    else restTail(head);
  }

  /** What is told of the block, which is over: the next one begins. */
  told({ line, byteOffset }: Block, maxItemBytes: number): BadItem {
    const bytes = this.end - byteOffset;
    const head = this.#head;
    const raw = head.bytes.slice(0, Math.min(head.to, bytes));
    this.active = false;
    dropBytes(head, head.to);
    return { line, byteOffset, raw, reason: `it has ${bytes} bytes, more than maxItemBytes, ${maxItemBytes} bytes` };
  }
}

const mostRawBytes = 1_024;
