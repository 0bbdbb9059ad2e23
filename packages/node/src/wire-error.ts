import { type CertificateFault, StreamError, shownUrl } from "@longwire/core";
import { errors } from "undici";
import { ProxyFailure } from "./proxy-failure.ts";
import { responseHeaders } from "./response-headers.ts";
import { WireFailure } from "./wire-failure.ts";

/**
 * Why no connection came about: `unreachable`, with the phase that failed and what is wrong with the certificate; or `refused`, with
 * the status, when a proxy opened no tunnel.
 */
export function connectError(error: unknown, url: string): StreamError {
  const proxy = error instanceof ProxyFailure ? error : undefined;
  const shown = shownUrl(url);
  if (proxy?.answer) return proxyRefusal(proxy, proxy.answer, shown);
  const cause = proxy ? proxy.cause : error;
  const phase = phaseOf(cause, proxy ? proxy.proxy.protocol === "https:" : /^(https|wss):/i.test(url));
  const certificate = phase === "tls" ? certificateFaults[codeOf(cause)] : undefined;
  const why = certificate
    ? certificateWords[certificate]
    : {
        name: "its name does not resolve",
        connect: "no connection came about",
        tls: isUnspoken(cause) ? "it speaks no protocol that is offered (ALPN)" : "the TLS handshake failed",
      }[phase];
  const by = proxy ? `by the proxy ${proxy.proxy.shown}: ` : "";
  return new StreamError("unreachable", `Cannot reach ${shown}: ${by}${why} (${reasons(cause)})`, {
    phase,
    ...(certificate && { certificate }),
    cause,
  });
}

/**
 * Why an exchange broke off: a StreamError `truncated`, `reset` or `protocol`; a TypeError when the request itself could not be sent.
 *
 * @param bytes - of the body received, or `undefined` before the head.
 * @param broken - the error of the socket, which tells more than what undici's parser made of it.
 */
export function wireError(error: unknown, url: string, bytes: number | undefined, broken?: unknown): Error {
  const cause = isSystemError(broken) ? broken : error;
  const code = codeOf(cause);
  const shown = shownUrl(url);
  if (isUnsendable(cause)) return new TypeError(`Cannot send a request to ${shown}: ${reasons(cause)}`, { cause });
  const where = bytes === undefined ? "before the head of the answer" : `after ${bytes} bytes of the body`;
  if (cause instanceof WireFailure) {
    return new StreamError(outcomes[cause.kind], `Cannot read ${shown}: ${cause.message} ${where}`, { cause });
  }
  const outcome = isShort(code, cause) ? "truncated" : isProtocol(code, cause) ? "protocol" : "reset";
  const why = {
    protocol: "the answer is not as HTTP allows",
    truncated: "the server closed the connection",
    reset: "the connection broke",
  }[outcome];
  return new StreamError(outcome, `Cannot read ${shown}: ${why} ${where} (${reasons(cause)})`, { cause });
}

const outcomes = {
  unprocessed: "reset",
  closed: "truncated",
  reset: "reset",
  short: "truncated",
  malformed: "protocol",
} as const satisfies Readonly<Record<WireFailure["kind"], string>>;

/** Whether an error says that a socket was closed or broke, by either side. */
export function isCut(error: unknown): boolean {
  if (error instanceof WireFailure) return error.kind === "closed";
  return isSystemError(error) || (codeOf(error) === "UND_ERR_SOCKET" && !isMisbehaviour(error));
}

/** Whether the server says that it did nothing with the request. */
export function isUnprocessed(error: unknown): boolean {
  return error instanceof WireFailure && error.kind === "unprocessed";
}

function proxyRefusal(
  { proxy }: ProxyFailure,
  { status, headers }: NonNullable<ProxyFailure["answer"]>,
  shown: string,
): StreamError {
  const remedy =
    status !== 407
      ? ""
      : proxy.authorization
        ? "; it does not take the credentials in its URL"
        : "; give it credentials, as in http://user:password@host:port";
  const why = `the proxy ${proxy.shown} answered ${status} and opened no tunnel${remedy}`;
  const told = Object.fromEntries(responseHeaders(headers));
  return new StreamError("refused", `Cannot reach ${shown}: ${why}`, { phase: "connect", status, headers: told });
}

