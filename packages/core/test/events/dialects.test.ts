import { expect, test } from "vitest";
import { openBytes, openLines } from "../../src/open.ts";
import { fakeClock, type ScriptedAnswer, scriptedTransport } from "../../src/testing/index.ts";
import { reading } from "../session/stream-of.ts";

function run<T>(open: typeof openLines | typeof openBytes, answer: ScriptedAnswer) {
  const clock = fakeClock();
  const transport = scriptedTransport([answer], { clock });
  const stream = open("https://a.example/log", { clock, transport, reconnect: false });
  const seen = reading<unknown>(stream);
  return { clock, transport, stream, seen: seen as { items: T[]; end: unknown } };
}

test.each(["text/html", "image/png", "application/json; charset=utf-8", ""])(
  "lines and bytes take any media type: %j",
  async (type) => {
    for (const open of [openLines, openBytes]) {
      const { clock, stream } = run(open, { headers: type === "" ? {} : { "content-type": type }, chunks: ["a\n"] });
      await clock.advance(0);
      expect(await stream.outcome).toMatchObject({ code: "complete", items: 1 });
    }
  },
);

test("bytes hands out the chunks as they come, and none that is empty", async () => {
  const { clock, seen } = run<Uint8Array>(openBytes, { chunks: ["ab", "", new Uint8Array([0, 255])] });
  await clock.advance(0);
  expect(seen.items.map((chunk) => [...chunk])).toEqual([
    [97, 98],
    [0, 255],
  ]);
});

test.each([
  ["bytes", openBytes, "*/*", "identity"],
  ["lines", openLines, "text/plain, */*;q=0.5", undefined],
] as const)("what %s asks for", async (_, open, accept, coding) => {
  const { clock, transport } = run(open, {});
  await clock.advance(0);
  expect(transport.requests[0]?.headers).toMatchObject({ accept });
  expect(transport.requests[0]?.headers["accept-encoding"]).toBe(coding);
});

test.each(["length", "chunked", "h2"] as const)("a framed end (%s) of lines and bytes is complete", async (framing) => {
  for (const open of [openLines, openBytes]) {
    const { clock, stream } = run(open, { framing, chunks: ["a\nb"] });
    await clock.advance(0);
    expect((await stream.outcome).code).toBe("complete");
  }
});

test.each(["close", "unknown"] as const)("without framing (%s) bytes and whole lines are ended", async (framing) => {
  for (const open of [openLines, openBytes]) {
    const { clock, stream } = run(open, { framing, chunks: ["a\n"] });
    await clock.advance(0);
    expect((await stream.outcome).code).toBe("ended");
  }
});

test.each(["close", "unknown"] as const)(
  "without framing (%s) a last line without LF is not delivered: truncated",
  async (framing) => {
    const { clock, stream, seen } = run<string>(openLines, { framing, chunks: ["a\nb"] });
    await clock.advance(0);
    expect([seen.items, (await stream.outcome).code]).toEqual([["a"], "truncated"]);
  },
);

test("a content-encoding that the transport did not undo is refused", async () => {
  const { clock, stream } = run(openBytes, { headers: { "content-encoding": "br" }, chunks: ["x"] });
  await clock.advance(0);
  expect(await stream.outcome).toMatchObject({ code: "refused", error: { status: 200 } });
});
