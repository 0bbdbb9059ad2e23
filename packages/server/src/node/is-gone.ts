import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";

/** Whether nobody is there any more for an answer; of one that is made so late no `close` tells. */
export function isGone(response: ServerResponse | Http2ServerResponse): boolean {
  if ("stream" in response) return !response.stream || response.stream.destroyed;
  return response.destroyed || response.socket?.destroyed === true;
}
