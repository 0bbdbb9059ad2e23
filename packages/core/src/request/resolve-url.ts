import { kindOf } from "./printed.ts";
import { shownUrl } from "./shown-url.ts";
import { onSocket, unixUrl } from "./unix-url.ts";

/** An address to send to, and the credentials that stood in it. */
export interface ResolvedUrl {
  /** Absolute, http, https or unix, without userinfo and without fragment (neither is ever sent). */
  readonly url: string;
  /** The userinfo, percent-decoded; absent when there was none. */
  readonly basic?: { readonly user: string; readonly password: string };
}

/**
 * The absolute URL of `path`.
 *
 * An absolute URL is taken as it is. Anything else goes behind `baseUrl`, which is a prefix: `/events` and `events` on
 * `https://x/v1` are both `https://x/v1/events`, and `//events` cannot leave the host. The query of `baseUrl` stays and that of
 * `path` follows it; its userinfo counts for the paths behind it. `unix:/run/docker.sock:/events` is HTTP over a Unix socket; as a
 * `baseUrl`, `unix:/run/docker.sock` will do.
 *
 * @throws TypeError for what is neither text nor a URL, for a path without a base, for what is no URL, and for any other scheme than http, https and unix.
 */
export function resolveUrl(path: string | URL, baseUrl?: string | URL): ResolvedUrl {
  const wanted = textOf(path, "The URL");
  const { url, socketPath } = hasScheme(wanted) ? parsed(wanted, "the URL") : behind(baseUrl, wanted);
  if (socketPath !== undefined) return { url: onSocket(socketPath, url) };
  const { username, password } = url;
  url.username = url.password = url.hash = "";
  if (username === "" && password === "") return { url: url.href };
  return { url: url.href, basic: { user: decoded(username), password: decoded(password) } };
}

/** A URL to change; over a Unix socket, that of the request within. */
interface Parsed {
  readonly url: URL;
  readonly socketPath?: string;
}

function behind(baseUrl: string | URL | undefined, path: string): Parsed {
  if (baseUrl === undefined) {
    throw new TypeError(`Cannot open "${shown(path)}": it is relative; give an absolute URL, or a baseUrl`);
  }
  const base = parsed(textOf(baseUrl, "baseUrl"), "baseUrl");
  const { url } = base;
  const [, pathname = "", query = ""] = /^([^?#]*)\??([^#]*)/.exec(path) ?? [];
  if (pathname !== "") url.pathname = `${url.pathname.replace(/\/$/, "")}/${pathname.replace(/^\//, "")}`;
  if (query !== "") url.search = url.search === "" ? query : `${url.search}&${query}`;
  return base;
}

function textOf(url: unknown, name: string): string {
  if (typeof url === "string" || url instanceof URL) return String(url).trim();
  throw new TypeError(`${name} must be a string or a URL, not ${kindOf(url)}`);
}

function parsed(text: string, name: string): Parsed {
  const unix = unixUrl(text);
  if (unix) return { url: unix.within, socketPath: unix.socketPath };
  // The error of `new URL` repeats the text, with what is secret in it: it is no cause.
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return { url };
  const wanted = "an absolute URL with http:// or https://, or unix:/run/a.sock:/path";
  throw new TypeError(`Cannot open "${shown(text)}": ${name} must be ${wanted}`);
}

/** Masked also where it is no URL, such as `user:password@host` without its `http://`. */
function shown(text: string): string {
  return shownUrl(text.replace(/^([^/?#]*:(?!\/\/).*@|[^/?#]*@)/s, "").replace(/^([^?#]*\/\/).*@/s, "$1"));
}

function hasScheme(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(text);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
