import { StreamError } from "@longwire/core";

/** What a client is told when no answer came to be passed on. */
export interface GatewayFailure {
  /** 502, or 504 when time ran out. */
  readonly status: 502 | 504;
  /** One sentence. It names neither the upstream nor anything of the request. */
  readonly reason: string;
  /** The same for machines: an error type of RFC 9209 section 2.3. */
  readonly type: string;
}

/** What a client may know of `error`; whose address and words the rest is full of is nobody's business out there. */
export function gatewayFailure(error: unknown): GatewayFailure {
  if (!(error instanceof StreamError)) return failures.unknown;
  const { code, phase, clock } = error;
  if (code === "unreachable") return failures[phase ?? "connect"];
  if (code === "deadline" || code === "idle") return failures[clock === "connectMs" ? "unconnected" : "late"];
  return failures[code === "reset" || code === "truncated" || code === "protocol" ? code : "unknown"];
}

const failures = {
  name: { status: 502, reason: "The name of the upstream does not resolve", type: "dns_error" },
  connect: { status: 502, reason: "The upstream takes no connection", type: "connection_refused" },
  tls: { status: 502, reason: "The TLS handshake with the upstream failed", type: "tls_protocol_error" },
  reset: { status: 502, reason: "The upstream broke the connection before it answered", type: "connection_terminated" },
  truncated: {
    status: 502,
    reason: "The upstream closed the connection before it answered",
    type: "http_response_incomplete",
  },
  protocol: { status: 502, reason: "The upstream answered with what HTTP does not allow", type: "http_protocol_error" },
  unknown: { status: 502, reason: "The request could not be passed on", type: "proxy_internal_error" },
  unconnected: { status: 504, reason: "No connection to the upstream in time", type: "connection_timeout" },
  late: { status: 504, reason: "The upstream did not answer in time", type: "http_response_timeout" },
} as const satisfies Readonly<Record<string, GatewayFailure>>;
