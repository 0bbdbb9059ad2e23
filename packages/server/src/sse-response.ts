import { lastEventId } from "./last-event-id.ts";
import { ResponseBody } from "./response-body.ts";
import { checkedResponse, type SseResponseOptions } from "./response-options.ts";
import { type Source, sourceFeed } from "./source.ts";
import { type SseItem, sseEncoding, sseOpening } from "./sse-encoding.ts";
import { webResponse } from "./web-response.ts";

/** What a response of the web's kind can be told beside that. */
export interface WebRequestOption {
  /** The request that is answered: its signal, its method and its `Last-Event-ID`. Without it only the body's reader tells that it left. */
  readonly request?: Request | undefined;
}

/**
 * An event stream as a web `Response`, for Hono, Bun, Deno, workers and Next.
 *
 * The source is asked for an item when the client has room for one, so a client that stalls stops it. It is let go, and its `signal`
 * aborted, as soon as the client is gone. What it throws goes to `onError`, and the body breaks: an error is never a clean end.
 *
 * @throws TypeError, RangeError on a bad option
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 *
 * @example
 * ```ts
 * import { sseResponse } from "@longwire/server";
 *
 * async function* count(from: number) {
 *   for (let n = from; n <= 10; n++) yield { id: String(n), data: `number ${n}` };
 * }
 * const answer = (request: Request) =>
 *   sseResponse(({ lastEventId }) => count(Number(lastEventId ?? 0) + 1), { request, retryMs: 1_000 });
 * console.log(await answer(new Request("https://a.example/count")).text());
 * ```
 */
export function sseResponse(
  source: Source<SseItem, Request | undefined>,
  options: SseResponseOptions & WebRequestOption = {},
): Response {
  const { request } = options;
  const checked = checkedResponse(options, sseEncoding.contentType, 15_000);
  const opening = sseOpening(options);
  const feed = sourceFeed(source, sseEncoding, {
    request,
    lastEventId: lastEventId(request?.headers.get("last-event-id")),
  });
  return webResponse(new ResponseBody(feed, { ...checked, opening }), checked, request);
}
