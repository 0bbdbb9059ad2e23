import { EventStream } from "./consumer/event-stream.ts";
import type { ClockName } from "./errors.ts";
import { bytesDialect } from "./events/bytes-dialect.ts";
import type { Dialect } from "./events/dialect.ts";
import { itemRules } from "./events/item-rules.ts";
import { HttpOpener } from "./events/http-opener.ts";
import { linesDialect } from "./events/lines-dialect.ts";
import { terminator } from "./events/until.ts";
import type { LinesOptions } from "./frames/lines-decoder.ts";
import { authLayer, basic } from "./layers/auth.ts";
import { checkLayer } from "./layers/check.ts";
import { redirectLayer } from "./layers/redirect.ts";
import {
  checkedMethod,
  checkOptions,
  defaultReconnect,
  defaultTimeouts,
  filled,
  headersOf,
} from "./checked-options.ts";
import type { StreamOptions } from "./options.ts";
import { printed } from "./request/printed.ts";
import { resolveUrl } from "./request/resolve-url.ts";
import { shownUrl } from "./request/shown-url.ts";
import { isSafe, StreamRequest } from "./request/stream-request.ts";
import { originOf } from "./request/unix-url.ts";
import { createBudget } from "./session/budget.ts";
import type { SessionSettings } from "./session/settings.ts";
import { systemClock } from "./time/clock.ts";
import { systemRandom } from "./time/random.ts";
import { fetchTransport } from "./transport/fetch-transport.ts";
import { layered } from "./transport/layer.ts";
import type { Transport } from "./transport/transport.ts";

/** Text lines until the body ends. @throws TypeError, RangeError on a bad option, before anything is sent */
export function openLines(url: string, options: StreamOptions<string> & LinesOptions = {}): EventStream<string> {
  return openStream(url, linesDialect(options), options);
}

/**
 * The body's bytes, chunk by chunk. What breaks goes on where it was, by `Range`, if the server has a strong etag for it: see
 * {@link bytesDialect}. In the loop it throws StreamError by code: `truncated` for fewer bytes than announced, `protocol` for more,
 * `refused` for a status, or when it has changed meanwhile, and the other endings of a stream.
 *
 * @throws TypeError, RangeError on a bad option, before anything is sent
 *
 * @example
 * ```ts
 * import { openBytes } from "@longwire/core";
 *
 * const image = openBytes("https://a.example/image.iso", { resume: { from: 4_096 } });
 * for await (const chunk of image) console.log(chunk.length, "bytes; so far finished with", image.cursor);
 * ```
 */
export function openBytes(url: string, options: StreamOptions<Uint8Array> = {}): EventStream<Uint8Array> {
  const { apply, cursor } = options.resume ?? {};
  if (!apply !== !cursor) {
    throw new TypeError(
      "resume.apply and resume.cursor go together; without them bytes go on by Range, by their number",
    );
  }
  return openStream(url, bytesDialect(), options);
}

/**
 * A stream of what `dialect` reads at `url`: the one place where clock, chance and transport are made real.
 *
 * @throws TypeError, RangeError on a bad option, before anything is sent
 */
export function openStream<T>(url: string, dialect: Dialect<T>, options: StreamOptions<T>): EventStream<T> {
  checkOptions(options, dialect.options);
  checkResume(dialect, options);
  const { clock = systemClock, transport = fetchTransport(), resume = {}, accept } = options;
  const target = resolveUrl(url, options.baseUrl);
  const auth = options.auth ?? (target.basic && basic(target.basic.user, target.basic.password));
  const origin = originOf(target.url);
  const spoken = accept === undefined ? dialect : { ...dialect, accept, accepts: accepting(accept) };
  const { method, request } = requestOf(target.url, spoken, options);
  const safe = isSafe(method);
  const ownRules = { cursorOf: resume.cursor, isHeartbeat: options.heartbeat, gapOf: resume.gap, isLost: resume.lost };
  // Put together for every attempt, so that a stream that is open holds none of it.
  const send: Transport = (first, call) => {
    const layers = [checkLayer(spoken, clock), redirectLayer(clock), ...(auth ? [authLayer(auth, origin, clock)] : [])];
    return layered(transport, layers)(first, call);
  };
  const settings = settingsOf(options, {
    opener: new HttpOpener(dialect, wakingAs(transport, send), request, resume.apply, itemRules(ownRules, dialect)),
    url: shownUrl(target.url),
    origin,
    clock,
    timeouts: timeoutsOf(dialect, safe),
    idleFromAttempt: dialect.endless === true && safe,
    until: terminator(options.until, dialect),
  });
  return new EventStream<T>(settings, options);
}

