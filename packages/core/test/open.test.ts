import { expect, test } from "vitest";
import { basic } from "../src/layers/auth.ts";
import { openBytes, openLines } from "../src/open.ts";
import type { StreamOptions } from "../src/options.ts";
import type { StreamRequest } from "../src/request/stream-request.ts";
import { fakeClock, type ScriptedAnswer, scriptedTransport } from "../src/testing/index.ts";

/** The requests of a stream of lines that is read to its end. */
async function requests(
  url: string,
  options: StreamOptions<string>,
  answers: ScriptedAnswer[] = [{}],
): Promise<readonly StreamRequest[]> {
  const clock = fakeClock();
  const transport = scriptedTransport(answers, { clock });
  const stream = openLines(url, { transport, clock, ...options });
  const read = stream[Symbol.asyncIterator]()
    .next()
    .catch(() => {});
  await clock.advance(60_000);
  await read;
  return transport.requests;
}

test("a request is a GET; with a body or json it is a POST, unless it says what it is", async () => {
  const methods = [{}, { body: "a" }, { json: { a: 1 } }, { method: "put", body: "a" }, { method: "report" }].map(
    async (options) => (await requests("https://a.example/", options))[0]?.method,
  );
  expect(await Promise.all(methods)).toEqual(["GET", "POST", "POST", "PUT", "REPORT"]);
});

test("json is sent as JSON, with a content type that the headers may replace", async () => {
  const [plain] = await requests("https://a.example/", { json: { a: [1, null] } });
  expect([plain?.body, plain?.headers["content-type"]]).toEqual(['{"a":[1,null]}', "application/json"]);
  const [own] = await requests("https://a.example/", {
    json: null,
    headers: { "Content-Type": "application/merge-patch+json" },
  });
  expect([own?.body, own?.headers["content-type"]]).toEqual(["null", "application/merge-patch+json"]);
});

test.each(["content-type", "Content-Type"])(
  "a header that is undefined is left out, in any letter case: %s",
  async (name) => {
    const [request] = await requests("https://a.example/", { json: {}, headers: { [name]: undefined } });
    expect(request?.headers).not.toHaveProperty("content-type");
  },
);

test("query is set beside what the URL has", async () => {
  const [request] = await requests("https://a.example/log?a=1&b=2", { query: { b: 3, c: true, d: undefined } });
  expect(request?.url).toBe("https://a.example/log?a=1&b=3&c=true");
});

test("baseUrl is a prefix, and an absolute URL is taken as it is", async () => {
  const baseUrl = "https://a.example/v1";
  expect((await requests("/events", { baseUrl }))[0]?.url).toBe("https://a.example/v1/events");
  expect((await requests("https://b.example/events", { baseUrl }))[0]?.url).toBe("https://b.example/events");
});

test("userinfo in a URL becomes basic auth and leaves the URL", async () => {
  const [request] = await requests("https://ann:s%C3%A9cret@a.example/log", {});
  expect(request?.url).toBe("https://a.example/log");
  expect(request?.headers.authorization).toBe(`Basic ${Buffer.from("ann:sécret").toString("base64")}`);
});

test("auth of the options has the word over userinfo", async () => {
  const [request] = await requests("https://ann:secret@a.example/log", { auth: () => "Bearer t" });
  expect(request?.headers.authorization).toBe("Bearer t");
});

test("auth is asked for every attempt, once more after a 401, and that is not counted", async () => {
  const asked: boolean[] = [];
  const auth: StreamOptions<string>["auth"] = ({ refused }) => {
    asked.push(refused);
    return refused ? "Bearer new" : "Bearer old";
  };
  const sent = await requests("https://a.example/log", { auth, reconnect: { retries: 1 } }, [
    { status: 401 },
    { status: 503 },
    {},
  ]);
  expect(asked).toEqual([false, true, false]);
  expect(sent.map(({ headers }) => headers.authorization)).toEqual(["Bearer old", "Bearer new", "Bearer old"]);
});

test("auth, cookie and authorization go only to the origin they were given for, also across redirects", async () => {
  const secretHeaders = { cookie: "id=1", authorization: "Basic x", "x-team": "ops" };
  const away = { status: 307, headers: { location: "https://b.example/log" } };
  const [first, second] = await requests("https://a.example/log", { headers: secretHeaders }, [away, {}]);
  expect(first?.headers).toMatchObject(secretHeaders);
  expect(second?.headers).toEqual({ accept: "text/plain, */*;q=0.5", "x-team": "ops" });
  const authed = await requests("https://a.example/log", { auth: basic("ann", "secret") }, [away, {}]);
  expect(authed.map(({ headers }) => "authorization" in headers)).toEqual([true, false]);
});

