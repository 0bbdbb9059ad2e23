import { fetchEventSource } from "@microsoft/fetch-event-source";
import { counted, type EventReader } from "./contender.ts";

// Written for browsers: it looks for these two.
Object.assign(globalThis, { window: globalThis, document: { addEventListener() {}, removeEventListener() {} } });

export const fetchEventSourceEvents: EventReader = async (url, events, receive) => {
  const { each, done, fail } = counted(events, receive);
  const abort = new AbortController();
  const onerror = (error: unknown): never => {
    throw error;
  };
  const onmessage = (event: { data: string }): void => each(event.data);
  fetchEventSource(url, { signal: abort.signal, onmessage, onerror, openWhenHidden: true }).catch(fail);
  await done;
  abort.abort();
};
