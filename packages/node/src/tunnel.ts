import { request } from "node:http";
import type { Socket } from "node:net";
import type { Proxy } from "./proxy.ts";
import { ProxyFailure } from "./proxy-failure.ts";

/**
 * Asks a proxy for a tunnel to `authority` (host and port) over a socket that is connected to it: CONNECT, RFC 9110 section 9.3.6.
 * The socket is the tunnel then, with nothing read from it beyond the proxy's answer. If there is no tunnel, the caller destroys it.
 */
export function openTunnel(
  socket: Socket,
  proxy: Proxy,
  authority: string,
  callback: (error: ProxyFailure | null) => void,
): void {
  const asked = request({
    method: "CONNECT",
    path: authority,
    headers: { host: authority, ...(proxy.authorization && { "proxy-authorization": proxy.authorization }) },
    createConnection: () => socket,
  });
  asked.once("connect", ({ statusCode: status = 0, headers }) => {
    if (status >= 200 && status < 300) callback(null);
    else callback(new ProxyFailure(proxy, { status, headers }));
  });
  asked.on("error", (cause) => callback(new ProxyFailure(proxy, { cause })));
  asked.end();
}
