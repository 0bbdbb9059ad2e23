import {
  type Budget,
  type Clock,
  checkOptions,
  createBudget,
  type EventStream,
  type LinesOptions,
  type NodeWritable,
  openBytes,
  openLines,
  originOf,
  type Outcome,
  pipe,
  type PipeOptions,
  resolveUrl,
  type SocketOpener,
  type StreamOptions,
  systemClock,
  type Transport,
  type Watch,
} from "@longwire/core";
import { openJsonSeq, type OpenJsonSeqOptions, openNdjson, type OpenNdjsonOptions } from "@longwire/ndjson";
import {
  type CheckedEvent,
  type OpenCheckedSseOptions,
  openSse,
  type OpenSseOptions,
  type ServerSentEvent,
} from "@longwire/sse";
import { httpUrl, openWebSocket, type WebSocketOptions, type WebSocketStream } from "@longwire/websocket";
import { type CallDefaults, type ClientOptions, merged } from "./client-options.ts";
import type { Reply } from "./reply.ts";
import { RunningSet } from "./running-set.ts";
import { type RequestOptions, sendRequest } from "./send-request.ts";

/** What a call may say: everything but what only a client has. */
export type CallOptions<Options> = Omit<Options, "baseUrl" | "budget" | "running" | "watch">;

type OwnWorld = Pick<StreamOptions<never>, "clock" | "random" | "transport">;
type ClientSide = Required<OwnWorld & Pick<StreamOptions<never>, "baseUrl" | "running" | "budget" | "watch">>;

/** A transport that a client owns, and closes. */
export interface OwnedTransport<Sockets> extends Transport {
  /** The connections at hand, where the runtime shows them. */
  stats(): Sockets;
  close(): Promise<void>;
  destroy(): Promise<void>;
}

/** What a client has under way. */
export interface ClientStats<Sockets> {
  /** Streams that were begun and have not ended; connections taken over are among them. */
  readonly streams: number;
  /** Requests whose reply is not read or released yet. */
  readonly requests: number;
  /** Attempts made, by streams and requests. */
  readonly attempts: number;
  readonly sockets: Sockets;
}

/** One door to everything, with connections, budget and defaults of its own. Made by `createClient`. */
export class Client<Sockets> implements AsyncDisposable {
  readonly #options: ClientOptions;
  readonly #origin: string | undefined;
  readonly #owned: OwnedTransport<Sockets>;
  readonly #watch: Watch | undefined;
  readonly #clock: Clock;
  readonly #budget: Budget;
  readonly #streams = new RunningSet();
  readonly #requests = new RunningSet();
  #attempts = 0;
  #closed = false;

  /** The options are checked. */
  constructor(options: ClientOptions, owned: OwnedTransport<Sockets>, watch?: Watch) {
    this.#options = options;
    this.#origin = options.baseUrl === undefined ? undefined : originOf(resolveUrl(options.baseUrl).url);
    this.#owned = owned;
    this.#watch = watch;
    this.#clock = options.clock ?? systemClock;
    const budget = createBudget(this.#clock, options.budget);
    this.#budget = {
      take: (origin) => {
        this.#attempts++;
        return budget.take(origin);
      },
      giveBack: (origin) => {
        this.#attempts--;
        budget.giveBack(origin);
      },
    };
  }

