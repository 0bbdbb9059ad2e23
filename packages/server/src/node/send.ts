import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { FeedReader } from "../feed.ts";
import type { ResponseBody } from "../response-body.ts";
import type { CheckedResponse } from "../response-options.ts";
import { cut } from "./cut.ts";
import { isNode } from "./is-node.ts";
import { isGone, onGone } from "./on-gone.ts";
import { writePiece } from "./write-piece.ts";

/** A request of `node:http`, or of `node:http2` with its compatibility API; Express's and Fastify's `raw` are these. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
/** The response to it. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Sends a body; resolves when the response is over, however it ended, and never rejects. */
export async function send(
  request: NodeRequest,
  response: NodeResponse,
  body: ResponseBody,
  checked: CheckedResponse,
): Promise<void> {
  if (isGone(request, response)) return body.leave();
  await new Sending(request, response as ServerResponse, body, checked).run();
}

/** Breaks the response, so that no client takes what it has for all there was. */
export function breakOff(response: NodeResponse): void {
  // RST_STREAM with INTERNAL_ERROR. Bun makes a clean end of `close` with a code.
  if ("stream" in response) response.stream.destroy(new Error("The response was cut"));
  // A body that only the connection's end ends has no other cut than RST.
  else if (response.socket && !isChunked(response)) cut(response.socket);
  else response.destroy();
}

/** Bun says of none that it is. */
function isChunked({ chunkedEncoding, req }: ServerResponse): boolean {
  return isNode ? chunkedEncoding : req.httpVersionMinor > 0;
}

/** One body on its way into a response of either kind. */
class Sending implements FeedReader {
  readonly #request: NodeRequest;
  readonly #response: ServerResponse;
  readonly #body: ResponseBody;
  readonly #settings: CheckedResponse;
  #open = true;
  /** The client is to take what was written before there is more. */
  #full = false;
  /** Pieces that the system has not taken yet. */
  #unsent = 0;
  #allSent: (() => void) | undefined;

  constructor(request: NodeRequest, response: ServerResponse, body: ResponseBody, settings: CheckedResponse) {
    this.#request = request;
    this.#response = response;
    this.#body = body;
    this.#settings = settings;
  }

  /** Resolves when the response is over. */
  async run(): Promise<void> {
    const drained = (): void => {
      if (!this.#full) return;
      this.#full = false;
      this.more();
    };
    this.#response.on("drain", drained);
    // What broke the connection is told by its close.
    this.#response.on("error", () => {});
    this.#body.onCut(() => breakOff(this.#response));
    const closed = new Promise<void>((resolve) => {
      onGone(this.#request, this.#response, () => {
        this.#open = false;
        this.#allSent?.();
        this.#response.off("drain", drained);
        this.#body.leave();
        resolve();
      });
    });
    try {
      this.#response.writeHead(this.#settings.status, this.#settings.headers);
      this.#response.flushHeaders();
      if (this.#request.method === "HEAD") this.#body.leave();
      this.more();
    } catch (error) {
      await this.#fail(error);
    }
    await closed;
  }

  /** Writes what there is. Called by who publishes, too: it never throws. */
  more(): void {
    try {
      for (let piece = this.#body.take(); piece; piece = this.#body.take()) {
        this.#full = !writePiece(this.#response, piece, this.#sent);
        this.#unsent++;
        if (this.#full) return;
      }
      if (!this.#body.isOver) this.#body.wait(this);
      else if (this.#open) this.#response.end();
    } catch (error) {
      void this.#fail(error);
    }
  }

  async #fail(error: unknown): Promise<void> {
    this.#settings.onError(error);
    await this.#allTaken();
    breakOff(this.#response);
  }

  /** Resolves when the kernel has all that was written, the client is gone, or a second is over: a break waits for nobody longer. */
  #allTaken(): Promise<void> {
    if (!this.#open || this.#unsent === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#settings.clock.timer(1_000, resolve);
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
}
