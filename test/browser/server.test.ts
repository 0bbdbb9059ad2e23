// Our server and a real browser: its own EventSource and WebSocket, and our client in it; directly, through nginx and through our relay.
// Each item is published when the page saw the one before, so nothing that holds bytes back gets through.

import { createServer, type RequestListener } from "node:http";
import type { Socket } from "node:net";
import {
  createPublisher,
  type HubHandler,
  type HubOptions,
  memoryReplayLog,
  type NodeHandler,
  type Publisher,
  type PublisherHubOptions,
  publisherHandler,
  publisherHub,
  type PublisherOptions,
  type ReplayLog,
  sseHandler,
  type WebSocketHub,
  webSocketHub,
} from "@longwire/server";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Listening, listening } from "../faults/listening.ts";
import { turns } from "../faults/peer.ts";
import { describeWithPeer } from "../interop/peers.ts";
import { describeEachWay, type Front } from "../interop/ways.ts";
import { type ChromiumPage, launchChromium, pageWith } from "./chromium.ts";
import type * as pageModule from "./server-page.ts";

const echo: HubHandler = async (socket) => {
  for await (const message of socket) await socket.send(message);
};
const chat: HubHandler = async (socket, { hub }) => {
  for await (const message of socket) await hub.broadcast(message);
};

