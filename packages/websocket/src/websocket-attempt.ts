import {
  type Attempt,
  type Batch,
  type Clock,
  type Head,
  type Mark,
  type Message,
  type SocketEnd,
  type SocketListener,
  StreamError,
  type WireSocket,
} from "@longwire/core";
import { endOfSocket } from "./close-codes.ts";
import { Heartbeat, type HeartbeatPeer } from "./heartbeat.ts";
import type { Departures, Outbox } from "./outbox.ts";

/** What every connection of a stream is read with. */
export interface WebSocketSettings {
  /** As errors print it. */
  readonly url: string;
  readonly clock: Clock;
  readonly pingMs: number;
  readonly pongMs: number;
  readonly closeMs: number;
  /** Bytes that may wait for the consumer where a socket cannot be paused. */
  readonly maxUnreadBytes: number;
  /** A ping of the application's own. */
  readonly ping: (() => Message) | undefined;
  readonly isHeartbeat: ((message: Message) => boolean) | undefined;
  /** Told once, when there is no connection any more, with what comes behind its last message, and the close frame that came. */
  readonly gone?: ((last: EndOfMessages, closed: SocketEnd | undefined) => void) | undefined;
}

/** What comes behind the last message: an end, or an error. */
export type EndOfMessages = Pick<Batch<Message>, "end" | "error">;

/** What a close frame says. */
export interface Farewell {
  readonly code: number;
  readonly reason: string;
}

/** One open WebSocket, as batches: what came in one turn of the event loop is one. */
export class WebSocketAttempt implements Attempt<Message>, SocketListener, HeartbeatPeer {
  readonly head: Head;
  readonly idleMs: number | undefined;
  /** What it is closed with when nobody else does it. */
  farewell: Farewell = { code: 1000, reason: "" };
  readonly #socket: WireSocket;
  readonly #settings: WebSocketSettings;
  readonly #heartbeat: Heartbeat;
  #departures: Departures | undefined;
  #items: Message[] = [];
  #marks: Mark<Message>[] = [];
  #bytes = 0;
  /** What comes behind the last item. */
  #last: EndOfMessages | undefined;
  /** Of the pull in hand. */
  #deliver: ((batch: Batch<Message>) => void) | undefined;
  #scheduled = false;
  #paused: boolean;
  /** Nobody reads it any more. */
  #released = false;
  /** The close handshake was begun. */
  #left = false;
  /** There is no connection any more. */
  #gone = false;
  #cancelClose: (() => void) | undefined;

  constructor(socket: WireSocket, settings: WebSocketSettings) {
    this.head = socket.head;
    this.#socket = socket;
    this.#settings = settings;
    this.#paused = socket.pause !== undefined;
    const asks = settings.ping !== undefined || socket.ping !== undefined;
    const pingMs = asks ? settings.pingMs : 0;
    // Where nothing asks for a sign of life, silence is none of death.
    this.idleMs = pingMs > 0 ? undefined : 0;
    this.#heartbeat = new Heartbeat({ ...settings, pingMs }, this);
    socket.listen(this);
  }

  get rttMs(): number | undefined {
    return this.#heartbeat.rttMs;
  }

