import { isIP, type Socket } from "node:net";
import { createSecureContext } from "node:tls";
import { buildConnector } from "undici";
import type { ProxyOf } from "./proxy.ts";
import { ProxyFailure } from "./proxy-failure.ts";
import type { NodeTransportOptions } from "./transport-options.ts";
import { openTunnel } from "./tunnel.ts";

/** How sockets are made. */
export interface Connectors {
  /** For requests. HTTP/2 is offered in TLS handshakes where it may be: the socket's `alpnProtocol` tells what the server chose. */
  readonly any: buildConnector.connector;
  /** For HTTP/1.1; a proxy opens a tunnel for http too, where else it reads what is sent. */
  readonly tunnel: buildConnector.connector;
  /** For HTTP/1.1, through no proxy. */
  readonly straight: buildConnector.connector;
}

/**
 * Makes the sockets of a transport: straight, over a Unix socket, or through a proxy. A name is asked for at every connection, so
 * that a server that moved is found; whoever wants it otherwise gives a `lookup`, or a `connect` that does all by itself.
 *
 * It answers with a socket at once, also for a way that has yet to be opened: to destroy that gives the attempt up, and after an error
 * lets go of what there is.
 *
 * @throws TypeError when the keys or certificates of `tls` cannot be used
 */
export function connectorsOf(options: NodeTransportOptions, proxyOf: ProxyOf): Connectors {
  const { tls, socketPath, lookup, tcpKeepAliveMs = 60_000, allowH2 = true, connect } = options;
  if (connect) return { any: connect, tunnel: connect, straight: connect };
  const common = {
    allowH2: false,
    timeout: 0,
    autoSelectFamily: true,
    keepAlive: tcpKeepAliveMs > 0,
    keepAliveInitialDelay: tcpKeepAliveMs,
    ...(lookup && { lookup }),
  };
  // Said, so that NODE_TLS_REJECT_UNAUTHORIZED in the environment does not decide.
  const verified = { rejectUnauthorized: tls?.rejectUnauthorized !== false };
  const secure = { ...tls, ...verified, ...(tls && { secureContext: contextOf(tls) }) };
  // Neither the origin's name nor its client's key are for the proxy, nor is it taken unverified.
  const toProxy = connectorTo({ ...common, ca: tls?.ca, rejectUnauthorized: true });
  const made = (through: ProxyOf, { h2 = false, tunnelsAll = false }): buildConnector.connector => {
    const straight = connectorTo({ ...secure, ...common, socketPath, allowH2: h2, preferH2: true });
    return (target, callback) => {
      if (target.socketPath) return connectorTo({ ...common, socketPath: target.socketPath })(target, callback);
      const proxy = through(new URL(`${target.protocol}//${target.host}`));
      if (proxy === undefined) return straight(target, callback);
      const { protocol, hostname, port } = proxy;
      return toProxy({ protocol, hostname, port, servername: isIP(hostname) ? "" : hostname }, (cause, socket) => {
        if (!socket) return callback(new ProxyFailure(proxy, { cause }), null);
        const isPlain = target.protocol === "http:";
        if (isPlain && !tunnelsAll) return callback(null, socket);
        const authority = target.port ? (target.host as string) : `${target.host}:${isPlain ? 80 : 443}`;
        openTunnel(socket, proxy, authority, (failure) => {
          if (failure) callback(failure, null);
          else if (isPlain) callback(null, socket);
          else straight({ ...target, httpSocket: socket }, callback);
        });
      });
    };
  };
  return {
    any: made(proxyOf, { h2: allowH2 }),
    tunnel: made(proxyOf, { tunnelsAll: true }),
    straight: made(() => undefined, {}),
  };
}

/** undici's connector returns the socket at once, though its type does not say so. */
type Connector = (target: buildConnector.Options, callback: buildConnector.Callback) => Socket;

function connectorTo(options: object): Connector {
  return buildConnector(options as buildConnector.BuildOptions) as unknown as Connector;
}

function contextOf(tls: NonNullable<NodeTransportOptions["tls"]>): ReturnType<typeof createSecureContext> {
  try {
    return createSecureContext(tls);
  } catch (cause) {
    throw new TypeError(`tls holds a key or certificate that cannot be used: ${(cause as Error).message}`, { cause });
  }
}
