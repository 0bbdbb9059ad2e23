import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { NodeHandler } from "../src/index.node.ts";

/** A handler on a real server of its own on loopback. */
export interface Serving extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

/** HTTP/1.1, on a port that is free unless it is given. */
export async function serving(handler: NodeHandler, port = 0): Promise<Serving> {
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => void handler(request, response));
  return listening(server, "connection", port);
}

/** HTTP/2 without TLS. */
export async function servingHttp2(handler: NodeHandler): Promise<Serving> {
  return listening(
    createHttp2Server((request, response) => void handler(request, response)),
    "session",
    0,
  );
}

async function listening(server: Server | Http2Server, event: string, port: number): Promise<Serving> {
  const open = new Set<Socket | ServerHttp2Session>();
  server.on(event, (connection: Socket | ServerHttp2Session) => {
    open.add(connection);
    connection.on("error", () => {});
    connection.once("close", () => open.delete(connection));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const connection of open) connection.destroy();
      await closed;
    },
  };
}
