import {
  type Clock,
  type Message,
  type SocketEnd,
  type SocketListener,
  type SocketOpener,
  type SocketRequest,
  shownUrl,
  StreamError,
  systemClock,
  type TransportCall,
  wakeEvents,
  type WireSocket,
} from "@longwire/core";
import { decodeUtf8, utf8Length } from "@longwire/core/bytes";

export interface GlobalWebSocketOptions {
  /** Measures how soon it is looked whether bytes have left, which the runtime does not tell. Default: the system's clock. */
  readonly clock?: Clock | undefined;
  /** Default: `globalThis.WebSocket`, as it is when a connection is made. */
  readonly WebSocket?: typeof WebSocket | undefined;
}

/**
 * WebSockets of the runtime: browsers, workers, and Node's own. It sends no headers, shows no reason when no connection comes about (all is
 * `unreachable`), no Ping frames, and cannot be paused: see `ping` and `maxUnreadBytes` of {@link WebSocketOptions}.
 *
 * Node's own has no deadline for its close handshake and cannot be broken off: with a server that does not close its TCP connection it stays open,
 * `closeMs` or not, and keeps the process alive. `nodeWebSocket` of `@longwire/node/websocket` has neither fault.
 *
 * @example
 * ```ts
 * import { globalWebSocket, openWebSocket } from "@longwire/websocket";
 *
 * const socket = openWebSocket("wss://a.example/chat", { opener: globalWebSocket() });
 * for await (const message of socket) console.log(message);
 * ```
 */
export function globalWebSocket(options: GlobalWebSocketOptions = {}): SocketOpener {
  const { clock = systemClock } = options;
  const open = async (request: SocketRequest, { signal, on }: TransportCall): Promise<WireSocket> => {
    signal.throwIfAborted();
    const shown = shownUrl(request.url);
    const { WebSocket: Socket = globalThis.WebSocket } = options;
    if (typeof Socket !== "function") throw failure(shown, "this runtime has no WebSocket; give an opener");
    const [header] = Object.keys(request.headers);
    if (header !== undefined) {
      throw failure(shown, `the WebSocket of this runtime sends no headers (${header}); use protocols, query or hello`);
    }
    if (!/^wss?:/i.test(request.url)) throw failure(shown, "the WebSocket of this runtime takes ws: and wss: only");
    on?.hidden();
    const socket = new Socket(request.url, [...request.protocols]);
    on?.sent();
    return new Promise((resolve, reject) => {
      const wire = new GlobalSocket(socket, request, clock);
      const giveUp = (): void => {
        wire.terminate();
        reject(signal.reason);
      };
      signal.addEventListener("abort", giveUp);
      wire.opened = (why) => {
        signal.removeEventListener("abort", giveUp);
        if (why === undefined) return resolve(wire);
        const all = "no connection came about, or the server refused; this runtime does not tell which";
        const said = why === "" ? "" : ` (${why})`;
        reject(new StreamError("unreachable", `Cannot reach ${shown}: ${all}${said}`));
      };
    });
  };
  const onWake = wakeEvents(globalThis);
  return onWake ? Object.assign(open, { onWake }) : open;
}

class GlobalSocket implements WireSocket {
  readonly head: WireSocket["head"];
  /** Called once: open, or why it is not. */
  opened: (why?: string) => void = () => {};
  readonly #socket: WebSocket;
  readonly #request: SocketRequest;
  readonly #clock: Clock;
  /** Sends that have not left, oldest first, each with the bytes handed over up to its end. */
  readonly #leaving: { readonly upTo: number; readonly sent: () => void }[] = [];
  #handed = 0;
  #cancelLook: (() => void) | undefined;
  #listener: SocketListener | undefined;
  #early: ((listener: SocketListener) => void)[] = [];
  #error: StreamError | undefined;
  #failure = "";

  constructor(socket: WebSocket, request: SocketRequest, clock: Clock) {
    this.head = { url: request.url, status: 101, headers: new Headers() };
    this.#socket = socket;
    this.#request = request;
    this.#clock = clock;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.opened();
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => this.#came(data);
    socket.onerror = (event) => this.#failed(event);
    socket.onclose = ({ code, reason }) => this.#over({ code, reason, error: this.#error });
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  get bytesSent(): number {
    return this.#handed - this.#socket.bufferedAmount;
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
    for (const tell of this.#early.splice(0)) tell(listener);
  }

  send(message: Message, sent: () => void, asText?: boolean): void {
    if (this.#socket.readyState !== isOpen) return;
    const before = this.#socket.bufferedAmount;
    const sending = asText && typeof message !== "string" ? decodeUtf8(message, 0, message.length) : message;
    this.#socket.send(sending as string | Uint8Array<ArrayBuffer>);
    this.#handed += this.#socket.bufferedAmount - before;
    this.#leaving.push({ upTo: this.#handed, sent });
    if (this.#leaving.length === 1) this.#look(firstLookMs);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  /** What the runtime does with it from here on is not heard any more. */
  terminate(): void {
    this.#letGo();
    this.#socket.close();
  }

  #letGo(): void {
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
    this.#cancelLook?.();
  }

  #tell(tell: (listener: SocketListener) => void): void {
    if (this.#listener) tell(this.#listener);
    else this.#early.push(tell);
  }

  #came(data: string | ArrayBuffer): void {
    // It may be the answer to what was sent.
    this.#settle();
    const message = typeof data === "string" ? data : new Uint8Array(data);
    const bytes = typeof message === "string" ? utf8Length(message) : message.length;
    const { maxMessageBytes, url } = this.#request;
    if (bytes <= maxMessageBytes) return this.#tell((listener) => listener.message(message, bytes));
    const why = `a message has ${bytes} bytes, more than ${maxMessageBytes} (maxItemBytes)`;
    const error = new StreamError("limit", `Cannot keep reading ${shownUrl(url)}: ${why}`, { limit: "maxItemBytes" });
    this.terminate();
    this.#tell((listener) => listener.closed({ code: 1006, reason: "", error }));
  }

  /** Node tells why; a browser does not. */
  #failed(event: Event): void {
    const { message: told = "", error } = event as Partial<ErrorEvent>;
    const message = told === "" && error instanceof Error ? error.message : told;
    this.#failure = message;
    if (message === "" && error === undefined) return;
    const why = message === "" ? "" : ` (${message})`;
    const what = `Cannot keep reading ${shownUrl(this.#request.url)}: the connection broke${why}`;
    this.#error = new StreamError("reset", what, { cause: error });
  }

  #over(end: SocketEnd): void {
    this.#letGo();
    this.#settle();
    this.opened(this.#failure);
    this.#tell((listener) => listener.closed(end));
  }

  #settle(): void {
    if (this.#leaving.length === 0) return;
    const gone = this.bytesSent;
    while (this.#leaving[0] && this.#leaving[0].upTo <= gone) this.#leaving.shift()?.sent();
  }

  /** That bytes have left is told by nobody: it has to be looked. */
  #look(ms: number): void {
    this.#cancelLook?.();
    this.#cancelLook = this.#clock.timer(ms, () => {
      this.#settle();
      if (this.#leaving.length > 0) this.#look(Math.min(2 * ms, longestLookMs));
    });
  }
}

const isOpen = 1;
const firstLookMs = 1;
const longestLookMs = 50;

function failure(shown: string, why: string): StreamError {
  return new StreamError("protocol", `Cannot open ${shown}: ${why}`);
}
