import { StreamError } from "../errors.ts";
import { shownUrl } from "../request/shown-url.ts";

/**
 * What it means that fetch rejected (no `bytes`), or that a body broke off after so many `bytes`. Node names the reason in a
 * cause; browsers name none, so there it is `unreachable` before the head and `reset` after it. A TypeError is for a request
 * that can never be sent.
 */
export function fetchError(error: unknown, url: string, bytes?: number): StreamError | TypeError {
  const reason = reasonOf(error).replaceAll(url, shownUrl(url));
  if (bytes === undefined) {
    if (unsendable.test(reason)) {
      return new TypeError(`Cannot send a request to ${shownUrl(url)}: ${reason}`, { cause: error });
    }
    const phase = phases.find(([, pattern]) => pattern.test(reason))?.[0];
    if (phase || !inTransit.test(reason)) {
      const details = phase ? { phase, cause: error } : { cause: error };
      return new StreamError("unreachable", `Cannot reach ${shownUrl(url)}: ${reason}`, details);
    }
  }
  const outcome = short.test(reason) ? "truncated" : malformed.test(reason) ? "protocol" : "reset";
  const where = bytes === undefined ? "before the head of the answer" : `after ${bytes} bytes of the body`;
  return new StreamError(outcome, `Cannot read ${shownUrl(url)}: ${whys[outcome]} ${where} (${reason})`, {
    cause: error,
  });
}

/** The error below the TypeError of fetch, where there is one. */
function reasonOf(error: unknown): string {
  const { cause = error } = Object(error) as { readonly cause?: unknown };
  const { code, name, message, errors } = Object(cause) as Readonly<Record<string, unknown>>;
  // With several addresses Node tries them all, and throws an AggregateError that says nothing itself.
  const told = message === "" && Array.isArray(errors) ? errors.map(reasonOf).join("; ") : (message ?? cause);
  // The errors of Node's own copy of the parser have lost their codes.
  const label = code ?? (name === "Error" || name === "TypeError" ? "" : name);
  return `${label ?? ""} ${told}`.trim();
}

const phases = [
  ["name", /^(ENOTFOUND|EAI_)/],
  ["tls", /^(ERR_TLS_|ERR_SSL_|EPROTO|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_|\S*CERT)|before secure TLS connection/],
  ["connect", /^(ECONNREFUSED|E(HOST|NET)UNREACH|EADDRNOTAVAIL|ETIMEDOUT (?!read)|UND_ERR_CONNECT_TIMEOUT)/],
] as const;

const unsendable =
  /^(UND_ERR_(INVALID_ARG|NOT_SUPPORTED|REQ_CONTENT_LENGTH_MISMATCH)|ERR_INVALID_URL|bad port|unknown scheme|URL scheme must be|redirect count exceeded)/;
const inTransit = /^(ECONNRESET|EPIPE|ETIMEDOUT|UND_ERR_|HPE_|HTTPParserError|ERR_HTTP2_|ERR_ASSERTION)/;
const short =
  /^(UND_ERR_SOCKET other side closed|UND_ERR_RES_CONTENT_LENGTH_MISMATCH|HPE_INVALID_EOF_STATE)|^HTTPParserError.*Invalid EOF/;
// undici asserts that a status is 100 or more.
const malformed =
  /^(HPE_|HTTPParserError|UND_ERR_HEADERS_OVERFLOW|UND_ERR_SOCKET bad (response|upgrade)|ERR_ASSERTION|Z_|ERR_BROTLI|ERR__ERROR_|ZSTD_)/;

const whys = {
  truncated: "the server closed the connection",
  protocol: "the answer is not as HTTP allows",
  reset: "the connection broke",
} as const;
