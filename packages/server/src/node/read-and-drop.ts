import type { AcceptedWebSocket } from "@longwire/websocket";

/** Reads on, so that a client may send what nobody asks for, and its end is noticed. @throws StreamError as a loop does */
export async function readAndDrop(socket: AcceptedWebSocket): Promise<void> {
  for await (const _messages of socket.batches());
}
