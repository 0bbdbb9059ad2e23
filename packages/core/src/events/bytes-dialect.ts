import type { Cursor } from "../errors.ts";
import type { Decoder } from "../frames/decoder.ts";
import { framed } from "../frames/framed.ts";
import { shownUrl } from "../request/shown-url.ts";
import type { StreamRequest } from "../request/stream-request.ts";
import type { StreamResponse } from "../transport/transport.ts";
import type { Dialect } from "./dialect.ts";
import { byteOffset } from "./range.ts";
import { rangeAnswer, type Whole, wholeAnswer } from "./range-answer.ts";
import { RangeDecoder } from "./range-decoder.ts";

/**
 * The chunks of a body of any media type, as they come. The body is asked for without content coding: its bytes are counted.
 *
 * Where the answer to a GET has a strong entity tag and `Accept-Ranges: bytes`, the resume point is the number of bytes that the
 * consumer finished with, and a stream that broke goes on there, with `Range` and `If-Range` (RFC 9110 sections 13.1.5 and 14).
 * A server that answers with all again is read up to there; one that has something else by now is `refused`, so that what is
 * handed out is of one and the same. Where the length is known it is checked: fewer bytes are `truncated`, more are `protocol`.
 *
 * `resume.from` is a number of bytes that the caller has already. It goes out without `If-Range`: no tag of theirs is known.
 *
 * It remembers what it reads: one object serves one stream.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
 */
export function bytesDialect(): Dialect<Uint8Array> {
  /** The offset that the attempt in hand asked for. */
  let asked: number | undefined;
  let reading: Reading | "plain" | undefined;
  /** What is being read, once a byte of it was handed out. */
  let held: Whole | undefined;

  function goOn(request: StreamRequest, cursor: Cursor): StreamRequest {
    if (request.headers.range !== undefined) {
      throw new TypeError("A range header and a resume point both say where to begin; give one of them");
    }
    if (typeof reading === "object" && reading.decoder.handed) held = reading.whole;
    asked = byteOffset(cursor);
    return request.withHeader("range", `bytes=${asked}-`).withHeader("if-range", held?.etag);
  }

  function decoder(response: StreamResponse, cursor: Cursor | undefined, request?: StreamRequest): Decoder<Uint8Array> {
    const from = cursor === undefined ? undefined : asked;
    asked = undefined;
    if (from === undefined) {
      reading = "plain";
      if (!request || request.method !== "GET" || request.headers.range !== undefined) return plainDecoder;
    }
    const part = from === undefined ? wholeAnswer(response) : rangeAnswer(response, from, held);
    const { whole } = part;
    const resumes = request?.method === "GET" && whole.etag !== undefined && whole.ranges;
    if (from === undefined && !resumes && whole.total === undefined) return plainDecoder;
    const counting = new RangeDecoder(part, shownUrl(response.url), resumes || from !== undefined);
    reading = { whole, resumes, decoder: counting };
    return counting;
  }

  return {
    name: "bytes",
    options: {},
    accept: "*/*",
    acceptEncoding: "identity",
    idleMs: 60_000,
    accepts: () => true,
    acceptsStatus(status) {
      const accepted = asked === undefined ? status >= 200 && status <= 299 : toRange.has(status);
      // What is asked for next may be all.
      if (!accepted) asked = undefined;
      return accepted;
    },
    decoder,
    get resume() {
      if (reading === undefined) return goOn;
      if (reading === "plain" || reading.decoder.inconclusive) return undefined;
      // What has handed out nothing yet may begin anew where it began.
      return reading.resumes || !reading.decoder.handed ? goOn : undefined;
    },
  };
}

interface Reading {
  readonly whole: Whole;
  /** There is a way to go on with it. */
  readonly resumes: boolean;
  readonly decoder: RangeDecoder;
}

/** The statuses that can answer a request for a range. */
const toRange: ReadonlySet<number> = new Set([200, 206, 416]);

/** Remembers nothing, so one serves all. */
const plainDecoder: Decoder<Uint8Array> = {
  push(chunk, sink) {
    if (chunk.length > 0) sink.items.push(chunk);
  },
  end: (framing) => (framed(framing) ? "complete" : "ended"),
};
