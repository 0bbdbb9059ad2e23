import { fakeClock, scriptedSockets } from "@longwire/core/testing";
import { expect, test } from "vitest";
import * as portable from "../src/index.ts";
import * as node from "../src/index.node.ts";

/** A client on a fake clock, and the sockets that a call is given. */
function rig(options: portable.ClientOptions = {}) {
  const clock = fakeClock();
  const opener = scriptedSockets(() => ({ messages: ["hello"] }), { clock });
  const client = portable.createClient({ baseUrl: "https://a.example/v1", clock, random: () => 0, ...options });
  return { clock, opener, client };
}

test("a WebSocket has what the client says merged in, counts among its streams, and ends with it", async () => {
  const { clock, opener, client } = rig({
    auth: () => "Bearer a",
    headers: { "x-team": "ops", cookie: "secret" },
    timeouts: { connectMs: 5 },
    retryOn: { 4001: true },
  });
  const own = client.webSocket("/ws", { opener, headers: { "x-call": "1" }, query: () => ({ ticket: 7 }) });
  const foreign = client.webSocket("wss://b.example/ws", { opener });
  for (const stream of [own, foreign]) {
    expect((await stream[Symbol.asyncIterator]().next()).value).toBe("hello");
  }
  expect(opener.requests.map(({ url, headers }) => ({ url, headers }))).toEqual([
    {
      url: "wss://a.example/v1/ws?ticket=7",
      headers: { "x-team": "ops", cookie: "secret", "x-call": "1", authorization: "Bearer a" },
    },
    { url: "wss://b.example/ws", headers: { "x-team": "ops" } },
  ]);
  expect(client.stats()).toMatchObject({ streams: 2, attempts: 2 });
  await client.close();
  await clock.advance(0);
  expect([opener.open, (await own.outcome).code, client.stats().streams]).toEqual([0, "closed", 0]);
  expect(() => client.webSocket("/ws", { opener })).toThrow("This client is closed");
});

test("where the runtime's WebSocket is used, the client's headers and credentials stay, and the call's own end it as protocol", async () => {
  const client = portable.createClient({
    baseUrl: "http://127.0.0.1:9",
    auth: () => "Bearer a",
    headers: { "x-team": "ops" },
  });
  const outcomeOf = async (options: object) => {
    const stream = client.webSocket("/ws", { reconnect: false, ...options });
    await stream.open().catch(() => {});
    return stream.outcome;
  };
  expect(await outcomeOf({})).toMatchObject({ code: "unreachable" });
  const { code, error } = await outcomeOf({ headers: { "x-call": "1" } });
  expect([code, (error as Error).message]).toEqual(["protocol", expect.stringContaining("x-call")]);
  await client.close();
});

test("under Node it dials over the transport that was given, and over the client's own otherwise", async () => {
  const dialed: string[] = [];
  const dial = async (url: string): Promise<never> => {
    dialed.push(url);
    throw new node.StreamError("unreachable", "no");
  };
  const transport = Object.assign(node.fetchTransport(), { dial });
  const client = node.createClient({ baseUrl: "https://a.example", transport });
  const stream = client.webSocket("/ws", { reconnect: false });
  await expect(stream.open()).rejects.toMatchObject({ code: "unreachable", message: "no" });
  expect(dialed).toEqual(["wss://a.example/ws"]);
  await client.close();
});

test("a bad option is told at once", async () => {
  const { client } = rig();
  expect(() => client.webSocket("/ws", { pingMs: -1 })).toThrow(RangeError);
  expect(() => client.webSocket("/ws", { auth: "x" as never })).toThrow("auth must be");
  await client.close();
});
