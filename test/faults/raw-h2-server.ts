import type { Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import type { Pair } from "./certificates.ts";
import { H2Wire } from "./h2-wire.ts";
import { listening } from "./listening.ts";

/** An HTTP/2 server on loopback that answers each connection with a script, frame by frame. */
export interface RawH2Server extends AsyncDisposable {
  /** `https://localhost:PORT`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Connections accepted so far, in order. */
  readonly wires: readonly H2Wire[];
}

/**
 * Starts one. The first `silent` connections say nothing at all, not even SETTINGS. Disposing of it rejects with what a script threw.
 *
 * @example
 * ```ts
 * await using server = await rawH2Server(pair, async (wire) => {
 *   const request = await wire.request();
 *   if (request) wire.reset(request.stream, h2Codes.refusedStream);
 * });
 * ```
 */
export async function rawH2Server(
  pair: Pair,
  script: (wire: H2Wire) => unknown,
  { silent = 0 } = {},
): Promise<RawH2Server> {
  const wires: H2Wire[] = [];
  const failures: unknown[] = [];
  const server = createServer({ ...pair, ALPNProtocols: ["h2"] }, (socket: TLSSocket) => {
    const tcp = sockets.find(({ remotePort }) => remotePort === socket.remotePort) as Socket;
    const wire = new H2Wire(socket, tcp, wires.length, wires.length < silent);
    wires.push(wire);
    Promise.resolve(wire)
      .then(script)
      .catch((error: unknown) => failures.push(error));
  });
  const { port, sockets, [Symbol.asyncDispose]: close } = await listening(server);
  return {
    url: `https://localhost:${port}`,
    port,
    wires,
    async [Symbol.asyncDispose]() {
      await close();
      if (failures.length > 0) throw failures[0];
    },
  };
}
