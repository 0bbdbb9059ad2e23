// What may be asked of a stream, checked once, before anything is sent.

import type { ClockName, Cursor } from "./errors.ts";
import type { Until } from "./events/until.ts";
import type { Auth } from "./layers/auth.ts";
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
  /** Set on the URL beside what it has. */
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

export type HeaderRecord = Readonly<Record<string, string | undefined>>;
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

/** The timeouts of a call, filled. @throws TypeError, RangeError on a bad one */
export function checkedTimeouts(
  options: TimeoutOptions | undefined,
  defaults: Readonly<Record<ClockName, number>>,
): Readonly<Record<ClockName, number>> {
  if (options === undefined) return defaults;
  const timeouts = { ...defaults };
  for (const name of namesOf(options, "timeouts", defaults)) {
    const value = options[name];
    if (value !== undefined) timeouts[name] = checkedNumber(`timeouts.${name}`, value);
  }
  return timeouts;
}

/** The reconnect policy of a call, filled. @throws TypeError, RangeError on a bad one */
export function checkedReconnect(options: ReconnectOptions | false | undefined): ReconnectPolicy | false {
  if (options === undefined) return defaultReconnect;
  if (options === false) return false;
  const policy: { -readonly [Name in keyof ReconnectPolicy]: ReconnectPolicy[Name] } = { ...defaultReconnect };
  for (const name of namesOf(options, "reconnect", defaultReconnect)) {
    const value = options[name];
    if (value === undefined) continue;
    if (name === "withoutCursor") {
      if (typeof value !== "boolean") throw new TypeError(`reconnect.withoutCursor must be true or false, not ${printed(value)}`);
      policy.withoutCursor = value;
    } else {
      policy[name] = checkedNumber(`reconnect.${name}`, value, name === "retries");
    }
  }
  return policy;
}

const defaultReconnect: ReconnectPolicy = {
  retries: Number.POSITIVE_INFINITY,
  firstMs: 500,
  maxMs: 30_000,
  floorMs: 100,
  maxElapsedMs: 0,
  healthyAfterItems: 1,
  healthyAfterMs: 10_000,
  withoutCursor: false,
};

/** Headers as they are, once every one of them can be sent. Values are not printed: they may be secrets. @throws TypeError */
export function checkedHeaders(headers: HeaderRecord | undefined): HeaderRecord {
  for (const name in headers) {
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name)) throw new TypeError(`${printed(name)} is no header name`);
    const value: unknown = headers[name];
    if (value === undefined) continue;
    if (typeof value !== "string") throw new TypeError(`The header ${name} must be a string, not ${typeof value}`);
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) {
      throw new TypeError(`The header ${name} holds what HTTP does not allow: a line break, a control character or one above U+00FF`);
    }
  }
  return headers ?? {};
}

/** A method name in upper case. @throws TypeError */
export function checkedMethod(method: unknown): string {
  if (typeof method !== "string" || !/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(method)) {
    throw new TypeError(`method must be a token such as "GET", not ${printed(method)}`);
  }
  return method.toUpperCase();
}

/** A number of milliseconds, items or bytes. @throws TypeError, RangeError that print it */
export function checkedNumber(name: string, value: unknown, mayBeInfinite = false): number {
  if (typeof value !== "number") throw new TypeError(`${name} must be a number, not ${printed(value)}`);
  if (value >= 0 && (mayBeInfinite || value < Number.POSITIVE_INFINITY)) return value;
  throw new RangeError(`${name} must be a number from 0 up${mayBeInfinite ? "" : ", and finite"}, not ${value}`);
}

/** Options that are of one kind or absent. What may be a secret is not printed. @throws TypeError */
export function checkKinds<T>(options: StreamOptions<T>): void {
  checkRecord("", options, kinds);
  if (options.resume) checkRecord("resume.", options.resume, resumeKinds);
}

type Kind = readonly [wanted: string, fits: (value: unknown) => boolean, secret?: "secret"];

function checkRecord(prefix: string, record: object, known: Readonly<Record<string, Kind>>): void {
  for (const [name, [wanted, fits, secret]] of Object.entries(known)) {
    const value = (record as Readonly<Record<string, unknown>>)[name];
    if (value === undefined || fits(value)) continue;
    throw new TypeError(`${prefix}${name} must be ${wanted}, not ${secret ? typeof value : printed(value)}`);
  }
}

const isFunction = (value: unknown): boolean => typeof value === "function";
const isBoolean = (value: unknown): boolean => typeof value === "boolean";
const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;
const isPlain = (value: unknown): boolean => value === undefined || /^(string|number|boolean)$/.test(typeof value);

const kinds: Readonly<Partial<Record<keyof StreamOptions<never>, Kind>>> = {
  signal: ["an AbortSignal", (value) => isObject(value) && isFunction((value as AbortSignal).addEventListener)],
  query: [
    "an object of strings, numbers and booleans",
    (value) => isObject(value) && Object.values(value as object).every(isPlain),
    "secret",
  ],
  headers: ["an object or a function that makes one", (value) => isObject(value) || isFunction(value), "secret"],
  body: [
    "text, bytes, an async iterable of bytes or a function that makes one of them",
    (value) =>
      typeof value === "string" || value instanceof Uint8Array || isFunction(value) || Symbol.asyncIterator in Object(value),
    "secret",
  ],
  auth: ["a function, such as bearer(token) makes", isFunction, "secret"],
  transport: ["a function", isFunction],
  retryOn: ["a function", isFunction],
  replayable: ["true or false", isBoolean],
  resume: ["an object", isObject],
  until: [
    'a string, { event: "name" } or a function',
    (value) => typeof value === "string" || isFunction(value) || typeof Object(value).event === "string",
  ],
  accept: ["an Accept header", (value) => typeof value === "string"],
};

const resumeKinds: Readonly<Record<keyof ResumeOptions<never>, Kind>> = {
  cursor: ["a function", isFunction],
  apply: ["a function", isFunction],
  from: ["a string or a number", (value) => typeof value === "string" || typeof value === "number"],
  forever: ["true or false", isBoolean],
};

/** A value as an error prints it. */
export function printed(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? Object.prototype.toString.call(value) : String(value);
}

/** The names that are set, once all of them are known. */
function namesOf<Options extends object, Name extends string>(options: Options, of: string, known: Readonly<Record<Name, unknown>>): Name[] {
  if (typeof options !== "object" || options === null) throw new TypeError(`${of} must be an object, not ${printed(options)}`);
  for (const name in options) {
    if (!(name in known)) throw new TypeError(`${of} has no ${printed(name)}; it has ${Object.keys(known).join(", ")}`);
  }
  return Object.keys(options) as Name[];
}
