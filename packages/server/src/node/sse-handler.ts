import { ResponseBody } from "../response-body.ts";
import { checkedResponse, type SseResponseOptions } from "../response-options.ts";
import { type Source, sourceFeed } from "../source.ts";
import { type SseItem, sseEncoding, sseOpening } from "../sse-encoding.ts";
import { lastEventId } from "../last-event-id.ts";
import { type NodeRequest, type NodeResponse, send } from "./send.ts";

/** Answers one request. Resolves when the answer is over, however it ended, and never rejects. */
export type NodeHandler = (request: NodeRequest, response: NodeResponse) => Promise<void>;

/**
 * An event stream as a handler of `node:http`, `node:http2` (compatibility API) and Express; in Fastify call `reply.hijack()` and hand it
 * `request.raw` and `reply.raw`. Headers set on the response before it is called are sent too.
 *
 * The head leaves at once. The source is asked for an item when the client has room for one, so a client that stalls stops it; it is let
 * go, and its `signal` aborted, as soon as the client is gone. What it throws goes to `onError`, and the connection is cut (HTTP/2:
 * RST_STREAM), never ended as if that were all. For more than one request the source must be a function, or an iterable that can be
 * iterated again.
 *
 * @throws TypeError, RangeError on a bad option
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { sseHandler } from "@longwire/server";
 *
 * const count = sseHandler(
 *   async function* ({ lastEventId, signal }) {
 *     for (let n = Number(lastEventId ?? 0) + 1; !signal.aborted; n++) yield { id: String(n), data: `number ${n}` };
 *   },
 *   { retryMs: 1_000, onError: (error) => console.error(error) },
 * );
 * createServer(count).listen(8080);
 * ```
 */
export function sseHandler(source: Source<SseItem, NodeRequest>, options: SseResponseOptions = {}): NodeHandler {
  const checked = checkedResponse(options, sseEncoding.contentType, 15_000);
  const opening = sseOpening(options);
  return (request, response) => {
    const feed = sourceFeed(source, sseEncoding, {
      request,
      lastEventId: lastEventId(request.headers["last-event-id"]),
    });
    return send(request, response, new ResponseBody(feed, { ...checked, opening }), checked);
  };
}
