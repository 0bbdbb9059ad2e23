import { StreamRequest } from "@longwire/core";
import { nodeTransport } from "@longwire/node";
import { createClient } from "longwire";
import { type BodyReader, type EventReader, type MessageReader, sinkhole } from "./contender.ts";

// The default budget (50 attempts a second and origin) would open 10,000 streams in 200 s.
const client = createClient({ budget: { perSecond: 100_000, burst: 100_000 } });

export const longwireEvents: EventReader = async (url, events, receive) => {
  let left = events;
  for await (const event of client.sse(url)) {
    receive(event.data);
    if (--left === 0) break;
  }
};

export const longwireEventBatches: EventReader = async (url, events, receive) => {
  let left = events;
  for await (const batch of client.sse(url).batches()) {
    for (const event of batch) receive(event.data);
    left -= batch.length;
    if (left <= 0) break;
  }
};

export const longwireBody: BodyReader = async (url, receive) => {
  for await (const piece of client.bytes(url)) receive(piece);
};

export const longwireBodyBatches: BodyReader = async (url, receive) => {
  for await (const batch of client.bytes(url).batches()) for (const piece of batch) receive(piece);
};

/** `client.pipe` into a Writable that throws all away. */
export const longwirePipe: BodyReader = async (url, receive) => {
  await client.pipe(url, sinkhole(receive));
};

/** `client.takeOver`, by `data` events. */
export const longwireTakeOver: BodyReader = async (url, receive) => {
  const { socket } = await client.takeOver(url, { protocol: "raw" });
  await new Promise<void>((resolve, reject) => socket.on("data", receive).on("end", resolve).on("error", reject));
  socket.destroy();
};

const transport = nodeTransport();
const never = new AbortController().signal;

/** The transport alone: no session, no clocks. */
export const transportBody: BodyReader = async (url, receive) => {
  const { body } = await transport(new StreamRequest({ url }), { signal: never });
  for await (const piece of body) receive(piece);
};

export const longwireMessages: MessageReader = async (url, messages, receive) => {
  let left = messages;
  for await (const message of client.webSocket(url)) {
    receive(message);
    if (--left === 0) break;
  }
};

export const longwireMessageBatches: MessageReader = async (url, messages, receive) => {
  let left = messages;
  for await (const batch of client.webSocket(url).batches()) {
    for (const message of batch) receive(message);
    left -= batch.length;
    if (left <= 0) break;
  }
};
