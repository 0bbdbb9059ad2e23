import type { Clock } from "../time/clock.ts";
import type { Layer } from "../transport/layer.ts";
import type { StreamResponse } from "../transport/transport.ts";
import { contentEncoding } from "./content-encoding.ts";
import { refusal } from "./refusal.ts";

/** What a body must be to be read. Every dialect is one. */
export interface ExpectedBody {
  /** As errors name it: "SSE", "NDJSON". */
  readonly name: string;
  /** The `Accept` header, which errors quote. */
  readonly accept: string;
  /** Whether it reads an answer of this status. Default: 2xx. */
  acceptsStatus?(status: number): boolean;
  /** Whether it reads this media type (lower case, no parameters; `""` when the answer names none). */
  accepts(mediaType: string): boolean;
}

/**
 * Hands on only what can be read: a 204 or 205, which have no body, and a 2xx of an accepted media type that is not compressed
 * any more. All else is thrown as `refused`, with the status, the headers (secrets masked), up to 2 KiB of the body and what
 * `Retry-After` asked for.
 *
 * It stands outermost, so that it judges the answer that redirects and credentials led to.
 *
 * @throws StreamError `refused`
 */
export function checkLayer(expected: ExpectedBody, clock: Clock): Layer {
  return (next) => async (request, call) => {
    const response = await next(request, call);
    const why = objection(response, expected);
    if (why === undefined) return response;
    throw await refusal(response, why, clock, call.signal);
  };
}

function objection({ status, headers }: StreamResponse, expected: ExpectedBody): string | undefined {
  if (!(expected.acceptsStatus?.(status) ?? (status >= 200 && status <= 299))) return `the server answered ${status}`;
  if (status === 204 || status === 205) return undefined;
  const contentType = headers.get("content-type") ?? "";
  if (!expected.accepts(mediaType(contentType))) {
    const type = contentType === "" ? "no media type" : contentType;
    return `the server answered ${status} with ${type}, and ${expected.name} is read from ${expected.accept}`;
  }
  const coding = contentEncoding(headers);
  return coding && `the body came with content-encoding ${coding}, which nothing here decodes; ask for identity`;
}

/** The media type in a `Content-Type`: lower case, no parameters; `""` for none. */
export function mediaType(contentType: string): string {
  return contentType.replace(/;.*$/s, "").trim().toLowerCase();
}
