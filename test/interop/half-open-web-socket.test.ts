import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import type { HalfOpenWebSocketReport } from "./half-open-web-socket.ts";
import { namespaceEntry, runInNamespace } from "./network-namespace.ts";
import { describeWithPeer } from "./peers.ts";

const entry = namespaceEntry();

describeWithPeer(
  "networkNamespace",
  "a half-open WebSocket in a network namespace",
  () => {
    it("is noticed by `pongMs`, and after the network has healed goes on; one closed into the silence is gone by `closeMs`", async () => {
      if ("obstacle" in entry) throw new Error(entry.obstacle);
      const program = fileURLToPath(new URL("half-open-web-socket.ts", import.meta.url));
      const report = (await runInNamespace(entry.enter, program, 28_000)) as HalfOpenWebSocketReport;
      expect(report.waits).toEqual([
        // Nobody was told: to the server the connection is open still.
        { code: "idle", clock: "pongMs", serverKnew: false },
        { code: "deadline", clock: "connectMs", serverKnew: false },
      ]);
      expect(report.seen).toEqual(Array.from({ length: 39 }, (_, index) => String(index + 1)));
      expect(report.sent).toBe("reset");
      expect(report.outcome).toMatchObject({ code: "complete" });
      expect(report.leftOfClosed).toBe(0);
    });
  },
  () => ("obstacle" in entry ? entry.obstacle : undefined),
);
