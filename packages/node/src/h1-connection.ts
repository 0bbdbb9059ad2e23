import type { Socket } from "node:net";
import { Client, type Dispatcher } from "undici";
import type { Carried, Connection, ConnectionOwner, Outgoing } from "./connection.ts";
import { WireFailure } from "./wire-failure.ts";

/** How HTTP/1.1 is spoken on a connection. */
export interface H1Settings {
  /** How long it may be idle, in ms, when the server does not say; `0`: it takes one request. */
  readonly keepAliveMs: number;
  readonly keepAliveMaxMs: number;
}

/** A connection that speaks HTTP/1.1, one request after the other: an undici Client around a socket that is connected. */
export class H1Connection extends Client implements Connection {
  readonly serial: number;
  readonly protocol = "h1";
  readonly settling = false;
  readonly draining = false;
  readonly socket: Socket;
  requests = 0;
  readonly #owner: ConnectionOwner;
  readonly #keepAliveMs: number;
  #busy = false;
  #started = false;
  /** The answer before ended in this turn of the event loop. */
  #justEnded = false;
  /** The request has yet to be given to undici. */
  #holds = false;
  #closing = false;

  constructor(url: URL, serial: number, socket: Socket, settings: H1Settings, owner: ConnectionOwner) {
    const { keepAliveMs, keepAliveMaxMs } = settings;
    super(url, {
      allowH2: false,
      useMilo: false,
      // One request at a time; with 0 it is the only one.
      pipelining: keepAliveMs === 0 ? 0 : 1,
      // The clocks of a stream are the session's.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: keepAliveMs || 1,
      keepAliveMaxTimeout: keepAliveMaxMs || 1,
      // Not at once: undici does not go on with what is connected while it asks.
      connect: (_target, callback) => queueMicrotask(() => this.#handOver(callback)),
    });
    this.serial = serial;
    this.socket = socket;
    this.#owner = owner;
    this.#keepAliveMs = keepAliveMs;
    socket.once("close", () => owner.gone(this));
    // undici does not look at it before its first request: what comes unasked until then, a FIN or bytes, ends it.
    socket.on("error", ignore).once("readable", end).setTimeout(keepAliveMs, end).unref();
  }

  get carried(): number {
    return this.#busy ? 1 : 0;
  }

  get room(): number {
    const used = this.#keepAliveMs === 0 && this.requests > 0;
    return this.#busy || this.#closing || used || this.socket.destroyed ? 0 : 1;
  }

  send(outgoing: Outgoing, exchange: Carried): void {
    this.#busy = true;
    const dispatch = (): void => {
      this.#holds = false;
      this.dispatch(outgoing as Dispatcher.DispatchOptions, exchange);
    };
    // A server that closes behind its answer without a word has done so by the next turn: then nothing is written, and nothing lost.
    this.#holds = this.#justEnded;
    if (this.#holds) setImmediate(dispatch);
    else dispatch();
  }

  left(): void {
    if (!this.#busy) return;
    this.#busy = false;
    if (this.#closing) return this.retire();
    this.#justEnded = true;
    setImmediate(() => {
      this.#justEnded = false;
    });
    // undici tells the end of an answer before it closes the socket behind it.
    queueMicrotask(() => {
      if (this.room > 0) this.#owner.hasRoom(this);
    });
  }

  retire(): void {
    this.#closing = true;
    // What it holds goes out first; then it comes here again.
    if (this.#holds) return;
    if (!this.#started && !this.#busy) this.socket.destroy();
    if (!this.closed && !this.destroyed) this.close().catch(ignore);
  }

  breakOff(error: Error): void {
    this.#closing = true;
    if (!this.#started) this.socket.destroy();
    this.destroy(error).catch(ignore);
  }

  /** undici asks again when the socket is closed and it has a request left: that one has to look for another connection. */
  #handOver(callback: (...result: [error: null, socket: Socket] | [error: Error, socket: null]) => void): void {
    const { socket } = this;
    if (this.#started || socket.destroyed)
      return callback(new WireFailure("closed", "the connection was closed before the request was written"), null);
    this.#started = true;
    socket.removeListener("readable", end).removeListener("timeout", end).setTimeout(0).ref();
    callback(null, socket);
  }
}

function ignore(): void {}

function end(this: Socket): void {
  this.destroy();
}