  /**
   * Server-Sent Events; reconnects and resumes with `Last-Event-ID` by itself. With a `schema` for the data, `event.json` is its
   * output; beside it write `policy: { latestBy: (event) => … }`, where the types of `latestBy((event) => …)` cannot be told.
   */
  sse(url: string, options?: CallOptions<OpenSseOptions>): EventStream<ServerSentEvent>;
  sse<Output>(url: string, options: CallOptions<OpenCheckedSseOptions<Output>>): EventStream<CheckedEvent<Output>>;
  sse<Output>(
    url: string,
    options: CallOptions<OpenSseOptions> | CallOptions<OpenCheckedSseOptions<Output>> = {},
  ): EventStream<ServerSentEvent> | EventStream<CheckedEvent<Output>> {
    if (options.schema === undefined) return openSse(url, this.#call(url, options, this.#streams));
    return openSse<Output>(url, this.#call(url, options, this.#streams));
  }

  /**
   * NDJSON records; with a `schema`, checked, and of its type: beside it write `policy: { latestBy: (row) => … }`.
   *
   * @example
   * ```ts
   * import { createClient } from "longwire";
   * import { z } from "zod";
   *
   * const client = createClient();
   * const rows = client.ndjson("https://a.example/prices", {
   *   schema: z.object({ symbol: z.string(), price: z.number() }),
   *   policy: { latestBy: (row) => row.symbol },
   *   capacity: 1_000,
   * });
   * for await (const row of rows) console.log(row.symbol, row.price);
   * ```
   */
  ndjson<T = unknown>(url: string, options: CallOptions<OpenNdjsonOptions<T>> = {}): EventStream<T> {
    return openNdjson<T>(url, this.#call(url, options, this.#streams));
  }

  /** The records of a JSON text sequence (RFC 7464); with a `schema`, checked. */
  jsonSeq<T = unknown>(url: string, options: CallOptions<OpenJsonSeqOptions<T>> = {}): EventStream<T> {
    return openJsonSeq<T>(url, this.#call(url, options, this.#streams));
  }

  /** Text lines until the body ends. */
  lines(url: string, options: CallOptions<StreamOptions<string> & LinesOptions> = {}): EventStream<string> {
    return openLines(url, this.#call(url, options, this.#streams));
  }

  /** The body's bytes, chunk by chunk. */
  bytes(url: string, options: CallOptions<StreamOptions<Uint8Array>> = {}): EventStream<Uint8Array> {
    return openBytes(url, this.#call(url, options, this.#streams));
  }

  /**
   * The body's bytes, written into a WritableStream or a Writable of Node in constant memory; what breaks goes on where it was, as with
   * {@link Client.bytes}. Resolves with the outcome when the writable took everything: see {@link pipe}. `end: false` leaves it open.
   *
   * @throws StreamError by code; what the writable failed with; the caller's abort reason; TypeError, RangeError on a bad option
   *
   * @example
   * ```ts
   * import { createWriteStream } from "node:fs";
   * import { createClient } from "longwire";
   *
   * const client = createClient();
   * const { code, bytes } = await client.pipe("https://a.example/image.iso", createWriteStream("image.iso"));
   * console.log(code, bytes);
   * await client.close();
   * ```
   */
  async pipe(
    url: string,
    writable: WritableStream<Uint8Array> | NodeWritable<Uint8Array>,
    options: CallOptions<StreamOptions<Uint8Array>> & PipeOptions = {},
  ): Promise<Outcome> {
    const { end, ...call } = options;
    return pipe(this.bytes(url, call), writable, { end, signal: call.signal });
  }

  /**
   * A WebSocket that is pulled, and comes back: {@link openWebSocket}. Under Node it goes over the client's own connections, with its `tls`, `proxy` and
   * `lookup`, and sends the client's headers and credentials with the handshake. Elsewhere the runtime's WebSocket sends no headers, so those of
   * the client are left out and those of the call end it as `protocol`: give `protocols`, `query` or `hello`.
   *
   * @throws TypeError, RangeError on a bad option
   *
   * @example
   * ```ts
   * import { createClient } from "longwire";
   *
   * const client = createClient({ baseUrl: "https://api.example.com" });
   * const chat = client.webSocket("/chat", { hello: () => JSON.stringify({ join: "lobby" }) });
   * for await (const message of chat) {
   *   console.log(message);
   *   await chat.send("thanks");
   * }
   * ```
   */
  webSocket(url: string, options: CallOptions<WebSocketOptions> = {}): WebSocketStream {
    const { query, headers, auth } = options;
    // What a function gives is checked when it is asked.
    const checkable = { ...options, query: typeof query === "function" ? undefined : query };
    const call = this.#call(httpUrl(url), checkable, this.#streams);
    const opener = options.opener ?? this.socketOpener(call);
    return openWebSocket(url, { ...call, query, ...(opener ? { opener } : { headers, auth }) });
  }

  /** One answer over the same connections, whatever its status. @throws StreamError, see {@link sendRequest} */
  async request(url: string, options: CallOptions<RequestOptions> = {}): Promise<Reply> {
    return sendRequest(url, this.#call(url, options, this.#requests));
  }

  /**
   * Ends the wait of every stream and request that waits to try again: something says that it is worth it. Answers how many did. The
   * origin's budget is still waited for.
   */
  retryNow(): number {
    return this.#streams.retryNow() + this.#requests.retryNow();
  }

  /** What is under way. */
  stats(): ClientStats<Sockets> {
    return {
      streams: this.#streams.size,
      requests: this.#requests.size,
      attempts: this.#attempts,
      sockets: this.#owned.stats(),
    };
  }

  /**
   * Ends every stream and waits for the last saves of their cursors, waits for the requests that are not read or released yet, and
   * closes the client's own connections.
   */
  async close(): Promise<void> {
    this.#closed = true;
    this.#streams.close();
    await this.#streams.left();
    await this.#requests.left();
    await this.#owned.close();
  }

  /** Ends everything at once. */
  async destroy(): Promise<void> {
    this.#closed = true;
    this.#streams.close();
    this.#requests.close();
    await this.#owned.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Makes WebSockets that send headers; `undefined`: only the runtime does, and sends none. */
  protected socketOpener(_call: Pick<ClientSide, "transport" | "clock">): SocketOpener | undefined {
    return undefined;
  }

  /** The options of a call that the client ends with its streams. */
  protected streamCall<Options extends CallDefaults & OwnWorld>(
    url: string,
    options: Options,
  ): Options & Pick<ClientSide, "baseUrl" | "running" | "clock" | "transport"> {
    return this.#call(url, options, this.#streams);
  }

  /** The options of a call, with the client's and what only the client has. */
  #call<Options extends CallDefaults & OwnWorld>(
    url: string,
    options: Options,
    running: RunningSet,
  ): Options & ClientSide {
    if (this.#closed) throw new TypeError("This client is closed");
    checkOptions(options);
    const { baseUrl } = this.#options;
    const {
      clock = this.#clock,
      random = this.#options.random,
      transport = this.#options.transport ?? this.#owned,
    } = options;
    const foreign = this.#origin !== undefined && originOf(resolveUrl(url, baseUrl).url) !== this.#origin;
    return {
      ...merged(this.#options, options, foreign),
      baseUrl,
      running,
      budget: this.#budget,
      watch: this.#watch,
      clock,
      random,
      transport,
    };
  }
}
