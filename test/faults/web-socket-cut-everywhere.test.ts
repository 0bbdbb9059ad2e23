// Behind whatever byte the wire is cut, of the handshake's answer, of the messages or of the close: what is received is what was sent,
// every send comes to an end, it ends well, and no socket is left. No sampling.

import type { Message, Outcome, StreamError } from "@longwire/core";
import { type FaultPlan, faultProxy, leakCounter } from "@longwire/testing";
import { createClient, type WebSocketOptions } from "longwire";
import { describe, expect, test } from "vitest";
import type { WsServer } from "../interop/ws-server.ts";
import { type Fault, faults, planOf } from "./cut-wire.ts";
import { type Asking, feed, isBeginning, numberOf, report, startFeed } from "./web-socket-feed.ts";

const resumes: Readonly<Record<Asking, WebSocketOptions>> = {
  "by the query": { resume: { cursor: numberOf, apply: (request, since) => request.withQuery({ since }) } },
  "by a first message": { resume: { cursor: numberOf }, hello: ({ cursor = 0 }) => String(cursor) },
};

describe.each(Object.keys(resumes) as Asking[])("a feed over a WebSocket that resumes %s", (asking) => {
  test.each(faults)(
    "cut by %s behind every byte that the server writes, all is received, in order and once, and it is complete",
    async (fault) => {
      await using _leaks = leakCounter();
      await using server = await startFeed(asking);
      const length = await uncutLength(server, asking);
      const wrong = new Map<number, string>();
      const cuts = Array.from({ length: length + 1 }, (_, after) => after).values();
      const lane = async (): Promise<void> => {
        await using wire = await breakable(server, asking, fault);
        for (const after of cuts) {
          const failure = await wire.read(planOf(fault, after));
          if (failure !== undefined) wrong.set(after, failure);
        }
      };
      await Promise.all(Array.from({ length: atOnce[fault] }, lane));
      expect(report(wrong)).toBe("");
      await expect.poll(() => server.open.size, { timeout: 10_000 }).toBe(0);
    },
    240_000,
  );
});

describe("a feed over a WebSocket that is read once", () => {
  test.each(faults)(
    "cut by %s behind every byte, ends as what it is, and behind the messages that were whole",
    async (fault) => {
      await using _leaks = leakCounter();
      await using server = await startFeed("by the query");
      const handshake = await handshakeLength(server);
      const length = await uncutLength(server, "by the query");
      const ends: Ended[] = [];
      const cuts = Array.from({ length: length + 1 }, (_, after) => after).values();
      const lane = async (): Promise<void> => {
        await using wire = await breakable(server, "by the query", fault);
        for (const after of cuts) ends[after] = await wire.end(planOf(fault, after), once);
      };
      await Promise.all(Array.from({ length: 2 * atOnce[fault] }, lane));
      const wrong = new Map<number, string>();
      for (const [after, { code, seen, error }] of ends.entries()) {
        const expected =
          after === length ? ["complete"] : after < handshake ? broken[fault].opening : broken[fault].open;
        // What a reset overtakes may be lost on this side.
        const least = fault === "RST" ? 0 : (ends[after - 1]?.seen.length ?? 0);
        if (!expected.includes(code) || seen.length < least || !isBeginning(seen)) {
          wrong.set(
            after,
            `${code} (${error instanceof Error ? error.message : ""}) behind ${seen.map(numberOf).join()}`,
          );
        }
      }
      expect(report(wrong)).toBe("");
      expect(ends.at(-1)?.seen.length).toBe(feed.length);
      await expect.poll(() => server.open.size, { timeout: 10_000 }).toBe(0);
    },
    240_000,
  );
});

