// A lane against connections, attempts and requests that do what they like, in every order that a seed thinks of.

import type { Socket } from "node:net";
import { seededRandom } from "@longwire/core/testing";
import type { buildConnector } from "undici";
import { expect, test } from "vitest";
import type { Connection, ConnectionOwner } from "../src/connection.ts";
import { Lane } from "../src/lane.ts";
import type { Ticket } from "../src/ticket.ts";

test.each(["h1", "h2", "mixed"] as const)(
  "%s: nobody is forgotten, passed over or served beyond the limits",
  (kind) => {
    for (let seed = 1; seed <= 500; seed++) new Harbour(seed, kind).run();
  },
);

type Kind = "h1" | "h2" | "mixed";

/** A lane and all that happens to it. After each step its own count of everything is compared with the lane's. */
class Harbour {
  readonly kind: Kind;
  readonly limit: number;
  readonly streams: number;
  readonly lane: Lane;
  readonly passengers: Passenger[] = [];
  readonly ships: Ship[] = [];
  readonly attempts: Attempt[] = [];
  readonly #random: () => number;
  readonly #seed: number;
  readonly #log: string[] = [];
  #step = "";
  #serial = 0;
  #empties = 0;
  #shut: "no" | "closed" | "destroyed" = "no";

  constructor(seed: number, kind: Kind) {
    this.#seed = seed;
    this.#random = seededRandom(seed);
    this.kind = kind;
    this.limit = this.one([1, 2, 3, Number.POSITIVE_INFINITY]);
    this.streams = this.one([1, 2, 3]);
    this.lane = new Lane({
      origin: "https://a.example",
      name: "call",
      way: { url: new URL("https://a.example"), connect: (_target, callback) => this.#connect(callback) },
      connections: this.limit,
      maxConcurrentStreams: this.streams,
      mayMultiplex: kind !== "h1",
      made: (_socket, owner) => this.#make(owner),
      empty: () => {
        this.claim(this.lane.isEmpty, "it says that it is empty when it is");
        this.#empties += 1;
      },
    });
  }

  run(): void {
    const steps = 5 + this.below(40);
    for (let step = 0; step < steps && this.#shut === "no"; step++) this.#act(this.one(this.#acts()));
    this.#act(this.one([this.close, this.destroy]));
    // Nobody new comes, and attempts that never end may stay for ever: the lane is empty as soon as its requests are over.
    for (let step = 0; step < 500 && this.#busy; step++) this.#act(this.one(this.#ends()));
    this.claim(!this.#busy, "what is under way comes to an end");
    for (const ship of this.ships) if (ship.isSinking) this.#act(() => ship.sink());
    this.claim(this.lane.isEmpty, "a lane that was closed is empty when its requests are over");
  }

  one<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  claim(holds: boolean, what: string): void {
    if (holds) return;
    const { limit, streams, lane } = this;
    expect.fail(
      `seed ${this.#seed}: not so: ${what}\n${JSON.stringify({ kind: this.kind, limit, streams, stats: lane.stats() })}\n${this.#log.join("\n")}`,
    );
  }

  log(what: string): void {
    this.#log.push(`${this.#step}: ${what}`);
  }

  get #waiting(): Passenger[] {
    return this.passengers.filter(({ state }) => state === "waiting");
  }

  get #afloat(): Ship[] {
    return this.ships.filter(({ isGone }) => !isGone);
  }

  /** Connections that count against the limit. */
  get #counted(): number {
    return this.#afloat.filter(({ draining }) => !draining).length;
  }

  get #pending(): Attempt[] {
    return this.attempts.filter(({ state }) => state === "pending");
  }

