import { expect, test } from "vitest";
import { StreamError } from "../../src/errors.ts";
import type { Script } from "../../src/testing/index.ts";
import { left, nothingLeft, reading, type Rig, type RigOptions, streamOf, type Tick, texts } from "./stream-of.ts";

const cut = { error: new StreamError("reset", "the connection broke") };
const two = [{ chunks: ["1=a\n2=b\n", "stall"] }];
const broken = [{ chunks: ["1=a\n", cut] }];
const refused = [{ status: 503 }];

/** What throws, in a stream of this script: the items handed out before, and the requests made. */
type Case = [rule: string, options: RigOptions<Tick>, script: Script, items: readonly string[], requests: number];

test.each<Case>([
  ["resume.cursor", { resume: { cursor: oops } }, two, ["a", "b"], 1],
  ["resume.apply", { resume: { apply: oops } }, broken, ["a"], 1],
  ["resume.gap", { resume: { gap: oops } }, two, [], 1],
  ["resume.lost", { resume: { lost: oops, from: "1" } }, [{ status: 410 }], [], 1],
  ["heartbeat", { heartbeat: oops }, two, [], 1],
  ["until", { until: oops }, two, [], 1],
  ["until, asked about an unfinished item", { until: oops }, [{ chunks: ["a"] }], [], 1],
  ["retryOn, asked about an attempt without an answer", { retryOn: oops }, refused, [], 1],
  ["retryOn, asked about a stream that broke", { retryOn: oops }, broken, ["a"], 1],
  ["random, before a wait for an answer", { random: oops }, refused, [], 1],
  ["random, before a wait behind items", { random: oops }, broken, ["a"], 1],
  ["random, for the age of a connection", { random: oops, timeouts: { maxAgeMs: 1_000 } }, two, [], 1],
  ["cursorStore.load", { cursorStore: { load: oops, save: () => {} } }, [], [], 0],
  ["cursorStore.save", { cursorStore: { load: () => undefined, save: oops }, saveMs: 0 }, two, ["a"], 1],
  ["headers", { headers: oops }, [], [], 0],
  ["auth", { auth: oops }, [], [], 0],
  ["latestBy", { policy: { latestBy: oops }, capacity: 3 }, two, [], 1],
])("%s that throws ends the stream as protocol with its error as the cause, and leaves nothing", async (...given) => {
  const [, options, script, items, requests] = given;
  const { stream, clock, transport } = streamOf(script, options);
  const seen = reading(stream);
  await clock.advance(60_000);
  expect([texts(seen.items), transport.requests.length]).toEqual([items, requests]);
  expect(seen.end).toMatchObject({ thrown: { code: "protocol", cause: { message: "oops" } } });
  expect(await stream.outcome).toMatchObject({ code: "protocol", items: items.length });
  expect(left({ clock, transport })).toEqual(nothingLeft);
});

test("retryOn that closes the stream is heard: it is not opened again", async () => {
  for (const script of [broken, refused]) {
    const { stream, clock, transport } = streamOf(script, {
      retryOn: () => {
        void stream.close();
        return true;
      },
    });
    const seen = reading(stream);
    await clock.advance(60_000);
    expect([seen.end, (await stream.outcome).code, transport.requests.length]).toEqual(["done", "closed", 1]);
    expect(left({ clock, transport })).toEqual(nothingLeft);
  }
});

function oops(): never {
  throw new RangeError("oops");
}

test.each<[rule: string, rule: (end: () => void) => RigOptions<Tick>]>([
  ["until", (end) => ({ until: () => ended(end) })],
  ["heartbeat", (end) => ({ heartbeat: () => ended(end) })],
  ["resume.gap", (end) => ({ resume: { gap: () => void end() } })],
])("close() and an abort out of %s are final: no item comes behind them, and nothing is left", async (_, rule) => {
  for (const how of ["close", "abort"] as const) {
    const controller = new AbortController();
    const end = (): void => (how === "close" ? void rigged.stream.close() : controller.abort("enough"));
    const rigged: Rig<Tick> = streamOf(two, { signal: controller.signal, ...rule(end) });
    const seen = reading(rigged.stream);
    await rigged.clock.advance(0);
    expect([texts(seen.items), left(rigged)]).toEqual([[], nothingLeft]);
    expect(seen.end).toEqual(how === "close" ? "done" : { thrown: "enough" });
    expect(await rigged.stream.outcome).toMatchObject({ code: how === "close" ? "closed" : "aborted", items: 0 });
  }
});

function ended(end: () => void): false {
  end();
  return false;
}
