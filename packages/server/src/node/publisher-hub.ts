import type { IncomingMessage } from "node:http";
import type { AcceptedWebSocket } from "@longwire/websocket";
import { goodbyeDelivery } from "../delivery.ts";
import { lastEventId } from "../last-event-id.ts";
import type { Publisher, SubscribeOptions } from "../publisher.ts";
import { checkQueue } from "../slow-policy.ts";
import type { Subscription } from "../subscription.ts";
import { type Topics, topicsOf } from "../topics.ts";
import { type HandshakeOptions, hubSettings, type SocketLimits } from "./hub-options.ts";
import { readAndDrop } from "./read-and-drop.ts";
import { goingAway, tryAgainLater } from "./close-codes.ts";
import { WebSocketHub } from "./web-socket-hub.ts";

/** What a publisher's WebSockets are served with. Each may be `undefined`, which means its default. */
export interface PublisherHubOptions
  extends Omit<HandshakeOptions, "maxSockets" | "maxPerAddress" | "retryMs">,
    Omit<SocketLimits, "clock">,
    Pick<SubscribeOptions, "policy" | "capacity"> {
  /** What is subscribed to, or a function of the request. Default: all topics. */
  topics?: Topics<IncomingMessage>;
  /**
   * The id to go on behind, read from a request. Default: `Last-Event-ID`, or `lastEventId` in the query, since pages cannot send headers.
   */
  cursor?: ((request: IncomingMessage) => string | undefined) | undefined;
}

/**
 * A publisher's items over WebSockets, for `server.on("upgrade", hub.upgrade)`: each a text message, a row as NDJSON has it
 * (`{"id":…,"type":…,"data":…}`), encoded once for all of them. Gaps and the goodbye are rows too. What clients send is read and dropped.
 *
 * The publisher's limits hold, and its origins; without these only pages of the same host come in. Its `close()` hands out what waits, says goodbye and
 * closes each with 1001; a subscriber that is evicted is closed with 1013.
 *
 * @throws TypeError, RangeError on a bad option
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { createPublisher, publisherHandler, publisherHub } from "@longwire/server";
 * import { createClient } from "longwire";
 *
 * const publisher = createPublisher();
 * createServer(publisherHandler(publisher)).on("upgrade", publisherHub(publisher).upgrade).listen(8080);
 *
 * const prices = createClient().webSocket("ws://127.0.0.1:8080/", {
 *   resume: {
 *     cursor: (row) => JSON.parse(String(row)).id,
 *     apply: (request, id) => request.withQuery({ lastEventId: String(id) }),
 *   },
 * });
 * for await (const row of prices) console.log(row);
 * ```
 */
export function publisherHub(publisher: Publisher, options: PublisherHubOptions = {}): WebSocketHub {
  const { topics: asked, cursor = cursorOf, policy, capacity, ...limits } = options;
  const topics = topicsOf(asked);
  checkQueue({ policy, capacity });
  const { retryMs, clock, origins } = publisher;
  const settings = hubSettings({ origins, ...limits, retryMs, clock });
  const { addressOf } = settings;

  async function serve(socket: AcceptedWebSocket, { request }: { request: IncomingMessage }): Promise<void> {
    const subscription = publisher.subscribe({
      topics: topics(request),
      cursor: cursor(request),
      address: addressOf(request),
      policy,
      capacity,
    });
    subscription.signal.addEventListener("abort", () => socket.terminate(), { once: true });
    socket.signal.addEventListener("abort", () => {
      if (socket.isOpen) subscription.finish(goodbyeDelivery(retryMs));
      else void subscription.return();
    });
    // How it ends, its signal tells.
    readAndDrop(socket).catch(() => {});
    try {
      await sendAll(subscription, socket);
    } finally {
      void subscription.return();
    }
    await (subscription.evicted ? socket.close(tryAgainLater, "Too slow") : socket.close(goingAway));
  }

  return new WebSocketHub(serve, {
    ...settings,
    lastLook: (request) => publisher.refusal({ origin: request.headers.origin, address: addressOf(request) }),
  });
}

async function sendAll(subscription: Subscription, socket: AcceptedWebSocket): Promise<void> {
  for await (const { ndjson } of subscription) {
    if (ndjson.length === 0) continue;
    if (socket.isBehind) await socket.room();
    // Without the LF.
    socket.post(ndjson.subarray(0, -1), { asText: true });
  }
}

function cursorOf({ headers, url = "" }: IncomingMessage): string | undefined {
  const query = url.slice(url.indexOf("?") + 1);
  return lastEventId(headers["last-event-id"]) ?? (new URLSearchParams(query).get("lastEventId") || undefined);
}
