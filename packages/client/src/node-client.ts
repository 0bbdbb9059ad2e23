import type { SocketOpener } from "@longwire/core";
import {
  diagnostics,
  type DuplexCall,
  type DuplexOptions,
  type LaneStats,
  type NodeTransport,
  nodeTransport,
  type SocketStats,
  type Takeover,
  type TakeOverOptions,
} from "@longwire/node";
import { type CallOptions, Client, type ClientStats } from "./client.ts";
import type { ClientOptions } from "./client-options.node.ts";

/** What a client has under way, and over which connections. */
export interface NodeClientStats extends ClientStats<SocketStats[]> {
  /** By origin and lane: how many connections there are, how many are in use, and how many requests wait for one. */
  readonly lanes: LaneStats[];
}

/** A client on undici, with what only Node can do. Made by `createClient`. */
export class NodeClient extends Client<SocketStats[]> {
  readonly #sockets: NodeTransport;

  constructor(options: ClientOptions) {
    const sockets = nodeTransport(options);
    super(options, sockets, diagnostics());
    this.#sockets = sockets;
  }

  /** What is under way, by socket and by lane. */
  override stats(): NodeClientStats {
    return { ...super.stats(), lanes: this.#sockets.lanes() };
  }

  /**
   * The connection itself, by `Upgrade` to any protocol or by CONNECT: the client's side of Go's `http.Hijacker`. It goes over the
   * client's `transport` where that is a `nodeTransport()`, else over its own sockets, and is ended by `close()` and `destroy()`.
   *
   * @throws StreamError `refused` with status, headers and up to 2 KiB of the body, and others by code; the caller's abort reason;
   * TypeError, RangeError on a bad option: see `NodeTransport.takeOver`
   *
   * @example
   * ```ts
   * import { createClient } from "longwire";
   *
   * const client = createClient({ baseUrl: "http://127.0.0.1:2375" });
   * const { socket } = await client.takeOver("/exec/4f1c/start", { protocol: "tcp", json: { Detach: false, Tty: true } });
   * process.stdin.pipe(socket).pipe(process.stdout);
   * ```
   */
  async takeOver(url: string, options: CallOptions<TakeOverOptions>): Promise<Takeover> {
    const call = this.streamCall(url, options);
    const { takeOver = this.#sockets.takeOver } = call.transport as Partial<NodeTransport>;
    return takeOver(url, call);
  }

  /**
   * Sends while it receives: the head of the request leaves at once, then what is written, while the answer is read. It goes over the
   * client's `transport` where that is a `nodeTransport()`, else over its own sockets, and is ended by `close()` and `destroy()`.
   *
   * @throws StreamError by code, and later by `head`, `write`, `end` and the loop; the caller's abort reason; TypeError, RangeError on a bad
   * option: see `NodeTransport.duplex`
   *
   * @example
   * ```ts
   * import { createClient } from "longwire";
   *
   * const client = createClient({ baseUrl: "https://api.example.com" });
   * await using wire = await client.duplex("/talk");
   * await wire.write("hello\n");
   * for await (const chunk of wire) {
   *   process.stdout.write(chunk);
   *   await wire.end();
   * }
   * await client.close();
   * ```
   */
  async duplex(url: string, options: CallOptions<DuplexOptions> = {}): Promise<DuplexCall> {
    const call = this.streamCall(url, options);
    const { duplex = this.#sockets.duplex } = call.transport as Partial<NodeTransport>;
    return duplex(url, call);
  }

  /** Over the client's `transport` where that is a `nodeTransport()`, else over its own sockets. */
  protected override socketOpener({ transport, clock }: Parameters<Client<[]>["socketOpener"]>[0]): SocketOpener {
    const { dial = this.#sockets.dial } = transport as Partial<NodeTransport>;
    return async (request, call) => {
      // Who opens no WebSocket loads none.
      const { nodeWebSocket } = await import("@longwire/node/websocket");
      return nodeWebSocket({ dial }, { clock })(request, call);
    };
  }
}