test("a redirect does not stick: every attempt begins at the URL it was given", async () => {
  const away = { status: 302, headers: { location: "/elsewhere" } };
  const sent = await requests("https://a.example/log", {}, [away, { status: 503 }, {}]);
  expect(sent.map(({ url }) => url)).toEqual([
    "https://a.example/log",
    "https://a.example/elsewhere",
    "https://a.example/log",
  ]);
});

test("accept replaces the media types that are read", async () => {
  const clock = fakeClock();
  const html = { headers: { "content-type": "Text/HTML; charset=utf-8" } };
  const outcome = async (accept: string) => {
    const transport = scriptedTransport([html], { clock });
    const stream = openLines("https://a.example/", { transport, clock, accept });
    await stream[Symbol.asyncIterator]()
      .next()
      .catch(() => {});
    return [transport.requests[0]?.headers.accept, (await stream.outcome).code];
  };
  expect(await outcome("text/html;q=0.9, text/plain")).toEqual(["text/html;q=0.9, text/plain", "complete"]);
  expect(await outcome("text/*")).toEqual(["text/*", "complete"]);
  expect(await outcome("*/*")).toEqual(["*/*", "complete"]);
  expect(await outcome("application/json")).toEqual(["application/json", "refused"]);
});

test.each<[string, ScriptedAnswer[], StreamOptions<Uint8Array>]>([
  ["refused", [{ status: 404 }], {}],
  ["exhausted", [{ status: 503 }, { status: 503 }], { reconnect: { retries: 1 } }],
  ["idle", [{ chunks: ["stall"] }], { reconnect: false }],
  ["deadline", [{ headersMs: 1e9 }], { reconnect: false }],
  ["truncated", [{ chunks: ["a"] }], { reconnect: false, until: () => false }],
])("errors print the URL without userinfo and with query values masked: %s", async (code, answers, options) => {
  const clock = fakeClock();
  const transport = scriptedTransport(answers, { clock });
  const stream = openBytes("https://ann:hunter2@a.example/log?token=hunter2&x", { transport, clock, ...options });
  const notices: unknown[] = [];
  void (async () => {
    for await (const notice of stream.notices()) notices.push(notice);
  })();
  const items = stream[Symbol.asyncIterator]();
  void items
    .next()
    .then(() => items.next())
    .catch(() => {});
  await clock.advance(1e6);
  const { error, ...outcome } = await stream.outcome;
  expect(outcome.code).toBe(code);
  expect((error as Error).message).toContain("https://a.example/log?token=***&x");
  const printed = [error, (error as Error).cause, ...notices]
    .map((each) => `${String(each)} ${JSON.stringify(each)}`)
    .join();
  expect(printed).not.toContain("hunter2");
});

test("what a headers function answers is checked when it is asked", async () => {
  const clock = fakeClock();
  const transport = scriptedTransport([], { clock });
  const stream = openLines("https://a.example/", { transport, clock, headers: () => ({ "x-one": "a\r\nb" }) });
  await stream[Symbol.asyncIterator]()
    .next()
    .catch(() => {});
  expect(await stream.outcome).toMatchObject({ code: "protocol", error: { cause: { name: "TypeError" } } });
  expect([transport.requests.length, clock.pending]).toEqual([0, 0]);
});

test.each<[unknown, string]>([
  [
    Promise.resolve({ "x-key": "hunter2" }),
    "not [object Promise]; what has to be waited for goes into auth, which may be async",
  ],
  ["x-key: hunter2", "headers must return a plain object, not string"],
  [new Headers({ "x-key": "hunter2" }), "not [object Headers]; give Object.fromEntries(headers)"],
  [undefined, "headers must return a plain object, not undefined"],
])("a headers function that returns no plain object ends the stream: %s", async (answer, message) => {
  const transport = scriptedTransport([]);
  const stream = openLines("https://a.example/", {
    transport,
    headers: (() => answer) as () => object & Record<string, string>,
  });
  const thrown = await stream.open().catch((error: unknown) => error as Error);
  expect((thrown as Error).message).toContain(message);
  expect((thrown as Error).message).not.toContain("hunter2");
  expect(transport.requests.length).toBe(0);
});

test("without a transport it is fetch, looked up when the request is sent", async () => {
  const { fetch } = globalThis;
  const asked: string[] = [];
  globalThis.fetch = async (input) => {
    asked.push(String(input));
    return new Response("a\nb\n", { headers: { "content-length": "4" } });
  };
  try {
    const lines: string[] = [];
    for await (const line of openLines("https://a.example/log")) lines.push(line);
    expect([asked, lines]).toEqual([["https://a.example/log"], ["a", "b"]]);
  } finally {
    globalThis.fetch = fetch;
  }
});
