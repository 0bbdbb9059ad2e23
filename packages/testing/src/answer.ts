// What a test's server answers, whatever carries it: the loopback server or msw.

import { Readable } from "node:stream";
import { type Checks, checkFields, oneOf, shown, whole } from "./checks.ts";
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
  /**
   * At once, or piece by piece at the reader's pace; text goes as UTF-8. A generator is let go when the reader leaves. It, or a stream,
   * can be read once: where there are more requests, give a function that makes one for each.
   */
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

/** Plans what is answered to a request; where the plan answers itself, or never, nobody is asked. */
export type Answerer<Request extends AnswerRequest> = (request: Request, plan: FaultPlan) => Promise<PlannedAnswer>;

/** @throws TypeError, RangeError on what is no answer; what it makes does so too, when a function gave that */
export function answererOf<Request extends AnswerRequest>(answering: Answering<Request>): Answerer<Request> {
  const readOnce = new WeakSet<object>();
  if (typeof answering !== "function") checkAnswer(answering);
  return async (request, plan) => {
    const answer = answerOf(plan) ?? (typeof answering === "function" ? await answering(request) : answering);
    return plannedAnswer(answer, plan, request, readOnce);
  };
}

/** What a plan answers itself, or never: nobody else is asked then. */
export function answerOf(plan: FaultPlan): Answer | undefined {
  return plan.blackhole ? {} : answerInstead(plan);
}

function checkAnswer(answer: Answer): void {
  checkFields<Answer>("An answer", answer, checks, ' such as { body: "hello" }, or a function that makes one');
}

const checks: Checks<Answer> = {
  status: whole(200, 599),
  headers: (_name, headers) => void new Headers(headers as Record<string, string>),
  body(name, body) {
    const { [Symbol.iterator]: parts, [Symbol.asyncIterator]: coming } = Object(body) as Partial<
      Iterable<unknown> & AsyncIterable<unknown>
    >;
    if (typeof parts === "function" || typeof coming === "function") return;
    throw new TypeError(`${name} must be a text, bytes, or an iterable of these, not ${shown(body)}`);
  },
  framing: oneOf(["length", "chunked", "close"]),
};

/**
 * `readOnce`: bodies that were read already, where an answer is one for many requests. Else its body is let go even when nothing was asked of it.
 *
 * @throws TypeError, RangeError on what is no answer; TypeError when a body of framing `length` has no length that is known, or one that can be read once
 * was
 */
export function plannedAnswer(
  answer: Answer,
  plan: FaultPlan,
  { method }: Pick<AnswerRequest, "method">,
  readOnce?: WeakSet<object>,
): PlannedAnswer {
  checkAnswer(answer);
  const { status = 200, headers: given, body = "", framing } = answer;
  const headers = new Headers(given);
  const inHand = typeof body === "string" || body instanceof Uint8Array;
  const parts = bodiless.has(status) ? [] : inHand ? [body] : body;
  checkUnread(parts, readOnce);
  const flow = new BodyPieces(parts, method === "HEAD", readOnce);
  const declared = headers.get("content-length");
  headers.delete("content-length");
  if (plan.gzipStall !== undefined) {
    headers.set("content-encoding", "gzip");
    // How long the encoded body would have been, nobody knows.
    return { status, headers, framing: framing === "close" ? "close" : "chunked", flow };
  }
  const chosen = framing ?? (inHand || declared !== null ? "length" : "chunked");
  if (chosen === "length" && status !== 204 && status !== 304) {
    const length = declared === null ? lengthOf(parts) : Number(declared);
    headers.set("content-length", String(length + addedBytes(plan, length)));
  }
  return { status, headers, framing: chosen, flow };
}

/** Statuses whose answers have no body: of one that is given nothing is carried. */
export const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);

type Parts = Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

function lengthOf(parts: Parts): number {
  if (Array.isArray(parts)) return parts.reduce((sum, part) => sum + bytes(part).length, 0);
  throw new TypeError('framing "length" needs a body in hand, or a content-length in headers');
}

/**
 * A body as bytes. That it is left is told to it at once: an async generator of ours would wait for the piece that is under way, which may never
 * come.
 */
class BodyPieces implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #parts: Parts;
  readonly #isUnsent: boolean;
  readonly #readOnce: WeakSet<object> | undefined;
  #begun: PartsIterator | undefined;

  constructor(parts: Parts, isUnsent: boolean, readOnce: WeakSet<object> | undefined) {
    this.#parts = parts;
    this.#isUnsent = isUnsent;
    this.#readOnce = readOnce;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#isUnsent) return over;
    this.#begun ??= this.#begin();
    const step = await this.#begun.next();
    return step.done ? over : { done: false, value: bytes(step.value) };
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    if (!this.#readOnce) this.#begun ??= this.#begin();
    await this.#begun?.return?.();
    return over;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #begin(): PartsIterator {
    checkUnread(this.#parts, this.#readOnce);
    if (onceOnly.some((method) => method in this.#parts)) this.#readOnce?.add(this.#parts);
    return iteratorOf(this.#parts);
  }
}

const over = { done: true, value: undefined } as const;

interface PartsIterator {
  next(): IteratorResult<string | Uint8Array, unknown> | Promise<IteratorResult<string | Uint8Array, unknown>>;
  return?(): unknown;
}

function iteratorOf(parts: Parts): PartsIterator {
  // The iterators of streams are left behind the read that is under way.
  if (parts instanceof ReadableStream) return readerOf(parts as ReadableStream<string | Uint8Array>);
  if (parts instanceof Readable) return { next: nextOf(parts), return: () => parts.destroy() };
  return Symbol.asyncIterator in parts ? parts[Symbol.asyncIterator]() : parts[Symbol.iterator]();
}

function nextOf(parts: AsyncIterable<string | Uint8Array>): PartsIterator["next"] {
  const pieces = parts[Symbol.asyncIterator]();
  return () => pieces.next();
}

function readerOf(stream: ReadableStream<string | Uint8Array>): PartsIterator {
  const reader = stream.getReader();
  return {
    async next() {
      const { done, value } = await reader.read();
      return done ? over : { done, value };
    },
    return: () => reader.cancel(),
  };
}

function checkUnread(parts: Parts, readOnce: WeakSet<object> | undefined): void {
  if (!readOnce?.has(parts)) return;
  throw new TypeError(
    "The body of this answer was read already, and a generator or a stream can be read once; " +
      "give a function that makes one for each request: () => ({ body: … })",
  );
}

/** What a generator has, a stream of the web and one of Node: each would be empty from its second time on, without a word. */
const onceOnly = ["next", "getReader", "read"];

function bytes(part: string | Uint8Array): Uint8Array {
  if (typeof part === "string") return new TextEncoder().encode(part);
  if (part instanceof Uint8Array) return part;
  throw new TypeError(`A piece of a body must be a text or bytes, not ${shown(part)}`);
}
