import { describe, expect, test } from "vitest";
import { parseDuration, shownDuration } from "../src/duration.ts";

describe("a duration on the command line", () => {
  test.each([
    ["0", 0],
    ["0s", 0],
    ["500ms", 500],
    ["30s", 30_000],
    ["1m", 60_000],
    ["1.5m", 90_000],
    ["1h30m", 5_400_000],
    ["2d", 172_800_000],
  ])("%s is %d ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(["", "30", "s", "-1s", "1 s", "1e3s", "1w", "s30", "30s!", ".5s", "Infinitys", `${"9".repeat(400)}d`])(
    "%j is none, and the error shows it",
    (text) => {
      expect(() => parseDuration(text)).toThrow(RangeError);
      expect(() => parseDuration(text)).toThrow(`${JSON.stringify(text)} is no duration`);
    },
  );
});

describe("a duration to read", () => {
  test.each([
    [0, "0 ms"],
    [999.4, "999 ms"],
    [999.6, "1 s"],
    [4_234, "4.2 s"],
    [59_949, "59.9 s"],
    [59_951, "1 min 0 s"],
    [185_000, "3 min 5 s"],
    [3_599_600, "1 h 0 min"],
    [7_800_000, "2 h 10 min"],
  ])("%d ms is %s", (ms, text) => {
    expect(shownDuration(ms)).toBe(text);
  });
});
