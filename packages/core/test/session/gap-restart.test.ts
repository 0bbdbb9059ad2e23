import { expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import { memoryCursorStore } from "../../src/session/cursor-store.ts";
import { left, nothingLeft, reading, streamOf, type Tick, texts } from "./stream-of.ts";

const cut = { error: new StreamError("reset", "the connection broke") };
const lostUpTo40 = ({ text }: Tick) => (text === "lost" ? { to: "40", reopen: true } : undefined);

test("a stored cursor that the first answer refuses is a gap, too: told by the error, which leaves it in force", async () => {
  const { stream, clock, transport } = streamOf([{ status: 410 }], { cursorStore: memoryCursorStore("7") });
  const seen = reading(stream);
  await clock.advance(1_000);
  expect(seen.end).toMatchObject({ thrown: { code: "refused", gap: { from: "7", to: undefined } } });
  expect(await stream.outcome).toMatchObject({ code: "refused", cursor: "7" });
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test('with onGap: "restart" a stored cursor that is refused is gone on behind, and the store follows', async () => {
  const cursorStore = memoryCursorStore("7");
  const script = [{ status: 410 }, { chunks: ["40=x\n", "stall"] }] as const;
  const { stream, clock, transport } = streamOf(script, { cursorStore, resume: { onGap: "restart" } });
  const notices = reading(stream.notices());
  const seen = reading(stream);
  await clock.advance(2_000);
  expect([texts(seen.items), cursorStore.load()]).toEqual([["x"], "40"]);
  expect(notices.items.filter(({ type }) => type === "gap")).toEqual([{ type: "gap", from: "7", to: "40" }]);
  await stream.close();
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("what the server says to wait with its refusal is waited for before the restart", async () => {
  const { stream, clock } = streamOf(
    [{ chunks: ["7=a\n", cut] }, { status: 410, headers: { "retry-after": "9" } }, { chunks: ["40=x\n", "stall"] }],
    { resume: { onGap: "restart" } },
  );
  const notices = reading(stream.notices());
  reading(stream);
  await clock.advance(20_000);
  expect(notices.items.filter(({ type }) => type === "waiting")).toMatchObject([{ waitMs: 100 }, { waitMs: 9_000 }]);
  await stream.close();
});

test("a request that may not be sent again is not restarted", async () => {
  const { stream, clock, transport } = streamOf([{ chunks: ["7=a\nlost\n"] }], {
    method: "POST",
    resume: { gap: lostUpTo40, onGap: "restart" },
  });
  const seen = reading(stream);
  await clock.advance(60_000);
  expect([texts(seen.items), transport.requests.length]).toEqual([["a"], 1]);
  expect(seen.end).toMatchObject({ thrown: { code: "protocol", gap: { from: "7", to: "40" } } });
  expect(left({ clock, transport })).toEqual(nothingLeft);
});
