// What a test's server answers, whatever carries it: the loopback server or msw.

import { answerInstead, type FaultPlan } from "./fault-plan.ts";
import { addedBytes } from "./fault-steps.ts";

/** Answers one request: the answer, or a function of the request. What it throws breaks the connection, and is told by `close()`. */
export type Answering<Request extends AnswerRequest = AnswerRequest> =
  | Answer
  | ((request: Request) => Answer | Promise<Answer>);

/** An answer. An empty one is a 200 with an empty body. */
export interface Answer {
  /** Default 200. */
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** At once, or piece by piece at the reader's pace; text goes as UTF-8. A generator is let go when the reader leaves. */
  readonly body?: string | Uint8Array | Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array> | undefined;
  /**
   * How the end of the body is told. Default: `length` for a string or bytes, or when `headers` has a content-length (when that is more than
   * comes, the body ends short); else `chunked`.
   */
  readonly framing?: "length" | "chunked" | "close" | undefined;
}

/** A request, as an answer sees it. */
export interface AnswerRequest {
  /** Its place among the requests, from 0. */
  readonly index: number;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Headers;
  /** Aborted when the reader left, or was cut off, before the answer was whole. */
  readonly signal: AbortSignal;
  /** The body of the request, once; or as text, also once. */
  readonly body: AsyncIterable<Uint8Array>;
  text(): Promise<string>;
}

/** An answer with its plan applied: what a carrier sends. */
export interface PlannedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly framing: "length" | "chunked" | "close";
  readonly flow: AsyncIterable<Uint8Array>;
}

/** What is answered to a request; where the plan answers itself, or never, nobody is asked. */
export async function answerTo<Request extends AnswerRequest>(
  request: Request,
  answering: Answering<Request>,
  plan: FaultPlan,
): Promise<PlannedAnswer> {
  const instead = plan.blackhole ? {} : answerInstead(plan);
  return plannedAnswer(instead ?? (typeof answering === "function" ? await answering(request) : answering), plan);
}

/** @throws TypeError when a body of framing `length` has no length that is known */
function plannedAnswer({ status = 200, headers: given, body = "", framing }: Answer, plan: FaultPlan): PlannedAnswer {
  const headers = new Headers(given);
  const whole = typeof body === "string" || body instanceof Uint8Array;
  const parts = whole ? [body] : body;
  const flow = bytesOf(parts);
  const declared = headers.get("content-length");
  headers.delete("content-length");
  if (plan.gzipStall !== undefined) {
    headers.set("content-encoding", "gzip");
    // How long the encoded body would have been, nobody knows.
    return { status, headers, framing: framing === "close" ? "close" : "chunked", flow };
  }
  const chosen = framing ?? (whole || declared !== null ? "length" : "chunked");
  if (chosen === "length" && status !== 204 && status !== 304) {
    const length = declared === null ? lengthOf(parts) : Number(declared);
    headers.set("content-length", String(length + addedBytes(plan, length)));
  }
  return { status, headers, framing: chosen, flow };
}

type Parts = Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

function lengthOf(parts: Parts): number {
  if (Array.isArray(parts)) return parts.reduce((sum, part) => sum + bytes(part).length, 0);
  throw new TypeError('framing "length" needs a body in hand, or a content-length in headers');
}

async function* bytesOf(parts: Parts): AsyncGenerator<Uint8Array> {
  for await (const part of parts) yield bytes(part);
}

function bytes(part: string | Uint8Array): Uint8Array {
  return typeof part === "string" ? new TextEncoder().encode(part) : part;
}
