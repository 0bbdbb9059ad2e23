import type { Dispatcher } from "undici";
import type { NodeTransportOptions } from "./transport-options.ts";

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
  const { tls, socketPath, proxy, lookup, connect, lanes, allowH2, dispatcher } = options;
  check("tls", "an object of options of node:tls", tls, typeof tls === "object" && tls !== null);
  const unverified = tls?.rejectUnauthorized;
  check("tls.rejectUnauthorized", "true or false", unverified, typeof unverified === "boolean");
  check("socketPath", "the path of a Unix socket", socketPath, typeof socketPath === "string" && socketPath !== "");
  check("lookup", "a function such as dns.lookup", lookup, typeof lookup === "function");
  check("connect", "a function", connect, typeof connect === "function");
  check("allowH2", "true or false", allowH2, typeof allowH2 === "boolean");
  checkLanes(lanes);
  const lent = typeof dispatcher === "object" && typeof (dispatcher as Dispatcher | null)?.dispatch === "function";
  check("dispatcher", "a dispatcher of undici's", dispatcher, lent);
  if (proxy && socketPath !== undefined) {
    throw new TypeError("proxy and socketPath do not go together: a Unix socket is reached through no proxy");
  }
  const unused = (["tls", "socketPath", "lookup"] as const).find((name) => options[name] !== undefined);
  if (connect && (proxy || unused)) {
    throw new TypeError(
      `connect makes the sockets by itself, so ${unused ?? "proxy"} would count for nothing; leave out one`,
    );
  }
  const own = dispatcher && socketOptions.find((name) => options[name] !== undefined);
  if (own) {
    throw new TypeError(`dispatcher has sockets of its own, so ${own} would count for nothing; leave out one`);
  }
  return options;
}

const socketOptions = [
  "keepAliveMs",
  "keepAliveMaxMs",
  "tcpKeepAliveMs",
  "lanes",
  "allowH2",
  "tls",
  "socketPath",
  "proxy",
  "lookup",
  "connect",
] as const satisfies readonly (keyof NodeTransportOptions)[];

function checkLanes(lanes: NodeTransportOptions["lanes"]): void {
  if (lanes === undefined) return;
  for (const [lane, limits] of Object.entries(lanes ?? { "": null })) {
    if (!(lane === "stream" || lane === "call") || typeof limits !== "object" || limits === null) {
      throw new TypeError("lanes must be like { stream: { connections: 100 }, call: { connections: 10 } }");
    }
    for (const [name, most] of Object.entries(limits)) checkMost(`lanes.${lane}.${name}`, name, most);
  }
}

function checkMost(path: string, name: string, most: unknown): void {
  if (name !== "connections" && name !== "maxConcurrentStreams") {
    throw new TypeError(`${path} is no limit; there are connections and maxConcurrentStreams`);
  }
  const unlimited = name === "connections" && most === Number.POSITIVE_INFINITY;
  if (most === undefined || unlimited || (Number.isInteger(most) && (most as number) >= 1)) return;
  throw new RangeError(`${path} must be a whole number from 1 up; it is ${String(most)}`);
}

function check(name: string, wanted: string, value: unknown, fits: boolean): void {
  if (value !== undefined && !fits) throw new TypeError(`${name} must be ${wanted}`);
}
