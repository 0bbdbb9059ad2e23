import { abortable } from "abort-controller-x";
import { checkedHeaders, type HeaderRecord } from "../request/header-record.ts";
import { kindOf } from "../request/printed.ts";
import type { StreamRequest } from "../request/stream-request.ts";
import { originOf } from "../request/unix-url.ts";
import type { Clock } from "../time/clock.ts";
import type { Layer } from "../transport/layer.ts";
import { excerpt } from "./excerpt.ts";

/**
 * Gives the credentials of one request: the value of `Authorization`, or headers by name; `undefined` for none.
 *
 * It is asked for every attempt, and once more (`refused: true`) when the server answered 401, or a proxy 407 to CONNECT. What it
 * throws ends the stream; a StreamError `unreachable` is tried again like any other.
 */
export type Auth = (call: AuthCall) => Credentials | undefined | Promise<Credentials | undefined>;

export type Credentials = string | Readonly<Record<string, string>>;

export interface AuthCall {
  /** Where the request goes. */
  readonly url: string;
  /** The server answered 401 (a proxy 407) to what was given before: give something newer, or `undefined`. */
  readonly refused: boolean;
  /** Aborted when the answer is not wanted any more. */
  readonly signal: AbortSignal;
}

/**
 * Adds credentials to the requests that go to `origin`, and to no others. Asked once more after a 401 (to CONNECT, a 407), it sends the request
 * again, within the same attempt, if there are other credentials now and the body can be made again. Else, and for a second 401,
 * the answer is handed on.
 *
 * It stands inside the redirects, so that it sees where each request really goes.
 */
export function authLayer(auth: Auth, origin: string, clock: Clock): Layer {
  return (next) => async (request, call) => {
    if (originOf(request.url) !== origin) return next(request, call);
    const { signal } = call;
    const ask = (refused: boolean): Promise<HeaderRecord> => askedHeaders(auth, { url: request.url, refused, signal });
    const sent = withHeaders(request, await ask(false));
    const response = await next(sent, call);
    // To CONNECT it is the proxy that asks: RFC 9110 section 15.5.8.
    const unauthorized = request.method === "CONNECT" ? 407 : 401;
    if (response.status !== unauthorized || !request.remakeable) return response;
    let renewed: StreamRequest;
    try {
      renewed = withHeaders(sent, await ask(true));
    } catch (error) {
      response.release(error);
      throw error;
    }
    if (isSame(sent, renewed)) return response;
    await excerpt(response, clock, signal);
    // The events of the wire were told of the first request; each is told at most once.
    return next(renewed, { signal });
  };
}

/** The headers that `auth` gives for one request. @throws what it threw; TypeError on what are no headers; the signal's reason */
export async function askedHeaders(auth: Auth, call: AuthCall): Promise<HeaderRecord> {
  const given = await abortable(call.signal, Promise.resolve(auth(call)));
  const headers = typeof given === "string" ? { authorization: given } : given === undefined ? {} : given;
  return checkedHeaders("auth must give a string, a plain object of headers or undefined", headers);
}

/**
 * Basic credentials (RFC 7617), as UTF-8.
 *
 * @throws TypeError for a user name with a colon.
 * @example
 * ```ts
 * import { basic } from "@longwire/core";
 *
 * const auth = basic("ann", "correct horse");
 * ```
 */
export function basic(user: string, password: string): Auth {
  // The value is not printed: it may be "user:password".
  if (user.includes(":")) {
    throw new TypeError("Cannot use basic auth: the user name contains a colon; give user and password apart");
  }
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  const value = `Basic ${btoa(String.fromCharCode(...bytes))}`;
  return () => value;
}

/**
 * A bearer token (RFC 6750), or a function that is asked for one every time.
 *
 * @example
 * ```ts
 * import { bearer } from "@longwire/core";
 *
 * const tokens = { current: () => "abc", renew: async () => "def" };
 * const auth = bearer(({ refused }) => (refused ? tokens.renew() : tokens.current()));
 * ```
 */
export function bearer(token: string | ((call: AuthCall) => string | undefined | Promise<string | undefined>)): Auth {
  return async (call) => {
    const value = typeof token === "string" ? token : await token(call);
    if (value === undefined) return undefined;
    if (typeof value !== "string") throw new TypeError(`A bearer token must be a string, not ${kindOf(value)}`);
    return `Bearer ${value}`;
  };
}

function withHeaders(request: StreamRequest, headers: HeaderRecord): StreamRequest {
  return Object.entries(headers).reduce((step, [name, value]) => step.withHeader(name, value), request);
}

function isSame(one: StreamRequest, other: StreamRequest): boolean {
  return Object.entries(other.headers).every(([name, value]) => one.headers[name] === value);
}