  /** The first messages are sent: those of the caller go out. */
  begin(outbox: Outbox): void {
    if (this.#gone) return;
    this.#departures = outbox.open(this.#socket);
  }

  pull(deliver: (batch: Batch<Message>) => void): void {
    this.#deliver = deliver;
    if (this.#last || this.#bytes > 0) this.#schedule();
    else this.#resume();
  }

  release(reason: unknown): void {
    if (this.#released) return;
    this.#released = true;
    this.#heartbeat.stop();
    this.#departures?.close();
    const error =
      reason instanceof StreamError ? reason : new StreamError("reset", "The attempt was released", { cause: reason });
    this.#items = [];
    this.#marks = [];
    this.#bytes = 0;
    this.#last = { error };
    this.#flush();
    this.#leave(error);
  }

  message(message: Message, bytes: number): void {
    if (this.#last) return;
    if (!this.#socket.pause && this.#isFull(bytes)) return this.#overflow();
    this.#items.push(message);
    // Else it was heard of in this turn already.
    if (!this.#scheduled) this.#heartbeat.heard();
    if (this.#settings.ping) this.#heardMessage(message);
    this.#came(bytes);
  }

  alive(): void {
    this.#heartbeat.heard();
    this.moved();
  }

  pong(text: string): void {
    if (!this.#settings.ping) this.#heartbeat.answered(text);
    this.alive();
  }

  closed(end: SocketEnd): void {
    const how = endOfSocket(end, this.#settings.url);
    const last = typeof how === "string" ? { end: how } : { error: how };
    if (!this.#last) this.#end(last);
    if (!this.#gone) this.#over(last.error, end);
  }

  // What its heartbeat asks.

  get isPaused(): boolean {
    return this.#paused;
  }

  get progress(): number {
    const { bytesRead = 0, bytesSent = 0, bufferedBytes } = this.#socket;
    // What left while nothing waits may be in a buffer of the system's: that is no sign of the peer.
    return bytesRead + (bufferedBytes > 0 ? bytesSent : 0);
  }

  ping(text: string): void {
    const { ping } = this.#settings;
    if (ping) this.#socket.send(ping(), () => {});
    else this.#socket.ping?.(text);
  }

  moved(): void {
    if (this.#last) return;
    const { length } = this.#items;
    // One tells as much as many, which would fill up what is read ahead: a peer that is not read could ping until it is not heard any more.
    if (this.#marks.at(-1)?.at === length) return;
    this.#marks.push({ at: length, kind: "heartbeat" });
    this.#came(0);
  }

  died(error: StreamError): void {
    if (!this.#last) this.#end({ error });
    this.#leave(error);
  }

  /** Breaks the connection off, in any state; again is nothing. */
  breakOff(why: StreamError): void {
    if (!this.#last) this.#end({ error: why });
    if (!this.#gone) this.#terminate(why);
  }

  #end(last: EndOfMessages): void {
    this.#last = last;
    this.#heartbeat.stop();
    this.#departures?.close();
    if (this.#deliver) this.#schedule();
  }

  /** This is done for each message: it is as short as it can be. */
  #came(payload: number): void {
    this.#bytes += frameBytes(payload);
    if (this.#scheduled) return;
    if (this.#deliver) this.#schedule();
    else if (this.#bytes >= mostBytesInFlight) this.#pause();
  }

  #heardMessage(message: Message): void {
    if (this.#heartbeat.isWaiting && isAnswer(message, this.#settings.isHeartbeat)) this.#heartbeat.answered();
  }

  /** One message always has room. */
  #isFull(bytes: number): boolean {
    return this.#items.length > 0 && this.#bytes + bytes > this.#settings.maxUnreadBytes;
  }

  #overflow(): void {
    const { maxUnreadBytes, url } = this.#settings;
    const why = `the consumer is more than ${maxUnreadBytes} bytes behind (maxUnreadBytes), and this runtime cannot pause a WebSocket`;
    const what = `Cannot keep reading ${url}: ${why}; read faster, or take a policy such as "dropOldest"`;
    const error = new StreamError("limit", what, { limit: "maxUnreadBytes" });
    this.#end({ error });
    // Who is behind may never ask again.
    this.#leave(error);
  }

  /** Of what comes in one turn, one batch is made. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const deliver = this.#deliver;
    if (!deliver) return;
    const batch = { items: this.#items, marks: this.#marks, bytes: this.#bytes, ...this.#last };
    this.#deliver = undefined;
    this.#items = [];
    this.#marks = [];
    this.#bytes = 0;
    deliver(batch);
  }

  #pause(): void {
    if (this.#paused || !this.#socket.pause) return;
    this.#paused = true;
    // Nothing can be heard from here on.
    this.#heartbeat.heard();
    this.#socket.pause();
  }

  #resume(): void {
    if (!this.#paused || this.#gone) return;
    this.#paused = false;
    this.#socket.resume?.();
  }

  /** Ends the connection: by a close frame, behind what is being sent. Again is nothing. */
  #leave(why: StreamError): void {
    if (this.#gone || this.#left) return;
    this.#left = true;
    // One that says nothing would not answer a close frame either.
    if (why.code === "idle") return this.#terminate(why);
    const { clock, closeMs } = this.#settings;
    if (closeMs > 0) this.#cancelClose = clock.timer(closeMs, () => this.#terminate(why));
    this.#socket.close(this.farewell.code, this.farewell.reason);
    this.#resume();
  }

  #terminate(why: StreamError): void {
    this.#over(why);
    this.#socket.terminate();
  }

  /** There is no connection any more: what it has and did not leave is lost. */
  #over(why: StreamError | undefined, closed?: SocketEnd): void {
    this.#gone = true;
    this.#cancelClose?.();
    const { url, gone } = this.#settings;
    const what = `The connection to ${url} ended before this message had left`;
    this.#departures?.lose(new StreamError("reset", what, { cause: why }));
    gone?.(this.#last ?? { error: why }, closed);
  }
}

/** As ARCHITECTURE has it: what of one stream waits in this process before its socket is paused. */
export const mostBytesInFlight: number = 65_536;

/** Bytes of a frame as a server sends it, not masked: RFC 6455 section 5.2. */
function frameBytes(payload: number): number {
  return payload + (payload < 126 ? 2 : payload < 65_536 ? 4 : 10);
}

/** What the caller's function throws here, it throws again where the session asks it, which ends the stream. */
function isAnswer(message: Message, isHeartbeat: ((message: Message) => boolean) | undefined): boolean {
  try {
    return isHeartbeat?.(message) === true;
  } catch {
    return false;
  }
}
