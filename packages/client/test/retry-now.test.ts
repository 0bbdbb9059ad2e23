import { fakeClock } from "@longwire/core/testing";
import { afterEach, expect, test, vi } from "vitest";
import { createClient, type Transport } from "../src/index.ts";
import { clientOf, read, sse } from "./client-of.ts";

afterEach(() => void vi.unstubAllGlobals());

const slow = { reconnect: { floorMs: 60_000, maxMs: 60_000 } } as const;

test("retryNow() ends every wait, of streams and requests, and answers how many there were", async () => {
  const { client, clock, transport } = clientOf((request, index) => {
    if (request.url.endsWith("/open")) return { headers: sse, chunks: ["data: a\n\n", "stall"] };
    return index < 4 ? { status: 503 } : { status: 204 };
  }, slow);
  const open = client.sse("/open");
  const idle = client.sse("/idle");
  const waiting = [client.sse("/a"), client.sse("/b", { policy: "dropOldest", capacity: 1 })];
  for (const stream of [open, ...waiting]) void read(stream);
  const reply = client.request("/status", { retries: 1 });
  await clock.advance(10);
  expect([open, idle, ...waiting].map(({ state }) => state.name)).toEqual(["open", "idle", "waiting", "waiting"]);
  expect(client.retryNow()).toBe(3);
  expect(client.retryNow()).toBe(0);
  await clock.advance(0);
  expect((await Promise.all(waiting.map(({ outcome }) => outcome))).map(({ code }) => code)).toEqual([
    "complete",
    "complete",
  ]);
  expect([(await reply).status, transport.requests.length, idle.state.name]).toEqual([204, 7, "idle"]);
  await client.close();
});

test("a transport that wakes ends the waits of its streams; nothing listens else, nor after the end", async () => {
  const listeners = new Set<() => void>();
  const scripted = clientOf([{ status: 503 }, { headers: sse, chunks: ["stall"] }]);
  const onWake: Transport["onWake"] = (listener) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const transport = Object.assign<Transport, Pick<Transport, "onWake">>(
    (request, call) => scripted.transport(request, call),
    { onWake },
  );
  const { client, clock } = clientOf([], { ...slow, transport, clock: scripted.clock });
  const events = client.sse("/events");
  expect(listeners.size).toBe(0);
  void read(events);
  await clock.advance(10);
  expect([events.state.name, listeners.size]).toEqual(["waiting", 1]);
  for (const listener of listeners) listener();
  await clock.advance(10);
  expect([events.state.name, listeners.size]).toEqual(["open", 0]);
  await client.close();
  expect(listeners.size).toBe(0);
});

test("a client on fetch wakes when the browser is online again", async () => {
  const browser = new EventTarget();
  vi.stubGlobal("addEventListener", browser.addEventListener.bind(browser));
  vi.stubGlobal("removeEventListener", browser.removeEventListener.bind(browser));
  let asked = 0;
  vi.stubGlobal("fetch", async () => new Response(null, { status: asked++ === 0 ? 503 : 204 }));
  const clock = fakeClock();
  const client = createClient({ baseUrl: "https://a.example", clock, ...slow });
  const events = client.sse("/events");
  const items = read(events);
  await clock.advance(10);
  expect(events.state.name).toBe("waiting");
  browser.dispatchEvent(new Event("online"));
  expect(await items).toEqual([]);
  expect([asked, (await events.outcome).code]).toEqual([2, "complete"]);
  await client.close();
});
