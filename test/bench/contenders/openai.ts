import { Stream } from "openai/core/streaming";
import type { EventReader } from "./contender.ts";

/** Parses the JSON of each event, as it cannot be told not to: what it hands out is the text of the token. */
export const openaiEvents: EventReader = async (url, events, receive) => {
  const abort = new AbortController();
  const response = await fetch(url, { signal: abort.signal });
  let left = events;
  for await (const item of Stream.fromSSEResponse<Token>(response, abort)) {
    receive(item.choices[0].delta.content);
    if (--left === 0) break;
  }
};

interface Token {
  choices: [{ delta: { content: string } }];
}
