import type { StreamRequest } from "../request/stream-request.ts";

/**
 * Contract 1: sends one request and answers with its head and a body to pull.
 *
 * - Rejects with a StreamError (`unreachable`, `reset`, `truncated` for a FIN before the head, `protocol`) or, when `signal` is
 *   aborted, with the signal's reason as it is.
 * - `signal` is obeyed until the promise settles. After that `release()` ends the exchange and the signal is let go.
 * - Content decoding is the transport's; a content-encoding that it does not decode is left in `headers`.
 */
export interface Transport {
  (request: StreamRequest, call: TransportCall): Promise<StreamResponse>;
  /**
   * Calls `listener` each time that the network is likely back, so that who waits to try again need wait no longer; answers what
   * unsubscribes it. Absent where the runtime does not tell. Subscribed to only while a stream waits.
   */
  readonly onWake?: ((listener: () => void) => () => void) | undefined;
}

export interface TransportCall {
  readonly signal: AbortSignal;
  readonly on?: TransportEvents | undefined;
  /** What the connection is for, where a transport keeps these apart. Default `"stream"`. */
  readonly lane?: Lane | undefined;
}

/** What a connection is for: `stream`, an answer that lasts; `call`, one that is gathered and over. Neither can starve the other. */
export type Lane = "stream" | "call";

/** What the wire did, for the clocks and the replay rule. Each is called at most once a request, in this order. */
export interface TransportEvents {
  /** Every connection that it may use is in use: it waits for one. */
  queued?(info: Queued): void;
  /** The runtime does not show the connection (fetch): called at once, and `connected` never. */
  hidden(): void;
  /** A connection is at hand: pool queue, name, connect and TLS are over. */
  connected(info: { readonly reused: boolean }): void;
  /** From here on the first byte of the request may have been written. */
  sent(): void;
}

/** What a request waits for. */
export interface Queued {
  readonly lane: Lane;
  /** How many connections to its origin the lane may have; all are in use. */
  readonly connections: number;
}

/** The head of an answer and its body, not yet read. */
export interface StreamResponse {
  /** The URL that answered, after redirects that the transport followed. */
  readonly url: string;
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly framing: Framing;
  /**
   * The body, once; real backpressure: what is not pulled stays on the wire. It ends when the framing says so, and throws a
   * StreamError `truncated` (a framed body that ended short), `reset` (the connection broke) or `protocol`.
   */
  readonly body: AsyncIterable<Uint8Array>;
  /** Lets the connection go, in any state, also before the first read; again is nothing. A pending read then settles. */
  release(reason?: unknown): void;
}

/** How the end of a body is known: by its length, by chunks, by an HTTP/2 flag, by the connection's close, or not at all. */
export type Framing = "length" | "chunked" | "h2" | "close" | "unknown";

/** Headers of an answer; a `Headers` is one. */
export interface ResponseHeaders {
  /** The value by name in any letter case, several joined by a comma and a space; `null` when there is none. */
  get(name: string): string | null;
  [Symbol.iterator](): Iterator<[string, string]>;
}
