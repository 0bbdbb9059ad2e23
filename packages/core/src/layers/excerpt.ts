import { abortable } from "abort-controller-x";
import { onAbort } from "../signal/on-abort.ts";
import type { Clock } from "../time/clock.ts";
import type { StreamResponse } from "../transport/transport.ts";

/**
 * The beginning of a body that is not handed on, as text, and the end of the answer: it is released. Reads up to 2 KiB for at
 * most 1 s, which also lets a small body end, so that its connection can be used again.
 *
 * Never throws, and waits no longer whatever the body does: what came until then, the signal or an error is the excerpt.
 */
export async function excerpt(response: StreamResponse, clock: Clock, signal: AbortSignal): Promise<string> {
  const enough = new AbortController();
  const cancelTimer = clock.timer(longestMs, () => enough.abort());
  const unlisten = onAbort(signal, () => enough.abort());
  let text = "";
  try {
    const chunks = response.body[Symbol.asyncIterator]();
    const utf8 = new TextDecoder();
    for (let left = mostBytes; left > 0 && !enough.signal.aborted; ) {
      const { done, value } = await abortable(enough.signal, chunks.next());
      if (done) break;
      text += utf8.decode(value.subarray(0, left), { stream: true });
      left -= value.length;
    }
  } catch {
    // The answer is refused in any case; a body that breaks off tells no more than it did.
  } finally {
    cancelTimer();
    unlisten();
    response.release();
  }
  return text;
}

const mostBytes = 2_048;
const longestMs = 1_000;
