// What every host serves: sources by name, and a way to see from outside what became of them. It names nothing of Node, since it runs
// in workers too.

import {
  createPublisher,
  memoryReplayLog,
  ndjsonResponse,
  type Publisher,
  publisherResponse,
  type ResponseOptions,
  type SourceContext,
  type SseBlock,
  sseResponse,
} from "@longwire/server";

/** What became of one claim's sources, as `/control/seen` tells it. */
export interface Seen {
  /** How often a source was called for. */
  calls: number;
  /** Items that were asked for. */
  made: number;
  /** Whether a source's signal was aborted. */
  aborted: boolean;
  /** Whether `return()` was called. */
  returned: boolean;
  /** What `onError` was told. */
  readonly errors: string[];
  /** Of the claim's publisher. */
  subscribers: number;
}

/** Items of `flood`, each of 64 KiB: 25 MiB, more than two kernels' buffers hold. */
export const floodItems = 400;
const floodData = "x".repeat(64 * 1_024);

/** Serves any number of claims, which tell each other apart by `?run=`. */
export class App {
  readonly #runs = new Map<string, Run>();

  /** The source that a path names, for `sseHandler`, `ndjsonHandler` and their web counterparts. */
  readonly source = (
    context: SourceContext<{ readonly url?: string | undefined } | undefined>,
  ): AsyncIterable<SseBlock> => {
    const { pathname, run } = this.#asked(context.request?.url);
    const make = sources[pathname.split("/").at(-1) as keyof typeof sources];
    return run.watched(make, context);
  };

  /** What the handlers of a request are told. */
  options(url: string | undefined): ResponseOptions {
    const { run, search } = this.#asked(url);
    const number = (name: string): number => Number(search.get(name) ?? 0);
    return {
      heartbeatMs: number("heartbeatMs"),
      stallMs: number("stallMs"),
      onError: (error) => run.seen.errors.push(String(error)),
    };
  }

  publisher(url: string | undefined): Publisher {
    return this.#asked(url).run.publisher;
  }

  /** Does what a claim asks for by `/control/WORD`, and answers with what is seen then. */
  async control(url: string | undefined): Promise<Seen> {
    const { pathname, run, search } = this.#asked(url);
    const word = pathname.split("/").at(-1);
    if (word === "next") run.next();
    if (word === "publish") await run.publisher.publish("items", search.get("data"));
    if (word === "flood") await run.flood();
    if (word === "close") await run.publisher.close({ deadlineMs: 5_000 });
    return { ...run.seen, subscribers: run.publisher.stats.subscribers };
  }

  /** All of it as a handler of the web's kind. */
  readonly fetch = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/sse/")) return sseResponse(this.source, { request, ...this.options(request.url) });
    if (pathname.startsWith("/ndjson/")) return ndjsonResponse(this.source, { request, ...this.options(request.url) });
    if (pathname === "/publisher") {
      return publisherResponse(this.publisher(request.url), request, this.options(request.url));
    }
    return Response.json(await this.control(request.url));
  };

  #asked(url = "/"): { readonly pathname: string; readonly search: URLSearchParams; readonly run: Run } {
    const { pathname, searchParams } = new URL(url, "http://host");
    const name = searchParams.get("run") ?? "";
    const run = this.#runs.get(name) ?? new Run();
    this.#runs.set(name, run);
    return { pathname, search: searchParams, run };
  }
}

/** One claim's world. */
class Run {
  readonly seen: Seen = { calls: 0, made: 0, aborted: false, returned: false, errors: [], subscribers: 0 };
  readonly publisher: Publisher = createPublisher({ log: memoryReplayLog(), capacity: 8, retryMs: 10, goodbyeMs: 100 });
  #allowed = 0;

  /** Lets a source that waits go on by a step. */
  next(): void {
    this.#allowed++;
  }

  /** Resolves once for each `next`. It looks by a timer: a worker that waits for what only another request can tell it is hung, and ended. */
  async step(): Promise<void> {
    while (this.#allowed === 0) await passed(5);
    this.#allowed--;
  }

  /** Publishes far more than a client that stalls can be sent, each item when the one before had time to leave. */
  async flood(): Promise<void> {
    for (let n = 0; n < floodItems; n++) {
      await this.publisher.publish("items", floodData);
      await passed(1);
    }
  }

  watched(make: MakeSource, context: SourceContext<unknown>): AsyncIterable<SseBlock> {
    this.seen.calls++;
    context.signal.addEventListener("abort", () => {
      this.seen.aborted = true;
    });
    const items = make(this, context.lastEventId);
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          this.seen.made++;
          return items.next();
        },
        // That of a generator waits for what is pending.
        return: async () => {
          this.seen.returned = true;
          return { done: true, value: undefined };
        },
      }),
    };
  }
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

type MakeSource = (run: Run, lastEventId: string | undefined) => AsyncGenerator<SseBlock>;

const sources = {
  /** One item, when it is told to. */
  async *late(run) {
    await run.step();
    yield item(1);
  },

  /** Three items, each but the first when it is told to. */
  async *stepped(run) {
    for (let n = 1; n <= 3; n++) {
      if (n > 1) await run.step();
      yield item(n);
    }
  },

  async *flood() {
    for (let n = 1; n <= floodItems; n++) yield { id: String(n), data: floodData };
  },

  /** Breaks behind two items, when it is told to. */
  async *broken(run) {
    yield item(1);
    yield item(2);
    await run.step();
    throw new Error("broken");
  },

  /** Breaks behind two items, at once. */
  async *brokenOff() {
    yield item(1);
    yield item(2);
    throw new Error("broken");
  },

  // biome-ignore lint/correctness/useYield: it breaks before it gives anything.
  async *brokenFirst() {
    throw new Error("broken");
  },

  /** Counts to 6 from behind the last id, and breaks behind each even number. */
  async *resumed(_run, lastEventId) {
    for (let n = Number(lastEventId ?? 0) + 1; n <= 6; n++) {
      yield item(n);
      if (n % 2 === 0 && n < 6) throw new Error("broken");
    }
  },

  /** The id that the client came back with. */
  async *told(_run, lastEventId) {
    yield { data: String(lastEventId) };
  },
} satisfies Record<string, MakeSource>;

function item(n: number): SseBlock {
  return { id: String(n), data: `item ${n}` };
}
