import { createParser } from "eventsource-parser";
import { pipeline } from "node:stream/promises";
import { Agent, type Dispatcher, request, stream } from "undici";
import { type BodyReader, counted, type EventReader, sinkhole } from "./contender.ts";

// Without timers, as a long stream needs it.
const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });

/** A handler of its own on `dispatch`: the least that undici does. */
export const dispatchEvents: EventReader = async (url, events, receive) => {
  const { each, done, fail } = counted(events, receive);
  const decoder = new TextDecoder();
  const parser = createParser({ onEvent: (event) => each(event.data) });
  let controller: Dispatcher.DispatchController | undefined;
  dispatchGet(url, {
    onRequestStart: (started) => {
      controller = started;
    },
    onResponseStart: () => {},
    onResponseData: (_, piece) => parser.feed(decoder.decode(piece, { stream: true })),
    onResponseEnd: () => {},
    onResponseError: (_, error) => fail(error),
  });
  await done;
  controller?.abort(new Error("enough"));
};

export const requestEvents: EventReader = async (url, events, receive) => {
  const { each, done, fail } = counted(events, receive);
  const decoder = new TextDecoder();
  const parser = createParser({ onEvent: (event) => each(event.data) });
  const { body } = await request(url, { dispatcher: agent });
  body.on("data", (piece) => parser.feed(decoder.decode(piece, { stream: true }))).on("error", fail);
  await done;
  body.off("error", fail).on("error", () => {});
  body.destroy();
};

export const dispatchBody: BodyReader = (url, receive) =>
  new Promise((resolve, reject) => {
    dispatchGet(url, {
      onRequestStart: () => {},
      onResponseStart: () => {},
      onResponseData: (_, piece) => receive(piece),
      onResponseEnd: () => resolve(),
      onResponseError: (_, error) => reject(error),
    });
  });

export const requestBody: BodyReader = async (url, receive) => {
  const { body } = await request(url, { dispatcher: agent });
  for await (const piece of body) receive(piece);
};

export const requestDataBody: BodyReader = async (url, receive) => {
  const { body } = await request(url, { dispatcher: agent });
  await new Promise<void>((resolve, reject) => body.on("data", receive).on("end", resolve).on("error", reject));
};

export const streamBody: BodyReader = async (url, receive) => {
  await stream(url, { dispatcher: agent, method: "GET" }, () => sinkhole(receive));
};

export const requestPipeline: BodyReader = async (url, receive) => {
  const { body } = await request(url, { dispatcher: agent });
  await pipeline(body, sinkhole(receive));
};

function dispatchGet(url: string, handler: Dispatcher.DispatchHandler): void {
  const { origin, pathname, search } = new URL(url);
  agent.dispatch({ origin, path: pathname + search, method: "GET" }, handler);
}
