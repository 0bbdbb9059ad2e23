// Our publisher read by pages of another origin: by Chromium's own EventSource, and by our client over its fetch.

import { createServer } from "node:http";
import { createPublisher, memoryReplayLog, type Publisher, publisherHandler, type ReplayLog } from "@longwire/server";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type Listening, listening } from "../faults/listening.ts";
import { describeWithPeer } from "../interop/peers.ts";
import { type ChromiumPage, openChromium } from "./chromium.ts";
import type * as pageModule from "./event-source-page.ts";

describeWithPeer("chromium", "a page of Chromium that reads a publisher", () => {
  let page: ChromiumPage<typeof pageModule>;
  let origins: string[];
  /** Events that the page has seen. */
  let seen: number;
  let log: ReplayLog;
  let publisher: Publisher;
  let server: Listening;
  let url: string;

  beforeAll(async () => {
    const saw = (count: number): void => void (seen = count);
    page = await openChromium<typeof pageModule>("event-source-page.ts", { saw });
    origins = [String(await page.call("origin"))];
    return () => page[Symbol.asyncDispose]();
  }, 60_000);
  beforeEach(async () => {
    seen = 0;
    log = memoryReplayLog();
    publisher = createPublisher({ log, origins, retryMs: 10 });
    const http = createServer((request, response) => void publisherHandler(publisher)(request, response));
    server = await listening(http);
    url = `http://127.0.0.1:${server.port}/`;
  });
  afterEach(async () => {
    await publisher.close({ deadlineMs: 0 });
    await server[Symbol.asyncDispose]();
  });

  const readers = ["readByEventSource", "readByClient"] as const;

  it.each(readers)("%s: has each item once, through a cut in their midst", async (reader) => {
    const reading = page.call(reader, url, 4);
    const items = await published(["one", "two"]);
    await expect.poll(() => seen, { timeout: 10_000 }).toBe(2);
    for (const socket of server.sockets) socket.destroy();
    items.push(...(await published(["three", "four"])));
    expect(await reading).toEqual({ how: "all", seen: items });
  });

  it.each(readers)("%s: comes back when the publisher has closed, also while it closes", async (reader) => {
    const reading = page.call(reader, url, 4);
    const items = await published(["one", "two"]);
    await expect.poll(() => seen, { timeout: 10_000 }).toBe(2);
    const slow = publisher.subscribe();
    const closed = publisher.close({ deadlineMs: 20_000 });
    await expect.poll(() => publisher.stats.refused).toBeGreaterThan(1);
    await slow.return();
    await closed;
    publisher = createPublisher({ log, origins, retryMs: 10 });
    items.push(...(await published(["three", "four"])));
    expect(await reading).toEqual({ how: "all", seen: items });
  });

  it.each(readers)("%s: sees nothing where its origin is not allowed", async (reader) => {
    publisher = createPublisher({ origins: ["https://app.example"] });
    expect(await page.call(reader, url, 1)).toEqual({ how: "closed", seen: [] });
    expect(publisher.stats).toMatchObject({ subscribers: 0, delivered: 0 });
  });

  /** As they are to be seen. With the first the reader is there. */
  async function published(texts: readonly string[]): Promise<[id: string, data: string][]> {
    const items: [string, string][] = [];
    await expect.poll(() => publisher.stats.subscribers, { timeout: 10_000 }).toBeGreaterThan(0);
    for (const text of texts) items.push([await publisher.publish("t", text), text]);
    return items;
  }
});
