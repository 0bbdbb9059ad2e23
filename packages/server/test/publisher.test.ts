import { latestBy } from "@longwire/core";
import { fakeClock, seededRandom } from "@longwire/core/testing";
import { describe, expect, it } from "vitest";
import {
  createPublisher,
  type Delivery,
  memoryReplayLog,
  type Published,
  type Publisher,
  publisherResponse,
  type PublisherOptions,
  type Replay,
  type ReplayLog,
  type Subscription,
} from "../src/index.ts";
import { publisherAnswer } from "../src/publisher-response.ts";

describe("publish", () => {
  it("reaches each subscriber of the topic, in order, encoded once for all", async () => {
    const { publisher } = made();
    const [one, two, other] = [
      publisher.subscribe(),
      publisher.subscribe({ topics: ["a"] }),
      publisher.subscribe({ topics: ["b"] }),
    ];
    const id = await publisher.publish("a", { n: 1 }, { type: "price" });
    await publisher.publish("b", "text\nof two lines");
    const [first, second] = [await item(one), await item(two)];
    expect(first).toBe(second);
    expect(first.sse).toBe(second.sse);
    expect(utf8(first.sse)).toBe(`id: ${id}\nevent: price\ndata: {"n":1}\n\n`);
    expect(utf8(first.ndjson)).toBe(`{"id":"${id}","type":"price","data":{"n":1}}\n`);
    expect(first.text).toBe(`{"id":"${id}","type":"price","data":{"n":1}}`);
    expect(utf8((await item(other)).sse)).toMatch(/^id: \S+\ndata: text\ndata: of two lines\n\n$/);
    expect(JSON.parse((await item(one)).text)).toMatchObject({ data: "text\nof two lines" });
    expect(publisher.stats).toMatchObject({ subscribers: 3, published: 2, delivered: 4 });
  });

  it.each([
    [{ type: "a\nb" }, "x", "line break"],
    [{ type: "a\0" }, "x", "NUL"],
    [{ type: "gap" }, "x", "things of its own"],
    [{ type: "goodbye" }, "x", "things of its own"],
    [{}, undefined, "JSON has a text for"],
    [{}, () => {}, "JSON has a text for"],
    [{}, 1n, "BigInt"],
  ])("refuses %j of %s, and nobody gets anything of it", async (options, data, why) => {
    const { publisher } = made();
    const subscription = publisher.subscribe();
    await expect(publisher.publish("a", data, options)).rejects.toThrow(why);
    await publisher.publish("a", "good");
    expect((await item(subscription)).text).toContain("good");
    expect(publisher.stats.published).toBe(1);
  });

  it("keeps the order of its calls, however long the log takes", async () => {
    const clock = fakeClock();
    const { publisher } = made({ clock, log: slowLog(clock, [30, 10, 20]) });
    const subscription = publisher.subscribe();
    const all = Promise.all(["a", "b", "c"].map((data) => publisher.publish("t", data)));
    await clock.advance(100);
    const ids = await all;
    for (const [index, id] of ids.entries())
      expect(await item(subscription)).toMatchObject({ id, item: { data: "abc"[index] } });
  });

  it("gives nobody what the log did not take, and goes on", async () => {
    const log = memoryReplayLog();
    let full = true;
    const picky: ReplayLog = {
      since: (cursor) => log.since(cursor),
      append: (item) => (full ? Promise.reject(new Error("disk full")) : log.append(item)),
    };
    const { publisher } = made({ log: picky });
    const subscription = publisher.subscribe();
    await expect(publisher.publish("t", "lost")).rejects.toThrow("disk full");
    full = false;
    await publisher.publish("t", "kept");
    expect(await item(subscription)).toMatchObject({ item: { data: "kept" } });
  });
});

