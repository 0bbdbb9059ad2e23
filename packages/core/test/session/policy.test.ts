import { expect, test } from "vitest";
import { StreamError, type StreamErrorDetails, type ErrorCode } from "../../src/errors.ts";
import type { AttemptEnd } from "../../src/events/opener.ts";
import { isRetried, type ReconnectPolicy, type Situation, verdict } from "../../src/session/policy.ts";

const policy: ReconnectPolicy = {
  retries: 3,
  healthyAfterItems: 1,
  healthyAfterMs: 10_000,
  maxElapsedMs: 0,
  withoutCursor: false,
  floorMs: 100,
  firstMs: 500,
  maxMs: 30_000,
};
const tally = { attempts: 1, retries: 0, failingSinceMs: undefined, openedAtMs: undefined, opens: 0 };
const fresh: Situation = {
  tally,
  waitMs: 0,
  nowMs: 1_000,
  healthy: false,
  endless: false,
  resumable: false,
  forever: false,
  delivered: false,
  repeatable: true,
  restarting: false,
};
const sse: Situation = { ...fresh, endless: true, resumable: true };
const feed: Situation = { ...fresh, resumable: true };
const begun: Situation = { ...fresh, delivered: true };
const failure = (code: ErrorCode, details?: StreamErrorDetails) => new StreamError(code, code, details);
const reset = failure("reset");

test.each<[string, AttemptEnd, Situation, string]>([
  ["SSE goes on after an error", reset, sse, "retry"],
  ["SSE goes on after a clean end", "ended", sse, "retry"],
  ["SSE goes on after a clean end of a healthy attempt, uncounted", "ended", { ...sse, healthy: true }, "reopen"],
  ["SSE is over with complete", "complete", sse, "final"],
  ["a feed with resume goes on after an error", reset, { ...feed, delivered: true }, "retry"],
  ["a feed with resume goes on after an unframed end", "ended", { ...feed, delivered: true }, "retry"],
  ["a feed with resume is over with complete", "complete", { ...feed, delivered: true }, "final"],
  ["a feed with forever goes on after complete", "complete", { ...feed, forever: true, healthy: true }, "reopen"],
  ["without resume an error before any item is retried", reset, fresh, "retry"],
  ["without resume an error after an item is final", reset, begun, "final"],
  ["without resume a clean end is final", "ended", fresh, "final"],
  ["what must not be sent again is final", reset, { ...sse, repeatable: false }, "final"],
])("%s", (_, end, situation, expected) => {
  expect(verdict(end, situation, policy, undefined)).toBe(expected);
});

test("withoutCursor opens again what cannot say where to go on", () => {
  const bold = { ...policy, withoutCursor: true };
  expect(verdict(reset, begun, bold, undefined)).toBe("retry");
  expect(verdict("ended", { ...begun, healthy: true }, bold, undefined)).toBe("reopen");
  expect(verdict("complete", begun, bold, undefined)).toBe("final");
});

test("reconnect: false makes every end final", () => {
  for (const end of [reset, "ended", "complete"] as const) expect(verdict(end, sse, false, undefined)).toBe("final");
});

test.each<[StreamError, boolean]>([
  [failure("truncated"), true],
  [failure("reset"), true],
  [failure("idle", { clock: "idleMs" }), true],
  [failure("deadline", { clock: "connectMs" }), true],
  [failure("deadline", { clock: "headersMs" }), true],
  [failure("deadline", { clock: "totalMs" }), false],
  [failure("unreachable", { phase: "name" }), true],
  [failure("unreachable", { phase: "connect" }), true],
  [failure("unreachable"), true],
  [failure("unreachable", { phase: "tls" }), false],
  [failure("limit", { limit: "maxItemBytes" }), false],
  [failure("protocol"), false],
  [failure("refused", { status: 404 }), false],
  [failure("refused", { status: 200 }), false],
  [failure("refused", { status: 503 }), true],
])("%o retried: %s", (error, retried) => {
  expect(verdict(error, sse, policy, undefined)).toBe(retried ? "retry" : "final");
});

