import { gunzipSync, constants } from "node:zlib";
import { type FaultPlan, faultSteps } from "../src/index.ts";
import { describe, expect, it, test } from "vitest";

/** The steps in short: text for what is written, the name for what is done. */
function told(plan: FaultPlan, ...chunks: string[]): string[] {
  return faultSteps(
    plan,
    chunks.map((chunk) => Buffer.from(chunk)),
  ).map((step) =>
    step.do === "write"
      ? `"${Buffer.from(step.bytes).toString("latin1")}"`
      : step.do === "wait"
        ? `${step.ms} ms`
        : step.do,
  );
}

describe("the steps of a plan", () => {
  const expected: [claim: string, plan: FaultPlan, steps: string[]][] = [
    ["no fault hands on what comes", {}, ["begin", '"abc"', '"de"', "end"]],
    ["cutAfter", { cutAfter: 4 }, ["begin", '"abc"', '"d"', "cut"]],
    ["cutAfter 0 comes before the first byte, behind the head", { cutAfter: 0 }, ["begin", "cut"]],
    ["an end at the last byte comes in place of the flow's own", { cutAfter: 5 }, ["begin", '"abc"', '"de"', "cut"]],
    ["an offset past the end is no fault", { cutAfter: 6 }, ["begin", '"abc"', '"de"', "end"]],
    ["at the seam of two chunks, the second is not waited for", { resetAfter: 3 }, ["begin", '"abc"', "reset"]],
    ["halfClose", { halfClose: 1 }, ["begin", '"a"', "halfClose"]],
    ["stall", { stall: 4 }, ["begin", '"abc"', '"d"', "stall"]],
    ["blackhole does not even begin", { blackhole: true }, ["stall"]],
    ["slice at every byte", { slice: 1 }, ["begin", '"a"', '"b"', '"c"', '"d"', '"e"', "end"]],
    ["slice sizes, the last of which holds on", { slice: [1, 2] }, ["begin", '"a"', '"bc"', '"de"', "end"]],
    ["a slice over a seam holds no byte back", { slice: 2 }, ["begin", '"ab"', '"c"', '"d"', '"e"', "end"]],
    ["delays", { delay: { firstMs: 9, chunkMs: 2 } }, ["9 ms", "begin", '"abc"', "2 ms", '"de"', "end"]],
    ["drip", { drip: { bytes: 3, everyMs: 7 } }, ["begin", '"abc"', "7 ms", '"de"', "end"]],
    ["badUtf8", { badUtf8: 4 }, ["begin", '"abc"', '"d"', '"\xff"', '"e"', "end"]],
    ["badUtf8 at the start and at the end", { badUtf8: 0 }, ["begin", '"\xff"', '"abc"', '"de"', "end"]],
    ["badUtf8 behind the last byte", { badUtf8: 5 }, ["begin", '"abc"', '"de"', '"\xff"', "end"]],
    ["splitBom", { splitBom: true }, ["begin", '"\xef"', '"\xbb"', '"\xbf"', '"abc"', '"de"', "end"]],
    ["ends count what was put in", { splitBom: true, cutAfter: 2 }, ["begin", '"\xef"', '"\xbb"', "cut"]],
  ];
  test.each(expected)("%s", (_claim, plan, steps) => {
    expect(told(plan, "abc", "de")).toEqual(steps);
  });

  it("are the same wherever the flow was cut, but for where its writes are", () => {
    const plans: FaultPlan[] = [
      { cutAfter: 3 },
      { slice: 1, stall: 4 },
      { badUtf8: 2, splitBom: true },
      { resetAfter: 0 },
    ];
    const joined = (steps: string[]): string => steps.join("").replaceAll('""', "");
    for (const plan of plans) {
      for (let at = 0; at <= 5; at++) {
        expect(joined(told(plan, "abcde".slice(0, at), "abcde".slice(at)))).toBe(joined(told(plan, "abcde")));
      }
    }
  });

  it("of gzipStall are a gzip that can be read so far, a block begun, and no more", () => {
    const steps = faultSteps({ gzipStall: 4 }, [Buffer.from("abc"), Buffer.from("de")]);
    expect(steps.map((step) => step.do)).toEqual(["begin", "write", "stall"]);
    const body = written(steps);
    expect(gunzipSync(body, { finishFlush: constants.Z_SYNC_FLUSH }).toString()).toBe("abcd");
    expect(() => gunzipSync(body)).toThrow("unexpected end of file");
    // Five bytes of it are of the block that was begun.
    expect(gunzipSync(body.subarray(0, -5), { finishFlush: constants.Z_SYNC_FLUSH }).toString()).toBe("abcd");
  });

  it("of gzipStall past the end are a whole gzip", () => {
    const steps = faultSteps({ gzipStall: 6, slice: 1 }, [Buffer.from("abc"), Buffer.from("de")]);
    expect(steps.at(-1)).toEqual({ do: "end" });
    expect(gunzipSync(written(steps)).toString()).toBe("abcde");
  });
});

function written(steps: ReturnType<typeof faultSteps>): Buffer {
  return Buffer.concat(steps.flatMap((step) => (step.do === "write" ? [step.bytes] : [])));
}
