// A relay between sides that are slow: who does not take holds up who sends, nothing is lost when it goes on, and who moves at all is
// not given up.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { fakeClock } from "@longwire/core/testing";
import type { RelayOptions } from "@longwire/server";
import { describe, expect, test } from "vitest";
import { listening } from "./listening.ts";
import { turns } from "./peer.ts";
import { relayServer } from "./relay-server.ts";

const MiB = 1_048_576;
/** More than the buffers of two connections take in, also where Linux was told to let one grow to 32 MiB. */
const most = 128 * MiB;

/** What a client and an upstream say to each other, and who sends what follows. */
const kinds = {
  "an answer": {
    asks: "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    answers: `HTTP/1.1 200 OK\r\nContent-Length: ${most}\r\n\r\n`,
    sender: "upstream",
    failure: "idle",
  },
  "a request": {
    // The head of one whose length is known waits for what comes first.
    asks: `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${most + 1}\r\n\r\n!`,
    answers: "",
    sender: "client",
    failure: "deadline",
  },
  "what comes down a connection that left HTTP": { ...upgrade(), sender: "upstream", failure: "idle" },
  "what goes up a connection that left HTTP": { ...upgrade(), sender: "client", failure: "idle" },
} as const;

describe.each(Object.keys(kinds) as (keyof typeof kinds)[])("%s", (kind) => {
  test("that is not taken holds up who sends it, and is there to the last byte when it is", async () => {
    await using joined = await join(kind);
    const flood = new Flood(joined.sender);
    await flood.stops();
    expect(flood.isOver).toBe(false);
    expect(await digestOf(joined.taker)).toBe(flood.digest);
  });

  test("that is never taken is given up on both sides when the clock runs out", async () => {
    await using joined = await join(kind, { timeouts: { idleMs: 200, headersMs: 200 } });
    const flood = new Flood(joined.sender.resume());
    await closed(joined.sender);
    expect(flood.isOver).toBe(false);
    expect(joined.failures).toEqual([kinds[kind].failure]);
    await closed(joined.taker.resume());
  });

  test("that is sent or taken slowly is not given up as long as it moves", async () => {
    const clock = fakeClock();
    await using joined = await join(kind, { clock, timeouts: { idleMs: 1_000, headersMs: 1_000 } });
    const { sender, taker } = joined;
    let taken = 0;
    taker.on("data", ({ length }: Buffer) => {
      taken += length;
    });
    for (let n = 1; n <= 5; n++) {
      sender.write("slow");
      while (taken < 4 * n) await turns(1);
      await clock.advance(900);
    }
    taker.pause();
    const flood = new Flood(sender, most - taken);
    await flood.stops();
    while (!flood.isOver) {
      await clock.advance(900);
      const enough = taken + 12 * MiB;
      taker.resume();
      while (taken < enough) await once(taker, "data");
      taker.pause();
      // What was taken makes room for what comes behind it.
      await flood.stops();
    }
    expect(joined.failures).toEqual([]);
  });
});

function upgrade() {
  return {
    asks: "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\n",
    answers: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\n",
  };
}

/** A client and an upstream with a relay in between, behind their heads; neither reads. */
async function join(kind: keyof typeof kinds, options: RelayOptions = {}) {
  await using stack = new AsyncDisposableStack();
  const { asks, answers, sender } = kinds[kind];
  const accepting = createServer({ pauseOnConnect: true });
  const server = stack.use(await listening(accepting));
  const front = stack.use(await relayServer(`http://127.0.0.1:${server.port}`, options));
  const client = connect(front.port, "127.0.0.1");
  stack.defer(() => void client.destroy());
  client.write(asks);
  const [upstream] = (await once(accepting, "connection")) as [Socket];
  for (const socket of [client, upstream]) socket.on("error", () => {});
  await passHead(upstream, asks);
  if (answers !== "") {
    upstream.write(answers);
    await passHead(client, answers);
  }
  const owned = stack.move();
  return {
    sender: sender === "client" ? client : upstream,
    taker: sender === "client" ? upstream : client,
    failures: front.failures,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Reads what was sent up to its end, and nothing behind it. */
async function passHead(socket: Socket, sent: string): Promise<void> {
  const end = sent.slice(sent.indexOf("\r\n\r\n"));
  let head = "";
  while (!head.endsWith(end)) {
    const byte = socket.read(1) as Buffer | null;
    if (byte === null) await once(socket, "readable");
    else head += byte.toString("latin1");
  }
}

/** Blocks, each unlike the one before, written as they are taken. */
class Flood {
  sent = 0;
  readonly #socket: Socket;
  readonly #most: number;
  readonly #hash = createHash("sha256");

  constructor(socket: Socket, bytes = most) {
    this.#socket = socket;
    this.#most = bytes;
    this.#more();
  }

  get isOver(): boolean {
    return this.sent === this.#most;
  }

  /** Of all that was sent. */
  get digest(): string {
    return this.#hash.copy().digest("hex");
  }

  /** Resolves when nothing more is taken. */
  async stops(): Promise<void> {
    for (let before = -1; before < this.sent; await turns(100)) before = this.sent;
  }

  #more(): void {
    while (this.sent < this.#most && !this.#socket.destroyed) {
      const block = Buffer.alloc(Math.min(65_536, this.#most - this.sent), `block at ${this.sent} `);
      this.#hash.update(block);
      this.sent += block.length;
      if (!this.#socket.write(block)) return void this.#socket.once("drain", () => this.#more());
    }
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => (socket.closed ? resolve() : socket.once("close", () => resolve())));
}

async function digestOf(socket: Socket): Promise<string> {
  const hash = createHash("sha256");
  let taken = 0;
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    taken += chunk.length;
    if (taken >= most) break;
  }
  return hash.digest("hex");
}