test("the statuses that say later are 408, 425, 429 and 5xx but 501 and 505", () => {
  const later = Array.from({ length: 200 }, (_, i) => 400 + i).filter((status) =>
    isRetried(new StreamError("refused", "", { status })),
  );
  const fives = Array.from({ length: 100 }, (_, i) => 500 + i).filter((status) => status !== 501 && status !== 505);
  expect(later).toEqual([408, 425, 429, ...fives]);
});

test("retryOn may be a table: a status before its class before its code, and what it leaves open stays as it was", () => {
  const table = {
    404: true,
    503: false,
    "5xx": true,
    429: false,
    refused: false,
    idle: false,
    reset: undefined,
  } as const;
  const retried = (code: ErrorCode, details?: StreamErrorDetails) => isRetried(failure(code, details), table);
  expect([404, 503, 501, 500, 429, 418].map((status) => retried("refused", { status }))).toEqual([
    true,
    false,
    true,
    true,
    false,
    false,
  ]);
  expect([retried("idle"), retried("reset"), retried("truncated")]).toEqual([false, true, true]);
  expect(isRetried(failure("refused", { status: 418 }), { "4xx": true })).toBe(true);
  expect(isRetried(failure("refused", { status: 418 }), { refused: true })).toBe(true);
});

test("what can never help is not retried, whatever the table says", () => {
  const all = { unreachable: true, deadline: true };
  expect(isRetried(failure("protocol"), () => true)).toBe(false);
  expect(isRetried(failure("limit"), () => true)).toBe(false);
  expect(isRetried(failure("unreachable", { phase: "tls" }), all)).toBe(false);
  expect(isRetried(failure("deadline", { clock: "totalMs" }), all)).toBe(false);
});

test("retryOn has the word over the table, and undefined leaves it to the table", () => {
  const refused = failure("refused", { status: 404 });
  expect(verdict(refused, sse, policy, () => true)).toBe("retry");
  expect(verdict(reset, sse, policy, () => false)).toBe("final");
  expect(verdict(refused, sse, policy, () => undefined)).toBe("final");
  expect(verdict(reset, sse, policy, () => undefined)).toBe("retry");
});

test.each([
  failure("protocol"),
  failure("limit"),
  failure("unreachable", { phase: "tls" }),
  failure("deadline", { clock: "totalMs" }),
])("retryOn is not asked about what no retry can help: %o", (error) => {
  expect(verdict(error, sse, policy, () => true)).toBe("final");
});

test("the policy gives up after so many retries in a row", () => {
  const after = (retries: number) => verdict(reset, { ...sse, tally: { ...tally, retries } }, policy, undefined);
  expect([0, 1, 2, 3, 4].map(after)).toEqual(["retry", "retry", "retry", "exhausted", "exhausted"]);
});

test("with retries: 0 the first error is the outcome, healthy or not", () => {
  const none = { ...policy, retries: 0 };
  expect(verdict(reset, sse, none, undefined)).toBe("final");
  expect(verdict(reset, { ...sse, healthy: true }, none, undefined)).toBe("final");
});

test("a healthy attempt begins a new row", () => {
  const long = { ...tally, retries: 3, failingSinceMs: 0 };
  expect(verdict(reset, { ...sse, healthy: true, tally: long }, { ...policy, maxElapsedMs: 500 }, undefined)).toBe(
    "retry",
  );
});

test("maxElapsedMs runs from the first failure in a row", () => {
  const limited = { ...policy, maxElapsedMs: 400 };
  const since = (failingSinceMs: number | undefined) =>
    verdict(reset, { ...sse, tally: { ...tally, retries: 1, failingSinceMs } }, limited, undefined);
  expect([undefined, 600, 599, 0].map(since)).toEqual(["retry", "retry", "exhausted", "exhausted"]);
});
