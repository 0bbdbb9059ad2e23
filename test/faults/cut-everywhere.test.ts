// Whatever a server writes, and behind whatever byte the wire is cut: what is received is what was sent, and it ends well. No sampling.

import { createBudget, systemClock } from "@longwire/core";
import { nodeTransport } from "@longwire/node";
import { leakCounter } from "@longwire/testing";
import { describe, expect, test } from "vitest";
import type { Conversation } from "./cut-conversations.ts";
import { type Cut, conversations, everyCut, readAll, report } from "./cut-grid.ts";
import { cutServer } from "./cut-server.ts";
import { type Fault, faults } from "./cut-wire.ts";

describe.each(conversations)("$name, on sockets", (conversation) => {
  test.each(faults)(
    "cut by %s behind every byte that the server writes, all is received, in order and once, and it is complete",
    async (fault) => {
      await using _leaks = leakCounter();
      expect(report(await wrongCuts(conversation, fault, await everyCut(conversation)))).toBe("");
    },
    deadlineMs,
  );
});

async function wrongCuts(conversation: Conversation, fault: Fault, cuts: readonly Cut[]): Promise<Map<Cut, string>> {
  const wrong = new Map<Cut, string>();
  const streams = cuts.entries();
  await using server = await cutServer(conversation, fault, cuts);
  const transport = nodeTransport();
  const options = {
    transport,
    budget: createBudget(systemClock, { perSecond: 1e6, burst: 1e6 }),
    // Of a silence that a slow machine makes the retries get out of each other's way.
    reconnect: { firstMs: fault === "stall" ? 10 : 0, maxMs: 500, floorMs: 0 },
    timeouts: { ...(fault === "stall" ? stallTimeouts : {}), totalMs: 60_000 },
  };
  async function lane(): Promise<void> {
    for (const [index, cut] of streams) {
      const failure = await readAll(conversation, conversation.open(server.url(index), options));
      if (failure !== undefined) wrong.set(cut, failure);
    }
  }
  try {
    await Promise.all(Array.from({ length: atOnce[fault] }, lane));
    expect(server.faults).toBe(cuts.length);
    if (fault === "stall") expect(server.mostStalled).toBeGreaterThanOrEqual(64);
  } finally {
    await transport.destroy();
  }
  return wrong;
}

/** A head that does not come is told by `headersMs` (SSE: by `idleMs`), which is no part of the claim and leaves a slow machine room. */
const stallTimeouts = { idleMs: 100, headersMs: 300 };
const atOnce: Readonly<Record<Fault, number>> = { FIN: 32, RST: 32, stall: 96 };
const deadlineMs = 240_000;
