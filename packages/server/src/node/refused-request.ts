import { bodyFollows } from "./relayed-request.ts";
import type { AnyRequest } from "./relay-options.ts";

/** Why a request is passed on to nobody, as the answer to it. */
export interface RequestRefusal {
  readonly status: 400 | 501;
  readonly reason: string;
}

/** `undefined`: it can be passed on. `leaves`: it came with its connection, of which Node reads no body. */
export function requestRefusal(client: AnyRequest, leaves: boolean): RequestRefusal | undefined {
  // It is among what comes on the socket.
  if (leaves && bodyFollows(client)) return { status: 400, reason: "A request for another protocol has no body here" };
  // Node takes the chunks off, and what is in them as it is; where they are not the last coding it answers 400. RFC 9112 section 6.1.
  if (!/,\s*chunked\s*$/i.test(client.headers["transfer-encoding"] ?? "")) return undefined;
  return { status: 501, reason: "The body of the request has a transfer coding that is not known here" };
}
