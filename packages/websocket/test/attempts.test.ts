import { StreamError, type StreamRequest } from "@longwire/core";
import { expect, test } from "vitest";
import { openWebSocket, type WebSocketOptions } from "../src/index.ts";
import { reading, rig } from "./rig.ts";

/** A stream whose first connection says `first` and ends, and whose second is read up to `last`. */
async function reopened(options: WebSocketOptions, url?: string) {
  const { stream, clock, peer, opener } = rig([{ messages: ["1"] }, { messages: ["2"] }], options, url);
  const { items, end } = reading(stream);
  await clock.advance(0);
  peer().end({ code: 1001 });
  await clock.advance(1_000);
  const notices = stream.stats.reconnects;
  await stream.close();
  await end;
  await clock.advance(0);
  expect([items, notices, opener.open, clock.pending]).toEqual([["1", "2"], 1, 0, 0]);
  return { requests: opener.requests, received: opener.peers.map(({ received }) => received), stream };
}

test("headers, auth, protocols and query are asked for at every attempt", async () => {
  let asked = 0;
  const { requests } = await reopened({
    headers: () => ({ "X-Try": `h${++asked}` }),
    auth: async () => `Bearer a${++asked}`,
    protocols: async () => ["chat", `token.${++asked}`],
    query: async () => ({ ticket: `q${++asked}` }),
  });
  expect(requests.map(({ url, protocols, headers }) => ({ url, protocols, headers }))).toEqual([
    {
      url: "wss://a.example/ws?ticket=q2",
      protocols: ["chat", "token.3"],
      headers: { "x-try": "h1", authorization: "Bearer a4" },
    },
    {
      url: "wss://a.example/ws?ticket=q6",
      protocols: ["chat", "token.7"],
      headers: { "x-try": "h5", authorization: "Bearer a8" },
    },
  ]);
});

test("userinfo in the URL becomes basic auth, and leaves the URL", async () => {
  const { requests } = await reopened({}, "ws://ann:secret@a.example/ws");
  expect(requests[0]).toMatchObject({
    url: "ws://a.example/ws",
    headers: { authorization: `Basic ${btoa("ann:secret")}` },
  });
});

test("after a 401 the credentials are asked for once more, within the attempt", async () => {
  const refused = new StreamError("refused", "401", { status: 401 });
  const asked: boolean[] = [];
  const { stream, clock, opener } = rig([{ error: refused }, { messages: ["in"] }], {
    auth: ({ refused }) => {
      asked.push(refused);
      return refused ? "Bearer new" : "Bearer old";
    },
  });
  const { items, end } = reading(stream);
  await clock.advance(0);
  expect([items, asked, stream.stats.attempts]).toEqual([["in"], [false, true], 1]);
  expect(opener.requests.map(({ headers }) => headers["authorization"])).toEqual(["Bearer old", "Bearer new"]);
  await stream.close();
  await end;
  await clock.advance(0);

  const same = rig([{ error: refused }], { auth: () => "Bearer old" });
  expect(await reading(same.stream).end).toBe(refused);
  expect(same.opener.requests.length).toBe(1);
});

test("credentials go to the origin that they were given for, and to no other that resume.apply leads to", async () => {
  const asked: string[] = [];
  const { stream, clock, opener, peer } = rig([{ messages: ["1"] }, { messages: ["2"] }], {
    auth: ({ url }) => {
      asked.push(url);
      return "Bearer mine";
    },
    resume: { cursor: (message) => String(message), apply: (request) => request.withUrl("https://b.example/ws") },
  });
  const { end } = reading(stream);
  await clock.advance(0);
  peer().end({ code: 1001 });
  await clock.advance(100);
  expect(opener.requests.map(({ url, headers }) => [url, headers["authorization"]])).toEqual([
    ["wss://a.example/ws", "Bearer mine"],
    ["wss://b.example/ws", undefined],
  ]);
  expect(asked).toEqual(["wss://a.example/ws"]);
  await stream.close();
  await end;
  await clock.advance(0);
});

test("it goes on behind the cursor by the handshake: resume.apply", async () => {
  const { requests, stream } = await reopened({
    query: { room: "a" },
    resume: {
      cursor: Number,
      apply: (request, since) => request.withQuery({ since }).withHeader("X-Since", `${since}`),
    },
  });
  expect(requests.map(({ url }) => url)).toEqual(["wss://a.example/ws?room=a", "wss://a.example/ws?room=a&since=1"]);
  expect(requests[1]?.headers["x-since"]).toBe("1");
  expect(stream.cursor).toBe(2);
});

test("it goes on behind the cursor by its first message: hello, which goes before what was sent meanwhile", async () => {
  const { stream, clock, peer } = rig([{ messages: ["1"] }, { messages: ["2"] }], {
    hello: async ({ cursor, protocol }) => ["auth", `after ${cursor ?? "nothing"} ${protocol}`],
    protocols: "chat",
    resume: { cursor: Number },
    sendPolicy: "wait",
    sendCapacity: 1,
  });
  const notices = reading(stream.notices());
  const { items, end } = reading(stream);
  await clock.advance(0);
  peer().end({ code: 1006 });
  await clock.advance(0);
  const sent = stream.send("hi");
  await clock.advance(1_000);
  await sent;
  expect(items).toEqual(["1", "2"]);
  expect(peer(0).received).toEqual(["auth", "after nothing chat"]);
  expect(peer(1).received).toEqual(["auth", "after 1 chat", "hi"]);
  await stream.close();
  await end;
  await notices.end;
  const types = notices.items.map(({ type }) => type);
  expect([types.includes("resumed"), types.includes("gap")]).toEqual([true, false]);
  await clock.advance(0);
});

