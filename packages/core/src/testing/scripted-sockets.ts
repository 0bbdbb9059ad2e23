import { abortable } from "abort-controller-x";
import type {
  Message,
  SocketEnd,
  SocketListener,
  SocketOpener,
  SocketRequest,
  WireSocket,
} from "../events/socket-opener.ts";
import type { Clock } from "../time/clock.ts";
import { wait } from "../time/wait.ts";
import type { TransportCall } from "../transport/transport.ts";

/** What becomes of one connection. An empty one is open at once, and quiet. */
export interface ScriptedSocket {
  /** Time until the connection is at hand, in ms. Default 0: at once. */
  readonly connectMs?: number | undefined;
  /** Time from the connection to the answer, in ms. Default 0: at once. */
  readonly headersMs?: number | undefined;
  /** Thrown in place of an answer. */
  readonly error?: unknown;
  /** Headers of the answer. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Default: the first that was asked for, or `""`. */
  readonly protocol?: string | undefined;
  /** Told as soon as it is read. */
  readonly messages?: readonly Message[] | undefined;
  /** As the sockets of browsers: neither paused nor pinged, and connected unseen. Default false. */
  readonly bare?: boolean | undefined;
  /** Whether pings are answered. Default true. */
  readonly pongs?: boolean | undefined;
  /** Whether a close frame is answered. Default true. */
  readonly answersClose?: boolean | undefined;
  /** Whether what is sent leaves at once; else by `drain`. Default true. */
  readonly drains?: boolean | undefined;
}

/** The other end of one scripted connection. */
export interface ScriptedPeer {
  readonly request: SocketRequest;
  /** What was sent, in order. */
  readonly received: readonly Message[];
  /** Ping frames that came. */
  readonly pings: number;
  /** Nothing is read from it. */
  readonly paused: boolean;
  /** The close frame that came, or that it was broken off. */
  readonly left: { readonly code: number; readonly reason: string } | "terminated" | undefined;
  /** Sends a message. What is sent while nothing is read waits, in order. */
  say(...messages: readonly Message[]): void;
  /** Sends a Ping frame. */
  ping(): void;
  /** Bytes of a message that is not whole have come. */
  trickle(bytes: number): void;
  /** What was sent leaves: so many messages; default all. */
  drain(count?: number): void;
  /** Ends the connection: by a close frame, or with an `error` without one. */
  end(end: Partial<SocketEnd>): void;
}

/** A {@link SocketOpener} without a wire, and what it saw. */
export interface ScriptedSockets extends SocketOpener {
  /** Every request, in order. */
  readonly requests: readonly SocketRequest[];
  /** The other ends of all connections, in order. */
  readonly peers: readonly ScriptedPeer[];
  /** Connections that are open: 0 when nothing leaks. */
  readonly open: number;
}

/**
 * An opener that plays a script, one entry a connection. It holds contract 6 to the letter: a signal is obeyed until the socket is open, nothing is
 * told before `listen` or while it is paused, and nothing after its end.
 *
 * @throws TypeError when called more often than the script has entries.
 * @example
 * ```ts
 * import { fakeClock, scriptedSockets } from "@longwire/core/testing";
 *
 * const opener = scriptedSockets([{ messages: ["hello"] }, {}], { clock: fakeClock() });
 * const { signal } = new AbortController();
 * const request = { url: "wss://a.example/", protocols: [], headers: {}, maxMessageBytes: 1_024, closeMs: 5_000 };
 * const socket = await opener(request, { signal });
 * socket.send("hello", () => console.log(opener.peers[0]?.received)); // [ 'hello' ]
 * socket.close(1000, "");
 * ```
 */
export function scriptedSockets(
  script: readonly ScriptedSocket[] | ((request: SocketRequest, index: number) => ScriptedSocket),
  { clock }: { readonly clock?: Clock | undefined } = {},
): ScriptedSockets {
  const requests: SocketRequest[] = [];
  const peers: Scripted[] = [];

  function entryFor(request: SocketRequest): ScriptedSocket {
    const index = requests.push(request) - 1;
    const entry = typeof script === "function" ? script(request, index) : script[index];
    if (entry) return entry;
    throw new TypeError(`The script has ${script.length} connections; ${request.url} is one more`);
  }

  async function open(request: SocketRequest, { signal, on }: TransportCall): Promise<WireSocket> {
    signal.throwIfAborted();
    const entry = entryFor(request);
    const pass = async (ms = 0): Promise<void> => {
      if (ms === Number.POSITIVE_INFINITY) await abortable(signal, new Promise<never>(() => {}));
      if (ms > 0 && clock === undefined) throw new TypeError("The script waits for time to pass: give it a clock");
      if (ms > 0 && clock) await wait(ms, clock, signal);
    };
    if (entry.bare) on?.hidden();
    await pass(entry.connectMs);
    if (!entry.bare) on?.connected({ reused: false });
    on?.sent();
    await pass(entry.headersMs);
    if (entry.error !== undefined) throw entry.error;
    const peer = new Scripted(request, entry);
    peers.push(peer);
    return peer.socket;
  }

  return Object.defineProperties(open, {
    requests: { value: requests },
    peers: { value: peers },
    open: { get: () => peers.filter((peer) => peer.isOpen).length },
  }) as unknown as ScriptedSockets;
}

