import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/**
 * An answer of our own on the socket of a request that came by `upgrade`, or was taken over. As long as it is there Node puts no other on it, and
 * takes the connection for one in use. `undefined` while an answer to a request before is yet to be sent: it would come in our midst.
 */
export function answerOn(request: IncomingMessage, socket: Duplex): ServerResponse | undefined {
  const answer = new ServerResponse(request);
  answer.shouldKeepAlive = false;
  try {
    answer.assignSocket(socket as Socket);
    return answer;
  } catch {
    return undefined;
  }
}

/** Whether an answer to a request before this one is yet to be sent on its socket. */
export function isAwaited(request: IncomingMessage, socket: Duplex): boolean {
  const answer = answerOn(request, socket);
  answer?.detachSocket(socket as Socket);
  return answer === undefined;
}
