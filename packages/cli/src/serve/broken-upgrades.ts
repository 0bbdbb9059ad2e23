import { createServer, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { relay } from "@longwire/server";
import { type FaultPlan, faultProxy } from "@longwire/testing";
import { listen } from "../listen-address.ts";

/** Takes an upgrade, as `node:http` hands it on. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Upgrades by fault plans. */
export interface BrokenUpgrades {
  /**
   * Takes one whose connection breaks as the plan says; its bytes count from the head of the answer on.
   *
   * @throws Error of the system, when there is no port for it
   */
  take(plan: FaultPlan, ...upgrade: Parameters<Upgrade>): Promise<void>;
  close(): Promise<void>;
}

/** Breaks what `upgrade` serves: the client's connection is relayed to it through a fault proxy. */
export async function brokenUpgrades(upgrade: Upgrade): Promise<BrokenUpgrades> {
  const server = createServer().on("upgrade", upgrade);
  const to = await listen(server, { host: "127.0.0.1", port: 0 });
  const open = new Set<() => Promise<void>>();
  return {
    async take(plan, request, socket, head) {
      // A client that resets its connection meanwhile brings nobody down.
      socket.on("error", () => {});
      const proxy = await faultProxy({ to, plan });
      const { host } = request.headers;
      // What is served there looks at the host that was asked for.
      const passing = relay(proxy.url, { rewrite: (relayed) => relayed.withHeader("host", host) });
      const end = async (): Promise<void> => {
        open.delete(end);
        await passing.destroy();
        await proxy.close();
      };
      open.add(end);
      if (socket.destroyed) return end();
      socket.once("close", end);
      passing.upgrade(request, socket, head);
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      await Promise.all([...open].map((end) => end()));
      await closed;
    },
  };
}
