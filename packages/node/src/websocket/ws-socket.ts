import type { Socket } from "node:net";
import {
  type Message,
  type ResponseHeaders,
  type SocketEnd,
  type SocketListener,
  type SocketRequest,
  shownUrl,
  StreamError,
  type WireSocket,
} from "@longwire/core";
import { decodeUtf8 } from "@longwire/core/bytes";
import type { WebSocket } from "ws";

/** A message that goes out piece by piece. */
interface Long {
  readonly data: Buffer;
  readonly binary: boolean;
  readonly sent: () => void;
  /** Bytes of it that were written. */
  at: number;
}

/** One connection of `ws`, from its `open` on. */
export class WsSocket implements WireSocket {
  readonly head: WireSocket["head"];
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #maxMessageBytes: number;
  #listener: SocketListener | undefined;
  #end: SocketEnd | undefined;
  /** What the first of these waits for, the others wait for too. */
  readonly #long: Long[] = [];
  /** Bytes of them that were not written: asked for at every send, so not added up anew. */
  #longBytes = 0;
  /** The ping that is answered next: an answer is leaving. */
  #unanswered: Buffer | undefined;
  #isAnswering = false;
  #bytesSent = 0;
  #farewell: { readonly code: number; readonly reason: string } | undefined;

  /** To be called in the turn in which it is open: nothing is read from then on. */
  constructor(
    ws: WebSocket,
    socket: Socket,
    { url, maxMessageBytes }: Pick<SocketRequest, "url" | "maxMessageBytes">,
    headers: ResponseHeaders,
  ) {
    ws.pause();
    this.head = { url, status: 101, headers };
    this.#ws = ws;
    this.#socket = socket;
    this.#maxMessageBytes = maxMessageBytes;
    ws.on("message", (data: Buffer, isBinary: boolean) => {
      const message = isBinary ? bytesOf(data) : decodeUtf8(data, 0, data.length);
      this.#listener?.message(message, data.length);
    });
    ws.on("ping", (text: Buffer) => {
      this.#answer(text);
      this.#listener?.alive();
    });
    ws.on("pong", (text) => this.#listener?.pong(text.toString()));
    ws.on("error", (error) => this.#over({ code: 1006, reason: "", error: this.#errorOf(error) }));
    ws.once("close", (code, reason) => {
      const { errored } = socket;
      const error = errored === null || code !== 1006 ? undefined : this.#errorOf(errored);
      this.#over({ code, reason: reason.toString(), error });
    });
  }

  get protocol(): string {
    return this.#ws.protocol;
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount + this.#longBytes;
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  get bytesSent(): number {
    return this.#bytesSent;
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
    if (this.#end) listener.closed(this.#end);
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  /** A long one goes out in fragments, each when the one before has left: so it is seen to move, and pings go between. */
  send(message: Message, sent: () => void, asText = false): void {
    const isText = typeof message === "string";
    const binary = !isText && !asText;
    if (this.#long.length === 0 && message.length <= pieceBytes / 4) {
      return this.#ws.send(message, { binary }, (error) => {
        if (error) return;
        this.#bytesSent += message.length;
        sent();
      });
    }
    const data = isText ? Buffer.from(message) : Buffer.from(message.buffer, message.byteOffset, message.length);
    this.#long.push({ data, binary, sent, at: 0 });
    this.#longBytes += data.length;
    if (this.#long.length === 1) this.#sendPiece();
  }

  ping(text: string): void {
    this.#ws.ping(text, undefined, () => {});
  }

  close(code: number, reason: string): void {
    if (this.#long.length > 0) this.#farewell = { code, reason };
    else this.#ws.close(code, reason);
  }

  terminate(): void {
    this.#ws.terminate();
  }

  /**
   * Of the pings that come while an answer leaves, the latest is answered: RFC 6455 section 5.5.3. `ws` would answer each, and breaks a connection off
   * that holds 60 in hand: so many come at once where reading was paused for long.
   */
  #answer(ping: Buffer): void {
    this.#unanswered = ping;
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    this.#unanswered = undefined;
    this.#ws.pong(ping, undefined, (error) => {
      this.#isAnswering = false;
      if (this.#unanswered && !error) this.#answer(this.#unanswered);
    });
  }

  #sendPiece(): void {
    const [long] = this.#long;
    if (!long) {
      if (this.#farewell) this.#ws.close(this.#farewell.code, this.#farewell.reason);
      return;
    }
    const piece = long.data.subarray(long.at, long.at + pieceBytes);
    long.at += piece.length;
    this.#longBytes -= piece.length;
    const fin = long.at === long.data.length;
    this.#ws.send(piece, { binary: long.binary, fin }, (error) => {
      if (error) return;
      this.#bytesSent += piece.length;
      if (fin) this.#long.shift();
      this.#sendPiece();
      // Last: it may send the next one.
      if (fin) long.sent();
    });
  }

  #over(end: SocketEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.#listener?.closed(end);
  }

  #errorOf(error: Error & { code?: unknown }): StreamError {
    if (error instanceof StreamError) return error;
    const what = `Cannot keep reading ${shownUrl(this.head.url)}`;
    const code = String(error.code ?? "");
    if (code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") {
      const why = `a message has more than ${this.#maxMessageBytes} bytes (maxItemBytes)`;
      return new StreamError("limit", `${what}: ${why}`, { limit: "maxItemBytes", cause: error });
    }
    if (code === "WS_ERR_TOO_MANY_BUFFERED_PARTS") {
      return new StreamError("limit", `${what}: a message came in more parts than are held (${error.message})`, {
        cause: error,
      });
    }
    // By the codes of `ws` for what is no frame, and of zlib for what is no compressed message.
    const isMalformed = /^(WS_ERR|Z_)/.test(code);
    const why = isMalformed ? "what came is not as RFC 6455 allows" : "the connection broke";
    return new StreamError(isMalformed ? "protocol" : "reset", `${what}: ${why} (${error.message})`, { cause: error });
  }
}

/** What is short is copied, which costs as much as a view of it: who keeps it does not keep the 64 KiB that it was read with. */
function bytesOf(data: Buffer): Uint8Array {
  return data.length <= mostOnHeap ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.length);
}

const pieceBytes = 65_536;

// V8 holds typed arrays up to this size in its own heap: they need no memory of their own.
const mostOnHeap = 64;
