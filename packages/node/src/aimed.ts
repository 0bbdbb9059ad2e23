import { originOf, shownUrl, type StreamRequest, unixUrl } from "@longwire/core";
import { acceptedEncodings } from "./inflate.ts";
import type { ProxyOf } from "./proxy.ts";

/** Whom a request is sent to, and what stands in its first line and headers for that. */
export interface Aimed {
  readonly origin: string;
  /** The request target: a path, or for a proxy the whole URL. */
  readonly path: string;
  readonly headers: Record<string, string>;
}

/**
 * Says which content codings are `accepted`, unless the request says it itself, or none is.
 *
 * @throws TypeError when the URL is no absolute one of http or https, or a header would tell a server what is for its proxy
 */
export function aimed(
  { url, method, headers: own }: StreamRequest,
  proxyOf: ProxyOf,
  accepted: string | undefined = acceptedEncodings,
): Aimed {
  // What URL throws holds the whole URL, secrets and all.
  if (!URL.canParse(url)) throw new TypeError(`Cannot send ${method} ${shownUrl(url)}: it is no absolute URL`);
  const unix = unixUrl(url);
  const target = unix ? unix.within : new URL(url);
  const headers = { ...(accepted && { "accept-encoding": accepted }), ...own };
  if (target.protocol !== "http:" && target.protocol !== "https:") {
    throw new TypeError(`Cannot send ${method} ${shownUrl(url)}: it is neither http: nor https:`);
  }
  const path = target.pathname + target.search;
  const proxy = unix ? undefined : proxyOf(target);
  if (proxy && target.protocol === "http:") {
    const authorized = proxy.authorization ? { "proxy-authorization": proxy.authorization } : {};
    return { origin: target.origin, path: target.origin + path, headers: { ...authorized, ...headers } };
  }
  if (proxy && own["proxy-authorization"] !== undefined) {
    const why =
      "in a tunnel its header proxy-authorization would go to the server; write credentials into the proxy's URL";
    throw new TypeError(`Cannot send to ${shownUrl(url)}: ${why}`);
  }
  return { origin: originOf(url), path, headers };
}
