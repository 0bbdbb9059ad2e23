import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Message } from "@longwire/core";
import type { AcceptedWebSocket } from "@longwire/websocket";
import { wholeFrom } from "../response-options.ts";
import { isAwaited } from "./answer-on.ts";
import { goingAway, internalError, tryAgainLater } from "./close-codes.ts";
import { type Broadcast, HubMember } from "./hub-member.ts";
import { type HubOptions, type HubSettings, hubSettings } from "./hub-options.ts";
import { readAndDrop } from "./read-and-drop.ts";
import { checkedUnwelcome, refuseUpgrade, type Unwelcome } from "./refuse-upgrade.ts";

/**
 * Serves one client. When it returns the client is closed with 1000, when it throws with 1011; its client may be gone before that: see
 * {@link AcceptedWebSocket}.
 */
export type HubHandler = (socket: AcceptedWebSocket, call: HubCall) => unknown;

/** What a handler is told. */
export interface HubCall {
  /** The handshake. */
  readonly request: IncomingMessage;
  readonly hub: WebSocketHub;
}

/** Counts of a hub: `sockets` now, all else since it was made. */
export interface HubStats {
  readonly sockets: number;
  readonly accepted: number;
  /** Handshakes that were refused: origin, limits, `admit`, closing, and what was none. */
  readonly refused: number;
  readonly broadcasts: number;
  /** Broadcasts that clients did not get: by `dropOldest`, by `latestBy`, and those that waited for one that was evicted. */
  readonly dropped: number;
  readonly evicted: number;
}

/**
 * The server's end of WebSockets (RFC 6455), by `ws`, for `server.on("upgrade", hub.upgrade)` of `node:http` and `node:https`. Each client is served
 * by a call of `handler`, which pulls its messages and sends; without one, what clients send is read and dropped.
 *
 * Only pages of the same host come in, unless `origins` says otherwise. Who answers no ping is given up, who sends too long a message is closed
 * with 1009, who does not take what is broadcast is evicted with 1013; a slow handler stops its client by the wire.
 *
 * @throws TypeError, RangeError on a bad option
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { webSocketHub } from "@longwire/server";
 *
 * const echo = webSocketHub(async (socket) => {
 *   for await (const message of socket) await socket.send(message);
 * });
 * const chat = webSocketHub(async (socket, { hub }) => {
 *   for await (const message of socket) await hub.broadcast(message);
 * });
 * const server = createServer();
 * server.on("upgrade", (request, socket, head) => {
 *   const { upgrade } = request.url === "/echo" ? echo : chat;
 *   upgrade(request, socket, head);
 * });
 * server.listen(8080);
 * process.once("SIGTERM", async () => {
 *   await Promise.all([echo.close(), chat.close()]);
 *   server.close();
 * });
 * ```
 */
export function webSocketHub(options?: HubOptions): WebSocketHub;
export function webSocketHub(handler: HubHandler, options?: HubOptions): WebSocketHub;
export function webSocketHub(first?: HubHandler | HubOptions, second: HubOptions = {}): WebSocketHub {
  return typeof first === "function"
    ? new WebSocketHub(first, hubSettings(second))
    : new WebSocketHub(readAndDrop, hubSettings(first ?? {}));
}

/** The clients of one handler. Made by {@link webSocketHub}. */
export class WebSocketHub implements AsyncDisposable {
  /** Takes an upgrade, as `node:http` hands it on. Bound: hand it to `server.on("upgrade", …)` as it is. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly #handler: HubHandler;
  readonly #settings: HubSettings;
  readonly #members = new Map<AcceptedWebSocket, HubMember>();
  /** Those of the members, and those whose handshake is looked at. */
  readonly #connections = new Set<Duplex>();
  readonly #counts = { accepted: 0, refused: 0, broadcasts: 0, dropped: 0, evicted: 0 };
  #closed: Promise<void> | undefined;
  #emptied: (() => void) | undefined;

  constructor(handler: HubHandler, settings: HubSettings) {
    this.#handler = handler;
    this.#settings = settings;
    this.upgrade = (request, socket, head) => void this.#upgrade(request, socket, head);
  }

