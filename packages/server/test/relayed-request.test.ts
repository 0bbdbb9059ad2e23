import type { IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { endToEnd } from "../src/node/hop-by-hop.ts";
import { forwarded } from "../src/node/forwarded.ts";
import { gatewayFailure } from "../src/node/gateway-failure.ts";
import { relayedRequest } from "../src/node/relayed-request.ts";
import { StreamError } from "@longwire/core";

test("the fields of one hop and those that Connection names stay behind, in any letter case", () => {
  const fields = {
    connection: "close, X-Mine ,\tx-other",
    "x-mine": "1",
    "x-other": "2",
    te: "trailers",
    ":path": "/",
    upgrade: "h2c",
    "x-kept": ["a", "b"],
    "set-cookie": ["a=1", "b=2"],
  };
  expect(endToEnd(fields)).toEqual({ "x-kept": ["a", "b"], "set-cookie": ["a=1", "b=2"] });
});

test.each([
  ["192.0.2.1", "a.example", false, "for=192.0.2.1;host=a.example;proto=http"],
  ["::ffff:192.0.2.1", "a.example:80", true, 'for=192.0.2.1;host="a.example:80";proto=https'],
  ["fe80::1%eth0", undefined, false, 'for="[fe80::1]";proto=http'],
  [undefined, 'a"b\\c', false, 'for=unknown;host="a\\"b\\\\c";proto=http'],
])("who is at %s and asked for %s is told as RFC 7239 writes it", (remoteAddress, host, encrypted, told) => {
  const request = { socket: { remoteAddress, encrypted }, headers: { host } } as unknown as IncomingMessage;
  expect(forwarded(request)).toBe(told);
});

test.each([
  [{ url: "http://b.example:81/x" }, { host: "a.example" }, '"b.example:81"'],
  [{ url: "/x" }, { host: "a.example", ":authority": "b.example" }, "b.example"],
])("of %j with %j the host that is told is that of the target", (target, headers, host) => {
  expect(forwarded({ ...target, socket: {}, headers } as unknown as IncomingMessage)).toContain(`;host=${host};`);
});

test.each([
  ["http://a.example", "/x?y", "http://a.example/x?y"],
  ["http://a.example/v1/", "/x", "http://a.example/v1/x"],
  ["http://a.example/v1", "/", "http://a.example/v1/"],
  ["http://a.example/v1", "//b.example/x", "http://a.example/v1//b.example/x"],
  ["http://a.example/v1", "https://b.example/x?y", "http://a.example/v1/x?y"],
  ["unix:/run/a.sock:/v1", "/x?y", "unix:/run/a.sock:/v1/x?y"],
  ["http://a.example/v1", "/../x", undefined],
  ["http://a.example/v1", "/%2e%2E/v10", undefined],
  ["unix:/run/a.sock:/v1", "/../x", undefined],
  ["http://a.example/v1", "/x%2f..%5c..%2f../y", undefined],
  ["http://a.example/v1", "/%2e%2e%2fy", undefined],
  ["http://a.example/v1", "/x%2f..%2fy", "http://a.example/v1/x%2f..%2fy"],
  ["http://a.example", "/..%2f..%2fy", "http://a.example/..%2f..%2fy"],
  ["http://a.example/v1", "/x\\y", undefined],
  ["http://a.example/v1", "/x#/../y", undefined],
  ["http://a.example/v1", "*", undefined],
  ["http://a.example/v1", "b.example:443", undefined],
  ["http://a.example/v1", "", undefined],
])("behind %s the target %j is %s", (upstream, url, sent) => {
  expect(relayedRequest(clientOf({ url }), settings(upstream), nothing())?.url).toBe(sent);
});

test("claims of a client go on only where they are trusted, with the element of this hop behind them", () => {
  const client = clientOf({ headers: { forwarded: "for=a", "x-forwarded-for": "a", via: "1.0 first" } });
  const trusted = { ...settings("http://a.example"), trustForwarded: true };
  expect(relayedRequest(client, settings("http://a.example"), nothing())?.headers).toEqual({
    via: "1.0 first, 1.1 name",
    forwarded: "for=unknown;proto=http",
  });
  expect(relayedRequest(client, trusted, nothing())?.headers).toEqual({
    via: "1.0 first, 1.1 name",
    forwarded: "for=a, for=unknown;proto=http",
    "x-forwarded-for": "a",
  });
});

test("a length goes on with a body alone, and never beside a coding", () => {
  const sent = (headers: Record<string, string>) => {
    const request = relayedRequest(clientOf({ headers }), settings("http://a.example"), nothing());
    return [request?.headers["content-length"], request?.body !== undefined];
  };
  expect(sent({ "content-length": "5" })).toEqual(["5", true]);
  expect(sent({ "content-length": "0" })).toEqual([undefined, false]);
  expect(sent({})).toEqual([undefined, false]);
  expect(sent({ "content-length": "5", "transfer-encoding": "chunked" })).toEqual([undefined, true]);
  expect(sent({ "content-length": "5", connection: "content-length" })).toEqual([undefined, true]);
});

test.each([
  [new StreamError("unreachable", "", { phase: "name" }), 502, "dns_error"],
  [new StreamError("unreachable", "", { phase: "tls" }), 502, "tls_protocol_error"],
  [new StreamError("refused", "", { status: 407 }), 502, "proxy_internal_error"],
  [new StreamError("deadline", "", { clock: "connectMs" }), 504, "connection_timeout"],
  [new StreamError("deadline", "", { clock: "headersMs" }), 504, "http_response_timeout"],
  [new TypeError("closed"), 502, "proxy_internal_error"],
])("%o is told as %i %s", (error, status, type) => {
  expect(gatewayFailure(error)).toMatchObject({ status, type });
});

function settings(upstream: string) {
  return { upstream, name: "name", trustForwarded: false };
}

function clientOf({ url = "/", headers = {} }: { url?: string; headers?: Record<string, string> }): IncomingMessage {
  const seen = { url, headers, method: "GET", httpVersion: "1.1", httpVersionMajor: 1, socket: {} };
  return seen as unknown as IncomingMessage;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