describe("subscribe", () => {
  it("goes on behind a cursor, of its topics, and then with what is new: nothing twice, nothing lost", async () => {
    const { publisher } = made();
    const ids = [];
    for (let n = 0; n < 6; n++) ids.push(await publisher.publish(n % 2 ? "odd" : "even", n));
    for (const [index, cursor] of ids.entries()) {
      const subscription = publisher.subscribe({ topics: ["even"], cursor });
      // Between the log's answer and this there is no room for it to be missed.
      void publisher.publish("even", `new ${index}`);
      const seen = [];
      for (;;) {
        const { item } = (await step(subscription)) as Delivery & { item?: Published };
        if (!item) continue;
        seen.push(JSON.parse(item.format === "json" ? item.data : JSON.stringify(item.data)));
        if (item.data === `new ${index}`) break;
      }
      const earlier = [0, 2, 4].filter((n) => n > index);
      const news = Array.from({ length: index + 1 }, (_, n) => `new ${n}`);
      expect(seen).toEqual([...earlier, ...news]);
      await subscription.return();
    }
    expect(publisher.stats.subscribers).toBe(0);
  });

  it("loses nothing to a log that takes its time to answer while items are published", async () => {
    const clock = fakeClock();
    const { publisher } = made({ clock, log: slowLog(clock, [5, 5, 5, 5, 5, 5], 50) });
    const first = publisher.publish("t", 0);
    await clock.advance(10);
    const subscription = publisher.subscribe({ cursor: await first });
    const rest = Promise.all([1, 2, 3].map((n) => publisher.publish("t", n)));
    await clock.advance(500);
    await rest;
    for (const n of [1, 2, 3]) expect(await item(subscription)).toMatchObject({ item: { data: String(n) } });
  });

  it("gets what is in publication when it comes once: from the log, and not from its publication too", async () => {
    const clock = fakeClock();
    const { publisher } = made({ clock, log: slowLog(clock, [0, 50, 0]) });
    const first = publisher.publish("t", 0);
    await clock.advance(0);
    const cursor = await first;
    const inPublication = publisher.publish("t", 1);
    await clock.advance(10);
    const subscription = publisher.subscribe({ cursor });
    await clock.advance(100);
    await inPublication;
    const last = publisher.publish("t", 2);
    await clock.advance(0);
    await last;
    for (const n of [1, 2]) expect(await item(subscription)).toMatchObject({ item: { data: String(n) } });
    expect(publisher.stats).toMatchObject({ delivered: 2, replayed: 1 });
  });

  it("begins with a bookmark, so that one who is cut before the first item has where to go on", async () => {
    const { publisher } = made();
    const bookmark = await step(publisher.subscribe());
    expect(bookmark).toMatchObject({ kind: "bookmark", ndjson: new Uint8Array(), text: "" });
    expect(utf8(bookmark.sse)).toBe(`: \nid: ${bookmark.id}\n\n`);
    await publisher.publish("t", "missed");
    expect(await item(publisher.subscribe({ cursor: bookmark.id }))).toMatchObject({ item: { data: "missed" } });
  });

  it("tells a gap with both ends, and goes on behind it with all that is left", async () => {
    const { publisher } = made({ log: memoryReplayLog({ maxItems: 2 }) });
    const ids = [];
    for (let n = 0; n < 5; n++) ids.push(await publisher.publish("t", n));
    const subscription = publisher.subscribe({ cursor: ids[0] });
    const gap = await step(subscription);
    const ends = { from: ids[0], to: ids[2] };
    expect(gap).toMatchObject({ kind: "gap", id: ids[2] });
    expect(utf8(gap.sse)).toBe(`id: ${ids[2]}\nevent: gap\ndata: ${JSON.stringify(ends)}\n\n`);
    expect(JSON.parse(gap.text)).toEqual({ id: ids[2], type: "gap", data: ends });
    expect([(await step(subscription)).id, (await step(subscription)).id]).toEqual([ids[3], ids[4]]);
    expect(publisher.stats).toMatchObject({ gaps: 1, replayed: 2 });
  });

  it("tells a gap for a cursor with anything in it, without letting it break the stream", async () => {
    const { publisher } = made();
    const gap = await step(publisher.subscribe({ cursor: "1\n\nevent: forged\ndata: x" }));
    expect(utf8(gap.sse)).not.toMatch(/^event: forged/m);
    expect(JSON.parse(gap.text).data.from).toBe("1\n\nevent: forged\ndata: x");
  });

  it("fails with what the log threw, at once and at every pull", async () => {
    const log: ReplayLog = { append: async () => "1", since: () => Promise.reject(new Error("no log")) };
    const { publisher } = made({ log });
    const subscription = publisher.subscribe();
    await expect(subscription.next()).rejects.toThrow("no log");
    await expect(subscription.next()).rejects.toThrow("no log");
    await subscription.return();
    expect(publisher.stats.subscribers).toBe(0);
  });

  it("gives its place back goodbyeMs after the log threw, also when nobody leaves it", async () => {
    const log: ReplayLog = { append: async () => "1", since: () => Promise.reject(new Error("no log")) };
    const { publisher, clock } = made({ log, maxPerAddress: 1, goodbyeMs: 5_000 });
    const subscription = publisher.subscribe({ address: "a" });
    // A loop over what throws does not call return().
    await expect(subscription.next()).rejects.toThrow("no log");
    expect(publisher.refusal({ address: "a" })?.status).toBe(429);
    await clock.advance(5_000);
    expect([publisher.refusal({ address: "a" }), subscription.signal.aborted, clock.pending]).toEqual([
      undefined,
      true,
      0,
    ]);
  });

  it.each(["news", "", ["a", 1], null, 7])("refuses %j as topics, and publishing goes on", async (topics) => {
    const { publisher } = made();
    const list = topics as unknown as string[];
    expect(() => publisher.subscribe({ topics: list })).toThrow("topics must be a list of strings");
    expect(() => publisherResponse(publisher, new Request("https://a.example/"), { topics: list })).toThrow(TypeError);
    const told: unknown[] = [];
    const onError = (error: unknown) => told.push(error);
    const answer = publisherResponse(publisher, new Request("https://a.example/"), { topics: () => list, onError });
    expect([answer.status, told, publisher.stats.subscribers]).toEqual([500, [expect.any(TypeError)], 0]);
    await publisher.publish("news", 1);
  });

  it("has the topics of a list that can be read once for everybody", async () => {
    const { publisher } = made();
    const answerTo = publisherAnswer(publisher, { topics: new Set(["a"]).values(), format: "ndjson" });
    for (let n = 0; n < 2; n++) {
      const answer = answerTo({ request: undefined, method: "GET", header: () => undefined, address: undefined });
      if (!("body" in answer)) throw new Error("It was refused");
      const piece = answer.body.next();
      await publisher.publish("a", n);
      expect(JSON.parse(utf8((await piece) as Uint8Array)).data).toBe(n);
      answer.body.leave();
    }
  });

  it("refuses a pull while one is pending, which it would leave unsettled", async () => {
    const { publisher } = made();
    const subscription = publisher.subscribe();
    await step(subscription);
    const pending = item(subscription);
    await expect(subscription.next()).rejects.toThrow("the pull before has not settled");
    await publisher.publish("t", 1);
    expect(await pending).toMatchObject({ item: { data: "1" } });
  });

  it("settles a pending pull when it is left", async () => {
    const { publisher } = made();
    const subscription = publisher.subscribe();
    await step(subscription);
    const pending = subscription.next();
    await subscription.return();
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await subscription.next()).toEqual({ done: true, value: undefined });
  });
});

