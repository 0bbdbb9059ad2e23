import { fakeClock } from "@longwire/core/testing";
import { faultSteps } from "@longwire/testing";
import { describe, expect, test } from "vitest";
import { events, rows } from "../../src/serve/formats.ts";
import { type Format, numbered } from "../../src/serve/numbered.ts";

/** The answer to one request, played through its plan: what a client would have got, and how it would have ended. */
async function played<Item>(
  format: Format<Item>,
  query: string,
  from = 0,
): Promise<{ text: string; end: string; cut: string | undefined }> {
  const clock = fakeClock();
  let cut: string | undefined;
  const { answer, plan, over } = numbered(format, {
    from,
    clock,
    query: new URLSearchParams(query),
    onCut: (how) => (cut = how),
  });
  const chunks: Uint8Array[] = [];
  let done = false;
  const reading = (async () => {
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) chunks.push(chunk);
    done = true;
  })();
  while (!done) await clock.advance(1_000);
  await reading;
  over?.();
  const steps = faultSteps(plan, chunks);
  const written = steps.flatMap((step) => (step.do === "write" ? [step.bytes] : []));
  return { text: Buffer.concat(written).toString(), end: steps.at(-1)?.do ?? "", cut };
}

const numbersIn = (text: string): number[] => [...text.matchAll(/"seq":(\d+),.*\}\n/g)].map(([, seq]) => Number(seq));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe.each([
  ["/events", events as Format<unknown>],
  ["/rows", rows as Format<unknown>],
] as const)("%s", (path, format) => {
  test("has so many items, from the one behind the cursor, and an end", async () => {
    const { text, end } = await played(format, "count=5&size=3", 2);
    expect(numbersIn(text)).toEqual([3, 4, 5]);
    expect(text).toContain('"padding":"xxx"');
    expect([text.endsWith("data: [DONE]\n\n"), end]).toEqual([path === "/events", "end"]);
  });

  test("cut by every seed it is whole again when each answer goes on behind the last whole item, and each kind of cut comes", async () => {
    const kinds = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      const seen: number[] = [];
      for (let from = 0; ; from = seen.at(-1) ?? 0) {
        const { text, end, cut } = await played(format, `count=60&every=1ms&cuts=${seed}`, from);
        const whole = numbersIn(text);
        seen.push(...whole);
        if (cut === undefined) break;
        expect(whole.length).toBeGreaterThan(4);
        const [, kind = "", number] = /^(a .+) item (\d+) of (.+)$/.exec(cut) ?? [];
        kinds.add(kind);
        expect(seen.at(-1)).toBe(Number(number) - (kind.endsWith("inside") ? 1 : 0));
        expect(end).toBe(kind.includes("RST") ? "reset" : kind.includes("FIN") ? "cut" : "end");
      }
      expect([seed, seen]).toEqual([seed, upTo(60)]);
    }
    expect([...kinds].sort()).toEqual([...format.cuts].sort());
  });

  test("the same seed cuts at the same place", async () => {
    const cuts = async (): Promise<unknown> => (await played(format, "every=1ms&cuts=7&count=100")).cut;
    expect(await cuts()).toBe(await cuts());
  });

  test("one that is left out is missing, and nothing else", async () => {
    expect(numbersIn((await played(format, "count=5&lose=3")).text)).toEqual([1, 2, 4, 5]);
  });

  test.each([
    "count=-1",
    "count=x",
    "every=5",
    "size=1.5",
    "cuts=a",
    "cuts=1&stall=5",
    "size=16777217",
    "count=1000000000000000",
  ])("%s is refused", (query) => {
    const call = { from: 0, clock: fakeClock(), query: new URLSearchParams(query), onCut: () => {} };
    expect(() => numbered(format, call)).toThrow();
  });
});
