import type { IncomingHttpHeaders } from "node:http";
import { codedHeaders, shownUrl, StreamError, type StreamRequest, type StreamResponse } from "@longwire/core";
import type { Body } from "./body.ts";
import { InflatedBody, isInflatable } from "./inflate.ts";
import { foreignCoding, framingOf, responseHeaders } from "./response-headers.ts";

/** The head of an answer, as it was read. */
export interface AnswerHead {
  readonly status: number;
  readonly record: IncomingHttpHeaders;
  /** It came over HTTP/2. */
  readonly multiplexed?: boolean;
}

/**
 * The response of a transport: of an answer's head, and of the body that its bytes go into, decoded where that is needed. `release` is
 * that of the exchange.
 *
 * @throws StreamError `protocol` for a transfer coding that nobody asked for
 */
export function answerOf(
  { url, method }: StreamRequest,
  { status, record, multiplexed }: AnswerHead,
  body: Body,
  maxInflateRatio: number,
  release: (reason?: unknown) => void,
): StreamResponse {
  const framing = framingOf(method, status, record, multiplexed);
  const coding = foreignCoding(framing, record);
  if (coding !== undefined) {
    const why = `its body has the transfer coding "${coding}", which nobody asked for`;
    throw new StreamError("protocol", `Cannot read ${shownUrl(url)}: ${why}`);
  }
  const encoding = String(record["content-encoding"] ?? "").toLowerCase();
  const head = { url, status, headers: responseHeaders(record), framing };
  if (!isInflatable(encoding) || method === "HEAD") return { ...head, body, release };
  for (const name of codedHeaders) delete record[name];
  const inflated = new InflatedBody(body, encoding, url, maxInflateRatio);
  return {
    ...head,
    body: inflated,
    release(reason) {
      inflated.release();
      release(reason);
    },
  };
}
