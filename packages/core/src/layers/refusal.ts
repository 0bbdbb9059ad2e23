import { StreamError } from "../errors.ts";
import { shownUrl } from "../request/shown-url.ts";
import type { Clock } from "../time/clock.ts";
import { retryAfterMs } from "../time/retry-after.ts";
import type { StreamResponse } from "../transport/transport.ts";
import { contentEncoding } from "./content-encoding.ts";
import { excerpt } from "./excerpt.ts";
import { maskedHeaders } from "./mask.ts";

/**
 * The `refused` error of an answer that is not handed on, with all that the answer told. The answer is released.
 *
 * @throws the signal's reason when it is aborted meanwhile.
 */
export async function refusal(
  response: StreamResponse,
  why: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<StreamError> {
  const { url, status, headers } = response;
  const waitMs = retryAfterMs(headers.get("retry-after"), clock);
  const text = await excerpt(response, clock, signal);
  signal.throwIfAborted();
  return new StreamError("refused", `Cannot open ${shownUrl(url)}: ${why}`, {
    status,
    headers: maskedHeaders(headers),
    // What is still compressed is no text.
    ...(contentEncoding(headers) === undefined ? { excerpt: text } : {}),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });
}
