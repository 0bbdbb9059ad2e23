import { describe, expect, test } from "vitest";
import type { StreamOptions } from "../src/options.ts";
import type { StreamRequest } from "../src/request/stream-request.ts";
import { openBytes, openLines } from "../src/open.ts";
import { scriptedTransport } from "../src/testing/index.ts";

type Bad = [option: unknown, Kind: typeof TypeError | typeof RangeError, message: string];

const retryTable =
  "it has a status such as 404, a class such as 5xx, a close code such as 4001, or reset, truncated, unreachable, idle, deadline, refused";

const names =
  "it has maxLineBytes, onOversize, signal, body, auth, transport, retryOn, replayable, resume, cursorStore, heartbeat, until, " +
  "accept, budget, running, watch, clock, random, method, headers, query, json, timeouts, reconnect, saveMs, policy, capacity, baseUrl";

const bad: Bad[] = [
  [{ timeouts: { idleMs: "5s" } }, TypeError, 'timeouts.idleMs must be a number or "learn", not "5s"'],
  [{ timeouts: { idleMs: -1 } }, RangeError, "timeouts.idleMs must be a number from 0 up, and finite, not -1"],
  [
    { timeouts: { totalMs: Number.NaN } },
    RangeError,
    "timeouts.totalMs must be a number from 0 up, and finite, not NaN",
  ],
  [
    { timeouts: { headersMs: Infinity } },
    RangeError,
    "timeouts.headersMs must be a number from 0 up, and finite, not Infinity",
  ],
  [{ timeouts: { connectMs: null } }, TypeError, "timeouts.connectMs must be a number, not null"],
  [
    { timeouts: { idle: 5 } },
    TypeError,
    'timeouts has no "idle"; it has connectMs, headersMs, firstItemMs, idleMs, progressMs, maxAgeMs, totalMs',
  ],
  [{ reconect: { retries: 3 } }, TypeError, `This call has no "reconect"; ${names}`],
  [{ maxLinesBytes: undefined }, TypeError, `This call has no "maxLinesBytes"; ${names}`],
  [{ timeouts: 5_000 }, TypeError, "timeouts must be a plain object, not 5000"],
  [{ timeouts: null }, TypeError, "timeouts must be a plain object, not null"],
  [{ timeouts: [] }, TypeError, "timeouts must be a plain object, not [object Array]"],
  [{ reconnect: { retries: -1 } }, RangeError, "reconnect.retries must be a whole number from 0 up, not -1"],
  [{ reconnect: { retries: 1.5 } }, RangeError, "reconnect.retries must be a whole number from 0 up, not 1.5"],
  [
    { reconnect: { maxMs: Infinity } },
    RangeError,
    "reconnect.maxMs must be a number from 0 up, and finite, not Infinity",
  ],
  [{ reconnect: { firstMs: "1s" } }, TypeError, 'reconnect.firstMs must be a number, not "1s"'],
  [{ reconnect: { withoutCursor: 1 } }, TypeError, "reconnect.withoutCursor must be true or false, not 1"],
  [
    { reconnect: { retry: 3 } },
    TypeError,
    'reconnect has no "retry"; it has retries, firstMs, maxMs, floorMs, maxElapsedMs, healthyAfterItems, healthyAfterMs, withoutCursor',
  ],
  [{ reconnect: true }, TypeError, "reconnect must be a plain object, not true"],
  [{ signal: 5 }, TypeError, "signal must be an AbortSignal, not 5"],
  [{ signal: new AbortController() }, TypeError, "signal must be an AbortSignal, not [object AbortController]"],
  [{ method: "GET /x" }, TypeError, 'method must be a token such as "GET", not "GET /x"'],
  [{ method: null }, TypeError, 'method must be a token such as "GET", not null'],
  [{ method: 5 }, TypeError, 'method must be a token such as "GET", not 5'],
  [{ replayable: "no" }, TypeError, 'replayable must be true or false, not "no"'],
  [
    { retryOn: [503] },
    TypeError,
    "retryOn must be a table such as { 404: true, idle: false }, or a function, not [object Array]",
  ],
  [{ retryOn: { 600: true } }, TypeError, `retryOn has no "600"; ${retryTable}`],
  [{ retryOn: { protocol: true } }, TypeError, `retryOn has no "protocol"; ${retryTable}`],
  [{ retryOn: { "4XX": true } }, TypeError, `retryOn has no "4XX"; ${retryTable}`],
  [{ retryOn: { 404: "yes" } }, TypeError, 'retryOn["404"] must be true or false, not "yes"'],
  [{ heartbeat: /ping/ }, TypeError, "heartbeat must be a function, not [object RegExp]"],
  [{ saveMs: "1s" }, TypeError, 'saveMs must be a number, not "1s"'],
  [{ saveMs: -1 }, RangeError, "saveMs must be a number from 0 up, and finite, not -1"],
  [{ timeouts: { idleMs: "lern" } }, TypeError, 'timeouts.idleMs must be a number or "learn", not "lern"'],
  [
    { resume: { form: 3 } },
    TypeError,
    'resume has no "form"; it has cursor, apply, from, forever, dropReplayed, gap, lost, onGap',
  ],
  [
    { resume: { apply: (request: unknown) => request } },
    TypeError,
    "resume.apply needs resume.cursor, which says which item to go on after",
  ],
  [
    { resume: { from: 3 } },
    TypeError,
    "resume.from needs resume.apply, which puts a resume point into the request: lines has no way of its own",
  ],
  [
    { cursorStore: { load: () => 3, save: () => {} } },
    TypeError,
    "cursorStore needs resume.apply, which puts a resume point into the request: lines has no way of its own",
  ],
  [
    { policy: "dropAll" },
    TypeError,
    'policy must be "pull", "dropOldest", "dropNewest", "error" or latestBy(key), not "dropAll"',
  ],
  [{ resume: { onGap: "ignore" } }, TypeError, 'resume.onGap must be "error" or "restart", not "ignore"'],
  [{ resume: { gap: true } }, TypeError, "resume.gap must be a function, not true"],
  [{ resume: { lost: 410 } }, TypeError, "resume.lost must be a function, not 410"],
  [{ resume: { dropReplayed: 1 } }, TypeError, "resume.dropReplayed must be true or false, not 1"],
  [{ timeouts: { maxAgeMs: -5 } }, RangeError, "timeouts.maxAgeMs must be a number from 0 up, and finite, not -5"],
  [{ resume: true }, TypeError, "resume must be an object, not true"],
  [{ resume: { cursor: "seq" } }, TypeError, 'resume.cursor must be a function, not "seq"'],
  [{ resume: { apply: {} } }, TypeError, "resume.apply must be a function, not [object Object]"],
  [{ resume: { from: new Date(0) } }, TypeError, "resume.from must be a string or a finite number, not [object Date]"],
  [{ resume: { from: Number.NaN } }, TypeError, "resume.from must be a string or a finite number, not NaN"],
  [{ resume: { from: Infinity } }, TypeError, "resume.from must be a string or a finite number, not Infinity"],
  [{ resume: { forever: 1 } }, TypeError, "resume.forever must be true or false, not 1"],
  [{ until: /DONE/ }, TypeError, 'until must be a string, { event: "name" } or a function, not [object RegExp]'],
  [
    { until: { type: "done" } },
    TypeError,
    'until must be a string, { event: "name" } or a function, not [object Object]',
  ],
  [{ until: null }, TypeError, 'until must be a string, { event: "name" } or a function, not null'],
  [{ until: { event: "done" } }, TypeError, 'until: { event: "done" } needs events with types; lines has none'],
  [{ accept: ["text/plain"] }, TypeError, "accept must be an Accept header, not [object Array]"],
  [{ clock: {} }, TypeError, "clock must be a Clock, not [object Object]"],
  [{ random: 4 }, TypeError, "random must be a function, not 4"],
  [
    { budget: { burst: 1 } },
    TypeError,
    "budget must be a Budget, such as createBudget(clock) makes, not [object Object]",
  ],
  [{ transport: {} }, TypeError, "transport must be a function, not [object Object]"],
  [{ json: () => 1 }, TypeError, "json must be a value that JSON can hold, not a function"],
  [{ json: 1n }, TypeError, "Do not know how to serialize a BigInt"],
  [{ json: 1, body: "1" }, TypeError, "Give body or json, not both"],
  [{ maxLineBytes: 0 }, RangeError, "maxLineBytes must be a whole number of bytes from 1 to 268435456, got 0"],
  [{ maxLineBytes: "1k" }, TypeError, "maxLineBytes must be a number of bytes, got string 1k"],
  [{ headers: { "x y": "1" } }, TypeError, '"x y" is no header name'],
  [{ headers: { "": "1" } }, TypeError, '"" is no header name'],
];

