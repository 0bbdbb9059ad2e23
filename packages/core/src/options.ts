// What may be asked of a stream.

import type { Cursor, StreamError } from "./errors.ts";
import type { DropPolicy } from "./consumer/inbox.ts";
import type { Watch } from "./consumer/notices.ts";
import type { Gap } from "./events/item-rules.ts";
import type { Until } from "./events/until.ts";
import type { Auth } from "./layers/auth.ts";
import type { HeaderRecord } from "./request/header-record.ts";
import type { RequestBody, StreamRequest } from "./request/stream-request.ts";
import type { Budget } from "./session/budget.ts";
import type { CursorStore } from "./session/cursor-store.ts";
import type { ReconnectPolicy, RetryOn, RetryTable } from "./session/policy.ts";
import type { Running } from "./session/settings.ts";
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
  /** How long each thing may take, in ms: seven clocks, each with a default of its own; `0` waits for ever. */
  timeouts?: TimeoutOptions | undefined;
  /**
   * How often and how soon it is opened again. By default without end, after 100 ms and by chance up to 500 more, which double up to
   * 30_000, or later when the server says so. `false`: one attempt and no more.
   */
  reconnect?: ReconnectOptions | false | undefined;
  /** Replaces entries of the table of retried errors, or decides by a function; what it leaves open is left to the default. */
  retryOn?: RetryTable | RetryOn | undefined;
  /**
   * How it goes on after a cut, and what becomes of a gap. SSE goes on by itself, and so do bytes, which take no `cursor` and `apply`;
   * NDJSON and lines need both.
   */
  resume?: ResumeOptions<T> | undefined;
  /** Where the resume point outlives the process; what it has goes before `resume.from`. */
  cursorStore?: CursorStore | undefined;
  /** Least time between two saves, in ms. `0` saves each cursor before the next item is handed out. Default 1_000. */
  saveMs?: number | undefined;
  /** Items that are only a sign of life: not handed out; they reset `idleMs` and not `progressMs`. */
  heartbeat?: ((item: T) => boolean) | undefined;
  /**
   * Who waits when the consumer is slow. `pull`: the server, by backpressure. All else reads on into a buffer of `capacity`
   * items, and when it is full drops, or ends the stream as `limit`. Default `pull`.
   *
   * `latestBy((item) => key)` keeps the latest item of each key; beside a `schema`, which its types do not see, write
   * `{ latestBy: (item) => key }`.
   */
  policy?: "pull" | DropPolicy<T> | undefined;
  /** Items that a policy other than `pull` keeps: with `error` give it room for a burst. It has no default. */
  capacity?: number | undefined;
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
  /** Told at once of all that happens to the stream; a client's, for diagnostics. */
  watch?: Watch | undefined;
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
  /**
   * Longest silence between two bytes. Default 300_000, 60_000 for `bytes` and `request`, or what the server says. `"learn"`:
   * four times the longest of the last silences, at least 1_000 and at most the default.
   */
  idleMs?: number | "learn" | undefined;
  /** Longest time between two items; heartbeats do not count. Default 0. */
  progressMs?: number | undefined;
  /** From headers to a change of the connection for a new one, where the stream can resume; up to a fifth sooner by chance. Default 0. */
  maxAgeMs?: number | undefined;
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
  /**
   * Leaves out items that come again straight after a resume: those whose own cursor is among the last 256 handed on, in that
   * order, up to the first that is not. Cursors must be unique. Default false.
   */
  dropReplayed?: boolean | undefined;
  /**
   * Whether an item says that others are missing: `{ to?, reopen }`. `to` is a cursor behind which nothing is missing, where the server
   * tells. `reopen: true`: nothing more comes of this answer, so what comes after `to` (or all) is asked for, and the item is not handed
   * out; `false`: the answer goes on behind the gap, with this item. Either needs `onGap: "restart"`, or ends the stream.
   *
   * @example
   * ```ts
   * import { openNdjson } from "@longwire/ndjson";
   *
   * interface Row { seq: number; compactedTo?: number }
   * const rows = openNdjson<Row>("https://a.example/log", {
   *   resume: {
   *     cursor: (row) => row.seq,
   *     apply: (request, since) => request.withQuery({ since }),
   *     gap: ({ compactedTo }) => (compactedTo === undefined ? undefined : { to: compactedTo, reopen: true }),
   *     onGap: "restart",
   *   },
   * });
   * for await (const row of rows) console.log(row.seq);
   * ```
   */
  gap?: ((item: T) => Gap | undefined) | undefined;
  /** Whether a refusal says that the cursor is known no more. Default: status 410. */
  lost?: ((refusal: StreamError) => boolean) | undefined;
  /**
   * A gap that the server tells (410 to a cursor, or `gap`): `error` ends the stream, `restart` goes on from where the server
   * can, or from the start. Given, it holds for a reopening without a cursor too. Default `error` for what the server tells.
   */
  onGap?: "error" | "restart" | undefined;
}