/** What a stream is made of that no option says; of `timeouts` the defaults. */
export type StreamSource<T> = Pick<
  SessionSettings<T>,
  "opener" | "url" | "origin" | "clock" | "timeouts" | "idleFromAttempt" | "until"
>;

/** All that a session is made of, for a stream that is not opened over HTTP. The options are checked. */
export function settingsOf<T>(options: SessionOptions<T>, source: StreamSource<T>): SessionSettings<T> {
  const { resume = {}, random = systemRandom, budget = createBudget(source.clock) } = options;
  const { idleMs } = options.timeouts ?? {};
  return {
    ...source,
    random,
    budget,
    timeouts: filled(source.timeouts, { ...options.timeouts, idleMs: typeof idleMs === "number" ? idleMs : undefined }),
    reconnect: options.reconnect !== false && filled(defaultReconnect, options.reconnect),
    retryOn: options.retryOn,
    forever: resume.forever === true,
    signal: options.signal,
    running: options.running,
    from: resume.from,
    dropReplayed: resume.dropReplayed === true,
    onGap: resume.onGap,
    idleBy: typeof idleMs === "number" ? "caller" : idleMs === "learn" ? "cadence" : "server",
    cursorStore: options.cursorStore,
  };
}

type SessionOptions<T> = Pick<
  StreamOptions<T>,
  "resume" | "random" | "budget" | "timeouts" | "reconnect" | "retryOn" | "signal" | "running" | "cursorStore"
>;

/** A resume that could not do what it says would lose items, or bring them twice, without a word. */
export function checkResume<T>(
  dialect: Pick<Dialect<T>, "name" | "cursorOf" | "resume">,
  { resume = {}, cursorStore }: Pick<StreamOptions<T>, "resume" | "cursorStore">,
): void {
  const { cursor, apply, from } = resume;
  if (apply && !cursor && !dialect.cursorOf && !dialect.resume) {
    throw new TypeError("resume.apply needs resume.cursor, which says which item to go on after");
  }
  const begins = from !== undefined ? "resume.from" : cursorStore && "cursorStore";
  if (begins && !apply && !dialect.resume) {
    throw new TypeError(
      `${begins} needs resume.apply, which puts a resume point into the request: ${dialect.name} has no way of its own`,
    );
  }
}

/** The same, that wakes when `transport` does. */
function wakingAs(transport: Transport, send: Transport): Transport {
  return transport.onWake ? Object.assign(send, { onWake: transport.onWake.bind(transport) }) : send;
}

/** Reads the media types that an `Accept` header names. */
function accepting(accept: string): (mediaType: string) => boolean {
  const ranges = accept.split(",").map((range) => (range.split(";")[0] as string).trim().toLowerCase());
  return (mediaType) =>
    ranges.some((range) => range === "*/*" || range === mediaType || range === mediaType.replace(/\/.*$/, "/*"));
}

/** Makes the request of an attempt. The options are checked now, a headers function's answers when it is asked. */
function requestOf<T>(
  url: string,
  dialect: Dialect<T>,
  options: StreamOptions<T>,
): { method: string; request: StreamRequest | (() => StreamRequest) } {
  const { headers, query, json, replayable } = options;
  if (json !== undefined && options.body !== undefined) throw new TypeError("Give body or json, not both");
  const body = json === undefined ? options.body : JSON.stringify(json);
  if (json !== undefined && body === undefined)
    throw new TypeError(`json must be a value that JSON can hold, not ${printed(json)}`);
  const method = checkedMethod(options.method === undefined ? (body === undefined ? "GET" : "POST") : options.method);
  const own = {
    accept: dialect.accept,
    ...(dialect.acceptEncoding && { "accept-encoding": dialect.acceptEncoding }),
    ...(json !== undefined && { "content-type": "application/json" }),
  };
  const make = (given: StreamOptions<T>["headers"]): StreamRequest => {
    const request = new StreamRequest({ url, method, headers: { ...own, ...headersOf(given) }, body, replayable });
    return query ? request.withQuery(query) : request;
  };
  return { method, request: typeof headers === "function" ? () => make(headers) : make(headers) };
}

function timeoutsOf<T>(dialect: Dialect<T>, safe: boolean): Record<ClockName, number> {
  const headersMs = !safe ? 600_000 : dialect.endless ? 0 : defaultTimeouts.headersMs;
  return { ...defaultTimeouts, headersMs, idleMs: dialect.idleMs ?? defaultTimeouts.idleMs };
}
