import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  StreamRequest,
  type StreamRequestInit,
  type StreamResponse,
  type Transport,
  type TransportEvents,
} from "@longwire/core";

/** A Node server on loopback, with its sockets in view. */
export interface Loopback<S extends NetServer> extends AsyncDisposable {
  readonly server: S;
  readonly port: number;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** All sockets accepted, in order. */
  readonly sockets: readonly Socket[];
}

export async function loopback<S extends NetServer>(server: S): Promise<Loopback<S>> {
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function httpServer(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<Loopback<Server>> {
  return loopback(createServer({ keepAliveTimeout: 60_000 }, answer));
}

export interface SendOptions extends Omit<StreamRequestInit, "url"> {
  signal?: AbortSignal;
  on?: TransportEvents;
}

export function send(
  transport: Transport,
  url: string,
  { signal, on, ...init }: SendOptions = {},
): Promise<StreamResponse> {
  return transport(new StreamRequest({ url, ...init }), { signal: signal ?? new AbortController().signal, on });
}

export async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Lets the event loop turn: everything that is ready on any socket of this process is read and answered. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A key and certificate for `localhost`, good for a day, kept nowhere. */
export function selfSigned(): [key: Buffer, cert: Buffer] {
  const folder = mkdtempSync(join(tmpdir(), "longwire-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const name = ["-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  execFileSync("openssl", ["req", "-x509", ...curve, ...name, "-keyout", key, "-out", cert], { stdio: "ignore" });
  const pair: [Buffer, Buffer] = [readFileSync(key), readFileSync(cert)];
  rmSync(folder, { recursive: true });
  return pair;
}
