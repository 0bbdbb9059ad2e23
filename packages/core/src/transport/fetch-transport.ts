import { onAbort } from "../signal/on-abort.ts";
import { fetchError } from "./fetch-error.ts";
import { fetchInit } from "./fetch-init.ts";
import { fetchResponse } from "./fetch-response.ts";
import type { Transport } from "./transport.ts";

export interface FetchTransportOptions {
  /** Default: the global one, looked up at each request, so that one put in its place (a mock) is seen. */
  readonly fetch?: typeof fetch | undefined;
  /** Whether cookies go along, in browsers. Default: the runtime's, `same-origin`. */
  readonly credentials?: RequestCredentials | undefined;
}

/**
 * A transport for every runtime that has fetch.
 *
 * What fetch does not show is not known here: the connection (so `hidden` is called, and `sent` at once), chunked framing (so
 * `unknown`, unless a length can be read), and in browsers why there was no answer (so `unreachable` without a phase). It
 * follows redirects by itself, and takes `authorization` from them at another origin, but no secret header of your own. It
 * decodes what the runtime decodes; `content-encoding` and `content-length` are then left out of the headers.
 *
 * @throws StreamError `unreachable`, `reset`, `truncated`, `protocol` by the promise, or the signal's reason; what the source of
 *   a request body threw, as it is; TypeError for a request that cannot be sent.
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
export function fetchTransport({ fetch, credentials }: FetchTransportOptions = {}): Transport {
  return async (request, { signal, on }) => {
    signal.throwIfAborted();
    const { init, source } = fetchInit(request);
    // fetch holds on to its signal until the body ends; the caller's is lent to it only until the head.
    const exchange = new AbortController();
    const unlisten = onAbort(signal, (reason) => exchange.abort(reason));
    on?.hidden();
    on?.sent();
    try {
      const send = fetch ?? globalThis.fetch;
      // Some runtimes refuse to be asked for credentials at all.
      const asked = credentials === undefined ? init : { ...init, credentials };
      const response = fetchResponse(await send(request.url, { ...asked, signal: exchange.signal }), request, source);
      if (!signal.aborted) return response;
      response.release();
    } catch (error) {
      source?.release();
      if (!signal.aborted) throw source?.failure ? source.failure.error : fetchError(error, request.url);
    } finally {
      unlisten();
    }
    throw signal.reason;
  };
}
