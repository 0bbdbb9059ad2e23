// What may be asked of a stream.

import type { Cursor } from "./errors.ts";
import type { Until } from "./events/until.ts";
import type { Auth } from "./layers/auth.ts";
import type { HeaderRecord } from "./request/header-record.ts";
import type { RequestBody, StreamRequest } from "./request/stream-request.ts";
import type { Budget } from "./session/budget.ts";
import type { ReconnectPolicy, RetryOn } from "./session/policy.ts";
import type { Running } from "./session/run.ts";
import type { Clock } from "./time/clock.ts";
import type { Random } from "./time/random.ts";
import type { Transport } from "./transport/transport.ts";

/** Options of every call. Each may be `undefined`, which means its default. */
export interface StreamOptions<T> {
  /** Ends the stream as `aborted`; its reason is thrown as it is. */
  signal?: AbortSignal | undefined;
  /** Default GET; POST when there is a body. */
  method?: string | undefined;
  /** A record, or a function asked for every attempt. */
  headers?: HeadersOption | undefined;
  /** Set on the URL beside what it has. A plain object: `Object.fromEntries(params)` makes one of a URLSearchParams. */
  query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  /** Text, bytes, a source of bytes (sent once, never again), or a function that makes one of these for every attempt. */
  body?: RequestBody | undefined;
  /** A value to send as a JSON body. */
  json?: unknown;
  /** Credentials, asked for every attempt; they go to the origin of the URL and nowhere else. */
  auth?: Auth | undefined;
  timeouts?: TimeoutOptions | undefined;
  /** `false`: one attempt and no more. */
  reconnect?: ReconnectOptions | false | undefined;
  /** Replaces the table of retried errors; `undefined` from it leaves an error to the default. */
  retryOn?: RetryOn | undefined;
  resume?: ResumeOptions<T> | undefined;
  /** What ends the stream from within, as `complete`. */
  until?: Until<T> | undefined;
  /** The caller's word that a request with an unsafe method may be sent again. Default false. */
  replayable?: boolean | undefined;
  /** The `Accept` header, and so the media types that are read. Default: the dialect's. */
  accept?: string | undefined;
  /** What relative URLs are put behind: a prefix. */
  baseUrl?: string | undefined;
  /** Default: fetch. */
  transport?: Transport | undefined;
  /** Attempts allowed by origin; a client shares one over its streams. Default: one for this stream. */
  budget?: Budget | undefined;
  /** Where the stream is listed from its first pull to its end; a client's, to close it. */
  running?: Running | undefined;
  /** Default: the system's. */
  clock?: Clock | undefined;
  /** Default: the system's. */
  random?: Random | undefined;
}

/** A plain object, or a function that returns one: no Headers, Map or array (`Object.fromEntries(headers)` makes one of these). */
export type HeadersOption = HeaderRecord | (() => HeaderRecord);

/** Milliseconds; `0` waits for ever. */
export interface TimeoutOptions {
  /** From each attempt to a connection, pool queue included. Default 10_000. */
  connectMs?: number | undefined;
  /** From each attempt to its headers. Default 60_000; 600_000 for unsafe methods; 0 for SSE with a safe one. */
  headersMs?: number | undefined;
  /** From each attempt to its first item. Default 0. */
  firstItemMs?: number | undefined;
  /** Longest silence between two bytes. Default 300_000; 60_000 for `bytes` and `request`. */
  idleMs?: number | undefined;
  /** Longest time between two items; heartbeats do not count. Default 0. */
  progressMs?: number | undefined;
  /** For all attempts and waits, from the first pull. Default 0. */
  totalMs?: number | undefined;
}

export type ReconnectOptions = { [Name in keyof ReconnectPolicy]?: ReconnectPolicy[Name] | undefined };

/** How a stream goes on after a cut. SSE knows it by itself. */
export interface ResumeOptions<T> {
  /** The resume point of an item; `undefined` where it has none. */
  cursor?: ((item: T) => Cursor | undefined) | undefined;
  /** The request that goes on after `cursor`. */
  apply?: ((request: StreamRequest, cursor: Cursor) => StreamRequest) | undefined;
  /** Where to begin. */
  from?: Cursor | undefined;
  /** Asks again after a complete answer too. Default false. */
  forever?: boolean | undefined;
}
