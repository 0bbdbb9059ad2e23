import {
  type Clock,
  type ClockName,
  Deadlines,
  type Head,
  layered,
  type Layer,
  type Queued,
  type Running,
  type RunningStream,
  shownUrl,
  StreamError,
  type StreamRequest,
  type StreamResponse,
  type Transport,
  waitedFor,
} from "@longwire/core";
import { Upload, type UploadSource } from "./upload.ts";
import { WrittenBody } from "./written-body.ts";

/**
 * A request that is being sent and its answer that is being read, at the same time. What it iterates over, once, are the answer's bytes;
 * leaving the loop closes it.
 */
export interface DuplexCall extends AsyncIterable<Uint8Array>, AsyncDisposable {
  /**
   * The head of the answer, when it is there: a server may wait for the first chunk. That it fails unheard is no unhandled rejection.
   *
   * @throws StreamError `refused` for a status that is not 2xx, with headers and up to 2 KiB of the body; or how the call broke off
   */
  readonly head: Promise<Head>;
  /**
   * Sends a chunk, text as UTF-8. Resolves when the wire took it: who waits for each write sends no faster than the server reads. Writes
   * that overlap go out in their order. That one fails unheard is no unhandled rejection: reading tells the same.
   *
   * @throws StreamError `reset` when the answer has ended, so that nobody reads on; how the call broke off; TypeError after `end` or
   * `close`, with a `body`, or for what is neither text nor bytes
   */
  write(chunk: string | Uint8Array): Promise<void>;
  /**
   * Ends the body of the request and goes on reading: a half-close. Resolves when the wire took all that was written, or when the answer
   * ended well without it. Again is nothing.
   *
   * @throws how the call broke off; TypeError with a `body`
   */
  end(): Promise<void>;
  /** Ends both sides; final, and no error: who reads is done. Again is nothing. */
  close(): Promise<void>;
}

/** What a {@link Call} is made with. */
export interface CallSettings {
  readonly transport: Transport;
  readonly layers: readonly Layer[];
  readonly request: StreamRequest;
  /** What to send; `undefined`: what is written. */
  readonly source: UploadSource | undefined;
  readonly clock: Clock;
  readonly timeouts: Readonly<Record<"connectMs" | "headersMs" | "idleMs" | "totalMs", number>>;
  readonly signal: AbortSignal | undefined;
  readonly running: Running | undefined;
}

type Over = "complete" | "closed" | "broken";

/** A {@link DuplexCall} over any transport that sends the head of a request at once. */
export class Call implements DuplexCall, RunningStream {
  /** Resolves when the head of the request is on its way; never, when the call breaks off before. */
  readonly sent: Promise<void>;
  readonly head: Promise<Head>;
  readonly #shown: string;
  readonly #settings: Pick<CallSettings, "timeouts" | "signal" | "running">;
  readonly #deadlines: Deadlines;
  /** Until the answer is there. */
  #opening: AbortController | undefined = new AbortController();
  readonly #written: WrittenBody | undefined;
  readonly #upload: Upload;
  #headPending = true;
  /** What it waits for before it has a connection. */
  #queued: Queued | undefined;
  #reads = 0;
  #response: StreamResponse | undefined;
  #chunks: AsyncIterator<Uint8Array> | undefined;
  #iterated = false;
  #over: Over | undefined;
  /** Why nothing more is sent, where that is no failure: there is nothing left to end then. */
  #unneeded: unknown;

