import type { IncomingMessage } from "node:http";
import type { NodeRequest, NodeResponse } from "./send.ts";

/** Calls back, once, when an answer is over or nobody is there any more for it; of one that is made so late no `close` tells, so at once. */
export function onGone(request: NodeRequest, response: NodeResponse, callback: () => void): void {
  if (isGone(request, response)) return callback();
  const socket = waitsFor(request, response);
  const gone = (): void => {
    response.off("close", gone);
    socket?.off("close", gone).setMaxListeners(socket.getMaxListeners() - 1);
    callback();
  };
  response.once("close", gone);
  // As many as a client sends in advance.
  socket?.setMaxListeners(socket.getMaxListeners() + 1).once("close", gone);
}

/** Whether nobody is there any more for an answer. */
export function isGone(request: NodeRequest, response: NodeResponse): boolean {
  if ("stream" in response) return !response.stream || response.stream.destroyed;
  return response.destroyed || (response.socket ?? waitsFor(request, response))?.destroyed === true;
}

/** The socket of an answer that has to wait for those to requests before it: when that closes, Node 22 tells none that waits. */
function waitsFor(request: NodeRequest, response: NodeResponse): IncomingMessage["socket"] | undefined {
  return "stream" in response || response.socket ? undefined : (request as IncomingMessage).socket;
}
