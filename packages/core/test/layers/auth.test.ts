import { expect, test } from "vitest";
import { type Auth, type AuthCall, authLayer, basic, bearer } from "../../src/layers/auth.ts";
import { StreamRequest } from "../../src/request/stream-request.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { fakeClock, type ScriptedAnswer, scriptedTransport } from "../../src/testing/index.ts";

const free = new AbortController().signal;
const request = new StreamRequest({ url: "https://a.example/feed" });
const call = (refused: boolean): AuthCall => ({ url: request.url, refused, signal: free });

function guarded(auth: Auth, script: readonly ScriptedAnswer[], clock = fakeClock()) {
  const transport = scriptedTransport(script, { clock });
  return { transport, clock, send: authLayer(auth, "https://a.example", clock)(transport) };
}

const sentBy = (transport: { readonly requests: readonly StreamRequest[] }) =>
  transport.requests.map(({ headers }) => headers["authorization"]);

test("basic credentials are UTF-8 in base64 (RFC 7617 section 2.1)", async () => {
  expect(await basic("test", "123£")(call(false))).toBe("Basic dGVzdDoxMjPCow==");
  expect(await basic("", "")(call(false))).toBe("Basic Og==");
});

test("a user name with a colon is a TypeError that does not print it", () => {
  expect(() => basic("ann:secret", "")).toThrow(TypeError);
  expect(() => basic("ann:secret", "")).not.toThrow(/secret/);
});

test("a bearer token is a value or a function that is asked with the call", async () => {
  expect(await bearer("abc")(call(false))).toBe("Bearer abc");
  expect(await bearer(({ refused }) => (refused ? "new" : "old"))(call(true))).toBe("Bearer new");
  expect(await bearer(async () => undefined)(call(false))).toBe(undefined);
});

test("credentials are asked for every attempt", async () => {
  let count = 0;
  const { transport, send } = guarded(
    bearer(() => `t${++count}`),
    [{}, {}],
  );
  await send(request, { signal: free });
  await send(request, { signal: free });
  expect(sentBy(transport)).toEqual(["Bearer t1", "Bearer t2"]);
});

test.each<[unknown, string]>([
  [5, "auth must give a string, a plain object of headers or undefined, not number"],
  [null, "auth must give a string, a plain object of headers or undefined, not null"],
  [new Headers({ "x-key": "hunter2" }), "not [object Headers]"],
  [{ "x-key": 5 }, "The header x-key must be a string, not number"],
  ["hunter2\n", "The header authorization holds what HTTP does not allow"],
])("what is no credentials is a TypeError that does not print it: %s", async (given, message) => {
  const { transport, send } = guarded((() => given) as Auth, [{}]);
  const thrown = await Promise.resolve(send(request, { signal: free })).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(TypeError);
  expect((thrown as Error).message).toContain(message);
  expect((thrown as Error).message).not.toContain("hunter2");
  expect(transport.requests.length).toBe(0);
});

test("a bearer token that is no text is a TypeError", async () => {
  await expect(Promise.resolve(bearer((() => 5) as unknown as () => string)(call(false)))).rejects.toThrow(
    new TypeError("A bearer token must be a string, not number"),
  );
});

test("headers by name are credentials too, and undefined is none", async () => {
  const { transport, send } = guarded(({ url }) => (url.endsWith("none") ? undefined : { "X-Api-Key": "k" }), [{}, {}]);
  await send(request, { signal: free });
  await send(request.withUrl("https://a.example/none"), { signal: free });
  expect(transport.requests.map(({ headers }) => headers)).toEqual([{ "x-api-key": "k" }, {}]);
});

test.each(["https://b.example/", "http://a.example/", "https://a.example:8443/"])(
  "nothing is asked or sent for %s",
  async (url) => {
    let asked = 0;
    const { transport, send } = guarded(() => `${++asked}`, [{ status: 401 }]);
    expect(await send(request.withUrl(url), { signal: free })).toMatchObject({ status: 401 });
    expect([asked, sentBy(transport)]).toEqual([0, [undefined]]);
  },
);

