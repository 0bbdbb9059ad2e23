import type { Auth, BudgetOptions, Clock, HeaderRecord, HeadersOption, Random, ReconnectOptions, RetryOn, TimeoutOptions, Transport } from "@longwire/core";

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
  retryOn?: RetryOn | undefined;
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
  retryOn?: RetryOn | undefined;
}

/** The options of one call with the client's filled in; `foreign`: the URL is of another origin than the client's. */
export function merged<Options extends CallDefaults>(client: ClientOptions, call: Options, foreign: boolean): Options {
  return {
    ...call,
    auth: call.auth ?? (foreign ? undefined : client.auth),
    headers: mergedHeaders(client.headers, call.headers, foreign),
    timeouts: over(client.timeouts, call.timeouts),
    reconnect: over(client.reconnect, call.reconnect),
    retryOn: call.retryOn ?? client.retryOn,
  };
}

function mergedHeaders(client: HeadersOption | undefined, call: HeadersOption | undefined, foreign: boolean): HeadersOption | undefined {
  // What is no record is handed on, to be refused at the door.
  if (!client || (call !== undefined && !/^(object|function)$/.test(typeof call))) return call;
  const merge = (): HeaderRecord => {
    const headers: Record<string, string | undefined> = {};
    for (const [name, value] of Object.entries(recordOf(client))) {
      if (!foreign || !secretHeaders.test(name)) headers[name.toLowerCase()] = value;
    }
    for (const [name, value] of Object.entries(recordOf(call))) headers[name.toLowerCase()] = value;
    return headers;
  };
  return typeof client === "function" || typeof call === "function" ? merge : merge();
}

const secretHeaders = /^(authorization|cookie|proxy-authorization)$/i;

function recordOf(headers: HeadersOption | undefined): HeaderRecord {
  return (typeof headers === "function" ? headers() : headers) ?? {};
}

/** One record over another; what is `undefined` in it is not set. What is no record is handed on, to be refused at the door. */
function over<Options>(below: Options, above: Options): Options {
  if (typeof above !== "object" || above === null) return above === undefined ? below : above;
  if (typeof below !== "object") return above;
  const set = Object.fromEntries(Object.entries(above).filter(([, value]) => value !== undefined));
  return { ...below, ...set } as Options;
}