test("messages that come while hello is being made are kept", async () => {
  let ready = (): void => {};
  const gate = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const { stream, clock, peer } = rig([{ bare: true }], { hello: async () => gate.then(() => "hello") });
  const { items, end } = reading(stream);
  await clock.advance(0);
  peer().say("early");
  ready();
  await clock.advance(0);
  expect([items, peer().received]).toEqual([["early"], ["hello"]]);
  await stream.close();
  await end;
  await clock.advance(0);
});

test("a hello that hangs ends with headersMs, and leaves no socket", async () => {
  const { stream, clock, opener } = rig([{}], {
    hello: () => new Promise<never>(() => {}),
    timeouts: { headersMs: 100 },
    reconnect: false,
  });
  const { end } = reading(stream);
  await clock.advance(100);
  expect(await end).toMatchObject({ code: "deadline", clock: "headersMs" });
  await clock.advance(0);
  expect([opener.open, clock.pending]).toEqual([0, 0]);
});

test("what hello throws, or what is no message, ends the stream as protocol", async () => {
  const thrown = new Error("mine");
  for (const hello of [() => Promise.reject(thrown), () => 5 as never]) {
    const { stream, clock, opener } = rig([{}], { hello });
    expect(await reading(stream).end).toMatchObject({ code: "protocol" });
    await clock.advance(0);
    expect([opener.open, opener.requests.length, clock.pending]).toEqual([0, 1, 0]);
  }
});

test("a connection that ends before hello is there is no connection", async () => {
  const { stream, clock, peer } = rig([{ bare: true }, {}], {
    hello: () => new Promise((resolve) => resolvers.push(resolve)),
  });
  const resolvers: ((message: string) => void)[] = [];
  const { end } = reading(stream);
  await clock.advance(0);
  peer().end({ code: 1001 });
  resolvers[0]?.("late");
  await clock.advance(1_000);
  resolvers[1]?.("hello");
  await clock.advance(0);
  expect([peer(0).received, peer(1).received]).toEqual([[], ["hello"]]);
  await stream.close();
  await end;
  await clock.advance(0);
});

test("ws: is http:, wss: is https:, a base is a prefix, and errors mask the query", async () => {
  const urlOf = async (url: string, options: WebSocketOptions = {}) => {
    const { stream, clock, opener } = rig([{}], options, url);
    const { end } = reading(stream);
    await clock.advance(0);
    await stream.close();
    await end;
    await clock.advance(0);
    return opener.requests[0]?.url;
  };
  expect(await urlOf("/ws", { baseUrl: "https://b.example/v1" })).toBe("wss://b.example/v1/ws");
  expect(await urlOf("/ws", { baseUrl: "ws://b.example" })).toBe("ws://b.example/ws");
  expect(await urlOf("http://b.example/ws")).toBe("ws://b.example/ws");
  expect(await urlOf("unix:/run/a.sock:/ws")).toBe("unix:/run/a.sock:/ws");
  const { stream, clock, peer } = rig([{}], {}, "wss://a.example/ws?token=secret");
  const { end } = reading(stream);
  await clock.advance(0);
  peer().end({ code: 1008 });
  const { message } = (await end) as Error;
  expect([message.includes("wss://a.example/ws?token=***"), message.includes("secret")]).toEqual([true, false]);
});

test("a bad option is told before anything is sent", () => {
  const bad: readonly [options: object, told: string][] = [
    [{ pingMs: "1" }, "pingMs must be a number"],
    [{ pongMs: -1 }, "pongMs"],
    [{ closeMs: Number.POSITIVE_INFINITY }, "closeMs"],
    [{ maxItemBytes: 0 }, "maxItemBytes"],
    [{ hello: "hi" }, "hello must be a function"],
    [{ ping: "ping" }, "ping must be a function"],
    [{ opener: {} }, "opener must be a function"],
    [{ sendPolicy: "drop" }, "sendPolicy"],
    [{ sendPolicy: "wait" }, "sendCapacity"],
    [{ sendPolicy: "wait", sendCapacity: 0 }, "sendCapacity"],
    [{ sendCapacity: 5 }, "sendCapacity"],
    [{ protocols: ["a b"] }, "protocols"],
    [{ protocols: ["a", "a"] }, "protocols"],
    [{ query: 5 }, "query"],
    [{ timeouts: { pongMs: 5 } }, "timeouts has no"],
    [{ resume: { apply: (request: StreamRequest) => request } }, "resume.apply needs resume.cursor"],
    [{ resume: { from: 5 } }, "resume.from needs resume.apply"],
    [{ retryOn: { 5001: true } }, "retryOn has no"],
    [{ policy: "dropOldest" }, "capacity"],
    [{ until: { event: "x" } }, "WebSocket"],
  ];
  for (const [options, told] of bad) {
    expect(() => openWebSocket("wss://a.example/", options), JSON.stringify(options)).toThrow(told);
  }
  expect(() => openWebSocket("ftp://a.example/")).toThrow(TypeError);
});
