import { expect, test } from "vitest";
import { fetchError } from "../../src/transport/fetch-error.ts";

const url = "https://a.example/feed?token=abc";
const failed = (code: string, message = "") =>
  new TypeError("fetch failed", { cause: Object.assign(new Error(message), { code }) });

test.each([
  ["ENOTFOUND", "getaddrinfo ENOTFOUND a.example", "name"],
  ["EAI_AGAIN", "getaddrinfo EAI_AGAIN a.example", "name"],
  ["ECONNREFUSED", "", "connect"],
  ["EHOSTUNREACH", "", "connect"],
  ["ENETUNREACH", "", "connect"],
  ["ETIMEDOUT", "connect ETIMEDOUT 192.0.2.1:443", "connect"],
  ["UND_ERR_CONNECT_TIMEOUT", "Connect Timeout Error", "connect"],
  ["CERT_HAS_EXPIRED", "", "tls"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "", "tls"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "", "tls"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "", "tls"],
  ["ECONNRESET", "Client network socket disconnected before secure TLS connection was established", "tls"],
])("%s %s is unreachable in phase %s before the head", (code, message, phase) => {
  const error = failed(code, message);
  expect(fetchError(error, url)).toMatchObject({ code: "unreachable", phase, cause: error });
});

test.each([
  ["UND_ERR_SOCKET", "other side closed", "truncated"],
  ["UND_ERR_SOCKET", "socket was paused too long", "reset"],
  ["ECONNRESET", "read ECONNRESET", "reset"],
  ["ETIMEDOUT", "read ETIMEDOUT", "reset"],
  ["EPIPE", "write EPIPE", "reset"],
  ["UND_ERR_HEADERS_TIMEOUT", "Headers Timeout Error", "reset"],
  ["ERR_HTTP2_STREAM_ERROR", "Stream closed with error code", "reset"],
  ["HPE_INVALID_CONSTANT", "Response does not match the HTTP/1.1 protocol", "protocol"],
  ["UND_ERR_HEADERS_OVERFLOW", "Headers Overflow Error", "protocol"],
  ["HPE_INVALID_EOF_STATE", "Response does not match the HTTP/1.1 protocol", "truncated"],
])("%s %s is %s before the head and in the body", (code, message, outcome) => {
  const error = failed(code, message);
  expect(fetchError(error, url)).toMatchObject({ code: outcome, cause: error });
  expect(fetchError(error, url, 5)).toMatchObject({ code: outcome, cause: error });
  expect(fetchError(error, url, 5).message).toContain("after 5 bytes of the body");
});

test.each([
  ["UND_ERR_SOCKET", "bad response"],
  ["UND_ERR_SOCKET", "bad upgrade"],
  ["ERR_ASSERTION", "false == true"],
])("%s %s, an answer that HTTP does not know, is protocol", (code, message) => {
  expect(fetchError(failed(code, message), url)).toMatchObject({ code: "protocol" });
});

test.each([
  ["UND_ERR_INVALID_ARG", "invalid connection header"],
  ["UND_ERR_NOT_SUPPORTED", "expect header not supported"],
  ["UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", "Request body length does not match content-length header"],
  ["ERR_INVALID_URL", "Invalid URL"],
  ["", "bad port"],
  ["", "unknown scheme"],
  ["", "URL scheme must be a HTTP(S) scheme"],
  ["", "redirect count exceeded"],
])("%s %s can never be sent: a TypeError", (code, message) => {
  const error = fetchError(failed(code, message), url);
  expect(error).toBeInstanceOf(TypeError);
  expect(error.message).toContain(`Cannot send a request to https://a.example/feed?token=***: `);
});

test("an error of the parser is known by its name where it has lost its code", () => {
  const parser = (why: string) =>
    new TypeError("terminated", { cause: Object.assign(new Error(why), { name: "HTTPParserError", code: undefined }) });
  expect(
    fetchError(parser("Response does not match the HTTP/1.1 protocol (Invalid character in chunk size)"), url, 1),
  ).toMatchObject({ code: "protocol" });
  expect(fetchError(parser("Response does not match the HTTP/1.1 protocol (Invalid EOF state)"), url, 1)).toMatchObject(
    {
      code: "truncated",
    },
  );
});

test("without a reason, as in browsers, it is unreachable without a phase before the head, and reset in the body", () => {
  const error = new TypeError("Failed to fetch");
  expect(fetchError(error, url)).toMatchObject({
    code: "unreachable",
    message: "Cannot reach https://a.example/feed?token=***: Failed to fetch",
  });
  expect(fetchError(error, url)).not.toHaveProperty("phase");
  expect(fetchError(error, url, 0)).toMatchObject({ code: "reset" });
});

test("of several addresses that were tried, each is told", () => {
  const each = ["connect ECONNREFUSED ::1:80", "connect ECONNREFUSED 127.0.0.1:80"].map(
    (message) => new Error(message),
  );
  const cause = Object.assign(new AggregateError(each), { code: "ECONNREFUSED" });
  const error = fetchError(new TypeError("fetch failed", { cause }), url);
  expect(error).toMatchObject({ code: "unreachable", phase: "connect" });
  expect(error.message).toContain("::1:80; connect ECONNREFUSED 127.0.0.1:80");
});

test("a runtime that prints the URL in its error prints it masked", () => {
  expect(fetchError(new TypeError(`error sending request for url (${url})`), url).message).not.toContain("abc");
});

test("what is no error is told as it prints", () => {
  expect(fetchError("gone", url).message).toContain("gone");
  expect(fetchError(undefined, url)).toMatchObject({ code: "unreachable" });
});
