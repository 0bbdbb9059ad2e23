import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { promisify } from "node:util";
import { leakCounter, loopbackServer } from "../src/index.ts";
import { describe, expect, it } from "vitest";

const impatient = { patienceMs: 0 };

describe("a leak counter", () => {
  it("is content when what was opened was closed", async () => {
    const leaks = leakCounter();
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    clearTimeout(setTimeout(() => {}, 60_000));
    const { signal } = new AbortController();
    const listener = (): void => {};
    signal.addEventListener("abort", listener);
    signal.removeEventListener("abort", listener);
    server.close();
    await leaks.check();
  });

  it("names what is left, and how many", async () => {
    const leaks = leakCounter(impatient);
    const server = createServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    const timers = [setTimeout(() => {}, 60_000), setInterval(() => {}, 60_000)];
    const { signal } = new AbortController();
    const listener = (): void => {};
    signal.addEventListener("abort", listener);
    const [accepted] = await Promise.all([once(server, "connection"), once(socket, "connect")]);
    await expect(leaks.check()).rejects.toThrow(
      new Error("Left behind: 1 server, 2 sockets, 2 timers, 1 abort listener"),
    );
    signal.removeEventListener("abort", listener);
    for (const timer of timers) clearTimeout(timer);
    accepted[0].destroy();
    socket.destroy();
    server.close();
  });

  it("counts from its own start", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    const timer = setTimeout(() => {}, 60_000);
    await once(server, "listening");
    const leaks = leakCounter(impatient);
    await leaks.check();
    clearTimeout(timer);
    server.close();
  });

  it("waits for what is on its way out", async () => {
    const leaks = leakCounter();
    setTimeout(() => {}, 30);
    await leaks.check();
  });

  it("does not count what keeps nobody alive", async () => {
    const leaks = leakCounter(impatient);
    const timer = setTimeout(() => {}, 60_000).unref();
    await leaks.check();
    clearTimeout(timer);
  });

  it("counts the end that a server from before keeps of a connection, unless sockets are left out", async () => {
    await using server = await loopbackServer({ body: "hello" });
    const counters = [leakCounter(impatient), leakCounter({ ...impatient, except: ["socket"] })] as const;
    // A client that keeps it alive, and keeps nobody alive by it: as fetch does.
    const client = connect(server.port, "127.0.0.1").unref();
    client.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await once(client, "data");
    await expect(counters[0].check()).rejects.toThrow("Left behind: 1 socket");
    await counters[1].check();
    client.destroy();
  });

  it("leaves out what is another's", async () => {
    const leaks = leakCounter({ ...impatient, except: ["timer"] });
    const timer = setTimeout(() => {}, 60_000);
    await leaks.check();
    clearTimeout(timer);
  });

  it("checks at the end of its scope, after all that was opened in it was closed", async () => {
    const order: string[] = [];
    const scope = async (): Promise<void> => {
      await using leaks = leakCounter(impatient);
      const timer = setTimeout(() => {}, 60_000);
      await using _opened = { [Symbol.asyncDispose]: async () => void (order.push("closed"), clearTimeout(timer)) };
      expect(leaks).toBeDefined();
    };
    await scope();
    expect(order).toEqual(["closed"]);
  });

  it("tells a rejection that nobody handled, with its reason", async () => {
    // The runner would take it for its own.
    const runners = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
    try {
      const leaks = leakCounter(impatient);
      void Promise.reject(new Error("forgotten"));
      const told = await leaks.check().catch((error: unknown) => error);
      expect(told).toMatchObject({ message: "Left behind: 1 unhandled rejection", cause: { message: "forgotten" } });
    } finally {
      for (const listener of runners) process.on("unhandledRejection", listener);
    }
  });

  it("leaves the globals as they were", async () => {
    const before = [setTimeout, setInterval, AbortSignal.prototype.addEventListener];
    const own = Object.getOwnPropertyNames(AbortSignal.prototype);
    const outer = leakCounter();
    const inner = leakCounter();
    expect(await promisify(setTimeout)(1, "promisified")).toBe("promisified");
    await inner.check();
    await inner.check();
    await outer.check();
    expect([setTimeout, setInterval, AbortSignal.prototype.addEventListener]).toEqual(before);
    expect(Object.getOwnPropertyNames(AbortSignal.prototype)).toEqual(own);
  });
});

describe("an abort listener is gone", () => {
  const listener = (): void => {};
  const cases: [claim: string, act: (controller: AbortController) => void][] = [
    ["when its signal fired", (controller) => controller.abort()],
    [
      "when the signal that it was added with fired",
      ({ signal }) => {
        const until = new AbortController();
        signal.addEventListener("abort", listener, { signal: until.signal });
        until.abort();
      },
    ],
    [
      "when it was added twice and removed once, for it was added once",
      ({ signal }) => {
        signal.addEventListener("abort", listener);
        signal.addEventListener("abort", listener, { once: true });
        signal.removeEventListener("abort", listener);
      },
    ],
    ["when it was for something else", ({ signal }) => signal.addEventListener("other", listener)],
    [
      "when its signal had fired before",
      (controller) => {
        controller.abort();
        controller.signal.addEventListener("abort", listener);
      },
    ],
  ];
  it.each(cases)("%s", async (_claim, act) => {
    const leaks = leakCounter(impatient);
    const controller = new AbortController();
    act(controller);
    await leaks.check();
    controller.abort();
  });

  it("not when it was removed from the other phase", async () => {
    const leaks = leakCounter(impatient);
    const controller = new AbortController();
    controller.signal.addEventListener("abort", listener, { capture: true });
    controller.signal.removeEventListener("abort", listener);
    await expect(leaks.check()).rejects.toThrow("Left behind: 1 abort listener");
    controller.abort();
  });

  it("when nobody can reach its signal any more", async () => {
    const leaks = leakCounter();
    new AbortController().signal.addEventListener("abort", listener);
    await leaks.check();
  });
});
