import type { Refusal } from "./admission.ts";
import type { Feed, FeedReader } from "./feed.ts";
import { lastEventId } from "./last-event-id.ts";
import type { Publisher, SubscribeOptions } from "./publisher.ts";
import { ResponseBody } from "./response-body.ts";
import {
  type CheckedResponse,
  checkedResponse,
  type ResponseOptions,
  type SseResponseOptions,
} from "./response-options.ts";
import { ndjsonEncoding } from "./ndjson-encoding.ts";
import { sseEncoding, sseOpening, sseText } from "./sse-encoding.ts";
import { checkQueue } from "./slow-policy.ts";
import type { Subscription } from "./subscription.ts";
import { type Topics, topicsOf } from "./topics.ts";
import { webResponse } from "./web-response.ts";

/** What a response of a publisher can be told; `Request` is the kind of the server's requests. */
export interface PublisherResponseOptions<Request>
  extends Omit<ResponseOptions, "clock">,
    Pick<SseResponseOptions, "paddingBytes">,
    Pick<SubscribeOptions, "policy" | "capacity"> {
  /** What is subscribed to, or a function of the request. Default: all topics. */
  readonly topics?: Topics<Request>;
  /** `auto` (the default): NDJSON for who accepts it and no event stream, else SSE. */
  readonly format?: "auto" | "sse" | "ndjson" | undefined;
  /** Where a request comes from, for `maxPerAddress`. Default: the socket's address under Node, elsewhere none. */
  readonly address?: ((request: Request) => string | undefined) | undefined;
}

/** Of a request, what a publisher looks at. */
export interface Asked<Request> {
  readonly request: Request;
  readonly method: string | undefined;
  readonly header: (name: string) => string | undefined;
  /** The default address. */
  readonly address: string | undefined;
}

/** Either a text of which nothing lasts, or a body whose subscription counts already. */
export type Answer =
  | { readonly short: Omit<Refusal, "status"> & { readonly status: number } }
  | { readonly body: ResponseBody; readonly response: CheckedResponse };

/** Options that were checked, as a function from a request to its answer. @throws TypeError, RangeError on a bad option */
export function publisherAnswer<Request>(
  publisher: Publisher,
  options: PublisherResponseOptions<Request>,
): (asked: Asked<Request>) => Answer {
  const { format = "auto", policy, capacity } = options;
  checkQueue({ policy, capacity });
  if (!["auto", "sse", "ndjson"].includes(format)) {
    throw new TypeError(`format must be "auto", "sse" or "ndjson", got ${String(format)}`);
  }
  const topics = topicsOf(options.topics);
  const { clock, retryMs } = publisher;
  const sse = checkedResponse({ ...options, clock }, sseEncoding.contentType, 15_000);
  const ndjson = checkedResponse({ ...options, clock }, ndjsonEncoding.contentType, 0);
  const sseBegins = sseOpening({ paddingBytes: options.paddingBytes, retryMs });
  // Those of the options hold for whatever is answered: a browser reads nothing else.
  const cors = Object.fromEntries(Object.entries(sse.headers).filter(([name]) => name.startsWith("access-control-")));
  const comeBack = sseText({ comment: "goodbye", retry: retryMs });
  function answerTo({ request, method, header, address }: Asked<Request>): Answer {
    const origin = header("origin");
    const readable = { ...publisher.originHeaders(origin), ...cors };
    if (method === "OPTIONS") return { short: preflight(readable, header("access-control-request-headers")) };
    const from = options.address ? options.address(request) : address;
    const refusal = publisher.refusal({ origin, address: from });
    if (refusal?.status === 503 && publisher.closing && acceptsEvents(header("accept"))) {
      // Any status but 200 is the end of an EventSource, which was told to come back.
      return { short: { status: 200, headers: { ...sse.headers, ...readable }, text: comeBack } };
    }
    if (refusal) return { short: { ...refusal, headers: { ...refusal.headers, ...readable } } };
    const subscription = publisher.subscribe({
      topics: topics(request),
      cursor: lastEventId(header("last-event-id")),
      address: from,
      policy,
      capacity,
    });
    const asRows = format === "auto" ? acceptsRowsOnly(header("accept")) : format === "ndjson";
    const checked = asRows ? ndjson : sse;
    const feed = new SubscriptionFeed(subscription, asRows ? "ndjson" : "sse");
    return {
      body: new ResponseBody(feed, { ...checked, opening: asRows ? undefined : sseBegins }),
      response: { ...checked, headers: { ...readable, ...checked.headers } },
    };
  }
  return (asked) => {
    try {
      return answerTo(asked);
    } catch (error) {
      // A function of the options threw, and nothing was subscribed to.
      sse.onError(error);
      const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
      return { short: { status: 500, headers, text: "The subscription failed.\n" } };
    }
  };
}

