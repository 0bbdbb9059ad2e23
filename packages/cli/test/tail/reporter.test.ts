import { PassThrough } from "node:stream";
import { StreamError } from "@longwire/core";
import { expect, test } from "vitest";
import { type Reporter, reporter } from "../../src/tail/reporter.ts";

const url = "https://user:password@a.example/events?token=secret";

test("tells the cut, the wait and the resume, one line each", () => {
  const cause = new StreamError("reset", "Cannot read https://a.example/events?token=***: the connection broke");
  const lines = said((report) => {
    report.notice({ type: "opening", attempt: 1 });
    report.notice({ type: "open", attempt: 1, url, status: 200 });
    report.notice({ type: "waiting", cause, waitMs: 1_234, retry: 1 });
    report.notice({ type: "opening", attempt: 2 });
    report.notice({ type: "open", attempt: 2, url, status: 200 });
    report.notice({ type: "resumed", cursor: "7" });
    report.notice({ type: "waiting", cause: "ended", waitMs: 200, retry: 0 });
    report.notice({ type: "gap", from: 3, to: 9 });
  });
  expect(lines).toEqual([
    "* try    https://a.example/events?token=***",
    "* open   200",
    "* cut    reset: the connection broke",
    "* wait   1.2 s, then retry 1",
    "* open   200, attempt 2",
    '* resume after "7"',
    "* cut    the stream ended",
    "* wait   200 ms, then open again",
    "* gap    items may be missing after 3, before 9",
  ]);
});

test("sums up", () => {
  const counts = { printed: 1, bytes: 12_345, attempts: 2, elapsedMs: 4_200 };
  expect(said((report) => report.summary({ ...counts, code: "complete", cursor: 7 }))).toEqual([
    "* end    complete: 1 item, 12,345 bytes, 2 attempts, 4.2 s, cursor 7",
  ]);
  expect(said((report) => report.summary({ ...counts, code: "aborted", cursor: undefined }))).toEqual([
    "* end    interrupted: 1 item, 12,345 bytes, 2 attempts, 4.2 s",
  ]);
});

test("tells an error with the beginning of the body that came with it, also when retries of it gave up", () => {
  const refused = new StreamError("refused", "Cannot open it: 404", { excerpt: "<h1>Not\nfound</h1>\n" });
  const exhausted = new StreamError("exhausted", "Gave up", { cause: refused });
  expect(said((report) => report.error(refused))).toEqual([
    "longwire: Cannot open it: 404",
    "    <h1>Not",
    "    found</h1>",
  ]);
  expect(said((report) => report.error(exhausted))).toEqual(["longwire: Gave up", "    <h1>Not", "    found</h1>"]);
});

test("prints no control character, and begins no line with what came over the wire", () => {
  const evil = "\u001b[2J\r\nlongwire: all is well";
  const lines = said((report) => {
    report.error(new StreamError("refused", evil, { excerpt: evil }));
    report.notice({ type: "resumed", cursor: evil });
    report.notice({ type: "waiting", cause: new StreamError("protocol", evil), waitMs: 1, retry: 1 });
    report.notice({ type: "bad", item: { line: 3, byteOffset: 9, raw: new Uint8Array(), reason: evil } });
  });
  expect(lines.join("")).not.toMatch(/[^\P{Cc}\n]/u);
  expect(lines.filter((line) => line.startsWith("longwire: all is well"))).toEqual([]);
});

test("when quiet, tells the error and nothing else", () => {
  const lines = said((report) => {
    report.notice({ type: "opening", attempt: 1 });
    report.error(new StreamError("refused", "Cannot open it: 404", { excerpt: "body" }));
    report.summary({ code: "refused", printed: 0, bytes: 0, attempts: 1, cursor: undefined, elapsedMs: 1 });
  }, true);
  expect(lines).toEqual(["longwire: Cannot open it: 404"]);
});

function said(tell: (report: Reporter) => void, quiet = false): string[] {
  const stderr = new PassThrough({ encoding: "utf8" });
  tell(reporter(stderr, url, quiet));
  return String(stderr.read()).trimEnd().split("\n");
}
