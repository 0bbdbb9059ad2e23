import {
  type Clock,
  type Message,
  type Outcome,
  PullIterator,
  type SocketEnd,
  shownUrl,
  StreamError,
  systemClock,
  type WireSocket,
} from "@longwire/core";
import { MessageReader, takeMessage, takeMessages } from "./message-reader.ts";
import { Outbox } from "./outbox.ts";
import { type EndOfMessages, mostBytesInFlight, WebSocketAttempt } from "./websocket-attempt.ts";

/** What an accepted WebSocket is served with. Each may be `undefined`, which means its default. */
export interface AcceptedOptions {
  /** From one ping to the next, in ms. `0`: none. Default 30_000. */
  readonly pingMs?: number | undefined;
  /** How long a ping may go without a sign of life before the client is given up, in ms. `0`: for ever. Default 10_000. */
  readonly pongMs?: number | undefined;
  /** How long the close handshake may take before the connection is broken off, in ms. `0`: for ever. Default 5_000. */
  readonly closeMs?: number | undefined;
  /** Bytes that may wait to be sent, each message with 64 more; a send beyond that is refused as `limit`. Default 16 MiB. */
  readonly maxUnsentBytes?: number | undefined;
  /** Told of each message that has left. */
  readonly onLeft?: (() => void) | undefined;
  /** Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** How an accepted WebSocket ended. */
export interface AcceptedOutcome extends Pick<Outcome, "code" | "items" | "bytes" | "error"> {
  /** The client's close frame, also one that answers ours; its code is 1005 where it had none. `undefined`: none came. */
  readonly closeFrame: { readonly code: number; readonly reason: string } | undefined;
}

/** What an accepted WebSocket has counted so far. Its `bytes` are those of frames, as they are without compression. */
export interface AcceptedStats {
  readonly items: number;
  readonly bytes: number;
  /** Round trip of the last ping that was answered, in ms. */
  readonly rttMs: number | undefined;
  /** Messages that have left this process. */
  readonly sent: number;
  /** Messages that `send` took and that have not left. */
  readonly unsent: number;
  /** Messages whose `send` failed. */
  readonly lost: number;
}

/**
 * The server's end of a WebSocket: messages are pulled, text or bytes, and sent with backpressure. It is read 64 KiB ahead, so that a client
 * which leaves is noticed though nobody reads; what more it sends stays on the wire.
 *
 * Leaving the loop leaves the connection as it is, and a later loop reads on. The loop ends when the client closes well (1000, 1001, without a
 * code, or with one of the application's own), when `close` was called, and when what serves it closes. All else is thrown.
 *
 * @throws StreamError in the loop: `truncated` for a connection without a close frame, `reset`, `idle` for a client that answers no ping, `limit`,
 *   `protocol`, `refused` for the other close codes
 */
export class AcceptedWebSocket implements AsyncIterable<Message>, AsyncDisposable {
  /** How it ended: when there is no connection any more. Never rejects. */
  readonly outcome: Promise<AcceptedOutcome>;
  readonly #url: string;
  readonly #mostAhead: number;
  readonly #wire: WireSocket;
  readonly #attempt: WebSocketAttempt;
  readonly #outbox: Outbox;
  readonly #reader: MessageReader;
  #settle: (outcome: AcceptedOutcome) => void = () => {};
  #isGone = false;
  #stopping: AbortController | undefined;
  /** Why nothing is to be begun any more. */
  #stopped: { readonly reason: unknown } | undefined;
  /** Closed or broken off by this side. */
  #left = false;
  /** Who waits for room. */
  #roomAwaited: (() => void)[] = [];

  /** `wire` is open and not yet listened to. */
  constructor(wire: WireSocket, options: AcceptedOptions = {}) {
    const { pingMs = 30_000, pongMs = 10_000, closeMs = 5_000, maxUnsentBytes = mostBytes, onLeft } = options;
    const { clock = systemClock } = options;
    const url = shownUrl(wire.head.url);
    this.#url = url;
    this.#mostAhead = Math.min(mostBytesInFlight, maxUnsentBytes);
    this.#wire = wire;
    this.outcome = new Promise((resolve) => (this.#settle = resolve));
    this.#outbox = new Outbox({ url, policy: "refuse", capacity: 0, maxUnsentBytes, onLeft: () => this.#sent(onLeft) });
    this.#attempt = new WebSocketAttempt(wire, {
      url,
      clock,
      pingMs,
      pongMs,
      closeMs,
      maxUnreadBytes: mostBytes,
      ping: undefined,
      isHeartbeat: undefined,
      gone: (last, closed) => this.#gone(last, closed),
    });
    this.#attempt.begin(this.#outbox);
    this.#reader = new MessageReader(this.#attempt, ({ error }) => thrownFor(error));
  }

  /** The subprotocol that was agreed to; `""`: none. */
  get protocol(): string {
    return this.#wire.protocol;
  }

  /** Bytes handed to `send` that have not left this process. */
  get bufferedBytes(): number {
    return this.#wire.bufferedBytes;
  }

  /** The client does not keep up: 64 KiB, or as many bytes as may wait, have not left. Who sends much on purpose waits for {@link room} then. */
  get isBehind(): boolean {
    // What waits while no message does are answers to pings: nothing would tell that they have left.
    return this.#wire.bufferedBytes >= this.#mostAhead && this.#outbox.unsent > 0;
  }

