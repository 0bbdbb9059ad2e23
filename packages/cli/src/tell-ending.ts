import type { IncomingMessage, ServerResponse } from "node:http";
import { type Clock, shownUrl } from "@longwire/core";
import { shownDuration } from "./duration.ts";
import type { Say } from "./say.ts";

/** Says how an exchange ended. Of one that was not whole and that nothing broke on this side (`wasBroken`) the client has left. */
export function tellEnding(
  request: IncomingMessage,
  response: ServerResponse,
  { say, clock, wasBroken }: { readonly say: Say; readonly clock: Clock; readonly wasBroken: () => boolean },
): void {
  const startMs = clock.now();
  response.once("close", () => {
    const status = response.headersSent ? String(response.statusCode) : "-";
    const text = `${askedFor(request)}, ${shownDuration(clock.now() - startMs)}`;
    if (response.writableFinished) say("green", status, text);
    else if (wasBroken()) say("red", "cut", `${status}, ${text}`);
    else say("dim", "left", `${status}, ${text}`);
  });
}

/** The request as it may be printed: tokens travel in queries. */
export function askedFor({ method, url }: Pick<IncomingMessage, "method" | "url">): string {
  return `${method} ${shownUrl(url ?? "")}`;
}
