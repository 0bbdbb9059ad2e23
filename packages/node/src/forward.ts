import type { Duplex } from "node:stream";
import type { StreamRequest, TransportCall } from "@longwire/core";
import type { HeldResponse } from "./answer.ts";

/** An answer as it came, to be passed on. */
export interface ForwardedResponse extends HeldResponse {
  /**
   * The connection, where the server switched protocols (status 101): a Duplex of its bytes, those that came along with the head first.
   * Destroy it when you leave it; `resetAndDestroy`, as that of `net.Socket`, breaks it.
   */
  readonly socket?: Duplex & { resetAndDestroy(): void };
}

type Forward = (request: StreamRequest, call: TransportCall) => Promise<ForwardedResponse>;

/** Which way a request goes that is somebody else's; see `NodeTransport.forward`. A dispatcher that is lent knows no `headFirst`. */
export function forwarding(headFirst: Forward | undefined, send: Forward): Forward {
  return async (request, call) => {
    const upgrades = request.headers["upgrade"] !== undefined;
    if (upgrades && !headFirst) throw new TypeError("Cannot upgrade: a borrowed dispatcher has no socket to take");
    // Who says how long a body is has it at hand: that head may wait for the first chunk, and the connection is used again.
    const ofOwn = upgrades || (isSource(request.body) && request.headers["content-length"] === undefined);
    return (ofOwn && headFirst ? headFirst : send)(request, call);
  };
}

function isSource(body: StreamRequest["body"]): boolean {
  return typeof body === "function" || (typeof body === "object" && !(body instanceof Uint8Array));
}
