import type { Socket } from "node:net";
import type { Lane as LaneName } from "@longwire/core";
import type { Connection, ConnectionOwner } from "./connection.ts";
import { Connecting, type Way } from "./dial.ts";
import type { LaneStats } from "./lane-stats.ts";
import { type Berths, isFor, type Ticket } from "./ticket.ts";

/** What a lane is made with. */
export interface LaneSettings {
  readonly origin: string;
  readonly name: LaneName;
  readonly way: Way;
  /** The most connections. */
  readonly connections: number;
  /** The most requests at once on a connection of HTTP/2. */
  readonly maxConcurrentStreams: number;
  /** Whether HTTP/2 may be spoken: it is known only when connected. */
  readonly mayMultiplex: boolean;
  /** A connection on a socket that is connected. */
  made(socket: Socket, owner: ConnectionOwner): Connection;
  /** It has neither connections nor requests. */
  empty(): void;
}

/**
 * The connections to one origin for one use, and the requests that wait for one: first come, first served, but for those that met a dead
 * connection, which go first. A connection that is free serves, the one used last before others; else one more is made, up to the limit.
 *
 * Where HTTP/2 may be spoken, the first connection is waited for before more are made: it may do for all.
 */
export class Lane implements Berths, ConnectionOwner {
  readonly #settings: LaneSettings;
  readonly #connections = new Set<Connection>();
  /** Those with room, the one used last at the end. */
  readonly #roomy: Connection[] = [];
  /** Each with the attempt to connect that it counts on, if there is one. */
  #waiting: Map<Ticket, Attempt | undefined> = new Map();
  /** How many of these count on none: the lane has all its connections. */
  #stuck = 0;
  readonly #attempts = new Set<Attempt>();
  /** Attempts that more could count on. */
  readonly #spare = new Set<Attempt>();
  #protocol: "h1" | "h2" | undefined;
  #requests = 0;
  #reused = 0;
  #closing = false;
  #woundUp = false;

  constructor(settings: LaneSettings) {
    this.#settings = settings;
    if (!settings.mayMultiplex) this.#protocol = "h1";
  }

  take(ticket: Ticket): void {
    const connection = this.#roomy.findLast((one) => one.room > 0 && isFor(ticket, one));
    if (connection) return this.#give(connection, ticket);
    // Who had waited once, and met a dead connection, does not wait behind all others again.
    if (ticket.bornAfter > 0) this.#waiting = new Map([[ticket, undefined], ...this.#waiting]);
    else this.#waiting.set(ticket, undefined);
    this.#stuck += 1;
    this.#connect();
    this.#tellIfStuck(ticket);
  }