test.each(bad)("a bad option is an error that prints it, before anything is sent: %o", (option, Kind, message) => {
  const transport = scriptedTransport([]);
  expect(() => openLines("https://a.example/log", { transport, ...(option as object) })).toThrow(new Kind(message));
  expect(transport.requests.length).toBe(0);
});

const secret = "hunter2";
const secrets: Bad[] = [
  [{ auth: secret }, TypeError, "auth must be a function, such as bearer(token) makes, not string"],
  [{ headers: secret }, TypeError, "headers must be a plain object or a function that returns one, not string"],
  [
    { headers: new Headers({ cookie: secret }) },
    TypeError,
    "headers must be a plain object or a function that returns one, not [object Headers]; give Object.fromEntries(headers)",
  ],
  [{ headers: new Map([["cookie", secret]]) }, TypeError, "not [object Map]; give Object.fromEntries(headers)"],
  [{ headers: [["cookie", secret]] }, TypeError, "not [object Array]; give Object.fromEntries(headers)"],
  [
    { headers: new Date(0) },
    TypeError,
    "headers must be a plain object or a function that returns one, not [object Date]",
  ],
  [{ headers: null }, TypeError, "headers must be a plain object or a function that returns one, not null"],
  [
    { query: new URLSearchParams({ token: secret }) },
    TypeError,
    "not [object URLSearchParams]; give Object.fromEntries(query)",
  ],
  [{ headers: { "x-key": `${secret}\n` } }, TypeError, "The header x-key holds what HTTP does not allow"],
  [{ headers: { "x-key": `${secret}\0` } }, TypeError, "The header x-key holds what HTTP does not allow"],
  [{ headers: { "x-key": `${secret}\u20ac` } }, TypeError, "The header x-key holds what HTTP does not allow"],
  [{ headers: { "x-key": [secret] } }, TypeError, "The header x-key must be a string, not [object Array]"],
  [{ query: `token=${secret}` }, TypeError, "query must be a plain object, not string"],
  [
    { query: { token: [secret] } },
    TypeError,
    "query.token must be a string, a number or a boolean, not [object Array]",
  ],
  [
    { body: { secret } },
    TypeError,
    "body must be text, bytes, an async iterable of bytes or a function that makes one of them, not [object Object]",
  ],
  [
    { body: [secret] },
    TypeError,
    "body must be text, bytes, an async iterable of bytes or a function that makes one of them, not [object Array]",
  ],
];

