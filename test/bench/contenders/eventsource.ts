import { EventSource } from "eventsource";
import { counted, type EventReader } from "./contender.ts";

export const eventSourceEvents: EventReader = async (url, events, receive) => {
  const { each, done, fail } = counted(events, receive);
  const source = new EventSource(url);
  source.onmessage = (event) => each(event.data);
  source.onerror = fail;
  await done;
  source.close();
};
