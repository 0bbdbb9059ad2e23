import { expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { left, nothingLeft, reading, streamOf } from "./stream-of.ts";

const cut = { error: new StreamError("reset", "the connection broke") };
const ids = Array.from({ length: 20 }, (_, index) => `${index + 1}=t\n`);

test.each(["firstItemMs", "progressMs"] as const)(
  "what comes again resets idleMs and not %s: it is a sign of life and no progress",
  async (clockName) => {
    const again = [...ids.flatMap((line) => [{ waitMs: 100 }, line] as const), "stall"] as const;
    const { stream, clock, transport } = streamOf([{ chunks: [ids.join(""), cut] }, { chunks: again }], {
      resume: { dropReplayed: true },
      timeouts: { idleMs: 300, [clockName]: 1_000 },
      reconnect: { retries: 1 },
    });
    const seen = reading(stream);
    await clock.advance(100 + 999);
    expect([stream.state.name, stream.state.tally.attempts]).toEqual(["open", 2]);
    await clock.advance(1);
    expect(seen.items.length).toBe(20);
    expect(seen.end).toMatchObject({ thrown: { code: "exhausted", cause: { code: "idle", clock: clockName } } });
    expect(left({ clock, transport })).toEqual(nothingLeft);
  },
);
