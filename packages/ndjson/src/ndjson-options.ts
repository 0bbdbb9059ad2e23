import { type BadItem, byteLimit } from "@longwire/core";

/** How NDJSON is read. */
export interface NdjsonOptions {
  /** Longest record in bytes: all before its LF. From 1 to 268_435_456; default 16_777_216 (16 MiB). */
  maxItemBytes?: number | undefined;
  /**
   * What becomes of a line that is no JSON text: `throw` ends the stream with `protocol`; `skip` passes over it, and so does a
   * function, which is called with it first. Default `throw`.
   */
  onBadItem?: "throw" | "skip" | ((bad: BadItem) => void) | undefined;
  /** A line equal to this text ends the stream; it is compared before it is taken for JSON. Default: none. */
  marker?: string | undefined;
}

/** The options filled in. @throws TypeError, RangeError that print a bad one */
export function checkedNdjsonOptions(options: NdjsonOptions): {
  readonly maxItemBytes: number;
  readonly onBadItem: "throw" | "skip" | ((bad: BadItem) => void);
  readonly marker: string | undefined;
} {
  const { onBadItem = "throw", marker } = options;
  if (onBadItem !== "throw" && onBadItem !== "skip" && typeof onBadItem !== "function") {
    throw new TypeError(
      `onBadItem must be "throw", "skip" or a function, got ${typeof onBadItem} ${String(onBadItem)}`,
    );
  }
  if (marker !== undefined && typeof marker !== "string") {
    throw new TypeError(`marker must be a string, got ${typeof marker} ${String(marker)}`);
  }
  return { maxItemBytes: byteLimit("maxItemBytes", options.maxItemBytes), onBadItem, marker };
}
