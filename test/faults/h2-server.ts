import { once } from "node:events";
import {
  createSecureServer,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { Pair } from "./certificates.ts";
import { listening } from "./listening.ts";

/** An HTTP/2 server on loopback by `node:http2`, with its sessions and requests in view. */
export interface H2Server extends AsyncDisposable {
  /** `https://localhost:PORT`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** TCP connections accepted so far, in order. */
  readonly sockets: readonly Socket[];
  readonly sessions: readonly ServerHttp2Session[];
  /** Paths asked for, with the number of the session from 0: `0 /path`. */
  readonly asked: readonly string[];
  /** Resolves when so many requests have come. */
  requests(count: number): Promise<void>;
}

/** Starts one. What a stream that the client broke says is heard by nobody. */
export async function h2Server(
  pair: Pair,
  answer: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => unknown,
  options: SecureServerOptions = {},
): Promise<H2Server> {
  const sessions: ServerHttp2Session[] = [];
  const asked: string[] = [];
  const server = createSecureServer({ maxSendHeaderBlockLength: 1_000_000, ...pair, ...options });
  server.on("session", (session) => {
    sessions.push(session);
    session.on("error", () => {});
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    asked.push(`${sessions.indexOf(stream.session as ServerHttp2Session)} ${headers[":path"]}`);
    server.emit("asked");
    answer(stream, headers);
  });
  const { port, sockets, [Symbol.asyncDispose]: close } = await listening(server);
  return {
    url: `https://localhost:${port}`,
    port,
    sockets,
    sessions,
    asked,
    async requests(count) {
      while (asked.length < count) await once(server, "asked");
    },
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await close();
    },
  };
}

/** A whole answer. */
export function answerH2(stream: ServerHttp2Stream, text: string): void {
  stream.respond({ ":status": 200 });
  stream.end(text);
}
