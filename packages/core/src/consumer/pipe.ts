import { abortable } from "abort-controller-x";
import type { Outcome } from "../errors.ts";
import { printed } from "../request/printed.ts";
import { onAbort } from "../signal/on-abort.ts";
import type { EventStream } from "./event-stream.ts";
import { type NodeWritable, outletOf } from "./outlet.ts";

export interface PipeOptions {
  /**
   * Whether the writable ends with the stream. `false` leaves it open, however the stream ended: it is its owner's to end or to
   * destroy. Default true.
   */
  readonly end?: boolean | undefined;
  /** Ends both; its reason is thrown as it is. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes all items of a stream into a WritableStream or a Writable of Node, in constant memory: the next item is asked for when the
 * writable took the one before, so a slow one holds the server up, and what counts as acknowledged (and goes into a cursor
 * store) was taken.
 *
 * Resolves with the outcome of the stream when the writable took everything and its end; an error of a Node writable behind its `finish`
 * is its owner's. When the stream breaks, the writable is aborted (Node: destroyed) with the reason; when the writable breaks, the
 * stream is closed, and its error is thrown as it is. A writable that is closed before its end, and a stream that is, resolve as `closed`;
 * the other one is then ended as broken too.
 *
 * @throws StreamError by `code`, as a loop over the stream does; what the writable failed with; the caller's abort reason; TypeError for
 * what is no writable, is locked, or for a stream that has a consumer
 *
 * @example
 * ```ts
 * import { openBytes, pipe } from "@longwire/core";
 * import { createWriteStream } from "node:fs";
 *
 * const { code, bytes } = await pipe(openBytes("https://a.example/image.iso"), createWriteStream("image.iso"));
 * console.log(code, bytes);
 * ```
 */
export async function pipe<T>(
  stream: EventStream<T>,
  target: WritableStream<T> | NodeWritable<T>,
  options: PipeOptions = {},
): Promise<Outcome> {
  const { end = true, signal } = options;
  if (typeof end !== "boolean") throw new TypeError(`end must be true or false, not ${printed(end)}`);
  const closed = new DOMException("The pipe was closed before its end", "AbortError");
  /** Aborted with why neither side is waited for any more. */
  const over = new AbortController();
  const stop = (why: unknown): void => {
    over.abort(why);
    void stream.close();
  };
  const outlet = outletOf(target, { failed: stop, closed: () => stop(closed) });
  const unlisten = signal && onAbort(signal, stop);
  // Also while a chunk is being written, which may take for ever.
  void stream.outcome.then(({ code, error }) => isWhole(code) || stop(code === "closed" ? closed : error));
  try {
    for await (const item of stream) await abortable(over.signal, outlet.write(item));
    const outcome = await stream.outcome;
    over.signal.throwIfAborted();
    if (end) await abortable(over.signal, outlet.end());
    return outcome;
  } catch (error) {
    const why = over.signal.aborted ? over.signal.reason : error;
    if (end) outlet.abort(why);
    if (why !== closed) throw why;
    const { error: _, ...outcome } = await stream.outcome;
    return { ...outcome, code: "closed" };
  } finally {
    unlisten?.();
    outlet.release();
  }
}

function isWhole(code: Outcome["code"]): boolean {
  return code === "complete" || code === "ended";
}
