import { type NodeHandler, ndjsonHandler, publisherHandler, sseHandler } from "@longwire/server";
import { App, type Seen } from "./app.ts";

/** The handlers of an {@link App} under Node, for a router to choose from. */
export interface NodeApp {
  readonly sse: NodeHandler;
  readonly ndjson: NodeHandler;
  readonly publisher: NodeHandler;
  control(url: string | undefined): Promise<Seen>;
}

export function nodeApp(): NodeApp {
  const app = new App();
  return {
    sse: (request, response) => sseHandler(app.source, app.options(request.url))(request, response),
    ndjson: (request, response) => ndjsonHandler(app.source, app.options(request.url))(request, response),
    publisher: (request, response) =>
      publisherHandler(app.publisher(request.url), app.options(request.url))(request, response),
    control: (url) => app.control(url),
  };
}
