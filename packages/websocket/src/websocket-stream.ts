import { type Consumption, EventStream, type Message, type SessionSettings, type StreamStats } from "@longwire/core";
import type { Outbox } from "./outbox.ts";
import type { WebSocketOpener } from "./websocket-opener.ts";

/** What a WebSocket has counted so far. Its `bytes` are those of frames, as they are without compression. */
export interface WebSocketStats extends StreamStats {
  /** Round trip of the last ping that was answered, in ms. */
  readonly rttMs: number | undefined;
  /** Messages that have left this process. */
  readonly sent: number;
  /** Messages that `send` took and that have not left. */
  readonly unsent: number;
  /** Messages whose `send` failed: they were not sent, or nobody knows how far they came. */
  readonly lost: number;
}

/**
 * A WebSocket that is pulled, and comes back: an {@link EventStream} of messages, text or bytes, to which messages can be sent. Made by
 * `openWebSocket`.
 *
 * It is opened, and opened again, by who reads it: read it also where only sending matters.
 */
export class WebSocketStream extends EventStream<Message> {
  readonly #opener: WebSocketOpener;
  readonly #outbox: Outbox;

  constructor(
    settings: SessionSettings<Message> & { readonly opener: WebSocketOpener },
    consumption: Consumption<Message>,
    outbox: Outbox,
  ) {
    super(settings, {
      ...consumption,
      // Its end is told here at once, and to nobody else before.
      watch: (stream, url) => {
        const watcher = consumption.watch?.(stream, url);
        return (notice) => {
          if (notice.type === "closed") outbox.end(notice.outcome);
          watcher?.(notice);
        };
      },
    });
    this.#opener = settings.opener;
    this.#outbox = outbox;
  }

  /** The subprotocol that the server chose last; `""`: none. */
  get protocol(): string {
    return this.#opener.protocol;
  }

  override get stats(): WebSocketStats {
    return {
      ...super.stats,
      rttMs: this.#opener.rttMs,
      sent: this.#outbox.sent,
      unsent: this.#outbox.unsent,
      lost: this.#outbox.lost,
    };
  }

  /**
   * Sends a message; resolves when its bytes have left this process: wait for that, and a slow peer slows you down. It opens nothing. While there
   * is no connection `sendPolicy` decides. A message that a connection took when it broke is not sent again: it may have arrived. That a send
   * fails unheard is no unhandled rejection; `stats.lost` counts it.
   *
   * @throws StreamError `unreachable` when there is no connection, or the stream is over; `limit` when there is no room, or it had to make room;
   * `reset` when the connection ended before it had left; TypeError for what is no message
   *
   * @example
   * ```ts
   * import { openWebSocket } from "@longwire/websocket";
   *
   * await using chat = openWebSocket("wss://a.example/chat");
   * await chat.open();
   * await chat.send("hello");
   * for await (const message of chat) console.log(message);
   * ```
   */
  send(message: Message): Promise<void> {
    return this.#outbox.send(message);
  }

  /**
   * Ends it, in any state; final. What is being sent still goes out, before a close frame with `code` (1000, or 3000 to 4999) and `reason`, of at
   * most 123 bytes. Waits as {@link EventStream.close} does, not for the peer.
   *
   * @throws RangeError on another code or a longer reason
   */
  override async close(code = 1_000, reason = ""): Promise<void> {
    if (code !== 1_000 && !(Number.isInteger(code) && code >= 3_000 && code <= 4_999)) {
      throw new RangeError(`The close code must be 1000, or from 3000 to 4999; it is ${String(code)}`);
    }
    const { length } = new TextEncoder().encode(reason);
    if (length > 123) throw new RangeError(`The reason of a close frame has at most 123 bytes; this one has ${length}`);
    this.#opener.bid({ code, reason });
    await super.close();
  }
}
