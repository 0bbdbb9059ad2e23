import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { eachItem } from "./publishing.ts";

/** Many readers of one publisher: bare sockets in this process, that look for the end of each item and do no more. */
export class Subscribers implements Disposable {
  /** From the publishing of an item to its arrival here, in µs, of each that came while {@link timing} was set. */
  readonly delaysUs: number[] = [];
  timing = false;
  readonly #port: number;
  readonly #sockets: Socket[] = [];
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(64 * 1_024);
  #received = 0;
  #awaited = Number.POSITIVE_INFINITY;
  #complete: (() => void) | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** Opens so many more that read; resolves when each has had the beginning of its answer. */
  async open(count: number): Promise<void> {
    for (let left = count; left > 0; left -= openingAtOnce)
      await Promise.all(Array.from({ length: Math.min(left, openingAtOnce) }, () => this.#open()));
  }

  /** Opens one more, at `/bulk`, that reads all, or nothing but what its socket takes unasked. It is not counted. */
  async openOther(does: "read" | "stall"): Promise<void> {
    const socket = connect(this.#port, "127.0.0.1", () => socket.write(get("/bulk")));
    // It may be cut.
    this.#sockets.push(socket.on("error", () => {}));
    await once(socket, "readable");
    if (does === "read") socket.resume();
  }

  /** Resolves when `items` more have come, those of all readers counted together. */
  received(items: number): Promise<void> {
    this.#awaited = this.#received + items;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${this.#awaited - this.#received} items did not come`)), 60_000);
      this.#complete = () => {
        clearTimeout(late);
        resolve();
      };
    });
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(): Promise<void> {
    return new Promise((resolve) => {
      const callback = (length: number): boolean => {
        resolve();
        this.#read(this.#buffer.subarray(0, length));
        return true;
      };
      // One buffer for all: what is in it is looked at before another one reads.
      const socket = connect({ host: "127.0.0.1", port: this.#port, onread: { buffer: this.#buffer, callback } });
      socket.write(get("/"));
      this.#sockets.push(socket);
    });
  }

  #read(bytes: Buffer): void {
    const nowNs = process.hrtime.bigint();
    eachItem(bytes, (publishedNs) => {
      this.#received++;
      if (this.timing && publishedNs !== undefined) this.delaysUs.push(Number(nowNs - publishedNs) / 1_000);
    });
    if (this.#received >= this.#awaited) {
      this.#awaited = Number.POSITIVE_INFINITY;
      this.#complete?.();
    }
  }
}

const openingAtOnce = 100;

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