class Scripted implements ScriptedPeer {
  readonly request: SocketRequest;
  readonly socket: WireSocket;
  readonly received: Message[] = [];
  pings = 0;
  paused: boolean;
  isOpen = true;
  left: ScriptedPeer["left"];
  readonly #entry: ScriptedSocket;
  #listener: SocketListener | undefined;
  /** What waits to be told. */
  #untold: ((listener: SocketListener) => void)[] = [];
  #leaving: { readonly bytes: number; readonly sent: () => void }[] = [];
  #bytesRead = 0;
  #bytesSent = 0;

  constructor(request: SocketRequest, entry: ScriptedSocket) {
    this.request = request;
    this.#entry = entry;
    this.paused = !entry.bare;
    const peer = this;
    const { protocol = request.protocols[0] ?? "" } = entry;
    this.socket = {
      head: { url: request.url, status: 101, headers: new Headers(entry.headers) },
      protocol,
      get bufferedBytes() {
        return peer.#leaving.reduce((sum, { bytes }) => sum + bytes, 0);
      },
      get bytesRead() {
        return peer.#bytesRead;
      },
      get bytesSent() {
        return peer.#bytesSent;
      },
      listen(listener) {
        if (peer.#listener) throw new TypeError("A socket is listened to once");
        peer.#listener = listener;
        peer.#tell();
      },
      send: (message, sent, asText) => this.#take(asText ? textOf(message) : message, sent),
      close: (code, reason) => this.#leave(code, reason),
      terminate: () => this.#terminate(),
      ...(!entry.bare && {
        pause: () => {
          this.paused = true;
        },
        resume: () => {
          this.paused = false;
          this.#tell();
        },
        ping: (text: string) => this.#pinged(text),
      }),
    };
    if (entry.messages) this.say(...entry.messages);
  }

  say(...messages: readonly Message[]): void {
    for (const message of messages) {
      const bytes = bytesOf(message);
      this.#bytesRead += bytes;
      this.#untold.push((listener) => listener.message(message, bytes));
    }
    this.#tell();
  }

  ping(): void {
    this.#untold.push((listener) => listener.alive());
    this.#tell();
  }

  trickle(bytes: number): void {
    this.#bytesRead += bytes;
  }

  drain(count: number = this.#leaving.length): void {
    for (const { bytes, sent } of this.#leaving.splice(0, count)) {
      this.#bytesSent += bytes;
      sent();
    }
  }

  end({ code = 1006, reason = "", error }: Partial<SocketEnd>): void {
    this.isOpen = false;
    this.#untold.push((listener) => {
      this.#listener = undefined;
      listener.closed({ code, reason, error });
    });
    this.#tell();
  }

  #tell(): void {
    while (this.#listener && !this.paused && this.#untold.length > 0) this.#untold.shift()?.(this.#listener);
  }

  #take(message: Message, sent: () => void): void {
    if (!this.isOpen || this.left !== undefined) return;
    this.received.push(message);
    this.#leaving.push({ bytes: bytesOf(message), sent });
    if (this.#entry.drains !== false) queueMicrotask(() => this.isOpen && this.drain());
  }

  #pinged(text: string): void {
    this.pings++;
    if (this.#entry.pongs === false) return;
    this.#untold.push((listener) => listener.pong(text));
    queueMicrotask(() => this.#tell());
  }

  #leave(code: number, reason: string): void {
    if (!this.isOpen || this.left !== undefined) return;
    this.left = { code, reason };
    if (this.#entry.answersClose === false) return;
    queueMicrotask(() => {
      if (this.#entry.drains !== false) this.drain();
      this.end({ code, reason });
    });
  }

  #terminate(): void {
    if (!this.isOpen) return;
    this.left = "terminated";
    this.end({ code: 1006 });
  }
}

function textOf(message: Message): string {
  return typeof message === "string" ? message : new TextDecoder().decode(message);
}

function bytesOf(message: Message): number {
  return typeof message === "string" ? new TextEncoder().encode(message).length : message.length;
}
