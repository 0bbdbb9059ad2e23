import { letGo } from "../signal/let-go.ts";
import { shownUrl } from "../request/shown-url.ts";
import type { StreamRequest } from "../request/stream-request.ts";

/** A source of request body bytes on its way out. */
export interface BodySource {
  /** What it threw, if it did. */
  readonly failure: { readonly error: unknown } | undefined;
  /** Lets it go in any state and does not wait for it; again is nothing. fetch does not, while the source does not answer. */
  release(): void;
}

/**
 * A request as fetch takes it. Checked beforehand, since fetch tells a request that cannot be sent and a network that is down by
 * the same TypeError.
 *
 * @throws TypeError, without the values of headers: they may be secrets.
 */
export function fetchInit(request: StreamRequest): { init: RequestInit; source: BodySource | undefined } {
  const { method } = request;
  const made = typeof request.body === "function" ? request.body() : request.body;
  const streams = typeof made === "object" && !(made instanceof Uint8Array);
  const headers = checkedHeaders(request);
  checkRequest(
    request,
    made === undefined ? {} : streams ? { body: new ReadableStream(), duplex: "half" } : { body: "" },
  );
  const common = { method, headers, cache: "no-store" } as const;
  if (made === undefined) return { init: common, source: undefined };
  if (streams) {
    const source = bodySource(made);
    return { init: { ...common, body: source.stream, duplex: "half" } as RequestInit, source };
  }
  // Text goes as bytes: for a string fetch would invent a content type.
  const bytes = typeof made === "string" ? new TextEncoder().encode(made) : made;
  return { init: { ...common, body: bytes as BodyInit }, source: undefined };
}

function checkedHeaders(request: StreamRequest): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (ofTheRuntime.has(name)) throw refused(request, `fetch sets the header ${name} itself; leave it out`);
    try {
      headers.set(name, value);
    } catch {
      throw refused(request, `HTTP does not allow the header ${name} with the value it has`);
    }
  }
  return headers;
}

// With a length that is not the body's, Node's fetch sends what it likes and waits for ever; browsers drop all three unsaid.
const ofTheRuntime: ReadonlySet<string> = new Set(["content-length", "expect", "transfer-encoding"]);

function checkRequest(request: StreamRequest, body: RequestInit & { readonly duplex?: "half" }): void {
  if (!URL.canParse(request.url)) throw refused(request, "it is no absolute URL");
  let probe: Request;
  try {
    probe = new Request(request.url, { method: request.method, ...body });
  } catch (error) {
    throw refused(request, (error as Error).message);
  }
  // Where streams cannot be sent they are taken for something to print: "[object ReadableStream]", and that is text.
  if (body.duplex && probe.headers.has("content-type")) {
    throw refused(request, "this runtime cannot send a body piece by piece; give it as text or bytes");
  }
}

function refused({ method, url }: StreamRequest, why: string): TypeError {
  return new TypeError(`Cannot send ${method} ${shownUrl(url)}: ${why}`);
}

function bodySource(source: AsyncIterable<Uint8Array>): BodySource & { readonly stream: ReadableStream<Uint8Array> } {
  let iterator: AsyncIterator<Uint8Array> | undefined;
  let failure: BodySource["failure"];
  let over = false;

  async function next(): Promise<IteratorResult<Uint8Array>> {
    try {
      iterator ??= source[Symbol.asyncIterator]();
      const step = await iterator.next();
      over ||= step.done === true;
      return step;
    } catch (error) {
      over = true;
      failure = { error };
      throw error;
    }
  }

  const release = (): void => {
    if (over) return;
    over = true;
    void letGo(iterator ?? source[Symbol.asyncIterator]());
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: release,
    },
    { highWaterMark: 0 },
  );
  return {
    stream,
    release,
    get failure() {
      return failure;
    },
  };
}
