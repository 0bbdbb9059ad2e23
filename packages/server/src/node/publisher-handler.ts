import type { Publisher } from "../publisher.ts";
import { publisherAnswer, type PublisherResponseOptions } from "../publisher-response.ts";
import { isGone } from "./on-gone.ts";
import { breakOff, type NodeRequest, send } from "./send.ts";
import type { NodeHandler } from "./sse-handler.ts";

/**
 * Answers with a publisher's items, as an event stream or as rows, from the `Last-Event-ID` that the request brings; or refuses: 403 for
 * an origin that is not allowed, 429 and 503 with `Retry-After` for one subscriber too many. Otherwise as {@link sseHandler}.
 *
 * @throws TypeError, RangeError on a bad option
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { createPublisher, publisherHandler } from "@longwire/server";
 *
 * const publisher = createPublisher({ maxPerAddress: 20, origins: ["https://app.example"] });
 * const topicsOf = (url = "/") => new URL(url, "http://host").searchParams.getAll("topic");
 * createServer(publisherHandler(publisher, { topics: (request) => topicsOf(request.url) })).listen(8080);
 * ```
 */
export function publisherHandler(
  publisher: Publisher,
  options: PublisherResponseOptions<NodeRequest> = {},
): NodeHandler {
  const answerTo = publisherAnswer(publisher, options);
  return async (request, response) => {
    const header = (name: string): string | undefined => {
      const field = request.headers[name];
      return Array.isArray(field) ? field.join(", ") : field;
    };
    const answer = answerTo({ request, method: request.method, header, address: request.socket?.remoteAddress });
    if ("body" in answer) return send(request, response, answer.body, answer.response);
    const { status, headers, text } = answer.short;
    if (isGone(request, response)) return;
    // It would be taken for what the head, which was sent before, says that it is.
    if (response.headersSent) return breakOff(response);
    response.statusCode = status;
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.end(text);
  };
}