/** An HTTP/2 server that was offered HTTP/1.1 alone, or the other way. */
function isUnspoken(error: unknown): boolean {
  return codeOf(error) === "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL";
}

function phaseOf(error: unknown, secure: boolean): "name" | "connect" | "tls" {
  const { code, syscall } = first(error);
  if (syscall === "getaddrinfo" || /^(ENOTFOUND|EAI_)/.test(code)) return "name";
  if (syscall === "connect" || code === "UND_ERR_CONNECT_TIMEOUT" || !secure) return "connect";
  return "tls";
}

const certificateWords: Readonly<Record<CertificateFault, string>> = {
  wrongName: "its certificate is for other names; is the host right? Else give tls.servername",
  expired: "its certificate has expired, or the clock here is wrong; the server needs a new one",
  notYetValid: "its certificate is not valid yet, or the clock here is wrong",
  unknownAuthority: "its certificate is by no authority that is trusted here; give that authority's as tls.ca",
};

/** By the codes of Node, which for OpenSSL's are those of `X509_STORE_CTX_get_error`. */
const certificateFaults: Readonly<Record<string, CertificateFault>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: "wrongName",
  HOSTNAME_MISMATCH: "wrongName",
  CERT_HAS_EXPIRED: "expired",
  CERT_NOT_YET_VALID: "notYetValid",
  DEPTH_ZERO_SELF_SIGNED_CERT: "unknownAuthority",
  SELF_SIGNED_CERT_IN_CHAIN: "unknownAuthority",
  UNABLE_TO_GET_ISSUER_CERT: "unknownAuthority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unknownAuthority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unknownAuthority",
  CERT_UNTRUSTED: "unknownAuthority",
};

/** With several addresses Node tries them all and throws an AggregateError. */
function first(error: unknown): { code: string; syscall: unknown } {
  const one = error instanceof AggregateError && codeOf(error) !== "UND_ERR_CONNECT_TIMEOUT" ? error.errors[0] : error;
  return { code: codeOf(one), syscall: (one as NodeJS.ErrnoException | undefined)?.syscall };
}

function isSystemError(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException | undefined)?.errno === "number";
}

/** Whether an error says that the request itself cannot be sent. */
export function isUnsendable(error: unknown): boolean {
  const code = codeOf(error);
  const ofUndici = /^UND_ERR_(INVALID_ARG|NOT_SUPPORTED|REQ_CONTENT_LENGTH_MISMATCH)$/;
  return ofUndici.test(code) || /^ERR_((HTTP2_)?INVALID_.*|HTTP_CONTENT_LENGTH_MISMATCH)$/.test(code);
}

function isProtocol(code: string, error: unknown): boolean {
  // undici asserts that a status is 100 or more.
  const malformed = code === "UND_ERR_HEADERS_OVERFLOW" || code === "ERR_ASSERTION";
  // HPE_: what node:http makes of an answer that it cannot parse.
  return malformed || code.startsWith("HPE_") || error instanceof errors.HTTPParserError || isMisbehaviour(error);
}

/** An answer that nobody asked for, an unsolicited 100 or 101: undici says so in the message alone. */
function isMisbehaviour(error: unknown): boolean {
  return codeOf(error) === "UND_ERR_SOCKET" && /^bad (response|upgrade)/.test((error as Error).message);
}

function isShort(code: string, error: unknown): boolean {
  if (code === "UND_ERR_SOCKET") return /^other side closed/.test((error as Error).message);
  // What node:http makes of a FIN before the head, and inside the body.
  if (code === "ECONNRESET" && /^(socket hang up|aborted)$/.test((error as Error).message)) return true;
  // What the parser makes of a FIN inside a chunked body that was sent with `connection: close`. It sets no code on its errors.
  if (error instanceof errors.HTTPParserError) return error.message.includes("(Invalid EOF state)");
  return code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH";
}

function codeOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === "string" ? code : "";
}

function reasons(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(reasons).join("; ");
  // OpenSSL ends its messages with a line break.
  const message = (error instanceof Error ? error.message : String(error)).trim();
  const code = codeOf(error);
  return code === "" || message.includes(code) ? message : `${message}, ${code}`;
}
