import { WebSocket } from "ws";
import { counted, type MessageReader } from "./contender.ts";

export const wsMessages: MessageReader = async (url, messages, receive) => {
  const { each, done, fail } = counted(messages, receive);
  const socket = new WebSocket(url, { perMessageDeflate: false });
  socket.on("message", (data: Buffer, isBinary) => each(isBinary ? data : data.toString()));
  socket.on("error", fail);
  await done;
  socket.terminate();
};
