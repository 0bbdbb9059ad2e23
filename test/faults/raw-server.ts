import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** A TCP server on loopback that answers each connection with a script, byte by byte as the script says. */
export interface RawServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Connections accepted so far, also closed ones, in order. */
  readonly wires: readonly RawWire[];
  /** Destroys every connection, stops listening, and rejects with what a script threw, if one did. */
  close(): Promise<void>;
}

/**
 * Starts one.
 *
 * @example
 * ```ts
 * await using server = await rawServer(async (wire) => {
 *   await wire.request();
 *   await wire.write("HTTP/1.1 200 OK\r\n\r\nhalf an item");
 *   wire.reset();
 * });
 * ```
 */
export async function rawServer(script: (wire: RawWire) => unknown): Promise<RawServer> {
  const wires: RawWire[] = [];
  const failures: unknown[] = [];
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const wire = new RawWire(socket, wires.length);
    wires.push(wire);
    Promise.resolve(wire)
      .then(script)
      .catch((error: unknown) => failures.push(error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    for (const wire of wires) wire.socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    if (failures.length > 0) throw failures[0];
  };
  return { url: `http://127.0.0.1:${port}`, port, wires, close, [Symbol.asyncDispose]: close };
}

/** One accepted connection, in the hands of a script. What it does once the peer has gone is nothing. */
export class RawWire {
  readonly socket: Socket;
  /** Its place among the server's connections, from 0. */
  readonly index: number;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  /** Resolves when the peer has sent its FIN, or is gone. */
  readonly left: Promise<void>;
  #received: Buffer = Buffer.alloc(0);
  #gone = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket, index: number) {
    this.socket = socket;
    this.index = index;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    this.left = new Promise((resolve) => {
      for (const event of ["end", "close"]) {
        socket.once(event, () => {
          this.#gone = true;
          this.#wake?.();
          resolve();
        });
      }
    });
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake?.();
    });
  }

  /** The head of the next request, without its blank line; `undefined` when the peer left before it was whole. */
  async request(): Promise<string | undefined> {
    for (;;) {
      const end = this.#received.indexOf("\r\n\r\n");
      if (end !== -1) return this.#take(end + 4).toString("latin1", 0, end);
      if (!(await this.#more())) return undefined;
    }
  }

  /** The next bytes, as text; fewer when the peer left. */
  async bytes(count: number): Promise<string> {
    while (this.#received.length < count && (await this.#more()));
    return this.#take(Math.min(count, this.#received.length)).toString("latin1");
  }

  /** Resolves when any byte is there to take, or with `false` when the peer left first. */
  async anything(): Promise<boolean> {
    while (this.#received.length === 0) if (!(await this.#more())) return false;
    return true;
  }

  /** Resolves when the system has taken the bytes: each call leaves as a segment of its own. */
  async write(data: string | Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => this.socket.write(data, () => resolve()));
  }

  /** Ends the stream of bytes: FIN, after what was written. */
  fin(): void {
    this.socket.end();
  }

  /** Breaks the connection: RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  #more(): Promise<boolean> {
    if (this.#gone) return Promise.resolve(false);
    return new Promise((resolve) => {
      const before = this.#received.length;
      this.#wake = () => resolve(this.#received.length > before || !this.#gone);
    });
  }

  #take(count: number): Buffer {
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }
}

/** A piece of a chunked body; of nothing, the last chunk. */
export function chunked(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}
