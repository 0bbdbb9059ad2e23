import { shownUrl } from "../request/shown-url.ts";
import type { StreamRequest } from "../request/stream-request.ts";
import { unixUrl } from "../request/unix-url.ts";
import { onAbort } from "../signal/on-abort.ts";
import { fetchError } from "./fetch-error.ts";
import { fetchInit } from "./fetch-init.ts";
import { checkUnseenRedirect } from "./fetch-redirect.ts";
import { fetchResponse } from "./fetch-response.ts";
import { wakeEvents } from "./fetch-wake.ts";
import type { StreamResponse, Transport, TransportCall } from "./transport.ts";

export interface FetchTransportOptions {
  /** Default: the global one, looked up at each request, so that one put in its place (a mock) is seen. */
  readonly fetch?: typeof fetch | undefined;
  /** Whether cookies go along, in browsers. Default: the runtime's, `same-origin`. */
  readonly credentials?: "omit" | "same-origin" | "include" | undefined;
}

/**
 * A transport for every runtime that has fetch.
 *
 * What fetch does not show is not known here: the connection (so `hidden` is called, and `sent` at once), chunked framing (so
 * `unknown`, unless a length can be read), and in browsers why there was no answer (so `unreachable` without a phase). It
 * decodes what the runtime decodes; headers that speak of the coded body are then left out.
 *
 * A redirect is an answer, followed by the redirect layer, which knows what may go to another origin. Browsers do not show where
 * it leads: there the request is sent once more for the browser to follow, if it may be replayed and has no header that could
 * be a secret, `authorization` aside, which browsers leave behind themselves. Else the redirect is `refused`.
 *
 * In browsers and workers its `onWake` tells when the network is back or the page is looked at again.
 *
 * @throws StreamError `unreachable`, `reset`, `truncated`, `protocol`, `refused` by the promise, or the signal's reason; what the
 *   source of a request body threw, as it is; TypeError for a request that cannot be sent.
 * @example
 * ```ts
 * import { fetchTransport, StreamRequest } from "@longwire/core";
 *
 * const transport = fetchTransport({ credentials: "include" });
 * const request = new StreamRequest({ url: "https://a.example/log" });
 * const response = await transport(request, { signal: AbortSignal.timeout(10_000) });
 * for await (const chunk of response.body) console.log(chunk.length);
 * ```
 */
export function fetchTransport(options: FetchTransportOptions = {}): Transport {
  const transport: Transport = async (request, call) => {
    const response = await send(options, request, call, "manual");
    if (response.status !== opaque) return response;
    response.release();
    checkUnseenRedirect(request);
    // The events of the wire were told of the first request; each is told at most once.
    return send(options, request, { signal: call.signal }, "follow");
  };
  const onWake = wakeEvents(globalThis);
  return onWake ? Object.assign(transport, { onWake }) : transport;
}

/** The status of a redirect that the runtime does not show: Fetch standard, opaque-redirect filtered response. */
const opaque = 0;

async function send(
  { fetch = globalThis.fetch, credentials }: FetchTransportOptions,
  request: StreamRequest,
  { signal, on }: TransportCall,
  redirect: "manual" | "follow",
): Promise<StreamResponse> {
  signal.throwIfAborted();
  if (unixUrl(request.url)) {
    const why = "fetch does not speak over Unix sockets; under Node, createClient and nodeTransport do";
    throw new TypeError(`Cannot send ${request.method} ${shownUrl(request.url)}: ${why}`);
  }
  const { init, source } = fetchInit(request);
  // fetch holds on to its signal until the body ends; the caller's is lent to it only until the head.
  const exchange = new AbortController();
  const unlisten = onAbort(signal, (reason) => exchange.abort(reason));
  on?.hidden();
  on?.sent();
  try {
    // Some runtimes refuse to be asked for credentials at all.
    const asked = credentials === undefined ? init : { ...init, credentials };
    const answer = await fetch(request.url, { ...asked, redirect, signal: exchange.signal });
    const response = fetchResponse(answer, request, source);
    if (!signal.aborted) return response;
    response.release();
  } catch (error) {
    source?.release();
    if (!signal.aborted) throw source?.failure ? source.failure.error : fetchError(error, request.url);
  } finally {
    unlisten();
  }
  throw signal.reason;
}
