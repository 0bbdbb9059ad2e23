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

/**
 * What holds for every call of a client; options of one call override it. `timeouts`, `reconnect` and tables of `retryOn` do so entry by
 * entry, `headers` name by name. What concerns one stream (`policy`, `resume`, `until` and the like) is an option of its call.
 */
export interface ClientOptions {
  /** A prefix: `/events` on `https://x/v1` is `https://x/v1/events`. */
  baseUrl?: string | undefined;
  /** Credentials, asked for every attempt. With a `baseUrl` they go to its origin only. */
  auth?: Auth | undefined;
  /** A record, or a function asked for every attempt. With a `baseUrl`, secrets among them go to its origin only. */
  headers?: HeadersOption | undefined;
  /** The clocks of every call, in ms; a call's go over them one by one. Defaults: see {@link TimeoutOptions}. */
  timeouts?: TimeoutOptions | undefined;
  /** How streams are opened again; a call's go over it one by one. `false`: one attempt and no more. Default: without end. */
  reconnect?: ReconnectOptions | false | undefined;
  /**
   * Entries for the table of retried errors, or a function that decides. Entries of a call's table go over those of this one; where
   * either is a function, the call's replaces this one. Default: `defaultRetryTable`.
   */
  retryOn?: RetryTable | RetryOn | undefined;
  /** A transport of the caller's, never closed by the client. Default: one of the client's own, undici under Node, fetch elsewhere. */
  transport?: Transport | undefined;
  /**
   * How many attempts all its streams together, and requests that are tried again, may make at one origin. Default 50 a second, 100 at
   * once.
   */
  budget?: BudgetOptions | undefined;
  /** Where time comes from: a fake one in tests. Default: the system's. */
  clock?: Clock | undefined;
  /** Numbers from 0 up to 1, for the jitter of waits. Default: `Math.random`. */
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
    retryOn: mergedRetryOn(client.retryOn, call.retryOn),
  };
}

/**
 * Checks what a client is made with, as a call is checked, all but what its sockets are made with; `names`: all that it has.
 *
 * @throws TypeError, RangeError on a bad option
 */
export function checkClientOptions(options: ClientOptions, names: Readonly<Record<string, true>>): void {
  // The budget of a stream is one that is made already.
  const shared = typeof options === "object" && options !== null ? { ...options, budget: undefined } : options;
  checkOptions<never>(shared);
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(names, name)) continue;
    const known = `${Object.keys(names).join(", ")}; all else is an option of a call`;
    throw new TypeError(`A client has no option "${name}"; it has ${known}`);
  }
  checkBudget(options.budget);
  if (options.baseUrl !== undefined) resolveUrl("", options.baseUrl);
}

/** What a client has everywhere. */
export const clientOptionNames: Readonly<Record<keyof ClientOptions, true>> = {
  baseUrl: true,
  auth: true,
  headers: true,
  timeouts: true,
  reconnect: true,
  retryOn: true,
  transport: true,
  budget: true,
  clock: true,
  random: true,
};

/** One table over the other; a function has no entries, so the call's replaces the client's then. */
function mergedRetryOn(
  client: RetryTable | RetryOn | undefined,
  call: RetryTable | RetryOn | undefined,
): RetryTable | RetryOn | undefined {
  return typeof client === "object" && typeof call === "object" ? over(client, call) || undefined : (call ?? client);
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
