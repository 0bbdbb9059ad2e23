import { counted, type Message, type MessageReader } from "./contender.ts";

/** The one that Node has itself, as browsers do: undici's. */
export const webSocketMessages: MessageReader = async (url, messages, receive) => {
  const { each, done, fail } = counted<Message>(messages, receive);
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) =>
    each(typeof data === "string" ? data : new Uint8Array(data));
  socket.onerror = fail;
  await done;
  socket.close();
};
