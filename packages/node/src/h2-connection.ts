import { type ClientHttp2Session, connect, constants } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Clock } from "@longwire/core";
import type { Carried, Connection, ConnectionOwner, Outgoing } from "./connection.ts";
import { codeName, H2Stream, mostHeadBytes } from "./h2-stream.ts";
import { WireFailure } from "./wire-failure.ts";

/** How HTTP/2 is spoken on a connection. */
export interface H2Settings {
  /** How long it may be idle, in ms; `0`: it takes one request. */
  readonly keepAliveMs: number;
  /** The most requests at once, if the server allows as many. */
  readonly maxConcurrentStreams: number;
  readonly clock: Clock;
}

/**
 * A connection that speaks HTTP/2 (RFC 9113): many requests at once, each a stream.
 *
 * A server that is gone without a word leaves such a connection open for ever, and every request on it would run out of time. So when a
 * stream is given up by a clock, or by its reader and nothing was heard of any stream since, a PING asks whether somebody is there; after
 * 5 s without an answer the connection is ended. When it was a clock, no request goes out here before the answer.
 */
export class H2Connection implements Connection {
  readonly serial: number;
  readonly protocol = "h2";
  readonly socket: Socket;
  requests = 0;
  readonly #url: URL;
  readonly #session: ClientHttp2Session;
  readonly #settings: H2Settings;
  readonly #owner: ConnectionOwner;
  readonly #streams = new Set<H2Stream>();
  /** Streams at once: one, until the server has said how many it takes. */
  #most = 1;
  draining = false;
  /** The server has yet to say how many streams it takes. */
  #isNew = true;
  #closing = false;
  #endProbe: (() => void) | undefined;
  /** Time ran out for a stream, and no PING was answered since. */
  #suspect = false;
  #error: Error | undefined;
  /** Greater stream identifiers were not processed: what a GOAWAY said. */
  #lastProcessed = Number.POSITIVE_INFINITY;

