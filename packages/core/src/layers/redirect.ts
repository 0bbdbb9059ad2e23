import type { StreamError } from "../errors.ts";
import { secretHeaders } from "../request/secret-headers.ts";
import { shownUrl } from "../request/shown-url.ts";
import type { StreamRequest } from "../request/stream-request.ts";
import { onSocket, originOf, unixUrl } from "../request/unix-url.ts";
import type { Clock } from "../time/clock.ts";
import type { Layer } from "../transport/layer.ts";
import { excerpt } from "./excerpt.ts";
import { refusal } from "./refusal.ts";

export interface RedirectOptions {
  /** Most redirects in a row; one more is `refused`. Default 20. */
  readonly limit?: number | undefined;
  /** Names of more headers that stay with their origin, beside `authorization`, `proxy-authorization`, `cookie` and `host`. */
  readonly secretHeaders?: readonly string[] | undefined;
}

/**
 * Follows redirects as the Fetch standard says (section 4.4, HTTP-redirect fetch): 301 and 302 turn a POST, and 303 all but GET
 * and HEAD, into a GET without a body; 307 and 308 send the same again. Every attempt starts at the URL it was given: a
 * redirect never sticks.
 *
 * When the origin changes, headers that are secret are left behind; when it changes back they are not found again. Userinfo in a
 * `Location` is dropped, as is a fragment. A redirect without `Location` is handed on.
 *
 * It stands outside the credentials, which then see where each request really goes.
 *
 * @throws StreamError `refused` beyond the limit, for a `Location` that is not http(s), and where a body would have to be sent
 *   again that cannot be made again.
 */
export function redirectLayer(clock: Clock, { limit = 20, secretHeaders: more = [] }: RedirectOptions = {}): Layer {
  const secret = [...secretHeaders, "host", ...more];
  return (next) => async (first, call) => {
    let request = first;
    let response = await next(request, call);
    for (let followed = 0; ; followed++) {
      const location = isRedirect(response.status) ? response.headers.get("location") : null;
      if (location === null) return response;
      const target = targetOf(location, response.url);
      const shown = shownUrl(target ?? location);
      const refuse = (why: string): Promise<StreamError> =>
        refusal(response, `the server answered ${response.status} and led to ${shown}, ${why}`, clock, call.signal);
      if (followed >= limit) throw await refuse(`one redirect more than the limit of ${limit}`);
      if (target === undefined) throw await refuse("which is no http(s) URL");
      const step = redirected(request, response.status, target, secret);
      if (!step.remakeable) throw await refuse("and the request body cannot be made again; give it as a function");
      await excerpt(response, clock, call.signal);
      request = step;
      // The events of the wire were told of the first request; each is told at most once.
      response = await next(request, { ...call, on: undefined });
    }
  };
}

function redirected(request: StreamRequest, status: number, target: string, secret: readonly string[]): StreamRequest {
  const becomesGet =
    status === 303 ? !["GET", "HEAD"].includes(request.method) : status < 303 && request.method === "POST";
  const leaves = originOf(target) !== originOf(request.url);
  const dropped = [...(becomesGet ? ofTheBody : []), ...(leaves ? secret : [])];
  const same = becomesGet ? request.withMethod("GET").withBody(undefined) : request;
  return dropped.reduce((step, name) => step.withHeader(name, undefined), same.withUrl(target));
}

function isRedirect(status: number): boolean {
  return (status >= 301 && status <= 303) || status === 307 || status === 308;
}

/** Where a `Location` leads; `undefined` when that is no http(s) URL. No server sends anybody to a Unix socket that is not its own. */
function targetOf(location: string, from: string): string | undefined {
  const unix = unixUrl(from);
  const base = unix ? unix.within.href : from;
  const url = URL.canParse(location, base) ? new URL(location, base) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") return undefined;
  url.username = url.password = url.hash = "";
  // A server behind a socket knows itself as localhost.
  return unix && url.origin === unix.within.origin ? onSocket(unix.socketPath, url) : url.href;
}

const ofTheBody: readonly string[] = [
  "content-encoding",
  "content-language",
  "content-location",
  "content-type",
  "content-length",
  "transfer-encoding",
];
