import { ndjsonEncoding } from "./ndjson-encoding.ts";
import { lastEventId } from "./last-event-id.ts";
import { ResponseBody } from "./response-body.ts";
import { checkedResponse, type ResponseOptions } from "./response-options.ts";
import { type Source, sourceFeed } from "./source.ts";
import type { WebRequestOption } from "./sse-response.ts";
import { webResponse } from "./web-response.ts";

/**
 * Rows of NDJSON as a web `Response`; as {@link sseResponse}, but that an item is any value that JSON has a text for, and that
 * heartbeats, which are empty lines, are off until `heartbeatMs` is given: not every reader passes over them.
 *
 * @throws TypeError, RangeError on a bad option
 *
 * @example
 * ```ts
 * import { ndjsonResponse } from "@longwire/server";
 *
 * async function* rows() {
 *   for (let seq = 1; seq <= 3; seq++) yield { seq };
 * }
 * console.log(await ndjsonResponse(rows()).text());
 * ```
 */
export function ndjsonResponse(
  source: Source<unknown, Request | undefined>,
  options: ResponseOptions & WebRequestOption = {},
): Response {
  const { request } = options;
  const checked = checkedResponse(options, ndjsonEncoding.contentType, 0);
  const feed = sourceFeed(source, ndjsonEncoding, {
    request,
    lastEventId: lastEventId(request?.headers.get("last-event-id")),
  });
  return webResponse(new ResponseBody(feed, { ...checked, opening: undefined }), checked, request);
}
