import {
  byteLimit,
  bytesDialect,
  checkedRetries,
  type Dialect,
  isSafe,
  isRetried,
  openStream,
  type RetryOn,
  type RetryTable,
  StreamError,
  type StreamOptions,
  StreamRequest,
  systemClock,
} from "@longwire/core";
import { Reply } from "./reply.ts";

/** Options of `client.request()`. */
export interface RequestOptions extends Omit<StreamOptions<Uint8Array>, "reconnect" | "resume" | "until"> {
  /** Retries of a network error or a status such as 503, with a safe method. A whole number or Infinity; default 0. */
  retries?: number | undefined;
  /** Replaces the table of retried errors. An answer is asked about before its body is read: a `refused` with its status alone. */
  retryOn?: RetryTable | RetryOn | undefined;
  /** Most bytes of body that `bytes()`, `text()` and `json()` gather. From 1 to 268_435_456; default 67_108_864 (64 MiB). */
  maxBytes?: number | undefined;
}

/**
 * Sends one request and answers with its head, whatever the status; reads nothing of the body until asked.
 *
 * @throws StreamError by code; the caller's abort reason; TypeError, RangeError on a bad option, before anything is sent
 */
export async function sendRequest(url: string, options: RequestOptions): Promise<Reply> {
  const { body, json, replayable, clock = systemClock, timeouts } = options;
  const method = String(options.method ?? (body === undefined && json === undefined ? "GET" : "POST")).toUpperCase();
  const maxBytes = byteLimit("maxBytes", options.maxBytes === undefined ? 2 ** 26 : options.maxBytes);
  const wanted = checkedRetries("retries", options.retries === undefined ? 0 : options.retries);
  // What cannot be sent again gets its one answer, whatever that is.
  const repeatable = isSafe(method) && new StreamRequest({ url, method, body, replayable }).replayable;
  const retries = repeatable ? wanted : 0;
  const { acceptsStatus, retryOn, answered } = retrying(retries, options.retryOn);
  const dialect: Dialect<Uint8Array> = {
    ...bytesDialect(),
    name: "a request",
    lane: "call",
    acceptEncoding: undefined,
    acceptsStatus,
  };
  const stream = openStream<Uint8Array>(url, dialect, {
    ...options,
    timeouts: { ...timeouts, totalMs: timeouts?.totalMs ?? 300_000 },
    reconnect: retries === 0 ? false : { retries },
    retryOn,
  });
  const head = await stream.open();
  answered();
  const bodiless = method === "HEAD" || head.status === 204 || head.status === 304;
  // Nothing follows these heads: nobody has to read or release them.
  if (bodiless) void stream.close();
  return new Reply(stream, head, { maxBytes, clock, bodiless });
}

interface Retrying {
  /** Whether an answer of this status is the reply; else it is retried. */
  acceptsStatus(status: number): boolean;
  readonly retryOn: RetryOn;
  /** There is a reply: from now on nothing is retried. */
  answered(): void;
}

/** Decides once about each answer: by then it is the reply, or it will be retried. */
function retrying(retries: number, asked: RetryTable | RetryOn | undefined): Retrying {
  let failures = 0;
  let done = false;
  let refused: (() => boolean) | undefined;
  return {
    acceptsStatus(status) {
      if (failures >= retries) return true;
      try {
        const again = isRetried(new StreamError("refused", `The server answered ${status}`, { status }), asked);
        refused = again ? () => true : undefined;
      } catch (error) {
        // Thrown when the answer is let go.
        refused = () => {
          throw error;
        };
      }
      return refused === undefined;
    },
    retryOn(error) {
      failures++;
      if (done) return false;
      const decided = refused;
      refused = undefined;
      return error.code === "refused" && decided ? decided() : isRetried(error, asked);
    },
    answered() {
      done = true;
    },
  };
}