  constructor({ transport, layers, request, source, clock, timeouts, signal, running }: CallSettings) {
    this.#shown = shownUrl(request.url);
    this.#settings = { timeouts, signal, running };
    this.#deadlines = new Deadlines(clock, { ranOut: (name) => this.#fail(this.#late(name)) });
    this.#written = source ? undefined : new WrittenBody();
    this.#upload = new Upload(source ?? (this.#written as WrittenBody), {
      given: () => this.#watch(),
      taken: () => this.#moved(),
      released: (reason) => this.#released(reason),
    });
    for (const name of ["connectMs", "headersMs", "totalMs"] as const) this.#deadlines.start(name, timeouts[name]);
    signal?.addEventListener("abort", this);
    running?.add(this);
    const timed: Transport = async (asked, call) => {
      const response = await transport(asked, call);
      this.#deadlines.stop("headersMs");
      return response;
    };
    const send = layered(timed, layers);
    let onSent = (): void => {};
    this.sent = new Promise((resolve) => {
      onSent = resolve;
    });
    this.head = this.#open(send, request.withBody(this.#upload), onSent);
    this.head.catch(() => {});
  }

  write(chunk: string | Uint8Array): Promise<void> {
    if (this.#written === undefined) return Promise.reject(new TypeError("Cannot write: the call sends its body"));
    if (typeof chunk !== "string" && !(chunk instanceof Uint8Array)) {
      return Promise.reject(new TypeError(`Cannot write a chunk that is neither text nor bytes, but ${typeof chunk}`));
    }
    return this.#written.write(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  }

  end(): Promise<void> {
    if (this.#written === undefined) return Promise.reject(new TypeError("Cannot end: the call sends its body"));
    const ended = this.#written.end().catch((error: unknown) => {
      if (error !== this.#unneeded) throw error;
    });
    ended.catch(() => {});
    return ended;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    if (this.#iterated) throw new TypeError("Cannot read this answer again: it is being read, or was");
    this.#iterated = true;
    let before: Promise<unknown> = Promise.resolve();
    return {
      next: () => {
        const step = before.then(() => this.#next());
        // That one fails unheard is no unhandled rejection.
        before = step.catch(() => {});
        return step;
      },
      return: async () => {
        await this.close();
        return { done: true, value: undefined };
      },
    };
  }

  close(): Promise<void> {
    this.#finish("closed", new TypeError(`Cannot write to ${this.#shown}: the call was closed`));
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  retryNow(): boolean {
    return false;
  }

  /** The caller's signal was aborted. */
  handleEvent(): void {
    this.#fail(this.#settings.signal?.reason);
  }

  async #open(send: Transport, request: StreamRequest, onSent: () => void): Promise<Head> {
    const on = {
      queued: (queued: Queued): void => {
        this.#queued = queued;
      },
      hidden: (): void => {},
      connected: (): void => this.#deadlines.stop("connectMs"),
      sent: (): void => {
        this.#moved();
        onSent();
      },
    };
    const { signal } = this.#opening as AbortController;
    try {
      const response = await send(request, { signal, on });
      if (signal.aborted) {
        response.release(signal.reason);
        throw signal.reason;
      }
      this.#response = response;
      this.#opening = undefined;
      const { url, status, headers } = response;
      return { url, status, headers };
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      this.#headPending = false;
      this.#watch();
    }
  }

  async #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#reads += 1;
    this.#watch();
    try {
      await this.head;
      this.#chunks ??= (this.#response as StreamResponse).body[Symbol.asyncIterator]();
      const step = await this.#chunks.next();
      if (step.done) this.#finish("complete", this.#answered());
      else this.#moved();
      return step.done ? { done: true, value: undefined } : step;
    } catch (error) {
      this.#fail(error);
      if (this.#over === "closed") return { done: true, value: undefined };
      throw error;
    } finally {
      this.#reads -= 1;
      this.#watch();
    }
  }

  /** A byte went one way or the other. */
  #moved(): void {
    if (this.#over) return;
    this.#deadlines.start("idleMs", this.#settings.timeouts.idleMs);
    this.#watch();
  }

  /** Silence is the wire's while something is waited for; else what has come may wait for its reader. */
  #watch(): void {
    if (this.#headPending || this.#reads > 0 || this.#upload.inHand) this.#deadlines.resume();
    else this.#deadlines.hold();
  }

  /** The upload was let go; without a reason, because the answer has ended. */
  #released(reason: unknown = this.#answered()): void {
    this.#written?.fail(reason);
  }

  #answered(): unknown {
    const why = "the server has ended its answer, and reads no more";
    this.#unneeded ??= new StreamError("reset", `Cannot write to ${this.#shown}: ${why}`);
    return this.#unneeded;
  }

  #fail(error: unknown): void {
    this.#finish("broken", error);
  }

  /** Ends both sides. `reason` is what writing fails with; of a call that broke, all that waits. */
  #finish(over: Over, reason: unknown): void {
    if (this.#over) return;
    this.#over = over;
    const { signal, running } = this.#settings;
    signal?.removeEventListener("abort", this);
    running?.delete(this);
    this.#deadlines.close();
    if (over !== "broken") this.#unneeded ??= reason;
    const broken = over === "broken" ? reason : undefined;
    this.#opening?.abort(broken ?? new DOMException("Closed before the answer came", "AbortError"));
    this.#response?.release(broken);
    // Of a transport that has let it go, or not come to ask for it, nobody else does.
    this.#upload.return(reason).catch(() => {});
  }

  #late(name: ClockName): StreamError {
    const ms = this.#settings.timeouts[name as keyof CallSettings["timeouts"]];
    const waited = name === "connectMs" ? waitedFor(this.#queued) : "";
    const [code, what, why] = lateness[name as keyof CallSettings["timeouts"]];
    return new StreamError(code, `Cannot ${what} ${this.#shown}: ${why} ${ms} ms (${name})${waited}`, { clock: name });
  }
}

const lateness = {
  connectMs: ["deadline", "open", "no connection after"],
  headersMs: ["deadline", "open", "no answer after"],
  idleMs: ["idle", "go on with", "no byte either way for"],
  totalMs: ["deadline", "go on with", "it has taken"],
} as const;