  get #busy(): boolean {
    return this.#waiting.length > 0 || this.#afloat.some(({ carried }) => carried > 0);
  }

  #act(act: () => void): void {
    this.#step = act.name;
    const wasEmpty = this.lane.isEmpty;
    const empties = this.#empties;
    act.call(this);
    this.#check();
    if (!wasEmpty && this.lane.isEmpty) this.claim(this.#empties > empties, "it says so when it becomes empty");
  }

  #acts(): (() => void)[] {
    return [this.take, this.take, this.take, ...this.#ends()];
  }

  #ends(): (() => void)[] {
    return [
      this.leave,
      this.connected,
      this.connected,
      this.failed,
      this.finish,
      this.finish,
      this.say,
      this.goAway,
      this.cut,
      this.sink,
    ];
  }

  take(): void {
    const newest = this.below(5) === 0 ? this.#serial : 0;
    const passenger = new Passenger(this, newest, this.below(8) === 0);
    this.passengers.push(passenger);
    this.lane.take(passenger);
  }

  leave(): void {
    const passenger = this.one(this.passengers.filter(({ state }) => state === "waiting" || state === "aboard"));
    if (!passenger) return;
    this.log(`${passenger.number}`);
    if (passenger.state === "aboard") return this.lane.leave(passenger);
    passenger.state = "left";
    this.lane.leave(passenger);
  }

  connected(): void {
    this.one(this.#pending)?.succeed();
  }

  failed(): void {
    this.one(this.#pending)?.fail();
  }

  finish(): void {
    const ship = this.one(this.#afloat.filter(({ carried }) => carried > 0));
    ship?.land(this.one([...ship.aboard]));
  }

  say(): void {
    this.one(this.#afloat.filter(({ protocol }) => protocol === "h2"))?.say(this.below(4));
  }

  goAway(): void {
    this.one(this.#afloat)?.drain();
  }

  cut(): void {
    const ship = this.one(this.#afloat);
    ship?.breakOff();
    if (ship && this.below(2) === 0) ship.sink();
  }

  sink(): void {
    this.one(this.#afloat.filter(({ isSinking }) => isSinking))?.sink();
  }

  close(): void {
    this.#shut = "closed";
    const aboard = this.passengers.filter(({ state }) => state === "aboard");
    this.lane.close();
    this.claim(
      aboard.every(({ state }) => state === "aboard"),
      "to close breaks nothing",
    );
  }

  destroy(): void {
    this.#shut = "destroyed";
    this.lane.destroy(new Error("destroyed"));
    this.claim(!this.#busy && this.#pending.length === 0, "to destroy leaves nothing under way");
  }

  #connect(callback: buildConnector.Callback): Socket {
    const attempt = new Attempt(callback);
    this.attempts.push(attempt);
    this.#checkLimit();
    const way = this.below(10);
    if (way === 0) attempt.succeed();
    if (way === 1) attempt.fail();
    if (way === 2) {
      attempt.state = "over";
      throw new Error("it cannot even begin");
    }
    return attempt as unknown as Socket;
  }

  #make(owner: ConnectionOwner): Connection {
    this.#serial += 1;
    const protocol = this.kind === "mixed" ? this.one(["h1", "h2"] as const) : this.kind;
    const ship = new Ship(this, this.#serial, protocol, owner);
    this.ships.push(ship);
    return ship;
  }

  #checkLimit(): void {
    this.claim(this.#counted + this.#pending.length <= this.limit, "there are no more connections than the limit");
  }

  #check(): void {
    this.#checkLimit();
    const [waiting, afloat, pending] = [this.#waiting, this.#afloat, this.#pending];
    const inUse = afloat.filter(({ carried }) => carried > 0).length;
    const running = afloat.reduce((sum, { carried }) => sum + carried, 0);
    expect(this.lane.stats(), `seed ${this.#seed}`).toMatchObject({
      open: afloat.length,
      connecting: pending.length,
      inUse,
      free: afloat.length - inUse,
      draining: afloat.filter(({ draining, carried }) => draining && carried > 0).length,
      running,
      waiting: waiting.length,
      requests: this.passengers.filter(({ boarded }) => boarded).length,
    });
    const isFull = this.#counted + pending.length === this.limit;
    const maySettle = afloat.some(({ settling, isSinking }) => settling || isSinking);
    for (const passenger of waiting) {
      this.claim(
        !afloat.some((ship) => passenger.fits(ship)),
        `${passenger.number} does not wait beside a connection with room`,
      );
      this.claim(pending.length > 0 || isFull || maySettle, `${passenger.number} has something to wait for`);
      const isStuck = pending.length === 0 && !maySettle && afloat.every(({ isUnused }) => isUnused);
      this.claim(!isStuck, `${passenger.number} does not wait for connections that nobody uses`);
    }
    if (this.kind === "h1" && !isFull) this.claim(pending.length >= waiting.length, "each has an attempt of its own");
  }
}

/** A request. */
class Passenger implements Ticket {
  readonly number: number;
  readonly bornAfter: number;
  state: "waiting" | "aboard" | "over" | "left" = "waiting";
  boarded = false;
  readonly #harbour: Harbour;
  readonly #isRefused: boolean;

  constructor(harbour: Harbour, bornAfter: number, isRefused: boolean) {
    this.number = harbour.passengers.length;
    this.bornAfter = bornAfter;
    this.#harbour = harbour;
    this.#isRefused = isRefused;
    harbour.log(`${this.number}, ${bornAfter}, ${isRefused}`);
  }

  fits({ room, serial }: Ship): boolean {
    return room > 0 && serial > this.bornAfter;
  }

  queued(): void {
    this.#harbour.claim(this.state === "waiting", "only who waits is told so");
  }

  board(connection: Connection): void {
    const ship = connection as Ship;
    const harbour = this.#harbour;
    harbour.log(`${this.number} boards ${ship.serial}`);
    harbour.claim(this.state === "waiting", `${this.number} boards once, and only when it waits`);
    harbour.claim(this.fits(ship), `${this.number} boards where there is room, and what is new enough`);
    const waiting = harbour.passengers.filter((one) => one.state === "waiting" && one.fits(ship));
    // Who comes from a dead connection goes before all that wait.
    const first = waiting.findLast(({ bornAfter }) => bornAfter > 0) ?? waiting[0];
    harbour.claim(first === this, `${this.number} is the first of those that could board`);
    this.state = "aboard";
    this.boarded = true;
    ship.carry(this, this.#isRefused);
  }

  strand(): void {
    this.#harbour.log(`${this.number} is stranded`);
    this.#harbour.claim(this.state === "waiting", "only who waits is stranded");
    this.state = "over";
  }
}

/** A connection. */
class Ship implements Connection {
  readonly serial: number;
  readonly protocol: "h1" | "h2";
  readonly socket = undefined;
  requests = 0;
  draining = false;
  isSinking = false;
  isGone = false;
  readonly aboard = new Set<Passenger>();
  readonly #harbour: Harbour;
  readonly #owner: ConnectionOwner;
  #most = 1;
  #closing = false;
  #isNew: boolean;

  constructor(harbour: Harbour, serial: number, protocol: "h1" | "h2", owner: ConnectionOwner) {
    harbour.log(`makes ${serial} ${protocol}`);
    this.#harbour = harbour;
    this.serial = serial;
    this.protocol = protocol;
    this.#owner = owner;
    this.#isNew = protocol === "h2";
  }

  get settling(): boolean {
    return this.#isNew && !this.#closing;
  }

  get carried(): number {
    return this.aboard.size;
  }

  /** Nothing will happen to it by itself. A server that takes nothing, for now, may yet take more. */
  get isUnused(): boolean {
    return this.carried === 0 && this.#most > 0 && !this.isSinking;
  }

  get room(): number {
    return this.#closing ? 0 : Math.max(0, this.#most - this.aboard.size);
  }

  send(): void {}
  left(): void {}

  carry(passenger: Passenger, isRefused: boolean): void {
    this.aboard.add(passenger);
    if (isRefused) return this.land(passenger);
    this.requests += 1;
  }

  land(passenger: Passenger): void {
    this.#harbour.log(`${passenger.number} lands from ${this.serial}`);
    this.aboard.delete(passenger);
    passenger.state = "over";
    if (this.#closing) this.retire();
    else if (this.room > 0) this.#owner.hasRoom(this);
  }

  say(most: number): void {
    this.#harbour.log(`${this.serial} takes ${most}`);
    this.#isNew = false;
    this.#most = Math.min(most, this.#harbour.streams);
    this.#owner.hasRoom(this);
  }

  retire(): void {
    this.#harbour.log(`${this.serial} retires`);
    this.#closing = true;
    if (this.aboard.size === 0) this.isSinking = true;
  }

  /** Its server wants it to end. */
  drain(): void {
    this.draining ||= this.protocol === "h2" && this.carried > 0;
    this.retire();
    if (this.draining) this.#owner.hasRoom(this);
  }

  breakOff(): void {
    this.#harbour.log(`${this.serial} breaks`);
    this.#closing = true;
    this.isSinking = true;
    for (const passenger of this.aboard) passenger.state = "over";
    this.aboard.clear();
  }

  sink(): void {
    this.#harbour.log(`${this.serial} is gone`);
    this.isSinking = false;
    this.#isNew = false;
    this.isGone = true;
    this.#owner.gone(this);
  }
}

/** An attempt to connect, and its socket. */
class Attempt {
  state: "pending" | "over" = "pending";
  readonly #callback: buildConnector.Callback;

  constructor(callback: buildConnector.Callback) {
    this.#callback = callback;
  }

  succeed(): void {
    this.state = "over";
    this.#callback(null, this as unknown as Socket);
  }

  fail(): void {
    this.state = "over";
    this.#callback(new Error("no connection"), null);
  }

  destroy(): void {
    this.state = "over";
  }
}