test.each(secrets)("what may be a secret is refused and not printed: %o", (option, Kind, message) => {
  let thrown: unknown;
  try {
    openLines("https://a.example/log", option as StreamOptions<string>);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(Kind);
  expect((thrown as Error).message).toContain(message);
  expect((thrown as Error).message).not.toContain(secret);
});

test.each([
  ["/log", 'Cannot open "/log": it is relative; give an absolute URL, or a baseUrl'],
  [
    "ftp://a.example/log",
    'Cannot open "ftp://a.example/log": the URL must be an absolute URL with http:// or https://, or unix:/run/a.sock:/path',
  ],
])("a URL that cannot be opened is a TypeError: %s", (url, message) => {
  expect(() => openLines(url)).toThrow(new TypeError(message));
});

describe("options may be undefined", () => {
  test("and then are their defaults", () => {
    const names =
      "signal method headers query body json auth timeouts reconnect retryOn resume until replayable accept baseUrl transport clock random budget running cursorStore saveMs heartbeat policy capacity maxLineBytes onOversize";
    const options = Object.fromEntries(names.split(" ").map((name) => [name, undefined]));
    expect(() => openLines("https://a.example/log", options)).not.toThrow();
    expect(() =>
      openBytes("https://a.example/log", { timeouts: { idleMs: undefined }, reconnect: { retries: undefined } }),
    ).not.toThrow();
  });

  test("a header that is undefined is not sent", async () => {
    const transport = scriptedTransport([{}]);
    await using lines = openLines("https://a.example/log", {
      transport,
      headers: { "x-one": undefined, "x-two": "2" },
    });
    await lines.open();
    expect(transport.requests[0]?.headers).toEqual({ accept: "text/plain, */*;q=0.5", "x-two": "2" });
  });
});

test("0 and Infinity are good where they mean something", () => {
  const options = {
    timeouts: { idleMs: 0 },
    reconnect: { retries: Number.POSITIVE_INFINITY, firstMs: 0, maxElapsedMs: 0 },
  };
  expect(() => openLines("https://a.example/log", options)).not.toThrow();
});

test.each([{ apply: (request: StreamRequest) => request }, { cursor: () => 1 }])(
  "bytes go on by Range, or by a resume that has both its ends: %o",
  (resume) => {
    expect(() => openBytes("https://a.example/image.iso", { resume })).toThrow(
      new TypeError("resume.apply and resume.cursor go together; without them bytes go on by Range, by their number"),
    );
  },
);
