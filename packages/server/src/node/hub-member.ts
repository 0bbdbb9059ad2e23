import { Inbox, type Message, type WireSocket } from "@longwire/core";
import { AcceptedWebSocket } from "@longwire/websocket";
import { dropPolicy } from "../slow-policy.ts";
import type { HubSettings } from "./hub-options.ts";

/** A message for many, encoded once. */
export interface Broadcast {
  /** As it was given. */
  readonly message: Message;
  readonly bytes: Uint8Array;
  readonly asText: boolean;
}

/** One socket of a hub, and the broadcasts that it has not taken. */
export class HubMember {
  readonly socket: AcceptedWebSocket;
  readonly #settings: HubSettings;
  /** Made when it falls behind. */
  #inbox: Inbox<Broadcast> | undefined;
  /** Broadcasts that `block` holds up, for want of room. */
  readonly #held: { readonly broadcast: Broadcast; readonly taken: () => void }[] = [];
  #emptyAwaited: (() => void) | undefined;
  #finishing = false;

  constructor(wire: WireSocket, settings: HubSettings) {
    const { socket, clock } = settings;
    this.#settings = settings;
    this.socket = new AcceptedWebSocket(wire, { ...socket, clock, onLeft: () => this.#sendOn() });
    void this.socket.outcome.then(() => this.clear());
  }

  /** Sends a broadcast, or lets it wait; answers how many were dropped for it, or `"full"`: it was not taken. */
  put(broadcast: Broadcast): number | "full" {
    if (this.#held.length > 0) return "full";
    if (this.#isBehind) return this.#queue(broadcast);
    this.#send(broadcast);
    return 0;
  }

  /** Puts a broadcast in when there is room, behind those that wait for that; resolves then, or when all are dropped. */
  hold(broadcast: Broadcast): Promise<void> {
    return new Promise((taken) => this.#held.push({ broadcast, taken }));
  }

  /** Drops what waits; answers how many that were. */
  clear(): number {
    const waiting = this.#waiting + this.#held.length;
    this.#inbox?.clear();
    for (const { taken } of this.#held.splice(0)) taken();
    this.#emptyAwaited?.();
    return waiting;
  }

  /** It is to get broadcasts. */
  get isServed(): boolean {
    return this.socket.isOpen && !this.#finishing;
  }

  /** Its handler has returned: resolves when no broadcast waits for it any more. */
  finish(): Promise<void> {
    this.#finishing = true;
    return this.#waiting > 0 ? new Promise((resolve) => (this.#emptyAwaited = resolve)) : Promise.resolve();
  }

  get #waiting(): number {
    return this.#inbox?.size ?? 0;
  }

  get #isBehind(): boolean {
    return this.#waiting > 0 || this.socket.isBehind;
  }

  #queue(broadcast: Broadcast): number | "full" {
    const { policy, capacity } = this.#settings;
    this.#inbox ??= new Inbox(
      dropPolicy(policy, ({ message }: Broadcast) => message),
      capacity,
    );
    const { dropped } = this.#inbox;
    return this.#inbox.put(broadcast) ? this.#inbox.dropped - dropped : "full";
  }

  #send({ bytes, asText }: Broadcast): void {
    this.socket.post(bytes, { asText });
  }

  /** Called whenever something has left. */
  #sendOn(): void {
    while (this.#waiting > 0 && !this.socket.isBehind) {
      this.#send(this.#inbox?.take()?.item as Broadcast);
      const held = this.#held.shift();
      if (held) this.#queue(held.broadcast);
      held?.taken();
      if (this.#waiting === 0) this.#emptyAwaited?.();
    }
  }
}
