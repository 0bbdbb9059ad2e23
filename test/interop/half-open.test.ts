import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import type { HalfOpenReport } from "./half-open.ts";
import { namespaceEntry, runInNamespace } from "./network-namespace.ts";
import { describeWithPeer } from "./peers.ts";

const entry = namespaceEntry();

describeWithPeer(
  "networkNamespace",
  "a half-open connection in a network namespace",
  () => {
    it("is noticed by `idleMs`, and after the network has healed the stream goes on: none lost, none twice", async () => {
      if ("obstacle" in entry) throw new Error(entry.obstacle);
      const program = fileURLToPath(new URL("half-open.ts", import.meta.url));
      const { seen, waits, outcome } = (await runInNamespace(entry.enter, program, 25_000)) as HalfOpenReport;
      expect(waits).toEqual([
        // Nobody was told: to the server the connection is open still.
        { code: "idle", clock: "idleMs", serverKnew: false },
        { code: "deadline", clock: "connectMs", serverKnew: false },
      ]);
      expect(seen).toEqual(Array.from({ length: 39 }, (_, index) => String(index + 1)));
      expect(outcome).toMatchObject({ code: "complete" });
    });
  },
  () => ("obstacle" in entry ? entry.obstacle : undefined),
);
