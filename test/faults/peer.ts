import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A plain TCP client on loopback that shows what came, byte for byte, and how it ended. */
export interface Peer extends AsyncDisposable {
  readonly socket: Socket;
  /** What came so far. */
  readonly chunks: readonly Buffer[];
  readonly text: string;
  /** How the server ended the connection. */
  readonly ended: Promise<"FIN" | "RST">;
  /** `open` as long as it did not. */
  readonly state: "open" | "FIN" | "RST";
  /** Resolves when so much text has come. */
  until(length: number): Promise<void>;
}

export const getRequest = "GET / HTTP/1.1\r\nhost: a.example\r\n\r\n";

/** Connects and sends; it never ends its own side by itself. */
export async function peer(port: number, sent: string = getRequest): Promise<Peer> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  const chunks: Buffer[] = [];
  let state: Peer["state"] = "open";
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<"FIN" | "RST">((resolve) => {
    const end = (how: "FIN" | "RST") => (): void => {
      if (state === "open") state = how;
      resolve(how);
    };
    socket.once("end", end("FIN"));
    socket.once("error", end("RST"));
  });
  // A server may break what it has just accepted.
  await Promise.race([new Promise((resolve) => socket.once("connect", resolve)), ended]);
  if (!socket.destroyed) socket.write(sent);
  const text = (): string => Buffer.concat(chunks).toString("latin1");
  return {
    socket,
    chunks,
    ended,
    get text() {
      return text();
    },
    get state() {
      return state;
    },
    async until(length) {
      while (text().length < length) await once(socket, "data");
    },
    async [Symbol.asyncDispose]() {
      if (socket.destroyed) return;
      socket.destroy();
      await once(socket, "close");
    },
  };
}

/** Lets the event loop turn: all that is ready on any socket of this process is read and answered. */
export async function turns(count = 50): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