test("after a 401 it asks once more and sends again, with the first answer released and the wire's events told once", async () => {
  const { transport, send } = guarded(
    bearer(({ refused }) => (refused ? "new" : "old")),
    [{ status: 401, chunks: ["expired"] }, {}],
  );
  const events: string[] = [];
  const on = { hidden() {}, connected: () => events.push("connected"), sent: () => events.push("sent") };
  expect(await send(request, { signal: free, on })).toMatchObject({ status: 200 });
  expect(sentBy(transport)).toEqual(["Bearer old", "Bearer new"]);
  expect([transport.released, transport.open]).toEqual([1, 1]);
  expect(events).toEqual(["connected", "sent"]);
});

test("what is sent again is for the same use: it stays in its lane", async () => {
  const { transport } = guarded(() => undefined, [{ status: 401 }, {}]);
  const lanes: unknown[] = [];
  const seen: Transport = (sent, sentCall) => {
    lanes.push(sentCall.lane);
    return transport(sent, sentCall);
  };
  const auth = bearer(({ refused }) => (refused ? "new" : "old"));
  await authLayer(auth, "https://a.example", fakeClock())(seen)(request, { signal: free, lane: "call" });
  expect(lanes).toEqual(["call", "call"]);
});

test("a second 401 is handed on untouched", async () => {
  let asked = 0;
  const { transport, send } = guarded(() => `${++asked}`, [{ status: 401 }, { status: 401, chunks: ["no"] }]);
  expect(await send(request, { signal: free })).toMatchObject({ status: 401 });
  expect([asked, transport.requests.length, transport.pulled, transport.open]).toEqual([2, 2, 0, 1]);
});

test.each<[string, Auth]>([
  ["the same value again", basic("ann", "pw")],
  ["the same headers again", () => ({ "X-Api-Key": "k" })],
  ["nothing", ({ refused }) => (refused ? undefined : "old")],
])("a 401 is handed on untouched when there is %s", async (_, auth) => {
  const { transport, send } = guarded(auth, [{ status: 401, chunks: ["no"] }]);
  expect(await send(request, { signal: free })).toMatchObject({ status: 401 });
  expect([transport.requests.length, transport.pulled, transport.open]).toEqual([1, 0, 1]);
});

test("a body that cannot be made again is not sent again, and a function is", async () => {
  let asked = 0;
  async function* once() {
    yield new Uint8Array([1]);
  }
  const post = request.withMethod("POST");
  const lost = guarded(() => `${++asked}`, [{ status: 401 }]);
  expect(await lost.send(post.withBody(once()), { signal: free })).toMatchObject({ status: 401 });
  expect([asked, lost.transport.requests.length]).toEqual([1, 1]);
  const made = guarded(() => `${++asked}`, [{ status: 401 }, {}]);
  expect(await made.send(post.withBody(once), { signal: free })).toMatchObject({ status: 200 });
});

test("what the function throws is thrown as it is, and the 401 in hand is released", async () => {
  const broken = new Error("token service down");
  const first = guarded(() => Promise.reject(broken), []);
  await expect(first.send(request, { signal: free })).rejects.toBe(broken);
  const second = guarded(
    ({ refused }) => {
      if (refused) throw broken;
      return "old";
    },
    [{ status: 401, chunks: ["stall"] }],
  );
  await expect(second.send(request, { signal: free })).rejects.toBe(broken);
  expect([second.transport.open, second.transport.released]).toEqual([0, 1]);
});

test.each([false, true])(
  "an abort while the function does not answer (refused: %s) is thrown as it is",
  async (silentWhen) => {
    const caller = new AbortController();
    const { transport, clock, send } = guarded(
      ({ refused }) => (refused === silentWhen ? new Promise(() => {}) : "old"),
      [{ status: 401 }],
    );
    const aborted = expect(send(request, { signal: caller.signal })).rejects.toBe("mine");
    await clock.advance(10);
    caller.abort("mine");
    await aborted;
    expect([transport.open, transport.requests.length]).toEqual([0, silentWhen ? 1 : 0]);
  },
);
