import { afterEach, expect, test, vi } from "vitest";
import { StreamRequest } from "../../src/request/stream-request.ts";
import { scriptedTransport } from "../../src/testing/index.ts";
import { fetchTransport } from "../../src/transport/fetch-transport.ts";
import { wakeEvents } from "../../src/transport/fetch-wake.ts";
import { layered } from "../../src/transport/layer.ts";
import type { Transport } from "../../src/transport/transport.ts";

afterEach(() => void vi.unstubAllGlobals());

/** An EventTarget that knows how many listen. */
class Counted extends EventTarget {
  listeners = 0;

  override addEventListener(...args: Parameters<EventTarget["addEventListener"]>): void {
    this.listeners++;
    super.addEventListener(...args);
  }

  override removeEventListener(...args: Parameters<EventTarget["removeEventListener"]>): void {
    this.listeners--;
    super.removeEventListener(...args);
  }
}

class Page extends Counted {
  visibilityState = "hidden";
  turn(visibilityState: string): void {
    this.visibilityState = visibilityState;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

const pageshow = (persisted: boolean): Event => Object.assign(new Event("pageshow"), { persisted });

function browser() {
  const document = new Page();
  const scope = Object.assign(new Counted(), { document });
  return { document, scope, listeners: () => scope.listeners + document.listeners };
}

test("online, a page that is visible again and one out of the back-forward cache wake, and nothing else does", () => {
  const { scope, document } = browser();
  const woken: string[] = [];
  let now = "";
  wakeEvents(scope)?.(() => woken.push(now));
  const steps: [string, () => unknown][] = [
    ["online", () => scope.dispatchEvent(new Event("online"))],
    ["offline", () => scope.dispatchEvent(new Event("offline"))],
    ["visible", () => document.turn("visible")],
    ["hidden", () => document.turn("hidden")],
    ["shown first", () => scope.dispatchEvent(pageshow(false))],
    ["shown again", () => scope.dispatchEvent(pageshow(true))],
  ];
  for (const [name, step] of steps) {
    now = name;
    step();
  }
  expect(woken).toEqual(["online", "visible", "shown again"]);
});

test("a listener that unsubscribed is called no more, others are, and no listener is left behind", () => {
  const { scope, document, listeners } = browser();
  const woken: string[] = [];
  const onWake = wakeEvents(scope);
  const first = onWake?.(() => woken.push("first"));
  const second = onWake?.(() => woken.push("second"));
  first?.();
  scope.dispatchEvent(new Event("online"));
  document.turn("visible");
  expect(woken).toEqual(["second", "second"]);
  expect(listeners()).toBeGreaterThan(0);
  second?.();
  expect(listeners()).toBe(0);
});

test("a worker, which has no document, wakes when it is online again", () => {
  const scope = new Counted();
  let woken = 0;
  const stop = wakeEvents(scope)?.(() => woken++);
  scope.dispatchEvent(new Event("online"));
  stop?.();
  expect([woken, scope.listeners]).toEqual([1, 0]);
});

test("fetchTransport has no onWake where the runtime tells nothing, as Node", () => {
  expect(fetchTransport()).not.toHaveProperty("onWake");
});

test("fetchTransport listens to its runtime, and not before it is asked to", () => {
  const { scope, document, listeners } = browser();
  vi.stubGlobal("addEventListener", scope.addEventListener.bind(scope));
  vi.stubGlobal("removeEventListener", scope.removeEventListener.bind(scope));
  vi.stubGlobal("document", document);
  const transport = fetchTransport();
  expect(listeners()).toBe(0);
  let woken = 0;
  const stop = transport.onWake?.(() => woken++);
  scope.dispatchEvent(new Event("online"));
  document.turn("visible");
  stop?.();
  expect([woken, listeners()]).toEqual([2, 0]);
});

test("onWake of a transport stays its own under layers, which are left as they are", async () => {
  const scripted = scriptedTransport([{}, {}]);
  const onWake: Transport["onWake"] = () => () => {};
  const waking = Object.assign<Transport, object>((request, call) => scripted(request, call), { onWake }) as Transport;
  const seen: string[] = [];
  const inner: Transport = (request, call) => {
    seen.push("layer");
    return waking(request, call);
  };
  const send = layered(waking, [() => inner]);
  await send(new StreamRequest({ url: "https://a.example/" }), { signal: new AbortController().signal });
  expect([send.onWake, inner.onWake, seen]).toEqual([onWake, undefined, ["layer"]]);
  expect(layered(waking, [])).toBe(waking);
  expect(layered(scripted, [() => inner])).toBe(inner);
});
