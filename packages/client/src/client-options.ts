import {
  type Auth,
  type BudgetOptions,
  type Clock,
  checkBudget,
  checkOptions,
  type HeaderRecord,
  type HeadersOption,
  headersOf,
  type Random,
  type ReconnectOptions,
  type RetryOn,
  type RetryTable,
  resolveUrl,
  secretHeaders,
  type TimeoutOptions,
  type Transport,
} from "@longwire/core";

/** What holds for every call of a client; options of one call override it. */
export interface ClientOptions {
  /** A prefix: `/events` on `https://x/v1` is `https://x/v1/events`. */
  baseUrl?: string | undefined;
  /** Credentials, asked for every attempt. With a `baseUrl` they go to its origin only. */
  auth?: Auth | undefined;
  /** A record, or a function asked for every attempt. With a `baseUrl`, secrets among them go to its origin only. */
  headers?: HeadersOption | undefined;
  timeouts?: TimeoutOptions | undefined;
  reconnect?: ReconnectOptions | false | undefined;
  retryOn?: RetryTable | RetryOn | undefined;
  /** A transport of the caller's, never closed by the client. Default: one of the client's own, undici under Node, fetch elsewhere. */
  transport?: Transport | undefined;
  /** How many attempts all its streams together may make at one origin. Default 50 a second, 100 at once. */
  budget?: BudgetOptions | undefined;
  clock?: Clock | undefined;
  random?: Random | undefined;
}

/** What a call and its client both may say. */
export interface CallDefaults {
  headers?: HeadersOption | undefined;
  auth?: Auth | undefined;
  timeouts?: TimeoutOptions | undefined;
  reconnect?: ReconnectOptions | false | undefined;
  retryOn?: RetryTable | RetryOn | undefined;
}

/** The options of one call with the client's filled in; `foreign`: the URL is of another origin than the client's. */
export function merged<Options extends CallDefaults>(client: ClientOptions, call: Options, foreign: boolean): Options {
  return {
    ...call,
    auth: call.auth ?? (foreign ? undefined : client.auth),
    headers: mergedHeaders(client.headers, call.headers, foreign),
    timeouts: over(client.timeouts, call.timeouts) || undefined,
    reconnect: over(client.reconnect, call.reconnect),
    retryOn: call.retryOn ?? client.retryOn,
  };
}

/** Checks what a client is made with, as a call is checked. @throws TypeError, RangeError on a bad option */
export function checkClientOptions(options: ClientOptions): void {
  // The budget of a stream is one that is made already.
  const shared = typeof options === "object" && options !== null ? { ...options, budget: undefined } : options;
  checkOptions<never>(shared);
  checkBudget(options.budget);
  if (options.baseUrl !== undefined) resolveUrl("", options.baseUrl);
}

/** Those of the call over the client's; of these, no secrets go to a foreign origin. A function is asked for every attempt. */
function mergedHeaders(
  client: HeadersOption | undefined,
  call: HeadersOption | undefined,
  foreign: boolean,
): HeadersOption | undefined {
  if (!client) return call;
  const merge = (): HeaderRecord => {
    const below = Object.entries(headersOf(client)).filter(([name]) => !(foreign && secretHeaders.includes(name)));
    return { ...Object.fromEntries(below), ...headersOf(call) };
  };
  return typeof client === "function" || typeof call === "function" ? merge : merge();
}

/** One record over another; what is `undefined` in it is not set. */
function over<Options extends object>(
  below: Options | false | undefined,
  above: Options | false | undefined,
): Options | false | undefined {
  if (above === undefined) return below;
  if (!below || !above) return above;
  const set = Object.entries(above).filter(([, value]) => value !== undefined);
  return { ...below, ...Object.fromEntries(set) };
}
