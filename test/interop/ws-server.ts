import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";

/** A WebSocket server of the `ws` package in this process, on 127.0.0.1. Disposing of it breaks its connections off. */
export interface WsServer extends AsyncDisposable {
  readonly port: number;
  /** With `ws:`. */
  readonly url: string;
  /** Connections that are open now. */
  readonly open: ReadonlySet<WebSocket>;
}

/** Starts one that serves each connection by `serve`. */
export async function startWs(
  serve: (socket: WebSocket, request: IncomingMessage) => void,
  options: ServerOptions = {},
): Promise<WsServer> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 1_024, ...options });
  server.on("connection", (socket, request) => {
    // What breaks is seen by its close.
    socket.on("error", () => {});
    serve(socket, request);
  });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `ws://127.0.0.1:${port}`,
    open: server.clients,
    async [Symbol.asyncDispose]() {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
