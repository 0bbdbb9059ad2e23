import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createNetServer, type Server as NetServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  StreamError,
  StreamRequest,
  type StreamRequestInit,
  type StreamResponse,
  type Transport,
  type TransportEvents,
} from "@longwire/core";
import { expect } from "vitest";

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

/** A server that hands over each connection once a whole head has come, with that head. */
export async function rawServer(answer: (socket: Socket, head: string) => unknown): Promise<Loopback<NetServer>> {
  const server = createNetServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    let head = "";
    const onData = (chunk: Buffer): void => {
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end === -1) return;
      socket.off("data", onData).pause();
      if (head.length > end + 4) socket.unshift(Buffer.from(head.slice(end + 4), "latin1"));
      answer(socket, head.slice(0, end + 4));
    };
    socket.on("data", onData);
  });
  return loopback(server);
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

/** The StreamError that a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<StreamError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StreamError);
  return error as StreamError;
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
