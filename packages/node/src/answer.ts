import type { IncomingHttpHeaders } from "node:http";
import { codedHeaders, shownUrl, StreamError, type StreamRequest, type StreamResponse } from "@longwire/core";
import type { Body } from "./body.ts";
import { InflatedBody, isInflatable } from "./inflate.ts";
import { foreignCoding, framingOf, responseHeaders } from "./response-headers.ts";

/** An answer with the fields of its head one by one. */
export interface HeldResponse extends StreamResponse {
  /** As `headers`, with `set-cookie` and what else came several times not joined. */
  readonly fields: IncomingHttpHeaders;
  readonly body: HeldBody;
}

/** The bytes of an answer. */
export interface HeldBody extends AsyncIterable<Uint8Array> {
  /**
   * For who passes chunks on: nobody looks at this one again, nor at those before it, and no write of them is under way. Their memory may be let go of at
   * once, which empties the chunk. Absent where it never is.
   */
  giveBack?(chunk: Uint8Array): void;
}

/** The head of an answer, as it was read. */
export interface AnswerHead {
  readonly status: number;
  readonly record: IncomingHttpHeaders;
  /** It came over HTTP/2. */
  readonly multiplexed?: boolean;
}

/**
 * The response of a transport: of an answer's head, and of the body that its bytes go into, decoded where that is needed, unless
 * `maxInflateRatio` is `undefined`. `release` is that of the exchange.
 *
 * @throws StreamError `protocol` for a transfer coding that nobody asked for
 */
export function answerOf(
  { url, method }: StreamRequest,
  { status, record, multiplexed }: AnswerHead,
  body: Body,
  maxInflateRatio: number | undefined,
  release: (reason?: unknown) => void,
): HeldResponse {
  const framing = framingOf(method, status, record, multiplexed);
  const coding = foreignCoding(framing, record);
  if (coding !== undefined) {
    const why = `its body has the transfer coding "${coding}", which nobody asked for`;
    throw new StreamError("protocol", `Cannot read ${shownUrl(url)}: ${why}`);
  }
  const encoding = String(record["content-encoding"] ?? "").toLowerCase();
  const head = { url, status, headers: responseHeaders(record), fields: record, framing };
  if (maxInflateRatio === undefined || !isInflatable(encoding) || method === "HEAD") return { ...head, body, release };
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