describe("a subscriber that is behind", () => {
  it("is evicted: what waits is dropped, it is told to come back, and it resumes from the log with nothing lost", async () => {
    const { publisher, clock } = made({ capacity: 3, retryMs: 1_000, goodbyeMs: 5_000 });
    const [slow, quick] = [publisher.subscribe(), publisher.subscribe()];
    const [bookmark] = [await step(slow), await step(quick)];
    for (let n = 0; n < 4; n++) {
      await publisher.publish("t", n);
      expect(await item(quick)).toMatchObject({ item: { data: String(n) } });
    }
    expect(publisher.stats).toMatchObject({ evicted: 1, dropped: 3, subscribers: 2 });
    const goodbye = await step(slow);
    expect(goodbye).toMatchObject({ kind: "goodbye", id: undefined });
    expect(utf8(goodbye.sse)).toMatch(/^: goodbye\nretry: 1\d{3}\n\n$/);
    expect(JSON.parse(goodbye.text)).toEqual({ type: "goodbye", data: { retryMs: expect.any(Number) } });
    expect(await slow.next()).toEqual({ done: true, value: undefined });
    await slow.return();
    expect([clock.pending, publisher.stats.subscribers]).toEqual([0, 1]);
    const again = publisher.subscribe({ cursor: bookmark.id });
    for (let n = 0; n < 4; n++) expect(await item(again)).toMatchObject({ item: { data: String(n) } });
  });

  it("is cut when it does not take its goodbye in goodbyeMs", async () => {
    const { publisher, clock } = made({ capacity: 1, goodbyeMs: 5_000 });
    const stalled = publisher.subscribe();
    await step(stalled);
    for (let n = 0; n < 2; n++) await publisher.publish("t", n);
    await clock.advance(4_999);
    expect([stalled.signal.aborted, publisher.stats.subscribers]).toEqual([false, 1]);
    await clock.advance(1);
    expect([stalled.signal.aborted, publisher.stats.subscribers, clock.pending]).toEqual([true, 0, 0]);
  });

  it("with block makes publish wait until it takes one, while others have theirs already", async () => {
    const { publisher, clock } = made({ policy: "block", capacity: 2, blockMs: 1_000 });
    const [slow, quick] = [publisher.subscribe(), publisher.subscribe()];
    await step(slow);
    await step(quick);
    for (const n of [0, 1]) {
      await publisher.publish("t", n);
      await item(quick);
    }
    let done = false;
    const third = publisher.publish("t", 2).then(() => (done = true));
    await clock.advance(999);
    expect(await item(quick)).toMatchObject({ item: { data: "2" } });
    expect(done).toBe(false);
    expect(await item(slow)).toMatchObject({ item: { data: "0" } });
    await third;
    expect(await item(slow)).toMatchObject({ item: { data: "1" } });
    expect(await item(slow)).toMatchObject({ item: { data: "2" } });
    expect([clock.pending, publisher.stats.evicted]).toEqual([0, 0]);
  });

  it("with block is evicted after blockMs, and publish goes on", async () => {
    const { publisher, clock } = made({ policy: "block", capacity: 1, blockMs: 1_000 });
    const slow = publisher.subscribe();
    await step(slow);
    await publisher.publish("t", 0);
    const second = publisher.publish("t", 1);
    await clock.advance(1_000);
    await second;
    expect(publisher.stats).toMatchObject({ evicted: 1, published: 2 });
    expect(await step(slow)).toMatchObject({ kind: "goodbye" });
    await slow.return();
  });

  it("with block holds nobody up when it leaves while it is waited for", async () => {
    const { publisher, clock } = made({ policy: "block", capacity: 1 });
    const slow = publisher.subscribe();
    await step(slow);
    await publisher.publish("t", 0);
    const second = publisher.publish("t", 1);
    await clock.advance(0);
    await slow.return();
    await second;
    expect([clock.pending, publisher.stats.evicted]).toEqual([0, 0]);
  });

  it("with dropOldest keeps the newest, and is told what it did not get", async () => {
    const { publisher } = made({ policy: "dropOldest", capacity: 2 });
    const slow = publisher.subscribe();
    const bookmark = await step(slow);
    const ids = [];
    for (let n = 0; n < 5; n++) ids.push(await publisher.publish("t", n));
    const gap = await step(slow);
    expect(gap).toMatchObject({ kind: "gap", id: ids[2] });
    expect(JSON.parse(gap.text).data).toEqual({ from: bookmark.id, to: ids[2], dropped: 3 });
    expect([(await step(slow)).id, (await step(slow)).id]).toEqual([ids[3], ids[4]]);
    expect(publisher.stats).toMatchObject({ dropped: 3, gaps: 1 });
  });

  it("with latestBy gets the latest of each key, and is never ahead of what waits behind it", async () => {
    const key = latestBy(({ data }: Published) => JSON.parse(data).symbol);
    const { publisher } = made({ policy: key, capacity: 10 });
    const slow = publisher.subscribe();
    await step(slow);
    const publish = (symbol: string, cents: number) => publisher.publish("t", { symbol, cents });
    const ids = [
      await publish("A", 1),
      await publish("B", 1),
      await publish("A", 2),
      await publish("C", 1),
      await publish("A", 3),
    ];
    // A's newest stands in A's place, under the id of that place: who is cut behind it still gets B and C. When B was the last place,
    // A's second took one before it: behind B all up to that is done.
    const rows = [await item(slow), await item(slow), await item(slow)].map(({ text }) => JSON.parse(text));
    expect(rows.map(({ data }) => [data.symbol, data.cents])).toEqual([
      ["A", 3],
      ["B", 1],
      ["C", 1],
    ]);
    expect(rows.map(({ id }) => id)).toEqual([ids[0], ids[2], ids[4]]);
    expect(publisher.stats).toMatchObject({ dropped: 2, gaps: 0 });
  });

  it("with latestBy of more keys than it has room for is told the newest that it lost, under an id that loses nothing else", async () => {
    const { publisher } = made({ policy: latestBy(({ data }: Published) => data[0]), capacity: 2 });
    const slow = publisher.subscribe();
    const bookmark = await step(slow);
    const ids = [];
    for (const data of ["a1", "b1", "a2", "c1", "d1"]) ids.push(await publisher.publish("t", data));
    // a2 stood in the place of a1, before b1; both went.
    const gap = await step(slow);
    expect(JSON.parse(gap.text)).toEqual({
      id: ids[2],
      type: "gap",
      data: { from: bookmark.id, to: ids[2], dropped: 2 },
    });
    expect([await step(slow), await step(slow)]).toMatchObject([{ item: { data: "c1" } }, { item: { data: "d1" } }]);
    const other = publisher.subscribe({ cursor: ids[4] });
    await step(other);
    for (const data of ["a3", "b3", "a4", "c3"]) ids.push(await publisher.publish("t", data));
    // b3 still waits, and came before a4: who is cut here goes on from before both.
    expect(JSON.parse((await step(other)).text)).toMatchObject({ id: ids[5], data: { to: ids[7], dropped: 1 } });
    expect(await step(other)).toMatchObject({ item: { data: "b3" } });
  });

  it("fails with what the key of latestBy threw, alone: the others have the item, and it has it from the log", async () => {
    const key = latestBy(({ data }: Published) => JSON.parse(data).symbol);
    const { publisher, clock } = made();
    const keyed = publisher.subscribe({ policy: key });
    const other = publisher.subscribe();
    const bookmark = await step(keyed);
    const id = await publisher.publish("t", "not JSON");
    expect(await item(other)).toMatchObject({ id });
    await expect(keyed.next()).rejects.toThrow(SyntaxError);
    await publisher.publish("t", { symbol: "A" });
    await expect(keyed.next()).rejects.toThrow(SyntaxError);
    await keyed.return();
    const again = publisher.subscribe({ policy: key, cursor: bookmark.id });
    expect([await step(again), await step(again)]).toMatchObject([{ id }, { item: { data: '{"symbol":"A"}' } }]);
    expect([publisher.stats.published, clock.pending]).toEqual([2, 0]);
  });

  it("is told a gap from where a bookmark said that it is", async () => {
    const { publisher } = made({ policy: "dropOldest", capacity: 1 });
    const slow = publisher.subscribe({ topics: ["t"] });
    await step(slow);
    const other = await publisher.publish("other", 0);
    expect(slow.bookmark()?.id).toBe(other);
    for (let n = 0; n < 2; n++) await publisher.publish("t", n);
    expect(JSON.parse((await step(slow)).text)).toMatchObject({ data: { from: other, dropped: 1 } });
    await slow.return();
  });

  it("has no bookmark of the log's end once it is evicted: it has not got what comes before that", async () => {
    const { publisher } = made({ capacity: 1 });
    const slow = publisher.subscribe();
    await step(slow);
    expect(slow.bookmark()?.id).toBeDefined();
    for (let n = 0; n < 2; n++) await publisher.publish("t", n);
    expect(publisher.stats.evicted).toBe(1);
    expect(slow.bookmark()).toBeUndefined();
    await slow.return();
  });
});

