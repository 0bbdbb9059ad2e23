import type { IncomingHttpHeaders } from "node:http";

/** Fields of a message, names in lower case. */
export type Fields = Record<string, string | string[]>;

/**
 * The fields that go on to the next hop: all but those that speak of this connection, which are the ones that `Connection` names and those
 * known to be such (RFC 9110 section 7.6.1). `Trailer` is among them because trailers are not passed on, `Expect` because this side answers it.
 */
export function endToEnd(fields: IncomingHttpHeaders): Fields {
  const named = new Set(
    [fields.connection ?? ""]
      .flat()
      .join()
      .toLowerCase()
      .split(/[\s,]+/),
  );
  const kept: Fields = {};
  for (const name in fields) {
    const value = fields[name];
    // A name with a colon is one of HTTP/2's own: RFC 9113 section 8.3.
    if (value === undefined || name.startsWith(":") || hopByHop.has(name) || named.has(name)) continue;
    kept[name] = value;
  }
  return kept;
}

const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