  /** Who is connected now. */
  get sockets(): readonly AcceptedWebSocket[] {
    return [...this.#members.keys()];
  }

  get stats(): HubStats {
    return { sockets: this.#members.size, ...this.#counts };
  }

  /**
   * Sends a message to all clients, or to those of its clients that are in `to`, but not to `except`. It is encoded once, and bytes are not copied:
   * they are to stay as they are. Who has not taken what was sent before gets it from a queue of its own; a message that the handler sends goes before
   * what waits there. Whose handler has returned gets no more. Resolves at once, with `block` when all have room for it or were evicted.
   *
   * @throws TypeError for what is no message; what the key of `latestBy` throws: nobody gets it then
   */
  async broadcast(
    message: Message,
    {
      to = this.#members.keys(),
      except,
    }: { readonly to?: Iterable<AcceptedWebSocket> | undefined; readonly except?: AcceptedWebSocket | undefined } = {},
  ): Promise<void> {
    const broadcast = encoded(message);
    const { policy } = this.#settings;
    // Who keeps up needs no key, and is not to have what others cannot.
    if (typeof policy === "object") policy.latestBy(message);
    this.#counts.broadcasts++;
    const held: Promise<void>[] = [];
    for (const socket of to) {
      const member = this.#members.get(socket);
      if (!member?.isServed || socket === except) continue;
      const dropped = member.put(broadcast);
      if (dropped !== "full") this.#counts.dropped += dropped;
      else if (policy === "block") held.push(this.#hold(member, broadcast));
      else this.#evict(member, 1);
    }
    await Promise.all(held);
  }

  /**
   * Lets everybody go. New clients are refused, each loop ends behind the messages in hand, each `signal` is aborted; when a handler has returned and
   * what was sent and broadcast has left, its client is closed with 1001. Who is not gone within `deadlineMs` (5_000) is broken off. Resolves
   * when nobody is left.
   *
   * @throws RangeError on a bad deadline
   */
  close({ deadlineMs = 5_000 }: { readonly deadlineMs?: number | undefined } = {}): Promise<void> {
    wholeFrom(0, "deadlineMs", deadlineMs);
    this.#closed ??= this.#close(deadlineMs);
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(deadlineMs: number): Promise<void> {
    const { admission, clock } = this.#settings;
    admission.close();
    const cancel = clock.timer(deadlineMs, () => {
      for (const socket of this.#connections) socket.destroy();
    });
    // Who is told may close it, too: that it closes has to be known by then.
    await undefined;
    for (const socket of this.#members.keys()) socket.stop(new DOMException("The hub closes", "AbortError"));
    if (this.#connections.size > 0) await new Promise<void>((resolve) => (this.#emptied = resolve));
    cancel();
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { admission, addressOf, isOriginAllowed, lastLook, onError, clock } = this.#settings;
    const refuse = (answer: Unwelcome): void => {
      refuseUpgrade(request, socket, answer, clock);
      this.#counts.refused++;
    };
    // Who handed it on may have waited before: of one that is gone no `close` would tell.
    if (socket.destroyed) return;
    // A client that resets its connection brings nobody down.
    socket.on("error", () => {});
    // What it was sent in advance of would be answered into its frames.
    if (isAwaited(request, socket)) return void socket.destroy();
    try {
      // RFC 6455 section 4.1; RFC 9110 section 7.8.
      if (request.httpVersion === "1.0") return refuse({ status: 400, text: "Nothing is switched in HTTP/1.0.\n" });
      const address = addressOf(request);
      const refusal = admission.refusal(address, isOriginAllowed(request));
      if (refusal) return refuse(refusal);
      this.#enter(socket, address);
      const unwelcome = await this.#admit(request);
      if (socket.destroyed) return;
      const refused = unwelcome ?? admission.closing() ?? lastLook?.(request);
      if (refused) return refuse(refused);
      this.#accept(request, socket, head);
    } catch (error) {
      if (socket.destroyed) return;
      onError(error, request);
      refuse({ status: 500 });
    }
  }

  /** Counts a connection until it is closed. */
  #enter(socket: Duplex, address: string | undefined): void {
    const leave = this.#settings.admission.enter(address);
    this.#connections.add(socket);
    socket.once("close", () => {
      leave();
      this.#connections.delete(socket);
      if (this.#connections.size === 0) this.#emptied?.();
    });
  }

  async #admit(request: IncomingMessage): Promise<Unwelcome | undefined> {
    const { admit, admitMs, clock } = this.#settings;
    if (!admit || admitMs === 0) return checkedUnwelcome(await admit?.(request));
    let cancel = (): void => {};
    const late = new Promise<Unwelcome>((resolve) => {
      cancel = clock.timer(admitMs, () => resolve({ status: 503, text: "Admission took too long.\n" }));
    });
    try {
      return checkedUnwelcome(await Promise.race([admit(request), late]));
    } finally {
      cancel();
    }
  }

  #accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const wire = this.#settings.accept(request, socket, head);
    // It was no handshake, and was told so.
    if (!wire) return void this.#counts.refused++;
    const member = new HubMember(wire, this.#settings);
    this.#counts.accepted++;
    this.#members.set(member.socket, member);
    void member.socket.outcome.then(() => this.#members.delete(member.socket));
    void this.#serve(member, request);
  }

  /** Never rejects. */
  async #serve(member: HubMember, request: IncomingMessage): Promise<void> {
    const { socket } = member;
    try {
      await this.#handler(socket, { request, hub: this });
      await member.finish();
    } catch (error) {
      // Whose client is gone, or was sent away, cannot be served: that is no error.
      if (!socket.isOpen) return;
      this.#settings.onError(error, request);
      return void socket.close(internalError);
    }
    void (this.#closed ? socket.close(goingAway) : socket.close());
  }

  async #hold(member: HubMember, broadcast: Broadcast): Promise<void> {
    const { clock, blockMs } = this.#settings;
    const cancel = clock.timer(blockMs, () => {
      if (member.isServed) this.#evict(member, 0);
      else member.clear();
    });
    await member.hold(broadcast);
    cancel();
  }

  #evict(member: HubMember, refused: 0 | 1): void {
    this.#counts.evicted++;
    this.#counts.dropped += refused + member.clear();
    void member.socket.close(tryAgainLater, "Too slow");
  }
}

function encoded(message: Message): Broadcast {
  if (typeof message === "string") return { message, bytes: Buffer.from(message), asText: true };
  if (message instanceof Uint8Array) return { message, bytes: message, asText: false };
  throw new TypeError("A message must be text or bytes (a string or a Uint8Array)");
}
