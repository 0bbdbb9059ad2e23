import { BlockList, isIP } from "node:net";
import { shownUrl } from "@longwire/core";
import { percentDecoded } from "./percent-decoded.ts";

/** A proxy to go through. */
export interface Proxy {
  /** Its URL as errors print it: without credentials. */
  readonly shown: string;
  readonly protocol: "http:" | "https:";
  readonly hostname: string;
  readonly port: string;
  /** The value of `Proxy-Authorization`, when its URL had credentials. */
  readonly authorization: string | undefined;
}

/** Which proxy the way to a URL leads through; `undefined`: none. @throws TypeError when the environment names none that can be used */
export type ProxyOf = (target: URL) => Proxy | undefined;

/**
 * The proxies that an option asks for: one for every request, `false` for none, or by default those of the environment.
 *
 * The environment is read as curl and Go do: `HTTP_PROXY` for http, `HTTPS_PROXY` for https, `NO_PROXY` for those that need none, each also in
 * lower case, which goes first. `localhost` and loopback addresses never need one. Where `REQUEST_METHOD` is set, `HTTP_PROXY` may come from a
 * request's header (https://httpoxy.org) and only `http_proxy` counts.
 *
 * @throws TypeError for an option that is no proxy
 */
export function proxiesOf(option: string | URL | false | undefined, environment: NodeJS.ProcessEnv): ProxyOf {
  if (option === false) return () => undefined;
  if (option !== undefined) {
    const proxy = parsed("proxy", option);
    return () => proxy;
  }
  const http = environment.http_proxy || (environment.REQUEST_METHOD ? undefined : environment.HTTP_PROXY);
  const https = environment.https_proxy || environment.HTTPS_PROXY;
  if (!http && !https) return () => undefined;
  const isExempt = exemptions(environment.no_proxy || environment.NO_PROXY || "");
  return (target) => {
    const [name, value] = target.protocol === "https:" ? ["HTTPS_PROXY", https] : ["HTTP_PROXY", http];
    return !value || isExempt(target) ? undefined : parsed(name as string, value);
  };
}

/** A proxy by its URL, `http://` where there is no scheme. The URL may hold a password: no error prints it. */
function parsed(name: string, value: unknown): Proxy {
  const text = typeof value === "string" || value instanceof URL ? String(value).trim() : "";
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const { protocol, hostname, port, username, password, origin } = URL.canParse(url) ? new URL(url) : nothing;
  if (protocol !== "http:" && protocol !== "https:") {
    throw new TypeError(
      `${name} must be the URL of a proxy with http:// or https://, such as http://user:password@proxy:3128`,
    );
  }
  const credentials =
    username === "" && password === "" ? undefined : `${percentDecoded(username)}:${percentDecoded(password)}`;
  return {
    shown: shownUrl(origin),
    protocol,
    hostname: bare(hostname),
    port: port || (protocol === "https:" ? "443" : "80"),
    authorization: credentials && `Basic ${Buffer.from(credentials).toString("base64")}`,
  };
}

const nothing = { protocol: "", hostname: "", port: "", username: "", password: "", origin: "" };

/**
 * Reads `NO_PROXY`: names with all below them (`a.example`, `.a.example`, `*.a.example`), addresses and networks (`10.0.0.0/8`), each with a port or
 * without, apart by commas or blanks; `*` is everything.
 */
function exemptions(list: string): (target: URL) => boolean {
  const entries = list
    .toLowerCase()
    .split(/[,\s]+/)
    .filter((entry) => entry !== "");
  const rules = [...entries.map(exemption), loopback];
  return ({ protocol, hostname, port }) => {
    const host = bare(hostname).replace(/\.$/, "");
    return rules.some((rule) => rule(host, port || (protocol === "https:" ? "443" : "80")));
  };
}

type Exemption = (host: string, port: string) => boolean;

function exemption(entry: string): Exemption {
  const [, host = entry, port] = /^\[(.*)\](?::(\d+))?$/.exec(entry) ?? /^([^:]*)(?::(\d+))?$/.exec(entry) ?? [];
  const isHere = network(host) ?? named(host.replace(/^\*?\.|\.$/g, ""));
  return (other, otherPort) => (port ?? otherPort) === otherPort && isHere(other);
}

/** An address, or with a slash a network; `undefined` for what is neither. */
function network(text: string): ((host: string) => boolean) | undefined {
  const [address = "", bits] = text.split("/");
  const longest = isIP(address) === 4 ? 32 : 128;
  const prefix = Number(bits ?? longest);
  if (isIP(address) === 0 || !(prefix >= 0 && prefix <= longest)) return undefined;
  const net = new BlockList();
  net.addSubnet(address, prefix, familyOf(address));
  return (host) => isIP(host) !== 0 && net.check(host, familyOf(host));
}

function named(name: string): (host: string) => boolean {
  return (host) => name === "*" || host === name || host.endsWith(`.${name}`);
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 4 ? "ipv4" : "ipv6";
}

const loopback: Exemption = (host) => {
  return host === "localhost" || host.endsWith(".localhost") || host === "::1" || /^127\.[\d.]+$/.test(host);
};

/** A host name, or an IPv6 address out of its brackets. */
function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}