/**
 * The answer to one request as a web `Response`: the publisher's items as an event stream or as rows, from the `Last-Event-ID` that the
 * request brings, or a refusal: 403 for an origin that is not allowed, 429 and 503 with `Retry-After` for one subscriber too many. OPTIONS is
 * answered as a preflight. While the publisher closes, who accepts event streams is told by one when to come back.
 *
 * The response counts as a subscriber until its body is over or the request's signal is aborted; hand it to the server, or cancel it.
 *
 * @throws TypeError, RangeError on a bad option
 *
 * @example
 * ```ts
 * import { createPublisher, publisherResponse } from "@longwire/server";
 *
 * const publisher = createPublisher();
 * export const answer = (request: Request): Response => publisherResponse(publisher, request, { topics: ["news"] });
 * ```
 */
export function publisherResponse(
  publisher: Publisher,
  request: Request,
  options: PublisherResponseOptions<Request> = {},
): Response {
  const header = (name: string): string | undefined => request.headers.get(name) ?? undefined;
  const { method } = request;
  const answer = publisherAnswer(publisher, options)({ request, method, header, address: undefined });
  if ("body" in answer) return webResponse(answer.body, answer.response, request);
  const { status, headers, text } = answer.short;
  return new Response(text || null, { status, headers });
}

/**
 * What a browser asks first for a page of another origin that reads by fetch and comes back with an id. A page that is not allowed learns so by what
 * is not there. https://fetch.spec.whatwg.org/#cors-preflight-fetch
 */
function preflight(
  readable: Readonly<Record<string, string>>,
  wanted = "last-event-id",
): { readonly status: 204; readonly headers: Readonly<Record<string, string>>; readonly text: "" } {
  const allowed = { "access-control-allow-headers": wanted, "access-control-max-age": "86400" };
  const isAllowed = "access-control-allow-origin" in readable;
  return { status: 204, headers: { allow: "GET, HEAD, OPTIONS", ...readable, ...(isAllowed && allowed) }, text: "" };
}

/** A subscription as a feed of one format. */
class SubscriptionFeed implements Feed {
  readonly #subscription: Subscription;
  readonly #format: "sse" | "ndjson";

  constructor(subscription: Subscription, format: "sse" | "ndjson") {
    this.#subscription = subscription;
    this.#format = format;
  }

  get cut(): AbortSignal {
    return this.#subscription.signal;
  }

  /** Of who is behind, small ones together: a write costs more than the bytes in it. */
  take(): Uint8Array | undefined {
    const first = this.#next();
    if (!first || first.length >= joinedBytes || !this.#subscription.isBehind) return first;
    const pieces = [first];
    let bytes = first.length;
    for (let piece = this.#next(); piece; piece = bytes < joinedBytes ? this.#next() : undefined) {
      pieces.push(piece);
      bytes += piece.length;
    }
    return pieces.length === 1 ? first : joined(pieces, bytes);
  }

  get isOver(): boolean {
    return this.#subscription.isOver;
  }

  wait(reader: FeedReader): void {
    this.#subscription.wait(reader);
  }

  /** One of SSE tells where the log is, so that a client of a quiet topic does not age. */
  heartbeat(): Uint8Array {
    if (this.#format === "ndjson") return ndjsonEncoding.heartbeat;
    return this.#subscription.bookmark()?.sse ?? sseEncoding.heartbeat;
  }

  leave(): void {
    void this.#subscription.return();
  }

  #next(): Uint8Array | undefined {
    for (;;) {
      const piece = this.#subscription.take()?.[this.#format];
      if (piece?.length !== 0) return piece;
    }
  }
}

const joinedBytes = 16 * 1_024;

function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function acceptsRowsOnly(accept: string | undefined): boolean {
  return accept !== undefined && /ndjson|jsonl/i.test(accept) && !acceptsEvents(accept);
}

function acceptsEvents(accept: string | undefined): boolean {
  return accept !== undefined && /text\/event-stream/i.test(accept);
}
