import type { Cursor } from "../errors.ts";

/** A body that can be sent: made once, or (a function) made anew for every attempt. */
export type RequestBody =
  | string
  | Uint8Array
  | AsyncIterable<Uint8Array>
  | (() => string | Uint8Array | AsyncIterable<Uint8Array>);

/** What a {@link StreamRequest} is made from. */
export interface StreamRequestInit {
  /** Absolute URL without userinfo. */
  readonly url: string;
  /** Default GET. */
  readonly method?: string | undefined;
  /** Any letter case; kept in lower case. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
  readonly body?: RequestBody | undefined;
  /** The caller's word that sending it twice does no harm. Default: safe methods and an `idempotency-key` header. */
  readonly replayable?: boolean | undefined;
}

/**
 * One request, as a value: each `with…` answers a new one and leaves this one as it is.
 *
 * @example
 * ```ts
 * import { StreamRequest } from "@longwire/core";
 *
 * const request = new StreamRequest({ url: "https://a.example/feed" }).withQuery({ since: 42 });
 * console.log(request.url); // https://a.example/feed?since=42
 * ```
 */
export class StreamRequest {
  readonly url: string;
  /** Upper case. */
  readonly method: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: RequestBody | undefined;
  readonly #replayable: boolean | undefined;

  constructor(init: StreamRequestInit) {
    this.url = init.url;
    this.method = (init.method ?? "GET").toUpperCase();
    this.headers = lowerCased(init.headers);
    this.body = init.body;
    this.#replayable = init.replayable;
  }

  /** Whether its method asks for no change at the server. */
  get safe(): boolean {
    return isSafe(this.method);
  }

  /** Whether its body can be made once more: text, bytes, none, or a function that makes one. */
  get remakeable(): boolean {
    return typeof this.body !== "object" || this.body instanceof Uint8Array;
  }

  /** Whether it may be sent again when its first byte may have been written. A body that cannot be made again never may. */
  get replayable(): boolean {
    if (!this.remakeable) return false;
    return this.#replayable ?? (this.safe || this.headers["idempotency-key"] !== undefined);
  }

  withUrl(url: string): StreamRequest {
    return this.#with({ url });
  }

  /** Sets query parameters; `undefined` removes one. What else is in the query stays as it is, letter by letter. */
  withQuery(query: Readonly<Record<string, Cursor | boolean | undefined>>): StreamRequest {
    return this.#with({ url: withQuery(this.url, query) });
  }

  /** Sets a header; `undefined` removes it. */
  withHeader(name: string, value: string | undefined): StreamRequest {
    return this.#with({ headers: { ...this.headers, [name.toLowerCase()]: value } });
  }

  withMethod(method: string): StreamRequest {
    return this.#with({ method });
  }

  withBody(body: RequestBody | undefined): StreamRequest {
    return this.#with({ body });
  }

  /** A JSON body, with its content type unless one is set. */
  withJson(value: unknown): StreamRequest {
    const headers = { "content-type": "application/json", ...this.headers };
    return this.#with({ headers, body: JSON.stringify(value) });
  }

  withReplayable(replayable: boolean): StreamRequest {
    return this.#with({ replayable });
  }

  #with(change: Partial<StreamRequestInit>): StreamRequest {
    return new StreamRequest({
      url: this.url,
      method: this.method,
      headers: this.headers,
      body: this.body,
      replayable: this.#replayable,
      ...change,
    });
  }
}

/** Whether a method (upper case) asks for no change at the server: RFC 9110 section 9.2.1. */
export function isSafe(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS" || method === "TRACE";
}

function withQuery(href: string, query: Readonly<Record<string, Cursor | boolean | undefined>>): string {
  const url = new URL(href);
  const kept = url.search
    .slice(1)
    .split("&")
    .filter((pair) => pair !== "" && !(nameOf(pair) in query));
  const set = Object.entries(query).filter(([, value]) => value !== undefined);
  url.search = [
    ...kept,
    ...set.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`),
  ].join("&");
  return url.href;
}

function nameOf(pair: string): string {
  const [name = ""] = new URLSearchParams(pair).keys();
  return name;
}

function lowerCased(headers: StreamRequestInit["headers"]): Record<string, string> {
  const lower: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) lower[name.toLowerCase()] = value;
  }
  return lower;
}
