import type { Feed, FeedReader } from "./feed.ts";

/** What a source is told of the request that it answers. */
export interface SourceContext<Request> {
  /** Aborted when the client is gone. What the source throws from then on is told to nobody. */
  readonly signal: AbortSignal;
  /** The `Last-Event-ID` that the client resumes from; `undefined` when it sent none. A client may send any text. */
  readonly lastEventId: string | undefined;
  readonly request: Request;
}

/** Items to send: an iterable, or a function that makes one for each request. It is asked for an item when the client has room. */
export type Source<Item, Request> =
  | AsyncIterable<Item>
  | ((context: SourceContext<Request>) => AsyncIterable<Item> | Promise<AsyncIterable<Item>>);

/** How items become bytes. */
export interface Encoding<Item> {
  readonly contentType: string;
  encode(item: Item): Uint8Array;
  readonly heartbeat: Uint8Array;
}

/** A feed of one source for one request. Nothing of the source is asked before the first piece is, and what it throws is that piece's. */
export function sourceFeed<Item, Request>(
  source: Source<Item, Request>,
  encoding: Encoding<Item>,
  request: { readonly request: Request; readonly lastEventId: string | undefined },
): Feed {
  const gone = new AbortController();
  let iterator: AsyncIterator<Item> | undefined;
  let over = false;
  let asking = false;
  let arrived: Uint8Array | undefined;
  let failure: { readonly error: unknown } | undefined;
  let waiting: FeedReader | undefined;
  try {
    // An iterable is let go even when it was never asked; a function was never called then.
    if (typeof source !== "function") iterator = source[Symbol.asyncIterator]();
  } catch (error) {
    // One that can be iterated once says so to the second request.
    failure = { error };
  }
  async function step(source: AsyncIterator<Item>): Promise<IteratorResult<Item>> {
    try {
      return await source.next();
    } catch (error) {
      // What has thrown has ended itself.
      over = true;
      throw error;
    }
  }
  async function next(): Promise<Uint8Array | undefined> {
    if (!iterator) {
      const made = (await (source as Exclude<typeof source, AsyncIterable<Item>>)({ ...request, signal: gone.signal }))[
        Symbol.asyncIterator
      ]();
      if (over) letGo(made);
      else iterator = made;
    }
    if (!iterator) return undefined;
    const { done, value } = await step(iterator);
    if (!done) return encoding.encode(value);
    over = true;
    return undefined;
  }
  async function ask(): Promise<void> {
    asking = true;
    try {
      arrived = await next();
    } catch (error) {
      failure = { error };
    }
    asking = false;
    const reader = waiting;
    waiting = undefined;
    reader?.more();
  }
  return {
    take() {
      if (failure) throw failure.error;
      const piece = arrived;
      arrived = undefined;
      if (!piece && !asking && !over) void ask();
      return piece;
    },
    get isOver() {
      return over && !asking;
    },
    wait(reader) {
      waiting = reader;
    },
    heartbeat: () => encoding.heartbeat,
    leave() {
      if (over) return;
      over = true;
      gone.abort(new DOMException("The client is gone", "AbortError"));
      if (iterator) letGo(iterator);
    },
  };
}

/** Does not wait for the source, and its complaint is nobody's. */
function letGo(iterator: AsyncIterator<unknown>): void {
  void (async () => iterator.return?.())().catch(() => {});
}
