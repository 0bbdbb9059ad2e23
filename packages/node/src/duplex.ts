import {
  type Auth,
  authLayer,
  basic,
  checkedMethod,
  checkLayer,
  checkOptions,
  headersOf,
  originOf,
  resolveUrl,
  type StreamOptions,
  StreamRequest,
  systemClock,
  type TimeoutOptions,
  type Transport,
} from "@longwire/core";
import { Call, type DuplexCall } from "./duplex-call.ts";
import type { UploadSource } from "./upload.ts";

/** Options of `duplex`: what a request has. Each may be `undefined`, which means its default. */
export interface DuplexOptions
  extends Pick<StreamOptions<never>, "signal" | "headers" | "query" | "auth" | "baseUrl" | "running" | "clock"> {
  /** Default POST. */
  method?: string | undefined;
  /**
   * What to send, in place of `write` and `end`: a source of text and bytes, or a function that makes one. It is asked for a chunk when
   * the wire took the one before, and let go (`return`) when the call is over.
   */
  body?: UploadSource | (() => UploadSource) | undefined;
  /**
   * `connectMs` (default 10_000) to the connection. `headersMs` (0) to the head of the answer, for which a server may rightly wait until
   * it was sent something. `idleMs` (300_000), the longest silence, no byte either way, while a read, a write or the head is waited for.
   * `totalMs` (0) for the whole call. `0` waits for ever. The other clocks have nothing to measure here.
   */
  timeouts?: TimeoutOptions | undefined;
}

/** Sends a request whose body and answer run at the same time. See `NodeTransport.duplex`. */
export async function duplex(transport: Transport, url: string, options: DuplexOptions = {}): Promise<DuplexCall> {
  const { request, auth } = requestOf(url, options);
  const { clock = systemClock, signal, running } = options;
  signal?.throwIfAborted();
  const { connectMs = 10_000, headersMs = 0, idleMs, totalMs = 0 } = options.timeouts ?? {};
  const call = new Call({
    transport,
    layers: [checkLayer(anything, clock), ...(auth ? [authLayer(auth, originOf(request.url), clock)] : [])],
    request,
    source: sourceOf(options.body),
    clock,
    timeouts: { connectMs, headersMs, idleMs: typeof idleMs === "number" ? idleMs : 300_000, totalMs },
    signal,
    running,
  });
  await Promise.race([call.sent, call.head]);
  return call;
}

/** Every 2xx is read, whatever its media type. */
const anything = { name: "a duplex call", accept: "*/*", accepts: () => true };

/** @throws TypeError, RangeError on a bad option */
function requestOf(url: string, options: DuplexOptions): { request: StreamRequest; auth: Auth | undefined } {
  checkOptions<never>(options as StreamOptions<never>, {});
  if ("json" in options && options.json !== undefined) {
    throw new TypeError("duplex sends what is written, or its body; write JSON.stringify(value) in place of json");
  }
  const method = checkedMethod(options.method ?? "POST");
  if (method === "CONNECT") throw new TypeError("duplex sends a body, and CONNECT has none; use takeOver");
  const resolved = resolveUrl(url, options.baseUrl);
  // What compresses an answer may hold back what the other side waits for.
  const headers = { "accept-encoding": "identity", ...headersOf(options.headers) };
  const request = new StreamRequest({ url: resolved.url, method, headers });
  const auth = options.auth ?? (resolved.basic && basic(resolved.basic.user, resolved.basic.password));
  return { request: options.query ? request.withQuery(options.query) : request, auth };
}

function sourceOf(body: DuplexOptions["body"]): UploadSource | undefined {
  const source = typeof body === "function" ? body() : body;
  if (source === undefined || (typeof source === "object" && Symbol.asyncIterator in source)) return source;
  throw new TypeError(
    "body must be an async iterable of text or bytes, or a function that makes one; write() sends one chunk",
  );
}
