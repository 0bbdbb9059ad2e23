import type { Http2ServerRequest } from "node:http2";
import { resolveUrl, StreamRequest, unixUrl } from "@longwire/core";
import { forwarded, wholeTarget } from "./forwarded.ts";
import { endToEnd } from "./hop-by-hop.ts";
import type { AnyRequest } from "./relay-options.ts";

/** What a request becomes on its way to the upstream. */
export interface Relaying {
  readonly upstream: string;
  readonly name: string;
  readonly trustForwarded: boolean;
}

/**
 * The request for the upstream, its body as a source: the path behind that of the upstream, the fields that are end to end, `Via` (RFC 9110
 * section 7.6.3) and `Forwarded` (RFC 7239). `undefined` for a target that is no path, or that would lead out of the upstream's.
 */
export function relayedRequest(
  client: AnyRequest,
  { upstream, name, trustForwarded }: Relaying,
  body: AsyncIterable<Uint8Array>,
): StreamRequest | undefined {
  const url = urlOf(client.url ?? "", upstream);
  if (url === undefined) return undefined;
  const { host: _host, ...fields } = endToEnd(client.headers);
  if (!trustForwarded) for (const claim of claims) delete fields[claim];
  const hasBody = bodyFollows(client);
  // With both, the coding counts (RFC 9112 section 6.3), and only one may go on.
  if (!hasBody || client.headers["transfer-encoding"] !== undefined) delete fields["content-length"];
  const headers: Record<string, string> = {};
  for (const field in fields) headers[field] = [fields[field] as string | string[]].flat().join(", ");
  headers["via"] = listed(
    headers["via"],
    `${client.httpVersion.replace(/\.0$/, client.httpVersionMajor > 1 ? "" : "$&")} ${name}`,
  );
  headers["forwarded"] = listed(headers["forwarded"], forwarded(client));
  return new StreamRequest({ url, method: client.method, headers, body: hasBody ? body : undefined });
}

/** One more element of a list. */
export function listed(list: string | undefined, element: string): string {
  return list === undefined ? element : `${list}, ${element}`;
}

const claims = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/** A target is a path, or for a proxy a whole URL, of which the path counts: RFC 9112 section 3.2. */
function urlOf(target: string, upstream: string): string | undefined {
  // Neither can stand in one (RFC 3986), and who decided by the path before may have read it otherwise: as no slash, and with what is behind.
  if (/[\\#]/.test(target)) return undefined;
  const whole = wholeTarget(target);
  const path = whole ? whole.pathname + whole.search : target;
  if (!path.startsWith("/")) return undefined;
  const { url } = resolveUrl(path, upstream);
  // Dot segments are resolved by now, and are to be inside for an upstream that decodes slashes first.
  const prefix = within(upstream).pathname.replace(/\/$/, "");
  const { pathname } = within(url);
  const decoded = new URL(`http://upstream${pathname.replace(/%2f|%5c/gi, "/")}`).pathname;
  return [pathname, decoded].every((one) => one === prefix || one.startsWith(`${prefix}/`)) ? url : undefined;
}

function within(url: string): URL {
  return unixUrl(url)?.within ?? new URL(url);
}

/** Whether a body comes behind the head. */
export function bodyFollows(client: AnyRequest): boolean {
  if (client.httpVersionMajor > 1) return !(client as Http2ServerRequest).stream.endAfterHeaders;
  return client.headers["transfer-encoding"] !== undefined || Number(client.headers["content-length"] ?? 0) > 0;
}
