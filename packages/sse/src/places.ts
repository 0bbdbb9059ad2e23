import { indexOfLineEnd } from "@longwire/core/bytes";

/** Where something begins in its body. */
export interface Place {
  /** From 1. */
  readonly line: number;
  /** In bytes of the decoded body, from 0. */
  readonly byteOffset: number;
}

/** Where the blocks of events began, in order. */
export class Places {
  #found: Place[] = [];
  #finder: LineFinder | undefined;
  /** The line that the text begins with in which the finder looks. */
  #textLine = 0;

  /** Adds the block that began on `line`, while `source` is read from `start` on, where the block was what it is here. */
  add(
    line: number,
    before: Place & { readonly nextLine: number },
    source: Uint8Array,
    start: number,
    base: number,
  ): void {
    const { byteOffset, nextLine } = before;
    if (line === before.line) return void this.#found.push({ line, byteOffset });
    if (!this.#finder || this.#textLine !== nextLine) this.#finder = new LineFinder(source, start, nextLine);
    this.#textLine = nextLine;
    this.#found.push({ line, byteOffset: base + this.#finder.startOf(line) });
  }

  /** Those found since it was asked last. */
  take(): Place[] {
    const found = this.#found;
    this.#found = [];
    this.#finder = undefined;
    return found;
  }
}

/** Finds where lines begin in bytes, of which the one at `from` is line `line`. */
export class LineFinder {
  readonly #source: Uint8Array;
  #from: number;
  #line: number;

  constructor(source: Uint8Array, from: number, line: number) {
    this.#source = source;
    this.#from = from;
    this.#line = line;
  }

  /** Of a line no earlier than the one asked for before. */
  startOf(line: number): number {
    for (; this.#line < line; this.#line++)
      this.#from = lineAfter(this.#source, indexOfLineEnd(this.#source, this.#from));
    return this.#from;
  }
}

/** Where the line after the line end at `end` begins. */
export function lineAfter(bytes: Uint8Array, end: number): number {
  return bytes[end] === CR && bytes[end + 1] === LF ? end + 2 : end + 1;
}

const LF = 0x0a;
const CR = 0x0d;
