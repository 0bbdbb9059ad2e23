import { expect, test, vi } from "vitest";
import { fakeClock } from "../../src/testing/index.ts";
import { retryAfterMs } from "../../src/time/retry-after.ts";

const clock = fakeClock(Date.UTC(1994, 10, 6, 8, 49, 0));

test.each([
  ["0", 0],
  ["120", 120_000],
  [" 7 ", 7_000],
])("seconds: %j is %d ms", (value, ms) => {
  expect(retryAfterMs(value, clock)).toBe(ms);
});

test.each(["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"])(
  "a date: %j is 37 s away by the clock's date",
  (value) => {
    expect(retryAfterMs(value, clock)).toBe(37_000);
  },
);

test("a date without a zone is GMT wherever the process runs", () => {
  vi.stubEnv("TZ", "Asia/Tokyo");
  expect(new Date(0).getTimezoneOffset()).toBe(-540);
  expect(retryAfterMs("Sun Nov  6 08:49:37 1994", clock)).toBe(37_000);
  vi.unstubAllEnvs();
});

test("a date in the past is 0", () => {
  expect(retryAfterMs("Sat, 05 Nov 1994 08:49:37 GMT", clock)).toBe(0);
});

test.each([
  null,
  "",
  "-5",
  "9".repeat(400),
  "99999999999999999",
  "soon",
  "soon 5",
  "5 s",
  "1e3",
  "0x10",
  "2026-01-01",
  "Sun, 99 Foo 1994 08:49:37 GMT",
])("%j says nothing", (value) => {
  expect(retryAfterMs(value, clock)).toBe(undefined);
});
