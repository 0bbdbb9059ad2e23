import type { Message, SocketOpener, StreamOptions } from "@longwire/core";
import type { SendPolicy } from "./outbox.ts";
import type { Hello } from "./websocket-opener.ts";

/** Values to set on a URL. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Options of a WebSocket; what it has in common with other streams is said in {@link StreamOptions}. Each may be `undefined`. */
export interface WebSocketOptions
  extends Omit<
    StreamOptions<Message>,
    "method" | "body" | "json" | "accept" | "replayable" | "transport" | "query" | "resume"
  > {
  /** Subprotocols to choose from, or a function asked for them at every attempt. Browsers can send credentials so. */
  protocols?:
    | string
    | readonly string[]
    | (() => string | readonly string[] | PromiseLike<string | readonly string[]>)
    | undefined;
  /** Set on the URL beside what it has; a function is asked at every attempt: for a ticket that is good once. */
  query?: Query | (() => Query | PromiseLike<Query>) | undefined;
  /**
   * The messages that each connection begins with, before those of `send`. It is told the cursor: with `resume.cursor` it is taken for what goes on
   * behind it.
   */
  hello?: Hello | undefined;
  /** How it goes on after a cut: `apply` changes the handshake by the cursor; or `hello` sends it. */
  resume?: StreamOptions<Message>["resume"];
  /** From one ping to the next, in ms. `0`: none. Default 30_000. */
  pingMs?: number | undefined;
  /** How long a ping may go without a frame of the peer's, in ms; then it is `idle`, and opened again. `0`: for ever. Default 10_000. */
  pongMs?: number | undefined;
  /**
   * A ping of the application's own, in place of a Ping frame: for browsers, which send none. Every message is an answer; `heartbeat` names the one
   * that is nothing else, which tells the round trip. Without Ping frames and without this nothing is asked, and `idleMs` is 0 unless you give it.
   */
  ping?: (() => Message) | undefined;
  /** How long the close handshake may take before the connection is broken off, in ms. `0`: for ever. Default 5_000. */
  closeMs?: number | undefined;
  /** The most bytes of one message; a longer one ends the stream as `limit`. Default 16 MiB. */
  maxItemBytes?: number | undefined;
  /**
   * Bytes of messages that may wait for a slow consumer where a socket cannot be paused, as in browsers; more end the stream as `limit`. A `policy`
   * other than `pull` drops instead. Default 16 MiB.
   */
  maxUnreadBytes?: number | undefined;
  /** Bytes that may wait to be sent, each message with 64 more; a send beyond that is refused as `limit`. Default 16 MiB. */
  maxUnsentBytes?: number | undefined;
  /**
   * What becomes of a send while there is no connection. `refuse`: it rejects at once. `wait`: it waits for one, `sendCapacity` at a time.
   * `dropOldest`: as `wait`, and when it is full the oldest one rejects. Default `refuse`.
   */
  sendPolicy?: SendPolicy | undefined;
  /** Messages that wait for a connection; given with a `sendPolicy` that keeps them, and only then. */
  sendCapacity?: number | undefined;
  /** Makes the connections. Default: {@link globalWebSocket}. */
  opener?: SocketOpener | undefined;
}
