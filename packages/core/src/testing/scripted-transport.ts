import { abortable } from "abort-controller-x";
import { StreamError } from "../errors.ts";
import type { StreamRequest } from "../request/stream-request.ts";
import { shownUrl } from "../request/shown-url.ts";
import type { Clock } from "../time/clock.ts";
import { wait } from "../time/wait.ts";
import type { Framing, StreamResponse, Transport, TransportCall } from "../transport/transport.ts";

/** Answers in order, one a request; or a function that answers request number `index` (from 0). */
export type Script =
  | readonly ScriptedAnswer[]
  | ((request: StreamRequest, index: number) => ScriptedAnswer | Promise<ScriptedAnswer>);

/** What happens to one request. An empty one is a 200 with an empty chunked body. */
export interface ScriptedAnswer {
  /** Time until the connection is at hand, in ms. Default 0: at once. */
  readonly connectMs?: number | undefined;
  /** Whether the connection is said to be a reused one. Default `false`. */
  readonly reused?: boolean | undefined;
  /** Time from the connection to the head (or to `error`), in ms. Default 0: at once. */
  readonly headersMs?: number | undefined;
  /** Thrown in place of a head: a StreamError `unreachable` before the connection, all else after the request was sent. */
  readonly error?: unknown;
  /** Default: the URL of the request. */
  readonly url?: string | undefined;
  /** Default 200. */
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Default `chunked`. */
  readonly framing?: Framing | undefined;
  /** The body, step by step, at the reader's pace; behind the last step it ends cleanly. */
  readonly chunks?: readonly ScriptStep[] | undefined;
}

/**
 * One step of a body: a chunk (text goes as UTF-8), a wait by the clock, a wait for a promise (its rejection is thrown), an
 * error to throw, or `"stall"`: nothing more until the release. (A chunk of that very text has to be given as bytes.)
 */
export type ScriptStep =
  | string
  | Uint8Array
  | { readonly waitMs: number }
  | { readonly gate: PromiseLike<unknown> }
  | { readonly error: unknown };

export interface ScriptedTransportOptions {
  /** Measures `connectMs`, `headersMs` and `waitMs`; a script without them needs none. */
  readonly clock?: Clock | undefined;
  /** `true`: shows no connection, as fetch: `hidden` and `sent` are called at once, `connected` never. Default `false`. */
  readonly hidden?: boolean | undefined;
}

/** A {@link Transport} without a wire, and what it saw. */
export interface ScriptedTransport extends Transport {
  /** Every request, in order. */
  readonly requests: readonly StreamRequest[];
  /** Answers that were released, each counted once. */
  readonly released: number;
  /** Exchanges that have not failed, ended or been released: 0 when nothing leaks. */
  readonly open: number;
  /** Chunks handed out over all bodies: what a slow consumer has not pulled is not counted. */
  readonly pulled: number;
}

/**
 * A transport that plays a script. It holds contract 1 to the letter, so that what passes on it passes on a wire: a signal is
 * obeyed until the head, a body can be read once, `release` settles a pending read.
 *
 * @throws TypeError when called more often than the script has answers.
 * @example
 * ```ts
 * import { StreamRequest } from "@longwire/core";
 * import { fakeClock, scriptedTransport } from "@longwire/core/testing";
 *
 * const clock = fakeClock();
 * const transport = scriptedTransport([{ chunks: ["one\n", { waitMs: 500 }, "two\n"] }, { status: 503 }], { clock });
 * const { signal } = new AbortController();
 * const answer = await transport(new StreamRequest({ url: "https://a.example/log" }), { signal });
 * console.log(answer.status, transport.requests.length, transport.open); // 200 1 1
 * answer.release();
 * ```
 */
export function scriptedTransport(script: Script, options: ScriptedTransportOptions = {}): ScriptedTransport {
  const { clock, hidden = false } = options;
  const requests: StreamRequest[] = [];
  const seen = { released: 0, open: 0, pulled: 0 };

  async function transport(request: StreamRequest, { signal, on }: TransportCall): Promise<StreamResponse> {
    signal.throwIfAborted();
    const index = requests.push(request) - 1;
    const over = new AbortController();
    const obey = (): void => over.abort(signal.reason);
    signal.addEventListener("abort", obey);
    seen.open++;
    try {
      if (hidden) {
        on?.hidden();
        on?.sent();
      }
      const answer = await answerTo(request, index, over.signal);
      if (answer.connectMs) await wait(answer.connectMs, needed(clock), over.signal);
      if (answer.error instanceof StreamError && answer.error.code === "unreachable") throw answer.error;
      if (!hidden) {
        on?.connected({ reused: answer.reused ?? false });
        on?.sent();
      }
      if (answer.headersMs) await wait(answer.headersMs, needed(clock), over.signal);
      over.signal.throwIfAborted();
      if (answer.error !== undefined) throw answer.error;
      return response(request, answer, over);
    } catch (error) {
      seen.open--;
      throw error;
    } finally {
      signal.removeEventListener("abort", obey);
    }
  }

  async function answerTo(request: StreamRequest, index: number, signal: AbortSignal): Promise<ScriptedAnswer> {
    if (typeof script === "function") return abortable(signal, Promise.resolve(script(request, index)));
    const answer = script[index];
    if (answer) return answer;
    throw new TypeError(
      `The script has ${script.length} answers; ${request.method} ${shownUrl(request.url)} is one request more`,
    );
  }

  function response(request: StreamRequest, answer: ScriptedAnswer, over: AbortController): StreamResponse {
    const steps = [...(answer.chunks ?? [])];
    let live = true;
    let released = false;
    let read = false;

    function finish(): void {
      if (live) seen.open--;
      live = false;
    }

    function release(): void {
      if (released) return;
      released = true;
      seen.released++;
      finish();
      over.abort();
    }

    async function next(): Promise<IteratorResult<Uint8Array>> {
      try {
        while (live && steps.length > 0) {
          const value = await play(steps.shift() as ScriptStep, clock, over.signal);
          if (!value || !live) continue;
          seen.pulled++;
          return { done: false, value };
        }
      } catch (error) {
        finish();
        // A read that the release interrupts ends quietly.
        if (!released) throw error;
      }
      finish();
      return { done: true, value: undefined };
    }

    return {
      url: answer.url ?? request.url,
      status: answer.status ?? 200,
      headers: new Headers(answer.headers),
      framing: answer.framing ?? "chunked",
      body: {
        [Symbol.asyncIterator]() {
          if (read) throw new TypeError("The body of a scripted answer can be read once");
          read = true;
          return {
            next,
            async return() {
              release();
              return { done: true, value: undefined };
            },
          };
        },
      },
      release,
    };
  }

  return Object.defineProperties(transport, {
    requests: { value: requests },
    released: { get: () => seen.released },
    open: { get: () => seen.open },
    pulled: { get: () => seen.pulled },
  }) as ScriptedTransport;
}

/** The chunk of one step, or `undefined` for one that only waits. */
async function play(step: ScriptStep, clock: Clock | undefined, signal: AbortSignal): Promise<Uint8Array | undefined> {
  if (step === "stall") await abortable(signal, new Promise(() => {}));
  else if (typeof step === "string") return new TextEncoder().encode(step);
  else if (step instanceof Uint8Array) return step;
  else if ("waitMs" in step) await wait(step.waitMs, needed(clock), signal);
  else if ("gate" in step) await abortable(signal, Promise.resolve(step.gate));
  else throw step.error;
  return undefined;
}

function needed(clock: Clock | undefined): Clock {
  if (clock) return clock;
  throw new TypeError("The script waits for time to pass: give scriptedTransport a clock");
}
