import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";

/** A server on loopback, gone with all its sockets when disposed of. */
export interface Listening extends AsyncDisposable {
  readonly port: number;
  /** All sockets accepted, in order. */
  readonly sockets: readonly Socket[];
}

/** Listens on a port of an address, or on the path of a Unix socket. */
export async function listening(
  server: Server,
  place: string | { host?: string; port?: number } = {},
): Promise<Listening> {
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  if (typeof place === "string") server.listen(place);
  else server.listen({ host: "127.0.0.1", port: 0, ...place });
  await once(server, "listening");
  const address = server.address() as AddressInfo | string;
  return {
    port: typeof address === "string" ? 0 : address.port,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
