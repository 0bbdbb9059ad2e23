import { expect, test } from "vitest";
import { authLayer, basic } from "../../src/layers/auth.ts";
import { redirectLayer } from "../../src/layers/redirect.ts";
import { type RequestBody, StreamRequest } from "../../src/request/stream-request.ts";
import { fakeClock, type ScriptedAnswer, scriptedTransport } from "../../src/testing/index.ts";
import { layered } from "../../src/transport/layer.ts";
import type { Transport } from "../../src/transport/transport.ts";

const free = new AbortController().signal;
const to = (location: string, status = 302): ScriptedAnswer => ({ status, headers: { location } });

function follow(
  script: readonly ScriptedAnswer[],
  options: { limit?: number; secretHeaders?: string[] } = {},
  clock = fakeClock(),
) {
  const transport = scriptedTransport(script, { clock });
  return { transport, clock, send: redirectLayer(clock, options)(transport) };
}

test("an answer that is no redirect is handed on untouched", async () => {
  const { transport, send } = follow([
    { status: 304, chunks: ["x"] },
    { status: 302, chunks: ["x"] },
  ]);
  for (const status of [304, 302]) {
    expect(await send(new StreamRequest({ url: "https://a.example/" }), { signal: free })).toMatchObject({ status });
  }
  expect([transport.pulled, transport.released]).toEqual([0, 0]);
});

test.each([
  ["/next", "https://a.example/next"],
  ["next?y=2", "https://a.example/v1/next?y=2"],
  ["//b.example/next", "https://b.example/next"],
  ["http://ann:pw@b.example/next#part", "http://b.example/next"],
])("Location %s leads to %s", async (location, url) => {
  const { transport, send } = follow([{ ...to(location), chunks: ["moved"] }, {}]);
  const response = await send(new StreamRequest({ url: "https://a.example/v1/feed?x=1" }), { signal: free });
  expect(response).toMatchObject({ url, status: 200 });
  expect(transport.requests[1]?.url).toBe(url);
  expect([transport.pulled, transport.released, transport.open]).toEqual([1, 1, 1]);
});

test.each([
  ["GET", 301, "GET"],
  ["HEAD", 302, "HEAD"],
  ["POST", 301, "GET"],
  ["POST", 302, "GET"],
  ["PUT", 301, "PUT"],
  ["PUT", 302, "PUT"],
  ["POST", 303, "GET"],
  ["DELETE", 303, "GET"],
  ["HEAD", 303, "HEAD"],
  ["POST", 307, "POST"],
  ["POST", 308, "POST"],
])("a %s that is answered %d goes on as %s", async (method, status, after) => {
  const { transport, send } = follow([to("/next", status), {}]);
  const unsafe = method !== "GET" && method !== "HEAD";
  const request = new StreamRequest({
    url: "https://a.example/",
    method,
    headers: { "content-type": "text/plain", "content-language": "en", "x-own": "1" },
    body: unsafe ? "body" : undefined,
  });
  await send(request, { signal: free });
  const kept = after === method;
  expect(transport.requests[1]).toMatchObject({ method: after, body: kept ? request.body : undefined });
  expect(transport.requests[1]?.headers).toEqual(kept ? request.headers : { "x-own": "1" });
});

test("a redirect does not stick: the next attempt starts at the first URL", async () => {
  const { transport, send } = follow([to("/next"), {}, {}]);
  const request = new StreamRequest({ url: "https://a.example/" });
  await send(request, { signal: free });
  await send(request, { signal: free });
  expect(transport.requests.map(({ url }) => url)).toEqual([
    "https://a.example/",
    "https://a.example/next",
    "https://a.example/",
  ]);
});

test("secret headers stay with their origin, also when it comes back", async () => {
  const { transport, send } = follow([to("/same"), to("https://b.example/"), to("https://a.example/back"), {}], {
    secretHeaders: ["X-Api-Key"],
  });
  const open = { "last-event-id": "7", accept: "text/event-stream" };
  const secret = { authorization: "a", cookie: "b", "proxy-authorization": "c", host: "a.example", "x-api-key": "d" };
  await send(new StreamRequest({ url: "https://a.example/", headers: { ...open, ...secret } }), { signal: free });
  expect(transport.requests.map(({ headers }) => headers)).toEqual([
    { ...open, ...secret },
    { ...open, ...secret },
    open,
    open,
  ]);
});

test.each(["http://a.example/", "https://a.example:8443/", "https://sub.a.example/"])(
  "%s is another origin than https://a.example",
  async (url) => {
    const { transport, send } = follow([to(url), {}]);
    await send(new StreamRequest({ url: "https://a.example/", headers: { authorization: "secret" } }), {
      signal: free,
    });
    expect(transport.requests[1]?.headers).toEqual({});
  },
);

test("credentials inside the redirects go to their origin only, and come back with it", async () => {
  const clock = fakeClock();
  const transport = scriptedTransport([to("https://b.example/"), to("https://a.example/back"), {}], { clock });
  const send = layered(transport, [redirectLayer(clock), authLayer(basic("ann", "pw"), "https://a.example", clock)]);
  await send(new StreamRequest({ url: "https://a.example/" }), { signal: free });
  expect(transport.requests.map(({ headers }) => headers["authorization"])).toEqual([
    "Basic YW5uOnB3",
    undefined,
    "Basic YW5uOnB3",
  ]);
});

