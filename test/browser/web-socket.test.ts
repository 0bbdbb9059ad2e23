import { type FaultProxy, faultProxy } from "@longwire/testing";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { GoProgram, GoServer } from "../interop/go-server.ts";
import { buildGorilla, countsOf } from "../interop/gorilla-server.ts";
import { freePort } from "../interop/free-port.ts";
import { describeWithPeer } from "../interop/peers.ts";
import { type ChromiumPage, openChromium } from "./chromium.ts";
import type * as pageModule from "./web-socket-page.ts";
import { scenarios, show, type World } from "./web-socket-scenarios.ts";

describeWithPeer("gorilla", "a WebSocket, to a Go server on gorilla", () => {
  let program: GoProgram;
  let server: GoServer;
  let proxy: FaultProxy;
  let deadUrl: string;

  beforeAll(async () => {
    program = await buildGorilla();
    return () => program[Symbol.asyncDispose]();
  }, 150_000);

  beforeEach(async () => {
    server = await program.start();
    proxy = await faultProxy({ to: server });
    deadUrl = `http://127.0.0.1:${await freePort()}`;
  });
  afterEach(async () => {
    await proxy[Symbol.asyncDispose]();
    await server.kill();
  });

  const fault: World["fault"] = async (act) => proxy[act]();
  const counts: World["counts"] = () => countsOf(server);
  const titles = Object.entries(scenarios).map(([title, { expected }]) => ({ title, expected }));

  /** Whatever became of a stream, its socket is gone: not half-open, not closing for ever. */
  const allGone = () => expect.poll(async () => (await counts()).open, { timeout: 10_000 }).toBe(0);

  describe("in Node", () => {
    it.each(titles)("$title", async ({ title, expected }) => {
      expect(await show(title, { url: proxy.url, deadUrl, fault, counts })).toEqual(expected);
      await allGone();
    });
  });

  describeWithPeer("chromium", "in Chromium", () => {
    let page: ChromiumPage<typeof pageModule>;
    beforeAll(async () => {
      const wake = async (by: "online" | "visibility"): Promise<void> => {
        if (by === "visibility") await page.call("lookAgain");
        else for (const offline of [true, false]) await page.setOffline(offline);
      };
      page = await openChromium<typeof pageModule>("web-socket-page.ts", { fault, counts, wake });
      return () => page[Symbol.asyncDispose]();
    }, 60_000);

    it.each(titles)("$title", async ({ title, expected }) => {
      expect(await page.call("showHere", title, { url: proxy.url, deadUrl })).toEqual(expected);
      await allGone();
    });

    it("a consumer that is more than `maxUnreadBytes` behind is told so", async () => {
      expect(await page.call("overrun", proxy.url)).toEqual({
        code: "limit",
        limit: "maxUnreadBytes",
        attempts: 1,
        few: true,
      });
      await allGone();
    });

    it.each(["online", "visibility"] as const)(
      "a stream that waits is opened at once when the page is woken by %s",
      async (by) => {
        expect(await page.call("woken", proxy.url, by)).toEqual({ seen: ["welcome", "welcome"], waited: [true] });
        await allGone();
      },
    );
  });
});
