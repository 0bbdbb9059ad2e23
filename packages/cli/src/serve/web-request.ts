import type { IncomingMessage } from "node:http";

/** A request without a body as the web has it. */
export function webRequest({ method = "GET", headersDistinct }: IncomingMessage, url: URL): Request {
  const headers = new Headers();
  for (const [name, values] of Object.entries(headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  return new Request(url, { method, headers });
}
