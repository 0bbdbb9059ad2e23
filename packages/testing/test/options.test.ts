import { conformance, faultProxy, leakCounter, loopbackServer } from "../src/index.ts";
import { mswAnswer } from "../src/msw.ts";
import { describe, expect, it } from "vitest";

/** What this throws, or rejects with. */
async function told(act: () => unknown): Promise<unknown> {
  return Promise.resolve()
    .then(act)
    .catch((error: unknown) => error);
}

const itself = { body: {} };
itself.body = itself;

const noAnswer = 'An answer must be an object such as { body: "hello" }, or a function that makes one, not';

describe("an answer", () => {
  const cases: [answer: unknown, error: Error][] = [
    ["body", new TypeError(`${noAnswer} "body"`)],
    [undefined, new TypeError(`${noAnswer} undefined`)],
    [null, new TypeError(`${noAnswer} null`)],
    [["body"], new TypeError(`${noAnswer} ["body"]`)],
    [new Response("body"), new TypeError(`${noAnswer} [object Response]`)],
    [{ bdy: "hello" }, new TypeError("An answer has no bdy; it has status, headers, body, framing")],
    [{ status: "200" }, new TypeError('status must be a number, not "200"')],
    [{ status: 99 }, new RangeError("status must be a whole number from 200 to 599, not 99")],
    [{ body: 7 }, new TypeError("body must be a text, bytes, or an iterable of these, not 7")],
    [
      { body: new ArrayBuffer(1) },
      new TypeError("body must be a text, bytes, or an iterable of these, not [object ArrayBuffer]"),
    ],
    [{ body: 7n }, new TypeError("body must be a text, bytes, or an iterable of these, not 7")],
    [{ body: itself }, new TypeError("body must be a text, bytes, or an iterable of these, not [object Object]")],
    [{ framing: "gzip" }, new TypeError('framing must be one of length, chunked, close, not "gzip"')],
  ];
  const bad = cases.map(([answer, error]) => ({ answer, error }));
  it.each(bad)("is told at the door: $error.message", async ({ answer, error }) => {
    for (const carrier of [loopbackServer, mswAnswer]) {
      const refused = await told(() => (carrier as (answer: unknown) => unknown)(answer));
      expect(refused).toEqual(error);
      expect(refused).toBeInstanceOf(error.constructor);
    }
  });

  it("has headers that can be sent", async () => {
    expect(await told(() => loopbackServer({ headers: { "no name": "x" } }))).toBeInstanceOf(TypeError);
  });

  it.each(bad)(
    "that a function gives breaks the connection, and close says: $error.message",
    async ({ answer, error }) => {
      const server = await loopbackServer((() => answer) as Parameters<typeof loopbackServer>[0]);
      expect(await told(() => fetch(server.url))).toMatchObject({ message: "fetch failed" });
      expect(await told(() => server.close())).toEqual(error);
    },
  );

  it("has a body of texts and bytes and nothing else", async () => {
    const server = await loopbackServer({ body: [7 as unknown as string] });
    await told(() => fetch(server.url).then((answer) => answer.text()));
    expect(await told(() => server.close())).toEqual(new TypeError("A piece of a body must be a text or bytes, not 7"));
  });
});

describe("the options", () => {
  const toMessage =
    'to must be { port: 8080 }, with a host or without, or an origin such as "http://127.0.0.1:8080", not';
  const proxyMessage =
    "The options object of faultProxy must be an object such as { to: { port: 8080 } }, not undefined";
  const kinds = "server, socket, pipe, process, timer, abort listener, unhandled rejection";
  const bad: [of: string, act: (options: never) => unknown, options: unknown, error: Error][] = [
    [
      ...(["loopbackServer", (options: never) => loopbackServer({}, options), { plans: [] }] as const),
      new TypeError("The options object of loopbackServer has no plans; it has plan, clock"),
    ],
    [
      ...(["loopbackServer", (options: never) => loopbackServer({}, options), { clock: Date }] as const),
      new TypeError("clock must be a Clock, such as fakeClock() makes, not a function"),
    ],
    [
      ...(["mswAnswer", (options: never) => mswAnswer({}, options), [{ stall: 1 }]] as const),
      new TypeError('The options object of mswAnswer must be an object, not [{"stall":1}]'),
    ],
    ["faultProxy", faultProxy, undefined, new TypeError(proxyMessage)],
    ["faultProxy", faultProxy, {}, new TypeError(`${toMessage} undefined`)],
    ["faultProxy", faultProxy, { to: 8080 }, new TypeError(`${toMessage} 8080`)],
    ["faultProxy", faultProxy, { to: "a.example" }, new TypeError(`${toMessage} "a.example"`)],
    ["faultProxy", faultProxy, { to: "http://a.example/x" }, new TypeError(`${toMessage} "http://a.example/x"`)],
    ["faultProxy", faultProxy, { to: {} }, new TypeError("to.port must be a number, not undefined")],
    [
      "faultProxy",
      faultProxy,
      { to: { port: 0 } },
      new RangeError("to.port must be a whole number from 1 to 65535, not 0"),
    ],
    ["faultProxy", faultProxy, { to: { port: 1, host: 7 } }, new TypeError("to.host must be a text, not 7")],
    [
      ...(["faultProxy", faultProxy, { to: { port: 1 }, port: 2 }] as const),
      new TypeError("The options object of faultProxy has no port; it has plan, clock, to"),
    ],
    ["leakCounter", leakCounter, { patienceMs: "x" }, new TypeError('patienceMs must be a number, not "x"')],
    [
      ...(["leakCounter", leakCounter, { patienceMs: -1 }] as const),
      new RangeError("patienceMs must be a number of milliseconds, 0 or more, not -1"),
    ],
    ["leakCounter", leakCounter, { except: "socket" }, new TypeError('except must be a list, not "socket"')],
    [
      "leakCounter",
      leakCounter,
      { except: ["sockets"] },
      new TypeError(`except must be one of ${kinds}, not "sockets"`),
    ],
    [
      ...(["conformance", (options: never) => conformance("sse", () => ({}), options), { pair: true }] as const),
      new TypeError("The options object of conformance has no pair; it has pairs"),
    ],
  ];
  it.each(bad)("of %s are not those of a slip", async (_of, act, options, error) => {
    const refused = await told(() => act(options as never));
    expect(refused).toEqual(error);
    expect(refused).toBeInstanceOf(error.constructor);
  });

  it("may be undefined, each of them", async () => {
    await leakCounter({ patienceMs: undefined, except: undefined }).check();
    const nothing = { plan: undefined, clock: undefined };
    await using server = await loopbackServer({ status: undefined, body: undefined }, nothing);
    await using proxy = await faultProxy({ to: server, ...nothing });
    expect(await fetch(proxy.url).then((answer) => answer.text())).toBe("");
  });

  it("of conformance name a format that there is", () => {
    expect(() => conformance("jsonseq" as "sse", () => ({}))).toThrow(
      new TypeError('format must be one of sse, ndjson, json-seq, not "jsonseq"'),
    );
  });
});
