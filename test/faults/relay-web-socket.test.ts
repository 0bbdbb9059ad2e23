// A publisher's WebSocket through a relay, on whose either side the wire is cut here and there: our client goes on by its cursor. What
// becomes of each byte stands in relay-cuts.test.ts.

import { createServer } from "node:http";
import { type FaultPlan, type FaultProxy, faultProxy } from "@longwire/testing";
import { createPublisher, publisherHub } from "@longwire/server";
import { createClient } from "longwire";
import { expect, test } from "vitest";
import { listening } from "./listening.ts";
import { relayServer } from "./relay-server.ts";

const cases = (["cutAfter", "resetAfter", "stall"] as const).flatMap((fault) =>
  (["before", "behind"] as const).map((side) => ({ fault, side })),
);

test.each(cases)(
  "$fault here and there $side the relay: nothing is lost, nothing twice",
  async ({ fault, side }) => {
    const publisher = createPublisher();
    const hub = publisherHub(publisher);
    await using server = await listening(createServer().on("upgrade", hub.upgrade));
    await using way = await wayTo(server.port, side);
    const ids: string[] = [];
    for (let n = 0; n < 4; n++) ids.push(await publisher.publish("t", n));
    await using client = createClient({
      budget: { perSecond: 1e6, burst: 1e6 },
      reconnect: { firstMs: fault === "stall" ? 10 : 0, floorMs: 0, maxMs: 500 },
      timeouts: { ...(fault === "stall" && { headersMs: 300 }), totalMs: 20_000 },
    });
    const heartbeat = fault === "stall" ? { pingMs: 30, pongMs: 30, closeMs: 50 } : {};

    /** The ids behind the first one, read through a wire whose first connection is faulty. */
    async function readThrough(plan: FaultPlan): Promise<unknown[]> {
      let connections = 0;
      way.wire.plan = () => (connections++ === 0 ? plan : {});
      const stream = client.webSocket(`${way.url}/?lastEventId=${ids[0]}`, {
        ...heartbeat,
        resume: { cursor: idOf, apply: (request, id) => request.withQuery({ lastEventId: String(id) }) },
      });
      const seen: unknown[] = [];
      for await (const message of stream) if (seen.push(idOf(message)) === 3) break;
      return seen;
    }

    await readThrough({});
    const { down } = way.wire.counts;
    expect(down).toBeGreaterThan(200);
    // A silence takes its time to be noticed.
    for (let at = 0; at < down; at += fault === "stall" ? 29 : 7) {
      expect([at, await readThrough({ [fault]: at })]).toEqual([at, ids.slice(1)]);
    }
    await publisher.close({ deadlineMs: 0 });
    await hub.close({ deadlineMs: 0 });
  },
  60_000,
);

/** A relay, and a wire before or behind it that can be cut. */
async function wayTo(port: number, side: "before" | "behind") {
  await using stack = new AsyncDisposableStack();
  const behind = side === "behind" ? stack.use(await faultProxy({ to: { port } })) : undefined;
  const relay = stack.use(await relayServer(`http://127.0.0.1:${behind?.port ?? port}`));
  const before = behind ? undefined : stack.use(await faultProxy({ to: { port: relay.port } }));
  const owned = stack.move();
  return {
    wire: (before ?? behind) as FaultProxy,
    url: before?.url ?? relay.url,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function idOf(message: unknown): string | undefined {
  return (JSON.parse(String(message)) as { readonly id?: string }).id;
}