  constructor(url: URL, serial: number, socket: Socket, settings: H2Settings, owner: ConnectionOwner) {
    this.serial = serial;
    this.socket = socket;
    this.#url = url;
    this.#settings = settings;
    this.#owner = owner;
    const session = connect(url, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: streamWindowBytes, maxHeaderListSize: 4 * mostHeadBytes },
      maxHeaderListPairs: 4_000,
    });
    this.#session = session;
    session.once("connect", () => {
      // Node tells this also of a session that was destroyed meanwhile, and throws then.
      if (!session.destroyed) session.setLocalWindowSize(connectionWindowBytes);
    });
    session.on("remoteSettings", ({ maxConcurrentStreams = settings.maxConcurrentStreams }) => {
      this.#isNew = false;
      this.#most = Math.min(settings.maxConcurrentStreams, maxConcurrentStreams);
      // Also when there is none: who waited to know needs another connection.
      owner.hasRoom(this);
    });
    session.on("goaway", (code, lastStream) => {
      this.#closing = true;
      this.#lastProcessed = lastStream;
      this.draining ||= this.#streams.size > 0;
      if (this.draining) owner.hasRoom(this);
      else this.retire();
      if (code === constants.NGHTTP2_NO_ERROR) return;
      this.#error ??= new WireFailure("reset", `the server ended the connection: GOAWAY with ${codeName(code)}`);
    });
    session.on("error", (error) => {
      this.#error ??= error;
    });
    session.on("timeout", () => this.retire());
    session.once("close", () => {
      this.#closing = true;
      this.#endProbe?.();
      owner.gone(this);
    });
    this.#rest();
  }

  get settling(): boolean {
    return this.#isNew && !this.#closing && !this.#suspect;
  }

  get carried(): number {
    return this.#streams.size;
  }

  get room(): number {
    const used = this.#settings.keepAliveMs === 0 && this.requests > 0;
    const shut = this.#closing || this.#session.closed || this.#session.destroyed || this.#suspect;
    return used || shut ? 0 : Math.max(0, this.#most - this.#streams.size);
  }

  send(outgoing: Outgoing, exchange: Carried): void {
    if (this.#streams.size === 0) {
      this.#session.setTimeout(0);
      this.#session.ref();
    }
    let stream: H2Stream;
    try {
      stream = new H2Stream(this, this.#session, this.#url, outgoing, exchange);
    } catch (error) {
      this.#rest();
      this.#tellRoom();
      const shut = this.#session.closed || this.#session.destroyed;
      const why = shut ? new WireFailure("unprocessed", "the connection takes no more requests") : (error as Error);
      return exchange.onResponseError(null, why);
    }
    this.#streams.add(stream);
    stream.begin();
  }

  left(): void {}

  /** A stream is closed. */
  ended(stream: H2Stream): void {
    this.#streams.delete(stream);
    this.#rest();
    if (this.#closing && this.#streams.size === 0) this.retire();
    else this.#tellRoom();
  }

  retire(): void {
    this.#closing = true;
    if (this.#streams.size === 0) this.#destroy();
  }

  breakOff(error: Error): void {
    this.#closing = true;
    this.#error ??= error;
    this.#destroy(error, constants.NGHTTP2_CANCEL);
  }

  /** Why a stream of this identifier broke, as far as the connection knows. */
  failureOf(id: number | undefined, ofStream: Error | undefined): Error | undefined {
    if (id === undefined || id > this.#lastProcessed) {
      return new WireFailure("unprocessed", "the server closes the connection and did not process the request");
    }
    if (this.socket.errored) return this.socket.errored;
    if (this.#error) return told(this.#error);
    if (ofStream && isMalformed(ofStream)) return told(ofStream);
    return this.#session.destroyed ? new WireFailure("closed", "the connection was closed") : undefined;
  }

  /** A stream was given up when `bytesRead` had come; `suspect`: because nothing came. */
  givenUp(bytesRead: number, suspect: boolean): void {
    if (!suspect && bytesRead !== this.socket.bytesRead) return;
    if (this.#session.closed || this.#session.destroyed) return;
    this.#suspect ||= suspect;
    // Who waits for room here needs another connection.
    if (suspect) this.#owner.hasRoom(this);
    if (this.#endProbe) return;
    const cancel = this.#settings.clock.timer(probeMs, () => {
      this.breakOff(new WireFailure("reset", `the server did not answer a PING within ${probeMs} ms`));
    });
    this.#endProbe = () => {
      cancel();
      this.#endProbe = undefined;
      this.#suspect = false;
    };
    this.#session.ping((error) => {
      this.#endProbe?.();
      if (!error) this.#tellRoom();
    });
  }

  /** Behind a GOAWAY Node only ends its side, and waits for a server that may never end the other. */
  #destroy(error?: Error, code?: number): void {
    this.#session.destroy(error, code);
    this.socket.destroy();
  }

  #tellRoom(): void {
    if (this.room > 0) this.#owner.hasRoom(this);
  }

  /** It carries nothing: it keeps no process alive, and not itself for ever. */
  #rest(): void {
    if (this.#streams.size > 0 || this.#session.destroyed) return;
    this.#session.setTimeout(this.#settings.keepAliveMs || 1);
    this.#session.unref();
  }
}

/** Whether the server chose HTTP/2 in the TLS handshake: ALPN, RFC 7301. */
export function isH2(socket: Socket): boolean {
  return (socket as Partial<TLSSocket>).alpnProtocol === "h2";
}

/** What a server may send of one answer before it is read: so much is held when nobody reads. */
const streamWindowBytes = 256 * 1024;
/** And of all of them. Node gives this back as it comes, read or not, so that one that is not read holds up none of the others. */
const connectionWindowBytes = 4 * 1024 * 1024;
const probeMs = 5_000;

/** What nghttp2 says of frames that it cannot take. */
function told(error: Error): Error {
  return isMalformed(error) ? new WireFailure("malformed", error.message, { cause: error }) : error;
}

function isMalformed(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === "ERR_HTTP2_ERROR";
}
