import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "@longwire/core/testing";

/** A server with two feeds of numbered items that cuts its connections now and then. */
export interface FeedServer extends AsyncDisposable {
  readonly url: string;
  readonly feeds: { readonly events: Feed; readonly rows: Feed };
}

export interface Feed {
  /** Numbers of the items that went out at least once. */
  readonly sent: ReadonlySet<number>;
  /** Times that an item went out once more. */
  readonly again: number;
  readonly cuts: number;
}

export interface FeedServerOptions {
  /** Items of each feed, numbered from 1. */
  readonly items: number;
  /** From one item of a feed to the next. */
  readonly everyMs: number;
  /** The same seed cuts at the same places. */
  readonly seed: number;
  /** The number of an item of `events` that the server believes it sent; 0 for none. */
  readonly loses: number;
  onCut(feed: string, how: string): void;
}

/** `/events` is SSE and resumes by Last-Event-ID; `/rows` is NDJSON and resumes by the query parameter `since`. */
export async function feedServer(options: FeedServerOptions): Promise<FeedServer> {
  const events = new NumberedFeed(options, {
    name: "events",
    type: "text/event-stream",
    cuts: [...cutsInside, "a clean end after"],
    loses: options.loses,
    since: ({ headers }) => headers["last-event-id"]?.toString(),
    encode: (seq) => `id: ${seq}\nevent: price\ndata: {"seq":${seq},"price":${100 + (seq % 7)}}\n\n`,
    last: "data: [DONE]\n\n",
  });
  const rows = new NumberedFeed(options, {
    name: "rows",
    type: "application/x-ndjson",
    cuts: cutsInside,
    loses: 0,
    since: ({ url }) => new URL(url ?? "/", "http://any").searchParams.get("since") ?? undefined,
    encode: (seq) => `{"seq":${seq},"name":"row ${seq}"}\n`,
    last: "",
  });
  const server = createServer((request, response) => {
    const feed = request.url?.startsWith("/rows") ? rows : events;
    response.on("error", () => {});
    void feed.serve(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    feeds: { events, rows },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Cut = "a RST inside" | "a FIN inside" | "a RST after" | "a clean end after";
const cutsInside: readonly Cut[] = ["a RST inside", "a FIN inside", "a RST after"];

interface Wording {
  readonly name: string;
  readonly type: string;
  readonly cuts: readonly Cut[];
  readonly loses: number;
  since(request: IncomingMessage): string | undefined;
  encode(seq: number): string;
  readonly last: string;
}

class NumberedFeed implements Feed {
  readonly sent = new Set<number>();
  again = 0;
  cuts = 0;
  readonly #options: FeedServerOptions;
  readonly #wording: Wording;
  readonly #random: () => number;
  #startedMs: number | undefined;

  constructor(options: FeedServerOptions, wording: Wording) {
    this.#options = options;
    this.#wording = wording;
    this.#random = seededRandom(options.seed + wording.name.length);
  }

  /** Sends what comes after the client's resume point, at once as far as it happened meanwhile, until the end or a cut. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { items, everyMs } = this.#options;
    const { type, cuts, since, encode, last, loses } = this.#wording;
    this.#startedMs ??= performance.now();
    let left = 5 + Math.floor(this.#random() * 16);
    const cut = cuts[Math.floor(this.#random() * cuts.length)] as Cut;
    response.writeHead(200, { "content-type": type, "cache-control": "no-store" }).flushHeaders();
    for (let seq = Number(since(request) ?? 0) + 1; seq <= items; seq++) {
      const dueMs = this.#startedMs + (seq - 1) * everyMs;
      if (dueMs > performance.now()) await sleep(dueMs - performance.now());
      if (response.destroyed) return;
      const text = encode(seq);
      if (left-- === 0) return this.#cut(response, cut, seq, text);
      if (this.sent.has(seq)) this.again++;
      this.sent.add(seq);
      if (seq !== loses) response.write(text);
    }
    response.end(last);
  }

  async #cut(response: ServerResponse, cut: Cut, seq: number, text: string): Promise<void> {
    const inside = cut.endsWith("inside");
    if (inside) response.write(text.slice(0, text.length / 2));
    // So that the half item arrives before the connection breaks.
    await sleep(5);
    this.cuts++;
    this.#options.onCut(this.#wording.name, `${cut} item ${inside ? seq : seq - 1}`);
    if (cut === "a clean end after") response.end();
    else if (cut === "a FIN inside") response.socket?.end();
    else response.socket?.resetAndDestroy();
  }
}
