import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { excerpt } from "../../src/layers/excerpt.ts";
import { StreamRequest } from "../../src/request/stream-request.ts";
import { fakeClock, type ScriptStep, scriptedTransport } from "../../src/testing/index.ts";

const free = new AbortController().signal;

async function answer(chunks: readonly ScriptStep[], clock = fakeClock()) {
  const transport = scriptedTransport([{ chunks }], { clock });
  const response = await transport(new StreamRequest({ url: "https://a.example/" }), { signal: free });
  return { response, transport, clock };
}

test("a short body is read whole, and released", async () => {
  const { response, transport, clock } = await answer(["no ", "such ", "feed"]);
  expect(await excerpt(response, clock, free)).toBe("no such feed");
  expect([transport.released, clock.pending]).toEqual([1, 0]);
});

test("no more than 2 KiB are taken, wherever the chunks are cut, and no half character", async () => {
  for (const size of [1, 7, 100, 2_048, 5_000]) {
    const body = new TextEncoder().encode(`a${"é".repeat(2_500)}`);
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < body.length; at += size) chunks.push(body.subarray(at, at + size));
    const { response, transport, clock } = await answer(chunks);
    expect(await excerpt(response, clock, free)).toBe(`a${"é".repeat(1_023)}`);
    expect(transport.pulled).toBe(Math.ceil(2_048 / size));
  }
});

test("after 1 s it is what came until then, though the body never settles", async () => {
  const { response, transport, clock } = await answer(["half", { waitMs: 500 }, " and half", "stall"]);
  const text = excerpt(response, clock, free);
  let settled = false;
  text.then(() => {
    settled = true;
  });
  await clock.advance(999);
  expect(settled).toBe(false);
  await clock.advance(1);
  expect(await text).toBe("half and half");
  expect([transport.released, transport.open, clock.pending]).toEqual([1, 0, 0]);
});

test("a body that ignores its release is not waited for either", async () => {
  const clock = fakeClock();
  const { response } = await answer([], clock);
  const deaf = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
  const text = excerpt({ ...response, body: deaf }, clock, free);
  await clock.advance(1_000);
  expect(await text).toBe("");
});

test("a body that breaks gives what came before, and nothing is thrown", async () => {
  const { response, transport, clock } = await answer(["partly", { error: new Error("cut") }]);
  expect(await excerpt(response, clock, free)).toBe("partly");
  expect([transport.released, clock.pending]).toEqual([1, 0]);
});

test("no listener stays on the signal", async () => {
  const caller = new AbortController();
  const { response, clock } = await answer(["a"]);
  await excerpt(response, clock, caller.signal);
  expect(getEventListeners(caller.signal, "abort")).toEqual([]);
});

test("the signal ends it at once, and a signal that was aborted before reads nothing", async () => {
  const caller = new AbortController();
  const { response, transport, clock } = await answer(["a", "stall"]);
  const text = excerpt(response, clock, caller.signal);
  await clock.advance(1);
  caller.abort();
  expect(await text).toBe("a");
  expect([transport.released, clock.pending]).toEqual([1, 0]);

  const late = await answer(["a"]);
  expect(await excerpt(late.response, late.clock, AbortSignal.abort())).toBe("");
  expect([late.transport.pulled, late.transport.released]).toEqual([0, 1]);
});