describeWithPeer("chromium", "Chromium", () => {
  let chromium: ChromiumPage<typeof pageModule>;
  let servePage: RequestListener;
  beforeAll(async () => {
    chromium = await launchChromium();
    servePage = await pageWith("server-page.ts");
    return () => chromium[Symbol.asyncDispose]();
  }, 60_000);

  describeEachWay((way) => {
    /** The page comes from the server that it asks, so it asks a host of its own. */
    let server: Listening;
    let front: Front;
    /** The same server, by a name that makes it foreign to the page. */
    let foreign: string;
    let handler: NodeHandler;
    let hub: WebSocketHub;
    let publisher: Publisher;
    let log: ReplayLog;

    beforeAll(async () => {
      const http = createServer((request, response) => {
        response.shouldKeepAlive = false;
        if (request.url === "/" || request.url === "/module.js") servePage(request, response);
        else void handler(request, response);
      });
      http.on("upgrade", (request, socket, head) => hub.upgrade(request, socket, head));
      server = await listening(http);
      front = await way.to(server.port);
      foreign = `http://localhost:${front.port}`;
      await chromium.open(`${front.url}/`);
      return async () => {
        await front[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      };
    }, 30_000);
    beforeEach(() => {
      log = memoryReplayLog({ maxItems: 3 });
      servePublisher();
    });
    afterEach(async () => {
      await publisher.close({ deadlineMs: 0 });
      await hub.close({ deadlineMs: 0 });
      for (const socket of server.sockets) socket.destroy();
    });

    /** A publisher on the log, for events and WebSockets, in the place of the one before. */
    function servePublisher(options: PublisherOptions = {}, hubOptions: PublisherHubOptions = {}): void {
      publisher = createPublisher({ log, retryMs: 5, ...options });
      handler = publisherHandler(publisher, { paddingBytes: 2_048 });
      hub = publisherHub(publisher, hubOptions);
    }

    function serveHub(serve: HubHandler, options: HubOptions = {}): void {
      hub = webSocketHub(serve, options);
    }

    async function subscribed(count = 1): Promise<void> {
      while (publisher.stats.subscribers < count) await turns(1);
    }

    type Opener = "follow" | "connect" | "read";
    /** One that was opened in the page. */
    async function opened<Name extends Opener>(name: Name, ...args: Parameters<(typeof pageModule)[Name]>) {
      const number = (await chromium.call(name, ...(args as never))) as number;
      return {
        next: () => chromium.call("next", number) as Promise<pageModule.Words>,
        tell: (...words: pageModule.Words) => chromium.call("tell", number, words),
        [Symbol.asyncDispose]: async () => void (await chromium.call("tell", number, ["close"])),
      };
    }
    const url = (path = "/items"): string => `${front.url}${path}`;
    const socketUrl = (path = "/socket", host = front.url): string => host.replace(/^http/, "ws") + path;

    describe("and its EventSource", () => {
      it("has each event as it is published: text of many lines, JSON, nothing, and those of a type, each with its id", async () => {
        await using source = await opened("follow", url(), ["note"]);
        expect(await source.next()).toEqual(["open"]);
        await subscribed();
        for (const data of ["plain", "line one\nline two\n\n line four", "grüße 🧵", "", ": no comment", "id: 7"]) {
          const id = await publisher.publish("t", data);
          expect(await source.next()).toEqual(["message", data, id]);
        }
        const id = await publisher.publish("t", { text: "a\nb" }, { type: "note" });
        expect(await source.next()).toEqual(["note", '{"text":"a\\nb"}', id]);
      });

      it.each(["FIN", "RST"])(
        "goes on by itself after a %s: what was published meanwhile is there, once",
        async (how) => {
          await using source = await opened("follow", url());
          expect(await source.next()).toEqual(["open"]);
          await subscribed();
          const first = await publisher.publish("t", "first");
          expect(await source.next()).toEqual(["message", "first", first]);
          breakAll(server.sockets, how);
          const missed = await publisher.publish("t", "missed");
          expect(await source.next()).toEqual(["error", "connecting"]);
          expect(await source.next()).toEqual(["open"]);
          expect(await source.next()).toEqual(["message", "missed", missed]);
          const live = await publisher.publish("t", "live");
          expect(await source.next()).toEqual(["message", "live", live]);
        },
      );

      it("that was cut before its first event goes on from where the log was", async () => {
        await publisher.publish("t", "old");
        await using source = await opened("follow", url());
        expect(await source.next()).toEqual(["open"]);
        await subscribed();
        breakAll(server.sockets, "FIN");
        const missed = await publisher.publish("t", "missed");
        expect(await source.next()).toEqual(["error", "connecting"]);
        expect(await source.next()).toEqual(["open"]);
        expect(await source.next()).toEqual(["message", "missed", missed]);
      });

      it("is told a gap, and has what is left, when the log has forgotten", async () => {
        await using source = await opened("follow", url(), ["gap"]);
        expect(await source.next()).toEqual(["open"]);
        await subscribed();
        const first = await publisher.publish("t", "first");
        expect(await source.next()).toEqual(["message", "first", first]);
        breakAll(server.sockets, "RST");
        const ids: string[] = [];
        for (let n = 0; n < 5; n++) ids.push(await publisher.publish("t", String(n)));
        expect(await source.next()).toEqual(["error", "connecting"]);
        expect(await source.next()).toEqual(["open"]);
        expect(await source.next()).toEqual(["gap", JSON.stringify({ from: first, to: ids[1] }), ids[1]]);
        for (const n of [2, 3, 4]) expect(await source.next()).toEqual(["message", String(n), ids[n]]);
      });

      it("comes back to the next publisher when one closes, and loses nothing", async () => {
        await using source = await opened("follow", url());
        expect(await source.next()).toEqual(["open"]);
        await subscribed();
        const last = publisher.publish("t", "last words");
        const closed = publisher.close();
        servePublisher();
        const missed = await publisher.publish("t", "missed");
        expect(await source.next()).toEqual(["message", "last words", await last]);
        await closed;
        expect(await source.next()).toEqual(["error", "connecting"]);
        expect(await source.next()).toEqual(["open"]);
        expect(await source.next()).toEqual(["message", "missed", missed]);
      });

      it("waits as long as `retry:` says, and brings an id back as it was", async () => {
        const asked: (string | undefined)[] = [];
        const seen = Promise.withResolvers<void>();
        handler = sseHandler(
          async function* ({ lastEventId }) {
            asked.push(lastEventId);
            yield { id: "größe 7", data: "one", retry: 5 };
            // Of a connection that breaks Chromium drops what its page has not been shown.
            await seen.promise;
            if (asked.length === 1) throw new Error("broken");
            await new Promise(() => {});
          },
          { retryMs: 600_000 },
        );
        await using source = await opened("follow", url());
        expect(await source.next()).toEqual(["open"]);
        expect(await source.next()).toEqual(["message", "one", "größe 7"]);
        seen.resolve();
        expect(await source.next()).toEqual(["error", "connecting"]);
        expect(await source.next()).toEqual(["open"]);
        expect(await source.next()).toEqual(["message", "one", "größe 7"]);
        expect(asked).toEqual([undefined, "größe 7"]);
      });

      it("of a foreign page reads what its origin is allowed to, with credentials too, and nothing else", async () => {
        servePublisher({ origins: [front.url] });
        handler = publisherHandler(publisher, { headers: { "access-control-allow-credentials": "true" } });
        for (const withCredentials of [false, true]) {
          await using source = await opened("follow", `${foreign}/items`, [], withCredentials);
          expect(await source.next()).toEqual(["open"]);
          await subscribed();
          const id = await publisher.publish("t", "for you");
          expect(await source.next()).toEqual(["message", "for you", id]);
          breakAll(server.sockets, "FIN");
          expect(await source.next()).toEqual(["error", "connecting"]);
          const missed = await publisher.publish("t", "missed");
          expect(await source.next()).toEqual(["open"]);
          expect(await source.next()).toEqual(["message", "missed", missed]);
        }
        servePublisher({ origins: ["https://app.example"] });
        await using refused = await opened("follow", `${foreign}/items`);
        expect(await refused.next()).toEqual(["error", "closed"]);
        expect(publisher.stats).toMatchObject({ refused: 1, delivered: 0 });
        handler = sseHandler(async function* () {
          yield "a secret";
        });
        await using unread = await opened("follow", `${foreign}/items`);
        expect(await unread.next()).toEqual(["error", "closed"]);
      });

      it("that meets a publisher which closes comes again, until another one is there", async () => {
        await publisher.close();
        await using source = await opened("follow", url());
        for (const words of [["open"], ["error", "connecting"], ["open"], ["error", "connecting"]])
          expect(await source.next()).toEqual(words);
        servePublisher();
        await subscribed();
        const id = await publisher.publish("t", "at last");
        let words = await source.next();
        while (words[0] !== "message") words = await source.next();
        expect(words).toEqual(["message", "at last", id]);
      });

      it("that is refused gives up for good, as the standard has it", async () => {
        servePublisher({ maxSubscribers: 1 });
        await using first = await opened("follow", url());
        expect(await first.next()).toEqual(["open"]);
        await using second = await opened("follow", url());
        expect(await second.next()).toEqual(["error", "closed"]);
      });
    });

    describe("and its WebSocket", () => {
      it("has each message back as it was sent, when it had the one before", async () => {
        serveHub(echo);
        await using socket = await opened("connect", socketUrl());
        expect(await socket.next()).toEqual(["open", ""]);
        const messages: pageModule.Words[] = [
          ["text", "grüße 🧵"],
          ["binary", "00ff80"],
          ["text", ""],
          ["text", "long ".repeat(60_000)],
          ["binary", "c0ffee".repeat(100_000)],
        ];
        for (const message of messages) {
          await socket.tell(...message);
          expect(await socket.next()).toEqual(message);
        }
      });

      it("has what is broadcast, each message when all had the one before", async () => {
        serveHub(chat);
        await using one = await opened("connect", socketUrl());
        await using other = await opened("connect", socketUrl());
        for (const socket of [one, other]) expect(await socket.next()).toEqual(["open", ""]);
        for (let n = 0; n < 5; n++) {
          await (n % 2 === 0 ? one : other).tell("text", `message ${n}`);
          for (const socket of [one, other]) expect(await socket.next()).toEqual(["text", `message ${n}`]);
        }
      });

      it("answers pings", async () => {
        serveHub(echo, { pingMs: 20 });
        await using socket = await opened("connect", socketUrl());
        expect(await socket.next()).toEqual(["open", ""]);
        while (hub.sockets[0]?.stats.rttMs === undefined) await turns(1);
      });

      it("agrees on a subprotocol and on compression, and takes no connection without a protocol that it asked for", async () => {
        serveHub(echo, { protocols: ["chat.v2", "chat.v1"], perMessageDeflate: true });
        await using socket = await opened("connect", socketUrl(), ["chat.v1", "chat.v2"]);
        expect(await socket.next()).toEqual(["open", "chat.v2"]);
        const text = "the same words again and again, ".repeat(10_000);
        await socket.tell("text", text);
        expect(await socket.next()).toEqual(["text", text]);
        await using other = await opened("connect", socketUrl(), ["mail"]);
        expect(await other.next()).toEqual(["close", 1_006, "", false]);
      });

      it("of a page of another host comes in where its origin is allowed to, and by default does not", async () => {
        serveHub(echo);
        await using refused = await opened("connect", socketUrl("/", foreign));
        expect(await refused.next()).toEqual(["close", 1_006, "", false]);
        expect(hub.stats).toMatchObject({ accepted: 0, refused: 1 });
        serveHub(echo, { origins: [front.url] });
        await using allowed = await opened("connect", socketUrl("/", foreign));
        expect(await allowed.next()).toEqual(["open", ""]);
        serveHub(echo, { origins: ["https://app.example"] });
        await using own = await opened("connect", socketUrl());
        expect(await own.next()).toEqual(["close", 1_006, "", false]);
      });

      it("is closed with a code and a reason: done, failed, too long, too slow, leaving, the application's own", async () => {
        const handlers: Record<string, HubHandler> = {
          "/done": () => {},
          "/failed": () => Promise.reject(new Error("broken")),
          "/own": (socket) => socket.close(4_321, "enough of you"),
          "/long": echo,
          // In one turn, and so more than any buffer takes.
          "/slow": async (socket) => {
            for (let n = 0; n < 40; n++) void hub.broadcast(new Uint8Array(1_000_000), { to: [socket] });
            await socket.outcome;
          },
          "/leaving": (socket) => {
            void socket.send("last words");
            void hub.close();
          },
        };
        const ends: Record<string, unknown> = {};
        for (const [path, serve] of Object.entries(handlers)) {
          serveHub(serve, { maxItemBytes: 10, capacity: 4, onError: () => {} });
          await using socket = await opened("connect", socketUrl(path));
          expect(await socket.next()).toEqual(["open", ""]);
          if (path === "/long") await socket.tell("text", "eleven bytes");
          if (path === "/leaving") expect(await socket.next()).toEqual(["text", "last words"]);
          let end = await socket.next();
          while (end[0] === "binary") end = await socket.next();
          ends[path] = end;
        }
        expect(ends).toEqual({
          "/done": ["close", 1_000, "", true],
          "/failed": ["close", 1_011, "", true],
          "/own": ["close", 4_321, "enough of you", true],
          // Who fails a connection ends it behind its close frame, and nginx then both directions: the page's answer may come too late.
          "/long": ["close", 1_009, "", expect.any(Boolean)],
          "/slow": ["close", 1_013, "Too slow", true],
          "/leaving": ["close", 1_001, "", true],
        });
      });

      it("is heard by code when it closes, and its page when it is left", async () => {
        serveHub((socket) => socket.outcome);
        await using socket = await opened("connect", socketUrl());
        expect(await socket.next()).toEqual(["open", ""]);
        const outcome = hub.sockets[0]?.outcome;
        await socket.tell("close", 4_001, "that is all");
        expect(await socket.next()).toEqual(["close", 4_001, "that is all", true]);
        expect(await outcome).toMatchObject({ closeFrame: { code: 4_001, reason: "that is all" } });
      });

      it.each(["FIN", "RST"])("hears a cut by %s as 1006", async (how) => {
        serveHub((socket) => socket.outcome);
        await using socket = await opened("connect", socketUrl());
        expect(await socket.next()).toEqual(["open", ""]);
        breakAll(server.sockets, how);
        expect(await socket.next()).toEqual(["close", 1_006, "", false]);
      });

      it("has each row of a publisher as it is published, a goodbye and 1001, and goes on by lastEventId", async () => {
        await using socket = await opened("connect", socketUrl());
        expect(await socket.next()).toEqual(["open", ""]);
        await subscribed();
        const ids: string[] = [];
        for (let n = 0; n < 4; n++) {
          ids.push(await publisher.publish("t", n));
          expect(await socket.next()).toEqual(["text", `{"id":"${ids[n]}","data":${n}}`]);
        }
        await using resumed = await opened("connect", `${socketUrl()}?lastEventId=${ids[2]}`);
        expect(await resumed.next()).toEqual(["open", ""]);
        expect(await resumed.next()).toEqual(["text", `{"id":"${ids[3]}","data":3}`]);
        const closed = publisher.close();
        expect(await socket.next()).toEqual(["text", expect.stringMatching(/^{"type":"goodbye","data":{"retryMs":/)]);
        expect(await socket.next()).toEqual(["close", 1_001, "", true]);
        await closed;
      });
    });

    describe("and our client in it", () => {
      it.each(["events", "rows", "messages"] as const)(
        "reads %s of a publisher one by one, of its own host and of another, and through cuts and a new publisher",
        async (format) => {
          const options = { origins: [front.url] };
          servePublisher(options);
          const host = format === "messages" ? socketUrl("", foreign) : foreign;
          await using reading = await opened("read", `${host}/items`, format);
          await subscribed();
          for (let n = 0; n < 10; n++) {
            const id = await publisher.publish("t", `item ${n}`);
            expect(await reading.next()).toEqual(["item", `item ${n}`, id]);
            if (n === 3) breakAll(server.sockets, "FIN");
            if (n === 5) breakAll(server.sockets, "RST");
            if (n !== 7) continue;
            const closed = publisher.close();
            servePublisher(options);
            await closed;
          }
        },
      );

      it.each([
        ["origins", () => servePublisher({ origins: [front.url] }), { "access-control-allow-credentials": "true" }],
        ["a header of its own", () => {}, { "access-control-allow-origin": "*" }],
      ] as const)("comes back to another host that lets it read by %s", async (_how, serve, headers) => {
        serve();
        handler = publisherHandler(publisher, { headers });
        const withCredentials = "access-control-allow-credentials" in headers;
        await using reading = await opened("read", `${foreign}/items`, "events", withCredentials);
        await subscribed();
        for (const data of ["first", "missed"]) {
          const id = await publisher.publish("t", data);
          expect(await reading.next()).toEqual(["item", data, id]);
          breakAll(server.sockets, "RST");
        }
      });
    });
  });
});

function breakAll(sockets: readonly Socket[], how: string): void {
  for (const socket of sockets) {
    if (how === "RST") socket.resetAndDestroy();
    else socket.destroy();
  }
}
