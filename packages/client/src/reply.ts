import {
  type Clock,
  type EventStream,
  type Head,
  refusal,
  type ResponseHeaders,
  shownUrl,
  StreamError,
} from "@longwire/core";

/** What a reply is made with, beside its stream and its head. */
export interface ReplySettings {
  readonly maxBytes: number;
  readonly clock: Clock;
  /** Nothing follows the head, and its stream is closed: the body is empty. */
  readonly bodiless: boolean;
}

/** The answer to one request. Read it (once) or release it: until then it holds its connection. */
export class Reply implements AsyncDisposable {
  readonly url: string;
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly #stream: EventStream<Uint8Array>;
  readonly #settings: ReplySettings;

  constructor(stream: EventStream<Uint8Array>, { url, status, headers }: Head, settings: ReplySettings) {
    this.#stream = stream;
    this.url = url;
    this.status = status;
    this.headers = headers;
    this.#settings = settings;
  }

  /** Whether the status is 2xx. */
  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  /** Itself when `ok`. @throws StreamError `refused` otherwise, with status, headers and up to 2 KiB of the body */
  async orThrow(): Promise<this> {
    if (this.ok) return this;
    const { url, status, headers } = this;
    const answer = {
      url,
      status,
      headers,
      framing: "unknown",
      body: this.#stream,
      release: () => this.release(),
    } as const;
    throw await refusal(answer, `the server answered ${status}`, this.#settings.clock, new AbortController().signal);
  }

  /** The whole body. @throws StreamError by how it ended; `limit` over `maxBytes`; an AbortError when it was released before */
  async bytes(): Promise<Uint8Array> {
    const { maxBytes, bodiless } = this.#settings;
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of this.#stream) {
      length += chunk.length;
      if (length > maxBytes) {
        const why = `Cannot gather the body of ${shownUrl(this.url)}: it is over ${maxBytes} bytes (maxBytes); read it with client.bytes()`;
        throw new StreamError("limit", why, { limit: "maxBytes" });
      }
      chunks.push(chunk);
    }
    // A stream that was closed ends quietly, but what was cut is no whole body.
    if (!bodiless && (await this.#stream.outcome).code === "closed") {
      throw new DOMException("The reply was released before it was read", "AbortError");
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
