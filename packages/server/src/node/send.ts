import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Clock } from "@longwire/core";
import type { ResponseBody } from "../response-body.ts";
import type { CheckedResponse } from "../response-options.ts";
import { cut } from "./cut.ts";
import { isGone, onGone } from "./on-gone.ts";

/** A request of `node:http`, or of `node:http2` with its compatibility API; Express's and Fastify's `raw` are these. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
/** The response to it. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Sends a body; resolves when the response is over, however it ended, and never rejects. */
export async function send(
  request: NodeRequest,
  response: NodeResponse,
  body: ResponseBody,
  { status, headers, onError, clock }: CheckedResponse,
): Promise<void> {
  if (isGone(request, response)) return body.leave();
  const wire = new Wire(request, response as ServerResponse);
  body.onCut(() => breakOff(response));
  void wire.closed.then(() => body.leave());
  try {
    wire.head(status, headers);
    if (request.method === "HEAD") body.leave();
    for (let piece = await body.next(); piece; piece = await body.next()) {
      if (!wire.write(piece)) await wire.room();
    }
    wire.end();
  } catch (error) {
    onError(error);
    await wire.sent(clock);
    breakOff(response);
  }
  await wire.closed;
}

/** Breaks the response, so that no client takes what it has for all there was. */
export function breakOff(response: NodeResponse): void {
  // RST_STREAM with INTERNAL_ERROR. Bun makes a clean end of `close` with a code.
  if ("stream" in response) response.stream.destroy(new Error("The response was cut"));
  // A body that only the connection's end ends has no other cut than RST.
  else if (!response.chunkedEncoding && response.socket) cut(response.socket);
  else response.destroy();
}

/** What is used of both kinds of responses, with their two events as promises. */
class Wire {
  readonly closed: Promise<void>;
  readonly #response: ServerResponse;
  #drained: (() => void) | undefined;
  #unsent = 0;
  #allSent: (() => void) | undefined;
  #open = true;

  constructor(request: NodeRequest, response: ServerResponse) {
    this.#response = response;
    const drained = (): void => {
      const resolve = this.#drained;
      this.#drained = undefined;
      resolve?.();
    };
    response.on("drain", drained);
    // What broke the connection is told by its close.
    response.on("error", () => {});
    this.closed = new Promise((resolve) => {
      onGone(request, response, () => {
        this.#open = false;
        this.#allSent?.();
        response.off("drain", drained);
        drained();
        resolve();
      });
    });
  }

  head(status: number, headers: Readonly<Record<string, string>>): void {
    this.#response.writeHead(status, headers);
    this.#response.flushHeaders();
  }

  write(piece: Uint8Array): boolean {
    if (!this.#open) return true;
    this.#unsent++;
    return this.#response.write(piece, this.#sent);
  }

  /** Resolves when the kernel has all that was written, the client is gone, or a second is over: a break waits for nobody longer. */
  sent(clock: Clock): Promise<void> {
    if (!this.#open || this.#unsent === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = clock.timer(1_000, resolve);
      this.#allSent = () => {
        cancel();
        resolve();
      };
    });
  }

  // Called for what a connection took with it too.
  readonly #sent = (): void => {
    this.#unsent--;
    if (this.#unsent === 0) this.#allSent?.();
  };

  /** Resolves when the client took what was written, or is gone. */
  room(): Promise<void> {
    return this.#open ? new Promise((resolve) => (this.#drained = resolve)) : Promise.resolve();
  }

  end(): void {
    if (this.#open) this.#response.end();
  }
}
