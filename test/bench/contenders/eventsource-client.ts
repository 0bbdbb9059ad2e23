import { createEventSource } from "eventsource-client";
import { counted, type EventReader } from "./contender.ts";

export const eventSourceClientEvents: EventReader = async (url, events, receive) => {
  const { each, done } = counted(events, receive);
  const source = createEventSource({ url, onMessage: (event) => each(event.data) });
  await done;
  source.close();
};