  /** Resolves when the client is not behind any more, or it is over. */
  room(): Promise<void> {
    return this.isBehind && this.isOpen ? new Promise((resolve) => this.#roomAwaited.push(resolve)) : Promise.resolve();
  }

  /** It can be sent to: the client is there, and this side has not closed it. */
  get isOpen(): boolean {
    return !this.#left && !this.#isGone;
  }

  /** Aborted when nothing is to be begun any more: the client is gone, or what serves it closes, and waits for last words. */
  get signal(): AbortSignal {
    this.#stopping ??= new AbortController();
    if (this.#stopped) this.#stopping.abort(this.#stopped.reason);
    return this.#stopping.signal;
  }

  get stats(): AcceptedStats {
    const { items, bytes } = this.#reader;
    const { sent, unsent, lost } = this.#outbox;
    return { items, bytes, rttMs: this.#attempt.rttMs, sent, unsent, lost };
  }

  /** Messages one by one. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message, undefined> {
    return new PullIterator(this.#reader, takeMessage);
  }

  /** The same messages as they arrive, array by array, never an empty one. */
  batches(): AsyncIterableIterator<readonly Message[], undefined> {
    return new PullIterator(this.#reader, takeMessages);
  }

  /**
   * Sends a message; resolves when its bytes have left this process: wait for that, and a slow client slows you down. That it fails unheard is
   * no unhandled rejection. Bytes are not copied: they are to stay as they are until then. With `asText` bytes, which have to be UTF-8, leave as
   * text: what goes to many is encoded once.
   *
   * @throws StreamError `unreachable` when it is over, `limit` when there is no room, `reset` when the connection ended before it had left;
   *   TypeError for what is no message
   */
  send(message: Message, { asText = false }: { readonly asText?: boolean | undefined } = {}): Promise<void> {
    return this.#outbox.send(message, asText);
  }

  /**
   * Sends a message of which no more is told than `stats` do; for a message to many, where {@link isBehind} says who is to be spared. It is not held to
   * `maxUnsentBytes`.
   */
  post(message: Message, { asText = false }: { readonly asText?: boolean | undefined } = {}): void {
    this.#outbox.post(message, asText);
  }

  /** Ends reading: what is in hand is handed out, then the loop ends. Sends go on. */
  stop(reason: unknown): void {
    if (this.#stopped) return;
    this.#stopped = { reason };
    this.#stopping?.abort(reason);
    this.#reader.end();
  }

  /**
   * Ends it, in any state; again is nothing. What is being sent still goes out, before a close frame with `code` (1000 to 1003, 1007 to 1014, or 3000
   * to 4999) and `reason`, of at most 123 bytes. Resolves when there is no connection any more.
   *
   * @throws RangeError on another code or a longer reason
   */
  async close(code = 1_000, reason = ""): Promise<void> {
    if (!isSendable(code)) {
      throw new RangeError(
        `The close code must be 1000 to 1003, 1007 to 1014, or from 3000 to 4999; it is ${String(code)}`,
      );
    }
    const { length } = new TextEncoder().encode(reason);
    if (length > 123) throw new RangeError(`The reason of a close frame has at most 123 bytes; this one has ${length}`);
    if (this.isOpen) {
      this.#leave();
      this.#attempt.farewell = { code, reason };
      this.#attempt.release(new StreamError("reset", `${this.#url} was closed by this side`));
    }
    await this.outcome;
  }

  /** Breaks the connection off. Again is nothing. */
  terminate(): void {
    if (this.#isGone) return;
    this.#leave();
    this.#attempt.breakOff(new StreamError("reset", `${this.#url} was broken off by this side`));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #sent(onLeft: (() => void) | undefined): void {
    onLeft?.();
    if (this.#roomAwaited.length > 0 && !this.isBehind) this.#makeRoom();
  }

  #makeRoom(): void {
    for (const resolve of this.#roomAwaited.splice(0)) resolve();
  }

  #leave(): void {
    this.#left = true;
    this.#makeRoom();
    this.#outbox.end({ code: "closed" });
    this.stop(new DOMException("This side has left", "AbortError"));
  }

  #gone(last: EndOfMessages, closed: SocketEnd | undefined): void {
    this.#isGone = true;
    this.#makeRoom();
    // There is no reader yet where the wire had ended before it was listened to.
    const { items = 0, bytes = 0 } = this.#reader ?? {};
    const error = this.#left ? undefined : thrownFor(last.error);
    const code = this.#left ? "closed" : (error?.code ?? last.end ?? "ended");
    const closeFrame =
      closed && closed.code !== noCloseFrame ? { code: closed.code, reason: closed.reason } : undefined;
    this.#outbox.end({ code, error });
    this.#stopped ??= { reason: new DOMException("The client is gone", "AbortError") };
    this.#stopping?.abort(this.#stopped.reason);
    this.#settle({ code, items, bytes, closeFrame, ...(error && { error }) });
  }
}

/** A client that closes with a code of its application's own leaves as it wanted to. */
function thrownFor(error: StreamError | undefined): StreamError | undefined {
  return (error?.closeCode ?? 0) >= 3_000 ? undefined : error;
}

/** RFC 6455 section 7.4: the others are never sent. */
function isSendable(code: number): boolean {
  const isDefined = (code >= 1_000 && code <= 1_003) || (code >= 1_007 && code <= 1_014);
  return Number.isInteger(code) && (isDefined || (code >= 3_000 && code <= 4_999));
}

const noCloseFrame = 1_006;
const mostBytes = 16 * 1_048_576;
