import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { TLSSocket } from "node:tls";

/** The element of `Forwarded` that tells who asked, for which host, and how: RFC 7239 section 4. */
export function forwarded(request: IncomingMessage | Http2ServerRequest): string {
  const { remoteAddress, encrypted } = request.socket as TLSSocket;
  // The target's own, where it has one, counts and not the field: RFC 9112 section 3.2.2, RFC 9113 section 8.3.1.
  const host = wholeTarget(request.url ?? "")?.host ?? request.headers[":authority"] ?? request.headers.host;
  const parts = [`for=${nodeOf(remoteAddress)}`];
  if (typeof host === "string") parts.push(`host=${valueOf(host)}`);
  return [...parts, `proto=${encrypted ? "https" : "http"}`].join(";");
}

/** A target that is a whole URL: RFC 9112 section 3.2.2. */
export function wholeTarget(target: string): URL | undefined {
  return /^https?:\/\//i.test(target) && URL.canParse(target) ? new URL(target) : undefined;
}

/** Addresses of version 6 stand in brackets and quotes: section 6. Over a Unix socket there is none. */
function nodeOf(address: string | undefined): string {
  if (address === undefined) return "unknown";
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  return plain.includes(":") ? `"[${plain.replace(/%.*$/, "")}]"` : plain;
}

/** A token as it is, all else quoted: RFC 9110 section 5.6.4. */
function valueOf(text: string): string {
  return /^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(text) ? text : `"${text.replace(/[\\"]/g, "\\$&")}"`;
}