  leave(ticket: Ticket): void {
    const attempt = this.#waiting.get(ticket);
    if (!this.#forget(ticket)) return;
    this.#connect();
    if (attempt?.tickets.size === 0) this.#giveUp(attempt);
    this.#windUp();
  }

  hasRoom(connection: Connection): void {
    for (const ticket of this.#waiting.keys()) {
      if (connection.room === 0) break;
      if (!isFor(ticket, connection)) continue;
      this.#forget(ticket);
      this.#give(connection, ticket);
    }
    const listed = this.#roomy.includes(connection);
    if (connection.room > 0 && !listed) this.#roomy.push(connection);
    this.#connect();
    if (this.#closing) this.#windUp();
  }

  gone(connection: Connection): void {
    this.#connections.delete(connection);
    this.#forgetRoom(connection);
    this.#connect();
    this.#windUp();
  }

  /** One more connection, on a socket that is connected. */
  welcome(socket: Socket): void {
    const connection = this.#settings.made(socket, this);
    this.#connections.add(connection);
    this.#protocol = connection.protocol;
    this.hasRoom(connection);
  }

  /** Serves those that wait, and closes each connection as soon as nobody needs it. */
  close(): void {
    this.#closing = true;
    this.#windUp();
  }

  destroy(error: Error): void {
    const waiting = [...this.#waiting.keys()];
    for (const ticket of waiting) this.#forget(ticket);
    for (const ticket of waiting) ticket.strand(error);
    for (const connection of [...this.#connections]) connection.breakOff(error);
    this.close();
  }

  get isEmpty(): boolean {
    return this.#connections.size + this.#attempts.size + this.#waiting.size === 0;
  }

  get origin(): string {
    return this.#settings.origin;
  }

  get name(): LaneName {
    return this.#settings.name;
  }

  /** What the last connection speaks; `undefined` until that is known. */
  get protocol(): "h1" | "h2" | undefined {
    return this.#protocol;
  }

  /** Its connections, and its attempts to connect. */
  get sockets(): { readonly open: Iterable<Connection>; readonly connecting: Iterable<Connecting> } {
    return { open: this.#connections, connecting: this.#attempts };
  }

  stats(): LaneStats {
    const { origin, name } = this.#settings;
    const loads = Array.from(this.#connections, ({ carried }) => carried);
    const free = loads.filter((carried) => carried === 0).length;
    return {
      origin,
      lane: name,
      protocol: this.#protocol,
      open: loads.length,
      connecting: this.#attempts.size,
      inUse: loads.length - free,
      free,
      // One that has ended all of its own is about to go, and in use by nobody.
      draining: this.#drains.filter(({ carried }) => carried > 0).length,
      running: loads.reduce((sum, carried) => sum + carried, 0),
      waiting: this.#waiting.size,
      requests: this.#requests,
      reused: this.#reused,
    };
  }

  #give(connection: Connection, ticket: Ticket): void {
    if (connection.room === 1) this.#forgetRoom(connection);
    this.#requests += 1;
    if (connection.requests > 0) this.#reused += 1;
    ticket.board(connection);
  }

  /** Sees to it that everybody who waits has an attempt to count on, as far as there may be as many. */
  #connect(): void {
    if (this.#stuck === 0) return;
    for (const [ticket, counted] of this.#waiting) {
      if (counted) continue;
      const [spare] = this.#spare;
      const attempt = spare ?? this.#begin(ticket);
      if (!attempt) return;
      this.#stuck -= 1;
      this.#waiting.set(ticket, attempt);
      attempt.tickets.add(ticket);
      if (attempt.tickets.size === attempt.places) this.#spare.delete(attempt);
      attempt.start(this.#settings.way);
    }
  }

  #begin(ticket: Ticket): Attempt | undefined {
    const { maxConcurrentStreams } = this.#settings;
    if (this.#isFull) {
      // It must not wait for ever behind one that nobody uses and that it may not use.
      this.#roomy.find((one) => one.carried === 0 && !isFor(ticket, one))?.retire();
      return undefined;
    }
    // It may do for all.
    if (this.#protocol === "h2" && [...this.#connections].some(({ settling }) => settling)) return undefined;
    const places = this.#protocol === "h1" ? 1 : maxConcurrentStreams;
    const attempt = new Attempt(places, (error, socket) => this.#connected(attempt, error, socket));
    this.#attempts.add(attempt);
    this.#spare.add(attempt);
    return attempt;
  }

  #connected(attempt: Attempt, error: unknown, socket: Socket | undefined): void {
    const tickets = [...attempt.tickets];
    this.#drop(attempt);
    if (!socket) {
      for (const ticket of tickets) this.#forget(ticket);
      for (const ticket of tickets) ticket.strand(error);
      this.#connect();
      return this.#windUp();
    }
    this.welcome(socket);
    for (const ticket of tickets) this.#tellIfStuck(ticket);
  }

  #giveUp(attempt: Attempt): void {
    this.#drop(attempt);
    attempt.giveUp();
  }

  /** Who counted on it counts on nothing now. */
  #drop(attempt: Attempt): void {
    this.#attempts.delete(attempt);
    this.#spare.delete(attempt);
    for (const ticket of attempt.tickets) this.#waiting.set(ticket, undefined);
    this.#stuck += attempt.tickets.size;
    attempt.tickets.clear();
  }

  /** It waits no more. Answers whether it did. */
  #forget(ticket: Ticket): boolean {
    const attempt = this.#waiting.get(ticket);
    if (!this.#waiting.delete(ticket)) return false;
    if (attempt === undefined) {
      this.#stuck -= 1;
    } else {
      attempt.tickets.delete(ticket);
      this.#spare.add(attempt);
    }
    return true;
  }

  get #drains(): Connection[] {
    return [...this.#connections].filter(({ draining }) => draining);
  }

  #tellIfStuck(ticket: Ticket): void {
    if (!this.#waiting.has(ticket) || this.#waiting.get(ticket) || !this.#isFull) return;
    const { name, connections } = this.#settings;
    ticket.queued({ lane: name, connections });
  }

  /** Whether it has all connections that it may have; those that drain do not count. */
  get #isFull(): boolean {
    const { connections: most } = this.#settings;
    if (this.#connections.size + this.#attempts.size < most) return false;
    return this.#connections.size - this.#drains.length + this.#attempts.size >= most;
  }

  #forgetRoom(connection: Connection): void {
    const index = this.#roomy.lastIndexOf(connection);
    if (index >= 0) this.#roomy.splice(index, 1);
  }

  /** What nobody needs any more goes, when it closes. */
  #windUp(): void {
    if (this.#closing && !this.#woundUp && this.#waiting.size === 0) {
      this.#woundUp = true;
      for (const connection of [...this.#connections]) connection.retire();
      for (const attempt of [...this.#attempts]) this.#giveUp(attempt);
    }
    if (this.isEmpty) this.#settings.empty();
  }
}

/** One attempt to connect, and who counts on it. */
class Attempt extends Connecting {
  readonly tickets = new Set<Ticket>();
  /** How many may count on it. */
  readonly places: number;

  constructor(places: number, done: (error: unknown, socket: Socket | undefined) => void) {
    super(done);
    this.places = places;
  }
}
