import { createParser } from "eventsource-parser";
import { type BodyReader, counted, type EventReader } from "./contender.ts";

export const fetchEvents: EventReader = async (url, events, receive) => {
  const { each, done, fail } = counted(events, receive);
  const abort = new AbortController();
  const decoder = new TextDecoder();
  const parser = createParser({ onEvent: (event) => each(event.data) });
  const reading = fetchBody(url, (piece) => parser.feed(decoder.decode(piece, { stream: true })), abort.signal);
  reading.catch(fail);
  await done;
  abort.abort();
};

export const fetchBody = async (
  url: string,
  receive: (piece: Uint8Array) => void,
  signal: AbortSignal | null = null,
): Promise<void> => {
  const { body } = await fetch(url, { signal });
  if (body === null) throw new TypeError(`Cannot read ${url}: the answer has no body`);
  for await (const piece of body) receive(piece);
};

fetchBody satisfies BodyReader;
