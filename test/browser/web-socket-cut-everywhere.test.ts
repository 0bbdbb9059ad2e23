// Behind whatever byte the wire to a page is cut: what the page receives is what was sent, in order and once, and it ends well.

import { faultProxy } from "@longwire/testing";
import { beforeAll, expect, it } from "vitest";
import { type Fault, faults, planOf } from "../faults/cut-wire.ts";
import { feed, report, startFeed } from "../faults/web-socket-feed.ts";
import { describeWithPeer } from "../interop/peers.ts";
import type { WsServer } from "../interop/ws-server.ts";
import { type ChromiumPage, openChromium } from "./chromium.ts";
import type * as pageModule from "./web-socket-page.ts";

describeWithPeer("chromium", "a feed over a WebSocket, in Chromium", () => {
  let page: ChromiumPage<typeof pageModule>;
  beforeAll(async () => {
    page = await openChromium("web-socket-page.ts");
    return () => page[Symbol.asyncDispose]();
  }, 60_000);

  const sent = JSON.stringify(feed.map((message) => (typeof message === "string" ? message : [...message])));

  async function wrongCuts(server: WsServer, fault: Fault): Promise<Map<number, string>> {
    const wrong = new Map<number, string>();
    const read = async (after?: number): Promise<number> => {
      let connections = 0;
      await using proxy = await faultProxy({
        to: server,
        plan: () => (connections++ === 0 && after !== undefined ? planOf(fault, after) : {}),
      });
      const end = (await page.call("readFeed", proxy.url, fault === "stall")) as ReadEnd;
      if (end.code !== "complete" || JSON.stringify(end.seen) !== sent)
        wrong.set(
          after ?? -1,
          `${end.code} (${end.message}) after ${end.attempts} attempts: ${JSON.stringify(end.seen)}`,
        );
      return proxy.counts.down;
    };
    const length = await read();
    const cuts = Array.from({ length: length + 1 }, (_, after) => after).values();
    const lane = async (): Promise<void> => {
      for (const after of cuts) await read(after);
    };
    await Promise.all(Array.from({ length: atOnce[fault] }, lane));
    return wrong;
  }

  it.each(faults)(
    "cut by %s behind every byte that the server writes, is received whole, in order and once, and is complete",
    async (fault) => {
      await using server = await startFeed("by the query");
      expect(report(await wrongCuts(server, fault))).toBe("");
      await expect.poll(() => server.open.size, { timeout: 10_000 }).toBe(0);
    },
    120_000,
  );
});

interface ReadEnd {
  readonly code: string;
  readonly attempts: number;
  readonly message: string;
  readonly seen: readonly unknown[];
}

// More handshakes at once, of which some fail, Chromium puts off by seconds.
const atOnce: Readonly<Record<Fault, number>> = { FIN: 8, RST: 8, stall: 10 };
