import { expect, test } from "vitest";
import { reading, streamOf, texts } from "./stream-of.ts";

test("a learned window that was too short cuts a stream once; its next connection is given longer", async () => {
  const beats = Array.from({ length: 65 }, () => [{ waitMs: 1_000 }, "\n"] as const).flat();
  const { stream, clock, transport } = streamOf(
    [{ chunks: ["1=a\n", ...beats, "stall"] }, { chunks: [{ waitMs: 15_999 }, "2=b\n", "stall"] }],
    { timeouts: { idleMs: "learn" } },
  );
  const seen = reading(stream);
  await clock.advance(65_000 + 3_999);
  expect(stream.state.name).toBe("open");
  await clock.advance(1);
  expect(stream.state).toMatchObject({ name: "waiting", cause: { code: "idle", clock: "idleMs" } });
  await clock.advance(100 + 15_999);
  expect([texts(seen.items), transport.requests.length]).toEqual([["a", "b"], 2]);
  await stream.close();
});
