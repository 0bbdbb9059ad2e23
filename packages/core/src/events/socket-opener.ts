import type { StreamError } from "../errors.ts";
import type { HeaderRecord } from "../request/header-record.ts";
import type { Transport, TransportCall } from "../transport/transport.ts";
import type { Head } from "./opener.ts";

/** A message of a WebSocket: text, or bytes. */
export type Message = string | Uint8Array;

/**
 * Contract 6: makes one WebSocket connection (RFC 6455), open and not yet read. Masking, UTF-8, fragments and compression are its library's.
 *
 * - Rejects with a StreamError (`refused` with status, headers and excerpt where the runtime shows them, `unreachable`, `reset`, `truncated`,
 *   `protocol`) or, when `signal` is aborted, with the signal's reason as it is.
 * - `signal` is obeyed until the promise settles. After that the socket is ended by `close` or `terminate`, and the signal is let go.
 */
export interface SocketOpener {
  (request: SocketRequest, call: TransportCall): Promise<WireSocket>;
  /** As {@link Transport.onWake}. */
  readonly onWake?: Transport["onWake"];
}

/** What is asked for. */
export interface SocketRequest {
  /** Absolute, `ws:`, `wss:` or `unix:`, without userinfo and fragment. */
  readonly url: string;
  /** Subprotocols to choose from, the dearest first. */
  readonly protocols: readonly string[];
  /** Names in lower case. A runtime that cannot send them rejects what has any. */
  readonly headers: HeaderRecord;
  /** The most bytes of one message; a longer one ends the connection as `limit`. */
  readonly maxMessageBytes: number;
  /** How long the close handshake may take before the connection is broken off, in ms; `0`: for ever. */
  readonly closeMs: number;
}

/** One open WebSocket. Nothing here throws, and nothing waits. */
export interface WireSocket {
  /** The status is 101. A browser shows no headers. */
  readonly head: Head;
  /** The subprotocol that the server chose; `""`: none. */
  readonly protocol: string;
  /** Bytes handed to `send` that have not left this process. */
  readonly bufferedBytes: number;
  /** Bytes that have come on the wire, where it is shown. */
  readonly bytesRead?: number;
  /** Bytes that have left this process, where it is shown. */
  readonly bytesSent?: number;
  /** To be called once. What came before is told then. */
  listen(listener: SocketListener): void;
  /** Stops reading, so that the peer is held up by the wire. Absent, with `resume`, where the runtime cannot; else a socket begins paused. */
  pause?(): void;
  resume?(): void;
  /**
   * `sent` is called when its bytes have left this process; never, when they do not. With `asText` bytes, which have to be UTF-8, leave as text:
   * what goes to many is encoded once.
   */
  send(message: Message, sent: () => void, asText?: boolean): void;
  /** Sends a Ping frame; its answer is told as `pong` with the same text. Absent in browsers. */
  ping?(text: string): void;
  /** Begins the close handshake, behind what is being sent. 1000, or 3000 to 4999, as browsers allow, and what else the runtime sends; again is nothing. */
  close(code: number, reason: string): void;
  /** Breaks the connection off. Again is nothing. */
  terminate(): void;
}

/** Told what comes; after `closed` nothing is. */
export interface SocketListener {
  /** `bytes`: of its payload. */
  message(message: Message, bytes: number): void;
  /** A frame that is no message: a Ping, which is answered already. */
  alive(): void;
  pong(text: string): void;
  closed(end: SocketEnd): void;
}

/** How a socket ended: by a close frame, or by an error. */
export interface SocketEnd {
  /** RFC 6455 section 7.4; 1005: a close frame without a code; 1006: no close frame. */
  readonly code: number;
  readonly reason: string;
  /** What broke it here or on the wire: `reset`, `protocol`, `limit`. */
  readonly error?: StreamError | undefined;
}
