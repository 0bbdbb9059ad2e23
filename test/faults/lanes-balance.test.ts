// Whatever becomes of requests, by chance and all at once: a lane ends with its books balanced, and serves on.

import { createServer } from "node:http";
import { seededRandom } from "@longwire/core/testing";
import { createClient, StreamError } from "longwire";
import { afterAll, expect, test } from "vitest";
import { Authority } from "./certificates.ts";
import { h2Server } from "./h2-server.ts";
import { listening } from "./listening.ts";
import { turns } from "./peer.ts";

const authority = new Authority();
afterAll(() => authority[Symbol.dispose]());
const local = authority.issue("DNS:localhost");

/** What an answer is written with, on either protocol. */
interface Writing {
  head(): void;
  write(text: string): void;
  end(text: string): void;
  /** Breaks this answer. */
  break(): void;
  /** Breaks the connection below it. */
  cut(): void;
}

/** Answers by the path, as the client asked for by chance: `/whole`, `/long/3`, `/mute`, … */
async function answer(path: string, to: Writing): Promise<void> {
  const [, how, count = "0"] = path.split("/");
  if (how === "mute") return;
  if (how === "breakFirst") return to.break();
  if (how === "cutFirst") return to.cut();
  to.head();
  to.write("begin\n");
  await turns(Number(count));
  if (how === "break") to.break();
  else if (how === "cut") to.cut();
  else if (how !== "endless") to.end("end\n");
}

async function h1() {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void answer(request.url as string, {
      head: () => response.writeHead(200),
      write: (text) => void response.write(text),
      end: (text) => void response.end(text),
      break: () => void response.socket?.destroy(),
      cut: () => void response.socket?.resetAndDestroy(),
    });
  });
  const { port, [Symbol.asyncDispose]: close } = await listening(server);
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: close };
}

function h2() {
  return h2Server(local, (stream, headers) => {
    void answer(headers[":path"] as string, {
      head: () => stream.destroyed || stream.respond({ ":status": 200 }),
      write: (text) => void stream.write(text),
      end: (text) => void stream.end(text),
      break: () => void stream.close(2),
      cut: () => void stream.session?.destroy(),
    });
  });
}

const ways = ["whole", "whole", "long", "mute", "breakFirst", "cutFirst", "break", "cut", "endless"];

test.each([
  ["HTTP/1.1", 1, h1],
  ["HTTP/1.1", 2, h1],
  ["HTTP/1.1", 3, h1],
  ["HTTP/2", 1, h2],
  ["HTTP/2", 2, h2],
  ["HTTP/2", 3, h2],
] as const)(
  "over %s, a lane ends with its books balanced and serves on, by seed %i",
  async (_protocol, seed, start) => {
    await using server = await start();
    const random = seededRandom(seed);
    const pick = (below: number): number => Math.floor(random() * below);
    const lane = { connections: 4, maxConcurrentStreams: 3 };
    await using client = createClient({
      tls: { ca: authority.cert },
      budget: { perSecond: 1e6, burst: 1e4 },
      lanes: { stream: lane, call: lane },
    });
    const endings: Record<string, number> = {};

    /** One request, of either lane, that is answered, broken, left or aborted. */
    async function one(): Promise<void> {
      const way = ways[pick(ways.length)] as string;
      const path = `/${way}/${pick(20)}`;
      const abort = new AbortController();
      const patience = way === "mute" || way === "endless" ? pick(60) : pick(300);
      const waiting = turns(patience).then(() => abort.abort("enough"));
      const options = { signal: abort.signal, reconnect: false as const };
      let ending = "whole";
      try {
        if (pick(2) === 0) await (await client.request(server.url + path, { signal: abort.signal })).text();
        else for await (const _ of client.lines(server.url + path, options)) if (pick(10) === 0) break;
      } catch (error) {
        if (error !== "enough" && !(error instanceof StreamError)) throw error;
        ending = error instanceof StreamError ? error.code : "aborted";
      }
      endings[ending] = (endings[ending] ?? 0) + 1;
      abort.abort();
      await waiting;
    }

    const all: Promise<void>[] = [];
    for (let wave = 0; wave < 20; wave++) {
      for (let count = 0; count < 20; count++) all.push(one());
      await turns(pick(10));
      for (const { open, connecting, draining, inUse, free, waiting } of client.stats().lanes) {
        // What drained and has nothing left is open until it is closed.
        expect(inUse - draining + connecting).toBeLessThanOrEqual(4);
        expect(inUse + free).toBe(open);
        expect(waiting).toBeGreaterThanOrEqual(0);
      }
    }
    await Promise.all(all);
    expect(Object.keys(endings).toSorted()).toEqual(["aborted", "reset", "truncated", "whole"]);
    await expect.poll(() => client.stats()).toMatchObject({ streams: 0, requests: 0 });
    await expect
      .poll(() => client.stats().lanes.map(({ inUse, waiting, connecting }) => inUse + waiting + connecting))
      .toEqual(client.stats().lanes.map(() => 0));
    const texts = Array.from({ length: 50 }, async () => (await client.request(`${server.url}/whole`)).text());
    expect(new Set(await Promise.all(texts))).toEqual(new Set(["begin\nend\n"]));
  },
);
