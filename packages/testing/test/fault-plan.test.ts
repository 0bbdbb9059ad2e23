import { checkPlan, type FaultPlan, faultProxy, loopbackServer } from "../src/index.ts";
import { describe, expect, it, test } from "vitest";

describe("a fault plan", () => {
  it("is data: what JSON gives back is the same plan", () => {
    const plan: FaultPlan = {
      ...{ cutAfter: 0, delay: { firstMs: 5, chunkMs: 0.5 }, slice: [1, 7], badUtf8: 3, splitBom: true },
      ...{ status: 503, retryAfter: "Fri, 20 Nov 2026 12:00:00 GMT" },
    };
    expect(checkPlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
    expect(checkPlan({ cutAfter: undefined, blackhole: false, stall: 1 })).toEqual({ blackhole: false, stall: 1 });
  });

  it.each(["120", "Friday, 20-Nov-26 12:00:00 GMT", "Fri Nov 20 12:00:00 2026"])("may ask for %j", (retryAfter) => {
    expect(checkPlan({ retryAfter })).toEqual({ retryAfter });
  });

  const bad: [plan: unknown, error: Error][] = [
    [null, new TypeError("A fault plan must be an object, not null")],
    [7, new TypeError("A fault plan must be an object, not 7")],
    [{ cutAfter: -1 }, new RangeError("cutAfter must be a whole number from 0 up, not -1")],
    [{ stall: 1.5 }, new RangeError("stall must be a whole number from 0 up, not 1.5")],
    [{ resetAfter: "9" }, new TypeError('resetAfter must be a number, not "9"')],
    [{ slice: 0 }, new RangeError("slice must be a whole number from 1 up, not 0")],
    [{ slice: [] }, new RangeError("slice must have a size in its list")],
    [{ slice: [3, Number.NaN] }, new RangeError("slice must be a whole number from 1 up, not NaN")],
    [{ drip: { bytes: 1 } }, new TypeError("drip.everyMs must be a number, not undefined")],
    [{ drip: 5 }, new TypeError("drip must be an object of bytes and everyMs, not 5")],
    [{ delay: { afterMs: 5 } }, new TypeError('delay must be an object of firstMs and chunkMs, not {"afterMs":5}')],
    [
      { delay: { firstMs: Number.POSITIVE_INFINITY } },
      new RangeError("delay.firstMs must be a number of milliseconds, 0 or more, not Infinity"),
    ],
    [{ blackhole: 1 }, new TypeError("blackhole must be true or false, not 1")],
    [{ status: 99 }, new RangeError("status must be a whole number from 200 to 599, not 99")],
    ...["1\r\nx: y", "x", "x 1", "-5", "1.5", "", "Fri, 99 Nov 2026 12:00:00 GMT"].map((text): (typeof bad)[number] => [
      { retryAfter: text },
      new TypeError(
        `retryAfter must be seconds or a date, such as "Fri, 20 Nov 2026 12:00:00 GMT", not ${JSON.stringify(text)}`,
      ),
    ]),
    [{ cutAfter: 1, stall: 2 }, new TypeError("A fault plan has one end; this one has cutAfter and stall")],
    [
      { slice: 1, drip: { bytes: 1, everyMs: 1 } },
      new TypeError("drip is a slice with a wait: a fault plan has it, or slice and delay.chunkMs"),
    ],
  ];
  it.each(bad)("is not %j", (plan, error) => {
    expect(() => checkPlan(plan as FaultPlan)).toThrow(error);
    expect(() => checkPlan(plan as FaultPlan)).toThrow(error.constructor as ErrorConstructor);
  });

  it("with a fault that there is none of names those that there are", () => {
    expect(() => checkPlan({ cut: 5 } as FaultPlan)).toThrow(/has no cut; it has cutAfter, resetAfter, .*retryAfter$/);
    expect(() => checkPlan({ constructor: 5 } as unknown as FaultPlan)).toThrow("has no constructor");
  });
});

test("a bad plan is told at the door, before anything listens, and when it is set", async () => {
  await expect(loopbackServer({}, { plan: [{}, { stall: -1 }] })).rejects.toThrow(RangeError);
  await expect(faultProxy({ to: { port: 1 }, plan: { badUtf8: 1 } })).rejects.toThrow(
    new TypeError("badUtf8 changes a body, and a proxy knows no bodies: give it to loopbackServer or to msw"),
  );
  await using proxy = await faultProxy({ to: { port: 1 } });
  expect(() => (proxy.plan = [{ gzipStall: 1 }])).toThrow(TypeError);
  expect(proxy.plan).toEqual({});
});
