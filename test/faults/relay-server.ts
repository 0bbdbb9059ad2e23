// A relay on loopback, and a client that sees every byte of its connection.

import { connect, type Socket } from "node:net";
import { createServer } from "node:http";
import { once } from "node:events";
import { relay, type RelayOptions } from "@longwire/server";
import { listening } from "./listening.ts";

/** A relay on HTTP/1.1, stopped when disposed of. */
export interface RelayServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  /** Codes of the errors that `onFailure` was told; else their messages. */
  readonly failures: string[];
  /** All that it accepted, in order; `gone` resolves when one is closed. */
  readonly sockets: readonly { readonly gone: Promise<unknown> }[];
}

export async function relayServer(upstream: string, options: RelayOptions = {}): Promise<RelayServer> {
  const failures: string[] = [];
  const passing = relay(upstream, {
    onFailure: (error) => failures.push((error as { code?: string }).code ?? String(error)),
    ...options,
  });
  const sockets: { gone: Promise<unknown> }[] = [];
  const http = createServer(passing).on("upgrade", passing.upgrade);
  http.on("connection", (socket) => sockets.push({ gone: new Promise((resolve) => socket.once("close", resolve)) }));
  const server = await listening(http);
  return {
    url: `http://127.0.0.1:${server.port}`,
    port: server.port,
    failures,
    sockets,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await passing.destroy();
    },
  };
}

/** A connection of a client, with all that came on it. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  /** How it ended: `FIN`, or the code of the error. */
  readonly ended: Promise<string>;
  #received = "";
  #gone = false;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    let how = "FIN";
    this.socket.on("data", (chunk: Buffer) => {
      this.#received += chunk.toString("latin1");
    });
    this.socket.on("error", (error: NodeJS.ErrnoException) => {
      how = error.code ?? error.message;
    });
    this.ended = new Promise((resolve) => {
      for (const event of ["end", "close"]) {
        this.socket.once(event, () => {
          this.#gone = true;
          // An error comes before the close, and may come behind an end.
          resolve(how);
        });
      }
    });
  }

  get received(): string {
    return this.#received;
  }

  /** The answer's fields, one a line, in order of their names, but for those that tell the time. */
  get head(): string {
    const [line, ...fields] = (this.#received.split("\r\n\r\n")[0] as string).split("\r\n");
    return [line, ...fields.map(lowerName).sort()].filter((field) => !field?.startsWith("date:")).join("\n");
  }

  get body(): string {
    return this.#received.slice(this.#received.indexOf("\r\n\r\n") + 4);
  }

  write(text: string): this {
    this.socket.write(text, "latin1");
    return this;
  }

  /** Resolves when this has come; rejects when the connection ends before. */
  async until(text: string | RegExp): Promise<this> {
    const has = (): boolean => (typeof text === "string" ? this.#received.includes(text) : text.test(this.#received));
    while (!has()) {
      if (this.#gone) throw new Error(`It ended before ${text} came, with ${JSON.stringify(this.#received)}`);
      await Promise.race([once(this.socket, "data"), this.ended]);
    }
    return this;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

function lowerName(field: string): string {
  return field.replace(/^[^:]*/, (name) => name.toLowerCase());
}