test("one redirect more than the limit is refused, and every answer is released", async () => {
  const loop = (_: unknown, index: number): ScriptedAnswer => to(`/${index + 1}?token=abc`);
  const clock = fakeClock();
  const transport = scriptedTransport(loop, { clock });
  await expect(
    redirectLayer(clock)(transport)(new StreamRequest({ url: "https://a.example/0" }), { signal: free }),
  ).rejects.toMatchObject({
    code: "refused",
    status: 302,
    message:
      "Cannot open https://a.example/20?token=***: the server answered 302 and led to https://a.example/21?token=***, one redirect more than the limit of 20",
  });
  expect([transport.requests.length, transport.released, transport.open]).toEqual([21, 21, 0]);
});

test.each([
  ["ftp://b.example/?t=secret", "ftp://b.example/?t=***"],
  ["javascript:alert(1)", "javascript:alert(1)"],
  ["http://[", "http://["],
])("Location %s is refused", async (location, shown) => {
  const { transport, send } = follow([to(location)]);
  await expect(send(new StreamRequest({ url: "https://a.example/" }), { signal: free })).rejects.toMatchObject({
    code: "refused",
    status: 302,
    message: `Cannot open https://a.example/: the server answered 302 and led to ${shown}, which is no http(s) URL`,
  });
  expect(transport.open).toBe(0);
});

async function* once(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array([1]);
}

test("a body that cannot be made again is not sent on by 307, and a function is", async () => {
  const attempt = (body: RequestBody) => {
    const { transport, send } = follow([to("/next", 307), {}]);
    return {
      transport,
      answer: send(new StreamRequest({ url: "https://a.example/", method: "POST", body }), { signal: free }),
    };
  };
  const lost = attempt(once());
  await expect(lost.answer).rejects.toMatchObject({
    code: "refused",
    status: 307,
    message: expect.stringContaining("give it as a function"),
  });
  expect([lost.transport.requests.length, lost.transport.open]).toEqual([1, 0]);
  expect(await attempt(once).answer).toMatchObject({ status: 200 });
});

test("a body that cannot be made again does not hinder a redirect that drops it", async () => {
  const { send } = follow([to("/next", 303), {}]);
  const request = new StreamRequest({ url: "https://a.example/", method: "POST", body: once() });
  expect(await send(request, { signal: free })).toMatchObject({ status: 200 });
});

test("the events of the wire are told once", async () => {
  const { send } = follow([to("/next"), {}]);
  const calls: string[] = [];
  const on = {
    hidden: () => calls.push("hidden"),
    connected: () => calls.push("connected"),
    sent: () => calls.push("sent"),
  };
  await send(new StreamRequest({ url: "https://a.example/" }), { signal: free, on });
  expect(calls).toEqual(["connected", "sent"]);
});

test("every request on the way is for the same use: it stays in its lane", async () => {
  const { transport, clock } = follow([to("/next"), to("/last"), {}]);
  const lanes: unknown[] = [];
  const seen: Transport = (sent, sentCall) => {
    lanes.push(sentCall.lane);
    return transport(sent, sentCall);
  };
  const send = redirectLayer(clock)(seen);
  await send(new StreamRequest({ url: "https://a.example/" }), { signal: free, lane: "call" });
  expect(lanes).toEqual(["call", "call", "call"]);
});

test("an answer that does not end costs 1 s on the way, and an abort meanwhile ends all", async () => {
  const slow = { ...to("/next"), chunks: ["stall" as const] };
  const { clock, send } = follow([slow, {}]);
  const answer = send(new StreamRequest({ url: "https://a.example/" }), { signal: free });
  await clock.advance(1_000);
  expect(await answer).toMatchObject({ url: "https://a.example/next" });

  const caller = new AbortController();
  const other = follow([slow]);
  const aborted = expect(
    other.send(new StreamRequest({ url: "https://a.example/" }), { signal: caller.signal }),
  ).rejects.toBe("mine");
  await other.clock.advance(10);
  caller.abort("mine");
  await aborted;
  expect([other.transport.open, other.transport.requests.length, other.clock.pending]).toEqual([0, 1, 0]);
});

test.each([
  ["/next?y=2", "unix:/run/a.sock:/next?y=2", "cookie=1"],
  ["next", "unix:/run/a.sock:/v1/next", "cookie=1"],
  ["http://localhost/next#part", "unix:/run/a.sock:/next", "cookie=1"],
  ["http://b.example/next", "http://b.example/next", undefined],
])("over a Unix socket Location %s leads to %s", async (location, url, cookie) => {
  const { transport, send } = follow([to(location), {}]);
  const headers = { cookie: "cookie=1" };
  await send(new StreamRequest({ url: "unix:/run/a.sock:/v1/feed?x=1", headers }), { signal: free });
  expect(transport.requests[1]).toMatchObject({ url });
  expect(transport.requests[1]?.headers.cookie).toBe(cookie);
});

test.each(["https://a.example/", "unix:/run/a.sock:/"])("no server leads to a Unix socket: %s", async (url) => {
  const { send } = follow([to("unix:/run/docker.sock:/images?token=secret")]);
  const error = await send(new StreamRequest({ url }), { signal: free }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "refused", status: 302 });
  expect(String(error)).toContain("led to unix:/run/docker.sock:/images?token=***, which is no http(s) URL");
});
