import {
  byteLimit,
  bytesDialect,
  type Clock,
  type Dialect,
  type EventStream,
  type Head,
  isSafe,
  isTransient,
  openStream,
  refusal,
  type ResponseHeaders,
  shownUrl,
  StreamError,
  type StreamOptions,
  systemClock,
} from "@longwire/core";

/** Options of `client.request()`. */
export interface RequestOptions extends Omit<StreamOptions<Uint8Array>, "reconnect" | "resume" | "until"> {
  /** Retries of a network error or a status such as 503, with a safe method. Default 0. */
  retries?: number | undefined;
  /** Most bytes of body that `bytes()`, `text()` and `json()` gather. From 1 to 268_435_456; default 67_108_864 (64 MiB). */
  maxBytes?: number | undefined;
}

/**
 * Sends one request and answers with its head, whatever the status; reads nothing of the body until asked.
 *
 * @throws StreamError by code; the caller's abort reason; TypeError, RangeError on a bad option, before anything is sent
 */
export async function sendRequest(url: string, options: RequestOptions): Promise<Reply> {
  const { body, json, method = body === undefined && json === undefined ? "GET" : "POST", clock = systemClock, timeouts } = options;
  const maxBytes = byteLimit("maxBytes", options.maxBytes ?? 2 ** 26);
  // What is not safe gets its one answer, whatever that is.
  const retries = isSafe(String(method).toUpperCase()) ? (options.retries ?? 0) : 0;
  let failures = 0;
  let answered = false;
  const stream = openStream<Uint8Array>(url, replyDialect((status) => failures >= retries || !isTransient(status)), {
    ...options,
    timeouts: { ...timeouts, totalMs: timeouts?.totalMs ?? 300_000 },
    reconnect: retries === 0 ? false : { retries },
    retryOn: (error) => {
      failures++;
      return answered ? false : options.retryOn?.(error);
    },
  });
  const head = await stream.open();
  answered = true;
  // Nothing follows these: the connection is free, read or not.
  if (method === "HEAD" || head.status === 204 || head.status === 304) void stream.close();
  return new Reply(stream, head, maxBytes, clock);
}

function replyDialect(acceptsStatus: (status: number) => boolean): Dialect<Uint8Array> {
  return { ...bytesDialect(), name: "a request", acceptEncoding: undefined, acceptsStatus };
}

/** The answer to one request. Read it (once) or release it: until then it holds its connection. */
export class Reply implements AsyncDisposable {
  readonly url: string;
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly #stream: EventStream<Uint8Array>;
  readonly #maxBytes: number;
  readonly #clock: Clock;

  constructor(stream: EventStream<Uint8Array>, { url, status, headers }: Head, maxBytes: number, clock: Clock) {
    this.#stream = stream;
    this.url = url;
    this.status = status;
    this.headers = headers;
    this.#maxBytes = maxBytes;
    this.#clock = clock;
  }

  /** Whether the status is 2xx. */
  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  /** Itself when `ok`. @throws StreamError `refused` otherwise, with status, headers and up to 2 KiB of the body */
  async orThrow(): Promise<this> {
    if (this.ok) return this;
    const { url, status, headers } = this;
    const answer = { url, status, headers, framing: "unknown", body: this.#stream, release: () => this.release() } as const;
    throw await refusal(answer, `the server answered ${status}`, this.#clock, new AbortController().signal);
  }

  /** The whole body. @throws StreamError by how it ended; `limit` over `maxBytes` */
  async bytes(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of this.#stream) {
      length += chunk.length;
      if (length > this.#maxBytes) {
        const why = `Cannot gather the body of ${shownUrl(this.url)}: it is over ${this.#maxBytes} bytes (maxBytes); read it with client.bytes()`;
        throw new StreamError("limit", why, { limit: "maxBytes" });
      }
      chunks.push(chunk);
    }
    return joined(chunks, length);
  }

  /** The whole body as UTF-8 text, a BOM dropped. @throws as {@link bytes} */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  /** The whole body as JSON. @throws as {@link bytes}; `protocol` when it is no JSON */
  async json<T = unknown>(): Promise<T> {
    const text = await this.text();
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw new StreamError("protocol", `Cannot read the answer of ${shownUrl(this.url)} as JSON`, { cause });
    }
  }

  /** Lets the connection go; what was not read is lost. */
  release(): void {
    void this.#stream.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stream.close();
  }
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = chunks;
  if (chunks.length === 1 && only) return only;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
