import type { Socket } from "node:net";
import type { buildConnector } from "undici";
import { connectError } from "./wire-error.ts";

/**
 * A connection to the host of `way`, TLS included; errors call it `url`. `onSocket` is told the socket as soon as there is one. When `signal` is aborted
 * before it is connected, it is destroyed.
 *
 * @throws StreamError `unreachable`, or the signal's reason
 */
export function dial(
  connector: buildConnector.connector,
  way: URL,
  url: string,
  signal: AbortSignal,
  onSocket: (socket: Socket) => void,
): Promise<Socket> {
  const { hostname, host, protocol, port } = way;
  const address = hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    let socket: Socket | undefined;
    const giveUp = (): void => {
      socket?.destroy();
      reject(signal.reason);
    };
    const done: buildConnector.Callback = (error, connected) => {
      signal.removeEventListener("abort", giveUp);
      if (!connected) return reject(connectError(error, url));
      if (signal.aborted) return void connected.destroy();
      onSocket(connected);
      resolve(connected);
    };
    signal.addEventListener("abort", giveUp);
    try {
      // undici's own connector returns the socket at once, though its type does not say so; only so can an attempt be cut short.
      socket = connector({ hostname: address, host, protocol, port }, done) as unknown as Socket | undefined;
      if (socket) onSocket(socket);
    } catch (error) {
      done(error as Error, null);
    }
  });
}
