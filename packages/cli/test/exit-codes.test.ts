import { expect, test } from "vitest";
import { exitCodes, exitCodesHelp } from "../src/exit-codes.ts";

test("every ending has its exit code", () => {
  expect(exitCodes).toEqual({
    ...{ complete: 0, ended: 0, closed: 0 },
    refused: 3,
    ...{ truncated: 4, reset: 4, protocol: 4, limit: 4 },
    ...{ idle: 5, deadline: 5 },
    exhausted: 6,
    unreachable: 7,
    aborted: 130,
  });
});

test("the help names every ending that is an error, beside its code", () => {
  for (const [code, number] of Object.entries(exitCodes)) {
    if (number === 0 || code === "aborted") continue;
    expect(exitCodesHelp).toMatch(new RegExp(`^ +${number} .*\\b${code}\\b`, "m"));
  }
});
