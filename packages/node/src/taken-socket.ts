import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { type Clock, Deadlines, StreamError } from "@longwire/core";

/** What a {@link TakenSocket} is made with. */
export interface TakenSocketSettings {
  /** As errors print it. */
  readonly url: string;
  /** Longest silence, in ms; `0` waits for ever. */
  readonly idleMs: number;
  readonly clock: Clock;
}

/**
 * A connection that HTTP has left, as a Duplex: what is read and written are the bytes of the wire, and each side ends by itself.
 *
 * A Duplex around the socket, since a socket does not show its bytes to a second reader: the idle clock has to see each of them.
 */
export class TakenSocket extends Duplex {
  readonly #socket: Socket;
  readonly #url: string;
  readonly #idleMs: number;
  readonly #deadlines: Deadlines;
  #bytesRead = 0;
  #bytesWritten = 0;
  #ended = false;

  /** To be called in the turn in which HTTP let the socket go: a FIN that nobody listens to is lost. */
  constructor(socket: Socket, early: Uint8Array, { url, idleMs, clock }: TakenSocketSettings) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#url = url;
    this.#idleMs = idleMs;
    this.#deadlines = new Deadlines(clock, { ranOut: () => this.#ranOut() });
    socket.allowHalfOpen = true;
    socket.pause();
    if (early.length > 0) socket.unshift(early);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("end", () => this.#takeEnd());
    socket.on("error", (error) => this.destroy(this.#broken(error)));
    // After its end what has come is still to be read; without one there was none.
    socket.on("close", () => {
      if (!this.#ended) this.destroy();
    });
    // Who does not listen must not be brought down by an abort: `errored`, `finished()` and every reader tell it all the same.
    this.on("error", () => {});
    this.#restart();
  }

  /** The reader's own time is none of the wire's: silence counts from when it took what had come. */
  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    if (chunk !== null) this.#restart();
    return chunk;
  }

  /** Breaks it, by RST: the other side knows that it did not end. @throws Error over TLS and Unix sockets, which have no such thing */
  resetAndDestroy(): void {
    this.#socket.resetAndDestroy();
    this.destroy();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#deadlines.close();
    if (this.#socket.closed) return done(error);
    this.#socket.once("close", () => done(error));
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#bytesRead += chunk.length;
    this.#restart();
    if (!this.push(chunk)) this.#socket.pause();
  }

  #takeEnd(): void {
    this.#ended = true;
    this.push(null);
  }

  /** Piece by piece, so that a long chunk on a slow wire is seen to move. */
  #send(chunk: Buffer, done: (error?: Error | null) => void): void {
    const piece = chunk.subarray(0, pieceBytes);
    this.#socket.write(piece, (error) => {
      if (error) return done(this.#broken(error));
      this.#bytesWritten += piece.length;
      this.#restart();
      if (piece.length < chunk.length) this.#send(chunk.subarray(pieceBytes), done);
      else done();
    });
  }

  #restart(): void {
    if (!this.destroyed) this.#deadlines.start("idleMs", this.#idleMs);
  }

  #ranOut(): void {
    // What has come waits to be read: that silence is not the wire's.
    if (this.readableLength + this.#socket.readableLength > 0) return this.#restart();
    const why = `no byte either way for ${this.#idleMs} ms (idleMs)`;
    this.destroy(new StreamError("idle", `Cannot keep ${this.#url} open: ${why}`, { clock: "idleMs" }));
  }

  #broken(cause: Error): StreamError {
    const where = `after ${this.#bytesRead} bytes read and ${this.#bytesWritten} written`;
    const why = `the connection broke ${where} (${cause.message})`;
    return new StreamError("reset", `Cannot keep ${this.#url} open: ${why}`, { cause });
  }
}

const pieceBytes = 65_536;
