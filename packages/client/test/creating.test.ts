import { expect, test } from "vitest";
import { createClient as createNodeClient, fetchTransport } from "../src/index.node.ts";
import { type ClientOptions, createClient } from "../src/index.ts";
import { clientOf, settled } from "./client-of.ts";

const bad: [option: unknown, Kind: typeof TypeError | typeof RangeError, message: string][] = [
  [null, TypeError, "The options must be an object, not null"],
  [5, TypeError, "The options must be an object, not 5"],
  [{ timeouts: null }, TypeError, "timeouts must be a plain object, not null"],
  [{ timeouts: { idleMs: -1 } }, RangeError, "timeouts.idleMs must be a number from 0 up, and finite, not -1"],
  [{ timeouts: { idle: 1 } }, TypeError, 'timeouts has no "idle"'],
  [{ reconnect: true }, TypeError, "reconnect must be a plain object, not true"],
  [{ reconnect: { retries: 1.5 } }, RangeError, "reconnect.retries must be a whole number from 0 up, not 1.5"],
  [{ headers: new Headers() }, TypeError, "not [object Headers]; give Object.fromEntries(headers)"],
  [{ headers: { "x y": "1" } }, TypeError, '"x y" is no header name'],
  [{ auth: "hunter2" }, TypeError, "auth must be a function, such as bearer(token) makes, not string"],
  [{ transport: {} }, TypeError, "transport must be a function, not [object Object]"],
  [{ retryOn: 5 }, TypeError, "retryOn must be a table such as { 404: true, idle: false }, or a function, not 5"],
  [{ clock: {} }, TypeError, "clock must be a Clock, not [object Object]"],
  [{ random: 4 }, TypeError, "random must be a function, not 4"],
  [{ budget: 5 }, TypeError, "budget must be a plain object, not 5"],
  [{ budget: null }, TypeError, "budget must be a plain object, not null"],
  [{ budget: { perSecond: "5" } }, TypeError, 'budget.perSecond must be a number, not "5"'],
  [{ budget: { perMinute: 5 } }, TypeError, 'budget has no "perMinute"; it has perSecond, burst'],
  [{ policy: "dropOldest", capacity: 5 }, TypeError, 'A client has no option "policy"; it has baseUrl, auth, headers,'],
  [{ resume: undefined }, TypeError, 'A client has no option "resume"'],
  [{ baseURL: "https://a.example" }, TypeError, 'A client has no option "baseURL"'],
  [{ baseUrl: 5 }, TypeError, "baseUrl must be a string or a URL, not number"],
  [{ baseUrl: "/v1" }, TypeError, 'Cannot open "/v1": baseUrl must be an absolute URL'],
];

test.each(bad)("createClient throws on a bad option: %o", (options, Kind, message) => {
  for (const create of [createClient, createNodeClient]) {
    const attempt = () => create(options as ClientOptions);
    expect(attempt).toThrow(Kind);
    expect(attempt).toThrow(message);
  }
});

test("options of a client may be undefined, and then are their defaults", () => {
  const names = "baseUrl auth headers timeouts reconnect retryOn transport budget clock random";
  expect(() => createClient(Object.fromEntries(names.split(" ").map((name) => [name, undefined])))).not.toThrow();
  expect(() => createClient({ budget: { perSecond: undefined, burst: undefined } })).not.toThrow();
});

test("what a client's headers function returns is checked when it is asked, under a call's headers too", async () => {
  const headers = (() => new Headers({ "x-one": "1" })) as unknown as () => Record<string, string>;
  const { client, clock, transport } = clientOf([], { headers });
  const reply = client.request("/status", { headers: { "x-two": "2" } });
  expect(await settled(reply, clock)).toMatchObject({ thrown: { code: "protocol", cause: { name: "TypeError" } } });
  expect(transport.requests.length).toBe(0);
});

test("secrets among the client's headers stay with its origin, in any letter case", async () => {
  const headers = { Cookie: "a=1", AUTHORIZATION: "Basic x", "Proxy-Authorization": "Basic y", "X-Team": "ops" };
  const { client, transport } = clientOf(() => ({}), { headers });
  await (await client.request("/status")).text();
  await (await client.request("https://b.example/")).text();
  const sent = transport.requests.map((request) => Object.keys(request.headers).sort());
  expect(sent).toEqual([
    ["accept", "authorization", "cookie", "proxy-authorization", "x-team"],
    ["accept", "x-team"],
  ]);
});

test("what sockets are made with is an option under Node alone, where a transport of the caller's leaves no room for it", () => {
  const options = [
    { keepAliveMs: 1 },
    { keepAliveMaxMs: 1 },
    { tcpKeepAliveMs: 0 },
    { tls: {} },
    { socketPath: "/run/a.sock" },
    { proxy: "http://proxy.example:3128" },
    { proxy: false },
    { lookup: () => {} },
    { connect: () => {} },
  ] as const;
  for (const option of options) {
    const [name] = Object.keys(option);
    expect(() => createNodeClient(option)).not.toThrow();
    expect(() => createClient(option as ClientOptions)).toThrow(`A client has no option "${name}"; it has baseUrl,`);
    const attempt = () => createNodeClient({ ...option, transport: fetchTransport() });
    expect(attempt).toThrow(TypeError);
    expect(attempt).toThrow(`transport has sockets of its own, so ${name} would count for nothing`);
  }
  expect(() => createNodeClient({ keepAliveMs: -1 })).toThrow(RangeError);
  expect(() => createNodeClient({ tsl: {} } as ClientOptions)).toThrow(
    /tsl"; it has baseUrl,.* tls, socketPath, proxy,/,
  );
});

test("a call refuses a name that is none of its options, and takes every one that is", async () => {
  const { client, transport } = clientOf(() => ({}));
  const decoder = { maxItemBytes: 9, onOversize: "skip", onBadItem: "skip", schema: undefined } as const;
  const own = {
    sse: decoder,
    ndjson: decoder,
    jsonSeq: decoder,
    lines: { maxLineBytes: 9, onOversize: "skip" },
    bytes: {},
  } as const;
  for (const [call, options] of Object.entries(own)) {
    const open = client[call as keyof typeof own].bind(client) as (url: string, options: object) => unknown;
    expect(() => open("/", options), call).not.toThrow();
    const words = `This call has no "reconect"; it has ${[...Object.keys(options), "signal"].join(", ")}`;
    expect(() => open("/", { ...options, reconect: {} }), call).toThrow(words);
    expect(() => open("/", { ...options, retries: 3 }), call).toThrow('This call has no "retries"');
  }
  const misspelt = { retrys: 3 } as object;
  await expect(client.request("/", misspelt)).rejects.toThrow('This call has no "retrys"; it has retries, maxBytes, ');
  await expect(client.pipe("/", new WritableStream(), misspelt)).rejects.toThrow('This call has no "retrys"');
  expect(transport.requests.length).toBe(0);
  await (await client.request("/", { retries: 3, maxBytes: 9 })).text();
});
