import { ndjsonEncoding } from "../ndjson-encoding.ts";
import { ResponseBody } from "../response-body.ts";
import { checkedResponse, type ResponseOptions } from "../response-options.ts";
import { type Source, sourceFeed } from "../source.ts";
import { lastEventId } from "../last-event-id.ts";
import { type NodeRequest, send } from "./send.ts";
import type { NodeHandler } from "./sse-handler.ts";

/**
 * Rows of NDJSON as a handler; as {@link sseHandler}, but that an item is any value that JSON has a text for, and that heartbeats,
 * which are empty lines, are off until `heartbeatMs` is given: not every reader passes over them.
 *
 * @throws TypeError, RangeError on a bad option
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { ndjsonHandler } from "@longwire/server";
 *
 * const rows = ndjsonHandler(async function* () {
 *   for (let seq = 1; seq <= 3; seq++) yield { seq };
 * });
 * createServer(rows).listen(8080);
 * ```
 */
export function ndjsonHandler(source: Source<unknown, NodeRequest>, options: ResponseOptions = {}): NodeHandler {
  const checked = checkedResponse(options, ndjsonEncoding.contentType, 0);
  return (request, response) => {
    const feed = sourceFeed(source, ndjsonEncoding, {
      request,
      lastEventId: lastEventId(request.headers["last-event-id"]),
    });
    return send(request, response, new ResponseBody(feed, { ...checked, opening: undefined }), checked);
  };
}