test("a feed over a WebSocket is the same whatever bytes come together: each by itself, or split behind any one", async () => {
  await using _leaks = leakCounter();
  await using server = await startFeed("by the query");
  const length = await uncutLength(server, "by the query");
  const wrong = new Map<number, string>();
  await using wire = await breakable(server, "by the query", "FIN");
  for (let first = 1; first <= length; first++) {
    const plan = { slice: first === 1 ? 1 : [first, length] };
    const { code, attempts, seen } = await wire.end(plan);
    if (code !== "complete" || attempts > 1 || seen.length < feed.length || !isBeginning(seen))
      wrong.set(first, `${code} behind ${seen.map(numberOf).join()}`);
  }
  expect(report(wrong)).toBe("");
}, 120_000);

/** No second attempt makes up for a silence of a slow machine's own. */
const once: WebSocketOptions = { reconnect: false, pongMs: 1_000, timeouts: { connectMs: 1_000, headersMs: 1_000 } };

/** How a stream of one attempt ends by a fault, in its handshake and behind it. */
const broken: Readonly<Record<Fault, { readonly opening: readonly string[]; readonly open: readonly string[] }>> = {
  FIN: { opening: ["truncated"], open: ["truncated"] },
  // One that comes at once may come before the connection is told.
  RST: { opening: ["reset", "unreachable"], open: ["reset"] },
  stall: { opening: ["deadline"], open: ["idle"] },
};

/** Bytes of the server's answer to a handshake. */
async function handshakeLength(server: WsServer): Promise<number> {
  await using proxy = await faultProxy({ to: server });
  await using client = createClient({ baseUrl: proxy.url });
  const socket = client.webSocket("/?since=never");
  await socket.open();
  return proxy.counts.down;
}

/** Bytes that the server writes when nothing is cut. */
async function uncutLength(server: WsServer, asking: Asking): Promise<number> {
  await using wire = await breakable(server, asking, "FIN");
  const failure = await wire.read({});
  if (failure !== undefined) throw new Error(`The uncut feed went wrong: ${failure}`);
  return wire.down;
}

/** A client behind a proxy that breaks the first connection of each stream. */
async function breakable(server: WsServer, asking: Asking, fault: Fault) {
  const proxy = await faultProxy({ to: server });
  const client = createClient({
    baseUrl: proxy.url,
    budget: { perSecond: 1e6, burst: 1e6 },
    // Of a silence that a slow machine makes the retries get out of each other's way.
    reconnect: { firstMs: fault === "stall" ? 10 : 0, maxMs: 500, floorMs: 0 },
    timeouts: { ...(fault === "stall" && { connectMs: 300, headersMs: 300 }), totalMs: 60_000 },
  });
  return {
    get down() {
      return proxy.counts.down;
    },
    /** What was not as it must be. */
    async read(plan: FaultPlan): Promise<string | undefined> {
      const { code, error, attempts, seen } = await this.end(plan);
      if (code === "complete" && seen.length === feed.length && isBeginning(seen)) return undefined;
      const why = error instanceof Error ? ` (${error.message})` : "";
      return `${code}${why} after ${attempts} attempts; seen: ${seen.map(numberOf).join()}`;
    },
    /** Reads the feed and answers to each message. */
    async end(plan: FaultPlan, options: WebSocketOptions = {}): Promise<Ended> {
      let connections = 0;
      proxy.plan = () => (connections++ === 0 ? plan : {});
      const heartbeat = fault === "stall" ? { pingMs: 30, pongMs: 30, closeMs: 50 } : {};
      const socket = client.webSocket("/", { ...resumes[asking], ...heartbeat, ...options });
      const seen: Message[] = [];
      const sends: Promise<unknown>[] = [];
      try {
        for await (const message of socket) {
          seen.push(message);
          sends.push(socket.send(`had ${seen.length}`).catch((error: StreamError) => error));
        }
      } catch {
        // The outcome tells.
      }
      // One that never settled would hang here, and the test with it.
      await Promise.all(sends);
      return { ...(await socket.outcome), seen };
    },
    async [Symbol.asyncDispose]() {
      await client.close();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

interface Ended extends Outcome {
  readonly seen: readonly Message[];
}

const atOnce: Readonly<Record<Fault, number>> = { FIN: 16, RST: 16, stall: 64 };
