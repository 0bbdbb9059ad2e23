import { expect, test } from "vitest";
import { asksForFaults, connectionFaultsOf, faultsOf } from "../../src/serve/fault-query.ts";

const plan = (query: string) => faultsOf(new URLSearchParams(query));

test.each([
  ["cutAfter=20", { cutAfter: 20 }],
  ["resetAfter=0&slice=1,7&firstMs=5", { resetAfter: 0, slice: [1, 7], delay: { firstMs: 5 } }],
  ["drip=100,50", { drip: { bytes: 100, everyMs: 50 } }],
  ["blackhole=1&chunkMs=3", { blackhole: true, delay: { chunkMs: 3 } }],
  ["status=503&retryAfter=3", { status: 503, retryAfter: 3 }],
  ["retryAfter=Fri, 20 Nov 2026 12:00:00 GMT", { retryAfter: "Fri, 20 Nov 2026 12:00:00 GMT" }],
  ["gzipStall=10&splitBom=1&badUtf8=4", { gzipStall: 10, splitBom: true, badUtf8: 4 }],
])("%s is a plan", (query, expected) => {
  expect(plan(query)).toEqual(expected);
  expect(asksForFaults(plan(query))).toBe(true);
});

test("what is no fault asks for none", () => {
  expect(asksForFaults(plan("count=3&every=1ms&token=x&blackhole=0&splitBom=0"))).toBe(false);
});

test.each(["gzipStall=1", "badUtf8=2&slice=1", "splitBom=1"])("%s is none of a connection", (query) => {
  expect(() => connectionFaultsOf(new URLSearchParams(query))).toThrow("changes a body, and a WebSocket has none");
});

test("a connection has all other faults", () => {
  const query = "cutAfter=20&slice=1&firstMs=5&status=503";
  expect(connectionFaultsOf(new URLSearchParams(query))).toEqual(plan(query));
});

test.each([
  ["cutAfter=", 'cutAfter must be a number, not ""'],
  ["cutAfter=x", 'cutAfter must be a number, not "x"'],
  ["cutAfter=1,2", 'cutAfter must be a number, not "1,2"'],
  ["cutAfter=1.5", "cutAfter must be a whole number"],
  ["stall=-1", "stall must be a whole number"],
  ["cutAfter=1&stall=2", "one end"],
  ["drip=5", "drip.everyMs"],
  ["slice=1,,2", 'slice must be a number, not ""'],
  ["retryAfter=soon", "retryAfter must be seconds or a date"],
  ["status=99", "status"],
])("%s is a clear error", (query, why) => {
  expect(() => plan(query)).toThrow(why);
});
