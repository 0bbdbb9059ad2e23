import type { Cursor } from "../errors.ts";
import { printed } from "../request/printed.ts";
import { StreamRequest } from "../request/stream-request.ts";

/** What a caller knows of resuming that the dialect does not. */
export type ApplyCursor = (request: StreamRequest, cursor: Cursor) => StreamRequest;

/** The request that goes on after `cursor`. @throws TypeError on what is no request: the likeliest slip is a `return` that is missing */
export function applied(apply: ApplyCursor, request: StreamRequest, cursor: Cursor): StreamRequest {
  const made: unknown = apply(request, cursor);
  if (made instanceof StreamRequest) return made;
  const wanted = "a StreamRequest, such as request.withQuery({ since }) answers";
  throw new TypeError(`resume.apply must return ${wanted}, not ${printed(made)}`);
}
