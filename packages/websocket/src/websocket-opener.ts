import { abortable } from "abort-controller-x";
import {
  applied,
  type Attempt,
  askedHeaders,
  type Auth,
  type Cursor,
  type ItemRules,
  type Message,
  type Opener,
  type OpenerCall,
  originOf,
  type SocketOpener,
  type SocketRequest,
  StreamError,
  type StreamRequest,
  type WireSocket,
} from "@longwire/core";
import type { Outbox } from "./outbox.ts";
import { type Farewell, WebSocketAttempt, type WebSocketSettings } from "./websocket-attempt.ts";

/** What a {@link Hello} is told of the connection that it is for. */
export interface HelloCall {
  /** Where the stream goes on; `undefined`: at the start. */
  readonly cursor: Cursor | undefined;
  /** The subprotocol that the server chose; `""`: none. */
  readonly protocol: string;
  /** Aborted when the connection is not wanted any more. */
  readonly signal: AbortSignal;
}

/** The messages that a connection begins with, before all others: credentials, a subscription, where to go on. */
export type Hello = (call: HelloCall) => Messages | PromiseLike<Messages>;

/** One, some, or none. */
export type Messages = Message | readonly Message[] | undefined;

/** What each attempt is made from. */
export interface AttemptPlan {
  /** The handshake, by its URL in terms of HTTP; asked for every attempt. */
  readonly request: () => StreamRequest | PromiseLike<StreamRequest>;
  readonly protocols: () => readonly string[] | PromiseLike<readonly string[]>;
  readonly auth: Auth | undefined;
  /** The one that `auth` was given for, in terms of WebSockets: `apply` may lead to another. */
  readonly origin: string;
  readonly apply: ((request: StreamRequest, cursor: Cursor) => StreamRequest) | undefined;
  readonly hello: Hello | undefined;
  /** `hello`, or what `apply` does, goes on behind a cursor. */
  readonly resumable: boolean;
  readonly rules: ItemRules<Message>;
  readonly maxMessageBytes: number;
}

/** An opener of WebSockets: contract 5 by contract 6. */
export class WebSocketOpener implements Opener<Message> {
  // A server that closes a socket well says by its code whether there is more.
  readonly endless = true;
  readonly rules: ItemRules<Message>;
  readonly resumable: boolean;
  readonly #open: SocketOpener;
  readonly #plan: AttemptPlan;
  readonly #settings: WebSocketSettings;
  readonly #outbox: Outbox;
  #attempt: WebSocketAttempt | undefined;
  #socket: WireSocket | undefined;

  constructor(open: SocketOpener, plan: AttemptPlan, settings: WebSocketSettings, outbox: Outbox) {
    this.rules = plan.rules;
    this.resumable = plan.resumable;
    this.#open = open;
    this.#plan = plan;
    this.#settings = settings;
    this.#outbox = outbox;
  }

  /** Of the last connection. */
  get protocol(): string {
    return this.#socket?.protocol ?? "";
  }

  /** Of the last connection. */
  get rttMs(): number | undefined {
    return this.#attempt?.rttMs;
  }

  /** Says with which close frame the connection in hand is left. */
  bid(farewell: Farewell): void {
    if (this.#attempt) this.#attempt.farewell = farewell;
  }

  async open(call: OpenerCall): Promise<Attempt<Message>> {
    const { signal, cursor } = call;
    const { hello } = this.#plan;
    const request = await abortable(signal, this.#requestFor(cursor));
    const socket = await this.#connect(request, call);
    const attempt = new WebSocketAttempt(socket, this.#settings);
    // From here on it is left as the caller bids, also while `hello` is waited for.
    this.#socket = socket;
    this.#attempt = attempt;
    try {
      const first = hello && (await abortable(signal, asked(hello, { cursor, protocol: socket.protocol, signal })));
      for (const message of messagesOf(first)) socket.send(message, () => {});
    } catch (error) {
      attempt.release(error);
      throw error;
    }
    attempt.begin(this.#outbox);
    return attempt;
  }

  onWake(listener: () => void): () => void {
    return this.#open.onWake?.(listener) ?? (() => {});
  }

  /** A handshake is a GET. */
  mayRepeat(): boolean {
    return true;
  }

  async #requestFor(cursor: Cursor | undefined): Promise<SocketRequest> {
    const { request: make, protocols, apply, maxMessageBytes } = this.#plan;
    const first = await make();
    const request = cursor === undefined || !apply ? first : applied(apply, first, cursor);
    const { closeMs } = this.#settings;
    const { url, headers } = request;
    return {
      url: webSocketUrl(url),
      protocols: checkedProtocols(await protocols()),
      headers,
      maxMessageBytes,
      closeMs,
    };
  }

  /** Asks for the credentials, and once more after a 401. */
  async #connect(request: SocketRequest, { signal, on }: OpenerCall): Promise<WireSocket> {
    const { auth, origin } = this.#plan;
    if (!auth || originOf(request.url) !== origin) return this.#open(request, { signal, on });
    const ask = (refused: boolean) => askedHeaders(auth, { url: request.url, refused, signal });
    const given = await ask(false);
    try {
      return await this.#open({ ...request, headers: { ...request.headers, ...given } }, { signal, on });
    } catch (error) {
      if (!(error instanceof StreamError && error.status === 401)) throw error;
      const renewed = await ask(true);
      if (Object.entries(renewed).every(([name, value]) => given[name] === value)) throw error;
      // The events of the wire were told of the first request; each is told at most once.
      return this.#open({ ...request, headers: { ...request.headers, ...renewed } }, { signal });
    }
  }
}

/** The URL of a handshake: `wss:` for `https:`, `ws:` for `http:`. */
export function webSocketUrl(url: string): string {
  return url.replace(/^http/i, "ws");
}

/** @throws TypeError on what are no subprotocols */
export function checkedProtocols(protocols: unknown): readonly string[] {
  const list: unknown[] = Array.isArray(protocols) ? protocols : [protocols];
  const isToken = (one: unknown): boolean => typeof one === "string" && /^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(one);
  if (list.every(isToken) && new Set(list).size === list.length) return list as string[];
  throw new TypeError('protocols must be tokens such as "chat.v2", each once');
}

/** Whatever it does, it does within the promise. */
async function asked(hello: Hello, call: HelloCall): Promise<Messages> {
  return hello(call);
}

function messagesOf(first: Messages): readonly Message[] {
  const list: readonly unknown[] = Array.isArray(first) ? first : first === undefined ? [] : [first];
  if (list.every((one) => typeof one === "string" || one instanceof Uint8Array)) return list as Message[];
  throw new TypeError("hello must return text, bytes, a list of these, or undefined");
}
