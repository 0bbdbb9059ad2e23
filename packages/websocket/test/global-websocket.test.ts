import type { SocketEnd, SocketRequest } from "@longwire/core";
import { fakeClock } from "@longwire/core/testing";
import { expect, test } from "vitest";
import { globalWebSocket } from "../src/index.ts";

/** A WebSocket of a browser, as far as its events go, driven by hand. */
class FakeWebSocket {
  static made: FakeWebSocket[] = [];
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: Event) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  onclose: ((event: Event) => void) | null = null;
  readonly url: string;
  readonly protocols: readonly string[];
  readyState = 0;
  binaryType = "blob";
  bufferedAmount = 0;
  protocol = "";
  closed: [code: number | undefined, reason: string | undefined] | undefined;

  constructor(url: string, protocols: readonly string[]) {
    this.url = url;
    this.protocols = protocols;
    FakeWebSocket.made.push(this);
  }

  send(message: string | Uint8Array): void {
    this.bufferedAmount += message.length;
  }

  close(code?: number, reason?: string): void {
    this.closed ??= [code, reason];
  }

  opens(): void {
    this.readyState = 1;
    this.onopen?.(new Event("open"));
  }

  says(data: unknown): void {
    this.onmessage?.(new MessageEvent("message", { data }));
  }

  ends(code: number, reason = ""): void {
    this.readyState = 3;
    this.onclose?.(Object.assign(new Event("close"), { code, reason }));
  }
}

const WebSocketOfIt = FakeWebSocket as unknown as typeof WebSocket;

const asking = (more: Partial<SocketRequest> = {}): SocketRequest => ({
  url: "wss://a.example/ws?token=secret",
  protocols: ["chat"],
  headers: {},
  maxMessageBytes: 10,
  closeMs: 5_000,
  ...more,
});

const never = new AbortController().signal;

/** Asks for one, and hands out the runtime's side of it. */
function rig(request: SocketRequest = asking(), signal: AbortSignal = never) {
  const clock = fakeClock();
  const told: string[] = [];
  const on = { hidden: () => void told.push("hidden"), connected: () => {}, sent: () => void told.push("sent") };
  const pending = globalWebSocket({ clock, WebSocket: WebSocketOfIt })(request, { signal, on });
  pending.catch(() => {});
  return { clock, pending, told, runtime: FakeWebSocket.made.at(-1) as FakeWebSocket };
}

/** A listener that notes what it is told. */
function notes() {
  const told: unknown[] = [];
  const listener = {
    message: (message: unknown, bytes: number) => void told.push([message, bytes]),
    alive: () => {},
    pong: () => {},
    closed: ({ code, reason, error }: SocketEnd) => void told.push([code, reason, error?.code]),
  };
  return { told, listener };
}

test("opens, tells what came before it was listened to, counts bytes as UTF-8, and how it ended", async () => {
  const { pending, runtime, told } = rig();
  expect([runtime.url, runtime.protocols, runtime.binaryType, told]).toEqual([
    "wss://a.example/ws?token=secret",
    ["chat"],
    "arraybuffer",
    ["hidden", "sent"],
  ]);
  runtime.protocol = "chat";
  runtime.opens();
  runtime.says("früh");
  const socket = await pending;
  expect([socket.protocol, socket.head.status, socket.ping, socket.pause]).toEqual(["chat", 101, undefined, undefined]);
  const { told: heard, listener } = notes();
  socket.listen(listener);
  runtime.says(Uint8Array.of(1, 2).buffer);
  runtime.says("a€😀");
  runtime.ends(4_001, "bye");
  runtime.says("never");
  expect(heard).toEqual([
    ["früh", 5],
    [Uint8Array.of(1, 2), 2],
    ["a€😀", 8],
    [4001, "bye", undefined],
  ]);
});

test("a send is told when the runtime's buffer says that its bytes have left", async () => {
  const { pending, runtime, clock } = rig();
  runtime.opens();
  const socket = await pending;
  socket.listen(notes().listener);
  const left: string[] = [];
  socket.send("one", () => left.push("one"));
  socket.send("three", () => left.push("three"));
  expect(socket.bufferedBytes).toBe(8);
  await clock.advance(10_000);
  expect(left).toEqual([]);
  runtime.bufferedAmount = 5;
  await clock.advance(50);
  expect([left, socket.bytesSent]).toEqual([["one"], 3]);
  runtime.bufferedAmount = 0;
  await clock.advance(50);
  expect([left, clock.pending]).toEqual([["one", "three"], 0]);
  socket.send("lost", () => left.push("lost"));
  runtime.ends(1_006);
  expect([left.length, clock.pending]).toEqual([2, 0]);
});

