import PartySocket from "partysocket/ws";
import { WebSocket } from "ws";
import { counted, type Message, type MessageReader } from "./contender.ts";

class Uncompressed extends WebSocket {
  constructor(url: string) {
    super(url, { perMessageDeflate: false });
  }
}

export const partySocketMessages: MessageReader = async (url, messages, receive) => {
  const { each, done } = counted<Message>(messages, receive);
  const socket = new PartySocket(url, [], { WebSocket: Uncompressed });
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) =>
    each(typeof data === "string" ? data : new Uint8Array(data)),
  );
  await done;
  socket.close();
};
