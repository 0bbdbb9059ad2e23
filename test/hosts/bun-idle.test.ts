// Bun.serve cuts connections that are silent, after 10 s unless it is told otherwise.

import { expect, test } from "vitest";
import { launch } from "../interop/launch.ts";
import { describeWithPeer } from "../interop/peers.ts";
import { asked } from "./asked.ts";
import { onBun } from "./hosts.ts";

describeWithPeer("bun", "the idleTimeout of Bun.serve", () => {
  test("cuts an event stream that is silent, and not one with heartbeats", async ({ signal }) => {
    const [file, ...args] = onBun("bun", "5").command();
    await using running = await launch(file, args, { ready: /"port":(\d+)/ });
    const ask = (path: string) =>
      asked("h1", `http://127.0.0.1:${running.ready[1]}${path}`, {}, { signal, ca: Buffer.alloc(0) });
    await using kept = await ask("/sse/late?run=kept&heartbeatMs=1000");
    const item = kept.until("item 1");
    await using silent = await ask("/sse/late?run=silent");
    expect(await silent.rest()).toEqual({ text: ": \n\n", end: "cut" });
    await using _ = await ask("/control/next?run=kept");
    expect(await item).toContain(": \n\n".repeat(2));
  });
});
