import { StreamError } from "../errors.ts";
import { shownUrl } from "../request/shown-url.ts";
import type { StreamRequest } from "../request/stream-request.ts";

/**
 * Whether a request may be sent once more for the runtime to follow a redirect that it does not show. It takes every header to
 * every origin, `authorization` aside.
 *
 * @throws StreamError `refused`, which is final: the next attempt would end here too.
 */
export function checkUnseenRedirect(request: StreamRequest): void {
  const header = Object.keys(request.headers).find((name) => !harmless.has(name));
  const why = !request.replayable
    ? "may not be sent twice"
    : header !== undefined && `has the header ${header}, which could be a secret`;
  if (!why) return;
  throw new StreamError(
    "refused",
    `Cannot open ${shownUrl(request.url)}: the server redirects to where this runtime does not show, and the request ${why}; give the URL that it leads to`,
  );
}

/** Those of CORS (Fetch standard, section 2.2.2), those of reading on from a place, and what every runtime leaves behind. */
const harmless: ReadonlySet<string> = new Set([
  "accept",
  "accept-language",
  "authorization",
  "cache-control",
  "content-language",
  "content-type",
  "idempotency-key",
  "if-match",
  "if-none-match",
  "if-range",
  "last-event-id",
  "range",
]);
