import { getEventListeners } from "node:events";
import type { EventStream } from "../../src/consumer/event-stream.ts";
import { type Cursor, type Outcome, StreamError } from "../../src/errors.ts";
import { openStream } from "../../src/open.ts";
import { createBudget } from "../../src/session/budget.ts";
import type { CursorStore } from "../../src/session/cursor-store.ts";
import type { Notice } from "../../src/session/notice.ts";
import { type FakeClock, fakeClock } from "../../src/testing/index.ts";
import { DrivenServer } from "./driven-server.ts";
import { fromCursor, type ModelOptions, pending, storedCursor, type View } from "./model-terms.ts";
import { type Tick, ticks } from "./stream-of.ts";

/** A stream, its server, and all that was seen of it. */
export class ObservedStream {
  readonly clock: FakeClock = fakeClock();
  readonly server: DrivenServer;
  readonly received: string[] = [];
  /** The server sent something again. */
  wentBack = false;
  readonly #abort = new AbortController();
  readonly #stream: EventStream<Tick>;
  readonly #items: AsyncIterator<Tick | readonly Tick[]>;
  readonly #pulls: string[] = [];
  readonly #opens: string[] = [];
  readonly #notices: string[] = [];
  readonly #readers: string[][] = [];
  readonly #exact: boolean;
  #saved: Cursor | undefined;
  #outcome = pending;

  constructor(options: ModelOptions) {
    const { endless, resumable, batches, from, stored, saveMs, dice, timeouts, reconnect, budget } = options;
    this.server = new DrivenServer(options.hidden);
    const { cursorOf, resume, ...without } = ticks({ endless });
    const dialect = resumable ? { ...without, cursorOf, resume } : without;
    this.#stream = openStream("https://a.example/ticks", dialect as ReturnType<typeof ticks>, {
      clock: this.clock,
      random: () => dice,
      transport: this.server.transport,
      signal: this.#abort.signal,
      method: options.unsafe ? "POST" : "GET",
      until: options.until ? "END" : undefined,
      resume: {
        forever: options.forever,
        dropReplayed: options.dropReplayed,
        onGap: options.onGap,
        from: from ? fromCursor : undefined,
      },
      cursorStore: stored || saveMs !== undefined ? this.#store(stored) : undefined,
      saveMs,
      timeouts,
      reconnect,
      budget: createBudget(this.clock, budget),
    });
    this.#exact = saveMs === 0;
    this.#saved = from ? fromCursor : undefined;
    void this.#readNotices(this.#notices, true);
    void this.#stream.outcome.then((outcome) => {
      this.#outcome = shownOutcome(outcome);
    });
    this.#items = batches ? this.#stream.batches() : this.#stream[Symbol.asyncIterator]();
  }

  get left(): { timers: number; exchanges: number; listeners: number } {
    const listeners = getEventListeners(this.#abort.signal, "abort").length;
    return { timers: this.clock.pending, exchanges: this.server.open, listeners };
  }

  /** What was saved last, or where the stream began. */
  get saved(): Cursor | undefined {
    return this.#saved;
  }

  get view(): View {
    const { state, stats, cursor } = this.#stream;
    return {
      state: state.name,
      attempts: stats.attempts,
      cursor,
      items: stats.items,
      bytes: stats.bytes,
      heartbeats: stats.heartbeats,
      reconnects: stats.reconnects,
      requests: this.server.requests.map(({ headers }) => headers["last-id"] as Cursor | undefined),
      pulls: this.#pulls,
      opens: this.#opens,
      notices: this.#notices,
      outcome: this.#outcome,
      readers: this.#readers,
      exchanges: this.server.open,
    };
  }

  pull(): void {
    const index = this.#pulls.push(pending) - 1;
    this.#items.next().then(
      ({ done, value }) => {
        const texts = done ? [] : [value].flat().map(({ text }) => text);
        this.received.push(...texts);
        this.#pulls[index] = done ? "done" : texts.join(" ");
        if (done) return;
        // With `saveMs: 0` all that was acknowledged is saved before the next item is handed out.
        const { cursor } = this.#stream;
        if (this.#exact && cursor !== undefined && this.#saved !== cursor)
          this.#pulls[index] += `, ${cursor} was not saved, ${this.#saved} was`;
      },
      (thrown: unknown) => {
        this.#pulls[index] = `thrown ${shownError(thrown)}`;
      },
    );
  }

  open(): void {
    const index = this.#opens.push(pending) - 1;
    this.#stream.open().then(
      ({ status }) => {
        this.#opens[index] = `answered ${status}`;
      },
      (thrown: unknown) => {
        this.#opens[index] = `thrown ${shownError(thrown)}`;
      },
    );
  }

  acknowledge(): void {
    this.#stream.ack();
  }

  retryNow(): boolean {
    return this.#stream.retryNow();
  }

  leave(): void {
    void this.#items.return?.();
  }

  close(): void {
    void this.#stream.close();
  }

  abort(): void {
    this.#abort.abort(abortReason);
  }

  /** One more reader of the notices, without comments. */
  read(): void {
    const notices: string[] = [];
    this.#readers.push(notices);
    void this.#readNotices(notices, false);
  }

  async #readNotices(into: string[], comments: boolean): Promise<void> {
    for await (const notice of this.#stream.notices({ comments })) into.push(shownNotice(notice));
  }

  #store(stored: boolean): CursorStore {
    return {
      load: async () => {
        if (!stored) return undefined;
        this.#saved = storedCursor;
        return storedCursor;
      },
      save: async (cursor) => {
        this.#saved = cursor;
      },
    };
  }
}

const abortReason = "aborted by the caller";

function shownOutcome({ code, items, bytes, attempts, cursor, ...rest }: Outcome): string {
  const error = "error" in rest ? shownError(rest.error) : "none";
  return `${code}, ${items} items, ${bytes} bytes, ${attempts} attempts, cursor ${cursor}, error ${error}`;
}

function shownError(error: unknown): string {
  if (!(error instanceof StreamError)) return error instanceof DOMException ? error.name : String(error);
  if (error.code !== "exhausted") return error.code;
  return `exhausted by ${error.cause instanceof StreamError ? error.cause.code : "ended"}`;
}

function shownNotice(notice: Notice): string {
  switch (notice.type) {
    case "opening":
      return `opening ${notice.attempt}`;
    case "open":
      return `open ${notice.attempt} ${notice.status}`;
    case "resumed":
      return `resumed ${notice.cursor}`;
    case "gap":
      return `gap ${notice.from} ${notice.to}`;
    case "replayed":
      return `replayed ${notice.items}`;
    case "aged":
      return `aged ${notice.recycled}`;
    case "waiting": {
      const { cause, waitMs, retry } = notice;
      return `waiting ${typeof cause === "string" ? cause : cause.code} ${waitMs} ${retry}`;
    }
    case "closed":
      return `closed ${notice.outcome.code}`;
    default:
      return notice.type;
  }
}
