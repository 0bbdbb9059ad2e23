import type { Socket } from "node:net";
import type { OwnConnection } from "./socket-pool.ts";

/** One connection from the attempt to make it until it is gone, for the pool that counts it among its own and can end it. */
export class Lease implements OwnConnection {
  readonly origin: string;
  state: OwnConnection["state"] = "connecting";
  socket: Socket | undefined;
  readonly gone: Promise<void>;
  #onGone = (): void => {};
  readonly #opening = new AbortController();
  #end: ((reason: unknown) => void) | undefined;

  constructor(origin: string) {
    this.origin = origin;
    this.gone = new Promise((resolve) => {
      this.#onGone = resolve;
    });
  }

  /** Aborted to give up what is yet to be answered. */
  get opening(): AbortSignal {
    return this.#opening.signal;
  }

  /** Whether it was answered: `end` then ends more than an attempt. */
  get held(): boolean {
    return this.#end !== undefined;
  }

  connecting(socket: Socket): void {
    this.socket = socket;
  }

  asking(): void {
    this.state = "busy";
  }

  /** It was answered: from now on `end` ends it. @throws the reason of its end, when that came first */
  hold(end: (reason: unknown) => void): void {
    if (this.opening.aborted) {
      end(this.opening.reason);
      throw this.opening.reason;
    }
    this.#end = end;
  }

  /** Nothing more is asked for: it is gone when `last`, or without one the socket that there is, has closed. */
  leave(last: Closing | undefined = this.socket): void {
    if (last === undefined || last.closed) this.#onGone();
    else last.once("close", this.#onGone);
  }

  end(reason: unknown): void {
    if (this.#end) this.#end(reason);
    else this.#opening.abort(reason);
  }
}

interface Closing {
  readonly closed: boolean;
  once(event: "close", listener: () => void): unknown;
}
