import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { connect, type Socket } from "node:net";
import type { Pair } from "./certificates.ts";
import { type Listening, listening } from "./listening.ts";

export interface ConnectProxyOptions {
  /** It speaks TLS with this. */
  readonly secure?: Pair;
  /** The only `Proxy-Authorization` that it takes. */
  readonly authorization?: string;
  /** What it answers every CONNECT with, in place of a tunnel. */
  readonly refusal?: string;
}

export interface ConnectProxy extends Listening {
  /** What it was asked for: method, target and `Proxy-Authorization`. */
  readonly asked: readonly (readonly [method: string, target: string, authorization: string | undefined])[];
}

/** An HTTP proxy on loopback: tunnels what comes by CONNECT, forwards what comes in absolute form. Every name is 127.0.0.1 to it. */
export async function connectProxy({
  secure,
  authorization,
  refusal,
}: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const asked: [string, string, string | undefined][] = [];
  const isWelcome = ({ method = "", url = "", headers }: IncomingMessage): boolean => {
    asked.push([method, url, headers["proxy-authorization"]]);
    return authorization === undefined || headers["proxy-authorization"] === authorization;
  };
  const forward = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    if (!isWelcome(incoming)) return void outgoing.writeHead(407).end("who are you?");
    const { port, pathname, search } = new URL(incoming.url as string);
    const { "proxy-authorization": _own, ...headers } = incoming.headers;
    const further = request({
      host: "127.0.0.1",
      port,
      path: pathname + search,
      method: incoming.method,
      headers,
      agent: false,
    });
    further.on("response", (answer) => {
      outgoing.writeHead(answer.statusCode as number, answer.headers);
      answer.pipe(outgoing);
    });
    further.on("error", () => outgoing.destroy());
    outgoing.on("close", () => further.destroy());
    // A server that speaks first waits for no chunk.
    further.flushHeaders();
    incoming.pipe(further);
  };
  const server = secure ? createSecureServer(secure, forward) : createServer(forward);
  const ends: Socket[] = [];
  server.on("connect", (incoming: IncomingMessage, client: Socket) => {
    client.on("error", () => {});
    if (!isWelcome(incoming)) return client.end("HTTP/1.1 407 Who\r\nproxy-authenticate: Basic\r\n\r\n");
    if (refusal !== undefined) return client.end(refusal);
    const far = connect(Number(/\d+$/.exec(incoming.url as string)), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      far.pipe(client).pipe(far);
    });
    ends.push(far);
    far.on("error", () => client.destroy()).on("close", () => client.destroy());
    client.on("close", () => far.destroy());
  });
  const proxy = await listening(server);
  return {
    ...proxy,
    asked,
    async [Symbol.asyncDispose]() {
      for (const far of ends) far.destroy();
      await proxy[Symbol.asyncDispose]();
    },
  };
}