test("what the runtime's buffer says when an answer comes, or at the end, is not waited for", async () => {
  const { pending, runtime, clock } = rig();
  runtime.opens();
  const socket = await pending;
  const { told, listener } = notes();
  socket.listen(listener);
  socket.send("one", () => told.push("one left"));
  socket.send("two", () => told.push("two left"));
  socket.send("three", () => told.push("three left"));
  runtime.bufferedAmount = 8;
  runtime.says("answer");
  runtime.bufferedAmount = 5;
  runtime.ends(1_001);
  expect(told).toEqual(["one left", ["answer", 6], "two left", [1001, "", undefined]]);
  expect(clock.pending).toBe(0);
});

test("however often it is sent and answered, one timer looks", async () => {
  const { pending, runtime, clock } = rig();
  runtime.opens();
  const socket = await pending;
  socket.listen(notes().listener);
  for (let round = 0; round < 3; round++) {
    socket.send("ping", () => {});
    runtime.bufferedAmount = 0;
    runtime.says("pong");
    expect(clock.pending).toBe(1);
  }
  socket.terminate();
  expect(clock.pending).toBe(0);
});

test("a connection that does not come about is unreachable, and its query stays secret", async () => {
  const { pending, runtime } = rig();
  runtime.onerror?.(new Event("error"));
  runtime.ends(1_006);
  const error = await pending.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "StreamError", code: "unreachable" });
  expect((error as Error).message).not.toContain("secret");
});

test("an abort before it is open ends it, with the signal's reason", async () => {
  const controller = new AbortController();
  const { pending, runtime } = rig(asking(), controller.signal);
  controller.abort(new Error("enough"));
  await expect(pending).rejects.toThrow("enough");
  expect(runtime.closed).toEqual([undefined, undefined]);
  runtime.opens();
});

test("a message over the limit ends it as limit; the runtime had it in memory already", async () => {
  const { pending, runtime } = rig();
  runtime.opens();
  const socket = await pending;
  const { told, listener } = notes();
  socket.listen(listener);
  runtime.says("12345678901");
  runtime.says("more");
  expect([told, runtime.closed]).toEqual([[[1006, "", "limit"]], [undefined, undefined]]);
});

test("an error that the runtime explains, as Node does, is reset", async () => {
  const { pending, runtime } = rig();
  runtime.opens();
  const socket = await pending;
  const { told, listener } = notes();
  socket.listen(listener);
  runtime.onerror?.(Object.assign(new Event("error"), { message: "read ECONNRESET", error: new Error("x") }));
  runtime.ends(1_006);
  expect(told).toEqual([[1006, "", "reset"]]);
});

test("an error without a word, as Node's own of a FIN, has no empty brackets", async () => {
  const { pending, runtime } = rig();
  runtime.opens();
  const socket = await pending;
  const ends: SocketEnd[] = [];
  socket.listen({ ...notes().listener, closed: (end) => ends.push(end) });
  runtime.onerror?.(Object.assign(new Event("error"), { message: "", error: new TypeError() }));
  runtime.ends(1_006);
  expect(ends[0]?.error?.message).toMatch(/: the connection broke$/);
});

test("close goes to the runtime as it is; terminate says nothing more of it", async () => {
  const { pending, runtime } = rig();
  runtime.opens();
  const socket = await pending;
  const { told, listener } = notes();
  socket.listen(listener);
  socket.close(4_000, "done");
  socket.terminate();
  runtime.ends(1_006);
  expect([told, runtime.closed]).toEqual([[], [4000, "done"]]);
});

test("what the runtime cannot do is `protocol`, and says what to do instead", async () => {
  for (const [request, told] of [
    [asking({ headers: { authorization: "Bearer a" } }), "protocols, query or hello"],
    [asking({ url: "unix:/run/a.sock:/ws" }), "ws: and wss:"],
  ] as const) {
    const error = await rig(request).pending.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "protocol" });
    expect((error as Error).message).toContain(told);
    expect((error as Error).message).not.toContain("Bearer a");
  }
  const none = globalWebSocket({ WebSocket: null as never });
  await expect(none(asking(), { signal: never })).rejects.toThrow("has no WebSocket");
});
