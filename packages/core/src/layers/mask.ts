import { secretHeaders } from "../request/secret-headers.ts";
import { shownUrl } from "../request/shown-url.ts";
import type { ResponseHeaders } from "../transport/transport.ts";

/** Headers as an error shows them: names in lower case, secrets as `***`, addresses as {@link shownUrl} prints them. */
export function maskedHeaders(headers: ResponseHeaders): Record<string, string> {
  const masked = new Map<string, string>();
  for (const [anyCase, value] of headers) {
    const name = anyCase.toLowerCase();
    const shown = secret.has(name) ? "***" : addresses.has(name) ? shownUrl(value) : value;
    const before = masked.get(name);
    masked.set(name, before === undefined || shown === "***" ? shown : `${before}, ${shown}`);
  }
  return Object.fromEntries(masked);
}

const addresses: ReadonlySet<string> = new Set(["location", "content-location"]);
const secret: ReadonlySet<string> = new Set([...secretHeaders, "set-cookie"]);