describe("limits", () => {
  it("refuses one subscriber too many with 503, and one from an address with 429, until another leaves", async () => {
    const { publisher } = made({ maxSubscribers: 3, maxPerAddress: 2, retryMs: 1_500 });
    const from = (address: string) => {
      const request = new Request("https://a.example/", { headers: { "x-from": address } });
      return publisherResponse(publisher, request, { address: ({ headers }) => headers.get("x-from") ?? undefined });
    };
    const open = [from("one"), from("one")];
    const third = from("one");
    expect([third.status, third.headers.get("retry-after")]).toEqual([429, "2"]);
    open.push(from("two"));
    const fourth = from("three");
    expect([fourth.status, fourth.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(publisher.stats).toMatchObject({ subscribers: 3, refused: 2 });
    await open[0]?.body?.cancel();
    open.push(from("one"));
    expect([open.at(-1)?.status, publisher.stats.subscribers]).toEqual([200, 3]);
    for (const response of open.slice(1)) await response.body?.cancel();
    expect(publisher.stats.subscribers).toBe(0);
  });

  it("refuses foreign origins with 403, and lets pages of those it knows read", async () => {
    const { publisher } = made({ origins: ["https://app.example"] });
    const from = (origin?: string) =>
      publisherResponse(
        publisher,
        new Request("https://a.example/", { headers: origin === undefined ? {} : { origin } }),
      );
    for (const origin of ["https://evil.example", "https://app.example.evil.example", "http://app.example", "null"]) {
      expect(from(origin).status).toBe(403);
    }
    const known = from("https://app.example");
    expect([known.status, known.headers.get("access-control-allow-origin"), known.headers.get("vary")]).toEqual([
      200,
      "https://app.example",
      "origin",
    ]);
    const none = from();
    expect([none.status, none.headers.get("access-control-allow-origin")]).toEqual([200, null]);
    await known.body?.cancel();
    await none.body?.cancel();
    expect(publisher.stats).toMatchObject({ refused: 4, subscribers: 0 });
  });

  it("let a page of an allowed origin come back with an id, and see a refusal; OPTIONS subscribes to nothing", async () => {
    const { publisher } = made({ origins: ["https://app.example"], maxSubscribers: 1 });
    const answer = (method: string, origin: string) =>
      publisherResponse(publisher, new Request("https://a.example/", { method, headers: { origin } }));
    const [asked, foreign] = [answer("OPTIONS", "https://app.example"), answer("OPTIONS", "https://evil.example")];
    expect([asked.status, asked.body, Object.fromEntries(asked.headers)]).toEqual([
      204,
      null,
      {
        allow: "GET, HEAD, OPTIONS",
        vary: "origin",
        "access-control-allow-origin": "https://app.example",
        "access-control-allow-headers": "last-event-id",
        "access-control-expose-headers": "retry-after",
        "access-control-max-age": "86400",
      },
    ]);
    expect(foreign.headers.get("access-control-allow-origin")).toBeNull();
    const open = answer("GET", "https://app.example");
    const refused = answer("GET", "https://app.example");
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([503, "https://app.example"]);
    expect(refused.headers.get("access-control-expose-headers")).toBe("retry-after");
    expect(answer("GET", "https://evil.example").headers.get("access-control-allow-origin")).toBeNull();
    expect(publisher.stats).toMatchObject({ subscribers: 1, refused: 2 });
    await open.body?.cancel();
  });

  it("give what the options say of other origins with every answer, a preflight and a refusal too", async () => {
    const { publisher } = made({ origins: ["https://app.example"], maxSubscribers: 1 });
    const headers = { "Access-Control-Allow-Credentials": "true", "x-other": "1" };
    const answer = (method: string) => {
      const request = new Request("https://a.example/", { method, headers: { origin: "https://app.example" } });
      return publisherResponse(publisher, request, { headers });
    };
    const open = answer("GET");
    for (const { headers } of [open, answer("OPTIONS"), answer("GET")]) {
      expect(headers.get("access-control-allow-credentials")).toBe("true");
      expect(headers.get("access-control-allow-origin")).toBe("https://app.example");
    }
    await open.body?.cancel();
  });

  it.each([
    [{ origins: ["https://app.example/"] }, "without a path"],
    [{ origins: ["*"] }, "without a path"],
    [{ capacity: 0 }, "capacity must be a whole number from 1 up, got 0"],
    [{ maxSubscribers: 0 }, "maxSubscribers must be a whole number from 1 up, got 0"],
    [{ maxPerAddress: -1 }, "maxPerAddress"],
    [{ policy: "drop" as "evict" }, 'policy must be "block"'],
    [{ blockMs: Number.NaN }, "blockMs"],
  ])("are checked: %j", (options, why) => {
    expect(() => createPublisher(options)).toThrow(why);
  });
});

describe("publisherResponse", () => {
  it("answers with rows where those are accepted, and with events else", async () => {
    const { publisher } = made();
    const request = (accept: string) => new Request("https://a.example/", { headers: { accept } });
    const answers = [
      publisherResponse(publisher, request("application/x-ndjson")),
      publisherResponse(publisher, request("text/event-stream, application/x-ndjson")),
      publisherResponse(publisher, request("*/*")),
      publisherResponse(publisher, request("*/*"), { format: "ndjson" }),
    ];
    const [rows, events] = ["application/x-ndjson", "text/event-stream"];
    expect(answers.map(({ headers }) => headers.get("content-type"))).toEqual([rows, events, events, rows]);
    for (const { body } of answers) await body?.cancel();
  });

  it("has heartbeats that carry the log's end for who has all, so that a quiet topic's client does not age", async () => {
    const { publisher, clock } = made();
    const response = publisherResponse(publisher, new Request("https://a.example/"), {
      topics: ["quiet"],
      heartbeatMs: 1_000,
    });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    expect(utf8((await reader.read()).value as Uint8Array)).toBe(": \nretry: 1000\n\n");
    await reader.read();
    const id = await publisher.publish("loud", "x");
    const beat = reader.read();
    await clock.advance(1_000);
    expect(utf8((await beat).value as Uint8Array)).toBe(`: \nid: ${id}\n\n`);
    await reader.cancel();
    expect(clock.pending).toBe(0);
  });

  it("subscribes to nothing when its options are bad", () => {
    const { publisher } = made();
    const answer = () =>
      publisherResponse(publisher, new Request("https://a.example/"), { headers: { "x-a": "1\r\nx-b: 2" } });
    expect(answer).toThrow(TypeError);
    expect(publisher.stats.subscribers).toBe(0);
  });

  it("hands who is behind what waits together, some 16 KiB at once, and large items one by one", async () => {
    const { publisher } = made();
    const response = publisherResponse(publisher, new Request("https://a.example/"));
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const piece = async (): Promise<string> => utf8((await reader.read()).value as Uint8Array);
    for (const _ of ["opening", "bookmark"]) await piece();
    for (let n = 0; n < 100; n++) await publisher.publish("t", `${n} ${"x".repeat(200)}`);
    for (const name of ["one", "two"]) await publisher.publish("t", `${name} ${"x".repeat(20_000)}`);
    const pieces = [await piece(), await piece(), await piece()];
    const names = pieces.map((text) => [...text.matchAll(/^data: (\w+)/gm)].map(([, name]) => name));
    expect(names.flat()).toEqual([...Array.from({ length: 100 }, (_, n) => String(n)), "one", "two"]);
    expect(names.at(-1)).toEqual(["two"]);
    expect(Math.floor((pieces[0]?.length ?? 0) / 1_024)).toBe(16);
    const last = reader.read();
    await publisher.publish("t", "at once");
    expect(utf8((await last).value as Uint8Array)).toMatch(/^id: \S+\ndata: at once\n\n$/);
    await reader.cancel();
  });

  it("answers 500 when a function of the options throws, tells onError, and nothing is subscribed", () => {
    const { publisher } = made();
    const told: unknown[] = [];
    const response = publisherResponse(publisher, new Request("https://a.example/"), {
      topics: () => {
        throw new Error("no topics");
      },
      onError: (error) => told.push(error),
    });
    expect([response.status, publisher.stats.subscribers, told]).toEqual([500, 0, [expect.any(Error)]]);
  });
});

describe("close", () => {
  it("publishes what is in publication, hands out what waits, says goodbye, and resolves when all have left", async () => {
    const clock = fakeClock();
    const { publisher } = made({ clock, log: slowLog(clock, [50, 50, 50]) });
    const responses = ["text/event-stream", "application/x-ndjson"].map((accept) =>
      publisherResponse(publisher, new Request("https://a.example/", { headers: { accept } })).text(),
    );
    await clock.advance(0);
    const published = Promise.all([1, 2, 3].map((n) => publisher.publish("t", n)));
    const closed = publisher.close({ deadlineMs: 1_000 });
    await expect(publisher.publish("t", 4)).rejects.toThrow("the publisher is closed");
    expect(() => publisher.subscribe()).toThrow("closed");
    expect(publisherResponse(publisher, new Request("https://a.example/")).status).toBe(503);
    await clock.advance(200);
    const ids = await published;
    const [sse, rows] = await Promise.all(responses);
    await closed;
    expect(sse).toMatch(
      new RegExp(`${ids.map((id, n) => `id: ${id}\ndata: ${n + 1}\n\n`).join("")}: goodbye\nretry: 1\\d{3}\n\n$`),
    );
    expect(
      rows
        ?.trim()
        .split("\n")
        .map((line) => JSON.parse(line).id),
    ).toEqual([...ids, undefined]);
    expect([clock.pending, publisher.stats.subscribers]).toEqual([0, 0]);
  });

  it("tells an EventSource that comes meanwhile when to come back: a 503 would be its end", async () => {
    const { publisher } = made({ retryMs: 1_500 });
    const slow = publisher.subscribe();
    const closed = publisher.close();
    const headers = { accept: "text/event-stream" };
    const answer = publisherResponse(publisher, new Request("https://a.example/", { headers }));
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    expect(await answer.text()).toBe(": goodbye\nretry: 1500\n\n");
    expect(publisher.stats).toMatchObject({ subscribers: 1, refused: 1 });
    await slow.return();
    await closed;
  });

  it("cuts at the deadline who has not taken all, and is done then", async () => {
    const { publisher, clock } = made();
    const stalled = publisher.subscribe();
    const response = publisherResponse(publisher, new Request("https://a.example/"));
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await publisher.publish("t", 1);
    let done = false;
    const closed = publisher.close({ deadlineMs: 1_000 }).then(() => (done = true));
    await clock.advance(999);
    expect([done, stalled.signal.aborted]).toEqual([false, false]);
    await clock.advance(1);
    await closed;
    expect([stalled.signal.aborted, clock.pending]).toEqual([true, 0]);
    await expect(reader.read()).rejects.toThrow("1000 ms were not enough (deadlineMs)");
  });

  it("is done at the deadline also when the log never answers", async () => {
    const stuck: ReplayLog = { append: () => new Promise(() => {}), since: memoryReplayLog().since };
    const { publisher, clock } = made({ log: stuck });
    const subscription = publisher.subscribe();
    void publisher.publish("t", 1);
    await clock.advance(0);
    let done = false;
    void publisher.close({ deadlineMs: 1_000 }).then(() => (done = true));
    await clock.advance(999);
    expect([done, subscription.signal.aborted]).toEqual([false, false]);
    await clock.advance(1);
    expect([done, subscription.signal.aborted, publisher.stats.subscribers, clock.pending]).toEqual([true, true, 0, 0]);
  });

  it("spreads the coming back over retryMs to twice that", async () => {
    const { publisher } = made({ retryMs: 1_000, random: seededRandom(3) });
    const subscriptions = Array.from({ length: 50 }, () => publisher.subscribe());
    const closed = publisher.close();
    const waits = await Promise.all(
      subscriptions.map(async (subscription) => {
        for await (const { kind, text } of subscription)
          if (kind === "goodbye") return JSON.parse(text).data.retryMs as number;
        return -1;
      }),
    );
    await closed;
    expect([Math.min(...waits) >= 1_000, Math.max(...waits) <= 2_000, new Set(waits).size > 40]).toEqual([
      true,
      true,
      true,
    ]);
  });

  it("is one, however often it is called, also without subscribers", async () => {
    const { publisher, clock } = made();
    expect(publisher.close()).toBe(publisher.close());
    await publisher.close();
    expect(clock.pending).toBe(0);
  });
});

function made(options: PublisherOptions = {}): { publisher: Publisher; clock: ReturnType<typeof fakeClock> } {
  const clock = fakeClock();
  return { publisher: createPublisher({ clock, random: seededRandom(7), ...options }), clock };
}

/** A log in memory whose appends take so long each, and each look-up. */
function slowLog(clock: ReturnType<typeof fakeClock>, appendMs: readonly number[], sinceMs = 0): ReplayLog {
  const log = memoryReplayLog();
  const waits = [...appendMs];
  const wait = (ms: number) => new Promise<void>((resolve) => void clock.timer(ms, resolve));
  return {
    async append(item): Promise<string> {
      const id = await log.append(item);
      await wait(waits.shift() ?? 0);
      return id;
    },
    async since(cursor): Promise<Replay> {
      const replay = await log.since(cursor);
      await wait(sinceMs);
      return replay;
    },
  };
}

async function step(subscription: Subscription): Promise<Delivery> {
  const { done, value } = await subscription.next();
  if (done) throw new Error("The subscription has ended");
  return value;
}

/** The next that is an item. */
async function item(subscription: Subscription): Promise<Delivery> {
  for (;;) {
    const delivery = await step(subscription);
    if (delivery.kind === "item") return delivery;
  }
}

function utf8(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
