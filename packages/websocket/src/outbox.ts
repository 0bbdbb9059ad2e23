import { type Message, type Outcome, StreamError, type WireSocket } from "@longwire/core";

/** What becomes of a message while there is no connection: it is refused, or waits, and the oldest one may have to make room. */
export type SendPolicy = "refuse" | "dropOldest" | "wait";

/** What an outbox is made with. */
export interface OutboxSettings {
  /** As errors print it. */
  readonly url: string;
  readonly policy: SendPolicy;
  /** Messages that wait for a connection. */
  readonly capacity: number;
  /** The most bytes that wait in this process once there is one. */
  readonly maxUnsentBytes: number;
  /** Told of each message that has left. */
  readonly onLeft?: (() => void) | undefined;
}

/** A connection that takes messages. */
export interface Departures {
  /** It takes no more; what it has may still leave. */
  close(): void;
  /** What it has and did not leave never will. */
  lose(why: StreamError): void;
}

/**
 * Messages on their way out. Each send comes to one end: the bytes have left this process, or an error says why they did not. What a
 * connection took is never sent again over another: nobody knows how far it came.
 */
export class Outbox {
  /** Messages that have left this process. */
  sent = 0;
  /** Messages that were not sent, or nobody knows how far they came. */
  lost = 0;
  readonly #settings: OutboxSettings;
  readonly #waiting: Sending[] = [];
  /** Taken by a connection. */
  #unsent = 0;
  #socket: WireSocket | undefined;
  #aboard: Set<Sending> = new Set();
  #posts: Posts | undefined;
  #outcome: Pick<Outcome, "code" | "error"> | undefined;

  constructor(settings: OutboxSettings) {
    this.#settings = settings;
  }

  /** Messages that have not left this process: those that wait for a connection, and those that it has not written. */
  get unsent(): number {
    return this.#waiting.length + this.#unsent;
  }

  /**
   * Resolves when the message has left this process; that it fails unheard is no unhandled rejection. With `asText` bytes leave as text.
   *
   * @throws StreamError
   */
  send(message: Message, asText = false): Promise<void> {
    const sent = this.#send(message, asText);
    sent.catch(() => {
      this.lost++;
    });
    return sent;
  }

  #send(message: Message, asText: boolean): Promise<void> {
    const { url, policy, capacity, maxUnsentBytes } = this.#settings;
    if (typeof message !== "string" && !(message instanceof Uint8Array)) {
      return Promise.reject(new TypeError("A message must be text or bytes (a string or a Uint8Array)"));
    }
    if (this.#outcome) return Promise.reject(this.#refusal(this.#outcome));
    return new Promise((resolve, reject) => {
      const sending = { message, asText, resolve, reject };
      if (this.#socket) {
        const bytes = this.#socket.bufferedBytes + this.#unsent * bytesPerSend;
        if (bytes < maxUnsentBytes) return this.#board(sending, this.#socket);
        const why = `${this.#unsent} messages, ${bytes} bytes, wait to be sent (maxUnsentBytes); wait for the sends before`;
        return reject(new StreamError("limit", `Cannot send to ${url}: ${why}`, { limit: "maxUnsentBytes" }));
      }
      if (policy === "refuse") {
        return reject(new StreamError("unreachable", `Cannot send to ${url}: it is not open (sendPolicy "refuse")`));
      }
      if (this.#waiting.length >= capacity) {
        const why = `${capacity} messages wait for a connection (sendCapacity)`;
        const full = new StreamError("limit", `Cannot send to ${url}: ${why}`, { limit: "sendCapacity" });
        if (policy === "wait") return reject(full);
        this.#waiting.shift()?.reject(full);
      }
      this.#waiting.push(sending);
    });
  }

  /** Sends a message of which no more is told than the counts do: for many of them that costs half as much. While there is no connection it is lost. */
  post(message: Message, asText: boolean): void {
    this.#posts ??= this.#postsOf();
    if (this.#socket) this.#posts.board(message, asText, this.#socket);
    else this.lost++;
  }

  /** There is a connection: what waits goes out in order, and so does what comes. */
  open(socket: WireSocket): Departures {
    const aboard = new Set<Sending>();
    this.#socket = socket;
    this.#aboard = aboard;
    for (const sending of this.#waiting.splice(0)) this.#board(sending, socket);
    const close = (): void => {
      if (this.#socket === socket) this.#socket = undefined;
    };
    return {
      close,
      lose: (why) => {
        close();
        for (const { reject } of aboard) reject(why);
        this.#unsent -= aboard.size;
        aboard.clear();
        this.#posts?.lose();
      },
    };
  }

  /** The stream is over: nothing is taken any more. */
  end(outcome: Pick<Outcome, "code" | "error">): void {
    this.#outcome = outcome;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#refusal(outcome));
  }

  #postsOf(): Posts {
    let under = 0;
    const left = (): void => {
      if (under === 0) return;
      under--;
      this.#left();
    };
    return {
      board: (message, asText, socket) => {
        under++;
        this.#unsent++;
        socket.send(message, left, asText);
      },
      lose: () => {
        this.lost += under;
        this.#unsent -= under;
        under = 0;
      },
    };
  }

  #board(sending: Sending, socket: WireSocket): void {
    const aboard = this.#aboard;
    aboard.add(sending);
    this.#unsent++;
    const left = (): void => {
      if (!aboard.delete(sending)) return;
      sending.resolve();
      this.#left();
    };
    socket.send(sending.message, left, sending.asText);
  }

  #left(): void {
    this.#unsent--;
    this.sent++;
    this.#settings.onLeft?.();
  }

  #refusal({ code, error: cause }: Pick<Outcome, "code" | "error">): StreamError {
    return new StreamError("unreachable", `Cannot send to ${this.#settings.url}: it is over (${code})`, { cause });
  }
}

/** What a message that waits counts for beside its bytes: else millions of short ones would pass for nothing. */
const bytesPerSend = 64;

/** Messages on their way that nobody waits for. */
interface Posts {
  board(message: Message, asText: boolean, socket: WireSocket): void;
  lose(): void;
}

interface Sending {
  readonly message: Message;
  readonly asText: boolean;
  resolve(): void;
  reject(why: unknown): void;
}
