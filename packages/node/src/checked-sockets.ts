import type { NodeTransportOptions } from "./socket-pool.ts";

/** The options of a transport, each by itself and beside the others. What may be a secret is not printed. @throws TypeError, RangeError */
export function checkedSockets(options: NodeTransportOptions): NodeTransportOptions {
  for (const name of ["keepAliveMs", "keepAliveMaxMs", "tcpKeepAliveMs"] as const) {
    const value = options[name] ?? 0;
    if (!(value >= 0 && Number.isFinite(value))) {
      throw new RangeError(`${name} must be a number of milliseconds, 0 or more; it is ${String(value)}`);
    }
  }
  const { maxInflateRatio = 0 } = options;
  if (maxInflateRatio !== 0 && !(maxInflateRatio >= 1 && Number.isFinite(maxInflateRatio))) {
    throw new RangeError(
      `maxInflateRatio must be a number from 1 up, or 0 for no limit; it is ${String(maxInflateRatio)}`,
    );
  }
  const { tls, socketPath, proxy, lookup, connect } = options;
  check("tls", "an object of options of node:tls", tls, typeof tls === "object" && tls !== null);
  const unverified = tls?.rejectUnauthorized;
  check("tls.rejectUnauthorized", "true or false", unverified, typeof unverified === "boolean");
  check("socketPath", "the path of a Unix socket", socketPath, typeof socketPath === "string" && socketPath !== "");
  check("lookup", "a function such as dns.lookup", lookup, typeof lookup === "function");
  check("connect", "a function", connect, typeof connect === "function");
  if (proxy && socketPath !== undefined) {
    throw new TypeError("proxy and socketPath do not go together: a Unix socket is reached through no proxy");
  }
  const unused = (["tls", "socketPath", "lookup"] as const).find((name) => options[name] !== undefined);
  if (connect && (proxy || unused)) {
    throw new TypeError(
      `connect makes the sockets by itself, so ${unused ?? "proxy"} would count for nothing; leave out one`,
    );
  }
  return options;
}

function check(name: string, wanted: string, value: unknown, fits: boolean): void {
  if (value !== undefined && !fits) throw new TypeError(`${name} must be ${wanted}`);
}
