import type { Notice } from "../session/notice.ts";
import type { EventStream } from "./event-stream.ts";

/**
 * Asked once for each stream, when it is made, for what is told at once of all that happens to it: to log, to count, to trace. `url` is
 * masked. What is told must not throw; what it gets is what `notices()` shows, comments too.
 */
export type Watch = (stream: WatchedStream, url: string) => (notice: Notice) => void;

/** A stream as its watch sees it; not yet to be asked when it is being made. */
export type WatchedStream = Pick<EventStream<unknown>, "state" | "stats">;

/** What happened, to any number of readers; each keeps the last {@link keptNotices} that it has not read. */
export class Notices {
  #readers: Set<NoticeReader> | undefined;
  #closed: Notice | undefined;
  readonly #watcher: ((notice: Notice) => void) | undefined;

  constructor(watcher?: (notice: Notice) => void) {
    this.#watcher = watcher;
  }

  /** Hands a notice to every reader. The one that says `closed` is the last. */
  notify(notice: Notice): void {
    this.#watcher?.(notice);
    if (this.#readers) for (const reader of this.#readers) reader.push(notice);
    if (notice.type === "closed") this.#closed = notice;
  }

  read({ comments = false }: NoticeOptions = {}): NoticeReader {
    const readers = (this.#readers ??= new Set());
    const reader = new NoticeReader(comments, () => readers.delete(reader));
    readers.add(reader);
    if (this.#closed) reader.push(this.#closed);
    return reader;
  }
}

export interface NoticeOptions {
  /** Comments of the stream too. Default false. */
  readonly comments?: boolean | undefined;
}

/** Notices that a reader may fall behind by; older ones are dropped and counted. */
export const keptNotices = 256;

/** One reader of notices: an async iterator that ends after `closed`. */
export class NoticeReader implements AsyncIterableIterator<Notice> {
  readonly #comments: boolean;
  readonly #leave: () => void;
  readonly #queue: Notice[] = [];
  readonly #waiting: ((result: IteratorResult<Notice, undefined>) => void)[] = [];
  #dropped = 0;
  #over = false;

  constructor(comments: boolean, leave: () => void) {
    this.#comments = comments;
    this.#leave = leave;
  }

  /** Notices that were not read in time. */
  get dropped(): number {
    return this.#dropped;
  }

  push(notice: Notice): void {
    if (this.#over || (notice.type === "comment" && !this.#comments)) return;
    const last = notice.type === "closed";
    const waiting = this.#waiting.shift();
    if (waiting) waiting({ value: notice, done: false });
    else {
      if (this.#queue.length === keptNotices) {
        this.#queue.shift();
        this.#dropped++;
      }
      this.#queue.push(notice);
    }
    if (last) this.#end();
  }

  next(): Promise<IteratorResult<Notice, undefined>> {
    const notice = this.#queue.shift();
    if (notice) return Promise.resolve({ value: notice, done: false });
    if (this.#over) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<IteratorResult<Notice, undefined>> {
    this.#queue.length = 0;
    this.#end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(): void {
    this.#over = true;
    this.#leave();
    for (const waiting of this.#waiting.splice(0)) waiting({ value: undefined, done: true });
  }
}
