import { type Clock, systemClock } from "@longwire/core";
import { type Answering, type AnswerRequest, answererOf, bodiless, type PlannedAnswer } from "./answer.ts";
import { type Carrier, carry } from "./carry.ts";
import { checkFields } from "./checks.ts";
import { type FaultPlans, planOptions, plansOf } from "./fault-plan.ts";
import { faultFlow } from "./fault-steps.ts";
import { written } from "./written.ts";

export type { Answer, Answering, AnswerRequest } from "./answer.ts";
export type { FaultPlan, FaultPlans } from "./fault-plan.ts";

export interface MswAnswerOptions {
  /** What goes wrong, by request to this handler. Default: nothing. */
  readonly plan?: FaultPlans | undefined;
  /** Measures the waits of the plans; a fake one drives them. Default: the real one. */
  readonly clock?: Clock | undefined;
}

/**
 * The resolver of an msw 3 handler that answers as `loopbackServer` does, by the same plans, without a socket. A plan's offsets count
 * the bytes of the body.
 *
 * msw stands behind the global `fetch`, so a client under test needs the fetch transport (`fetchTransport()`). What neither of them can show is
 * not seen here: `cutAfter` and `halfClose` look like `resetAfter` (to Longwire a `reset`), and under framing `close` all three look like
 * a clean end.
 *
 * @throws TypeError, RangeError on what is no answer, and on a bad option or plan. What an answer throws is msw's: it makes a 500 of it.
 * @example
 * ```ts
 * import { mswAnswer } from "@longwire/testing/msw";
 * import { http } from "msw";
 * import { setupServer } from "msw/node";
 *
 * const events = { headers: { "content-type": "text/event-stream" }, body: "id: 1\ndata: one\n\n", framing: "chunked" } as const;
 * const server = setupServer(
 *   http.get("https://api.example.com/events", mswAnswer(events, { plan: [{ slice: 1, cutAfter: 10 }, {}] })),
 * );
 * server.listen();
 * ```
 */
export function mswAnswer(
  answer: Answering,
  options: MswAnswerOptions = {},
): (info: { readonly request: Request }) => Promise<Response> {
  checkFields<MswAnswerOptions>("The options object of mswAnswer", options, planOptions);
  const { plan = {}, clock = systemClock } = options;
  const answerTo = answererOf(answer);
  const planOf = plansOf(plan);
  let count = 0;

  return async ({ request }) => {
    const index = count++;
    const plan = planOf(index);
    const gone = new AbortController();
    const leave = (): void => gone.abort(request.signal.reason);
    const unlisten = (): void => request.signal.removeEventListener("abort", leave);
    request.signal.addEventListener("abort", leave, { once: true });
    const planned = await answerTo(requestOf(request, index, gone.signal), plan).catch((error: unknown) => {
      unlisten();
      throw error;
    });
    return new Promise((resolve) => {
      // Left while the answer was made.
      if (gone.signal.aborted) return resolve(Response.error());
      gone.signal.addEventListener("abort", () => resolve(Response.error()), { once: true });
      const { stream, carrier } = pulledStream(planned.framing, gone);
      const begin = (): Promise<void> => {
        resolve(responseOf(planned, stream));
        return carrier.begin();
      };
      carry(planned.flow, faultFlow(plan), { ...carrier, begin }, { clock, signal: gone.signal })
        // An answer that broke is a connection that broke.
        .catch(carrier.reset)
        .finally(unlisten);
    });
  };
}

function requestOf(request: Request, index: number, signal: AbortSignal): AnswerRequest {
  const { pathname, search } = new URL(request.url);
  const { method, headers } = request;
  const body = request.body ?? new Blob([]).stream();
  return { index, method, path: pathname + search, headers, signal, body, text: () => request.text() };
}

function responseOf({ status, headers, framing }: PlannedAnswer, stream: ReadableStream<Uint8Array>): Response {
  // Without a framing, msw's socket does not survive an abort; how it would end is up to the carrier.
  if (framing !== "length") headers.set("transfer-encoding", "chunked");
  return new Response(bodiless.has(status) ? null : stream, { status, headers });
}

interface PulledStream {
  readonly stream: ReadableStream<Uint8Array>;
  readonly carrier: Carrier;
}

/** A stream that holds nothing: a write waits until it is asked for. */
function pulledStream(framing: PlannedAnswer["framing"], gone: AbortController): PulledStream {
  let controller: ReadableStreamDefaultController<Uint8Array>;
  let ask = (): void => {};
  const asking = (): Promise<void> => new Promise((resolve) => (ask = resolve));
  let asked = asking();
  const stream = new ReadableStream<Uint8Array>(
    {
      start: (given) => void (controller = given),
      pull: () => ask(),
      cancel: (reason) => gone.abort(reason),
    },
    { highWaterMark: 0 },
  );
  const broken = (): void => {
    // As fetch has it: where nothing tells how long a body is, a broken one looks whole.
    if (framing === "close") return controller.close();
    // An error overtakes what is still on its way: the reader has come for more, and has had its turn.
    const error = new TypeError("The connection was broken by the fault plan");
    void asked.then(() => written((done) => done())).then(() => controller.error(error));
  };
  const carrier: Carrier = {
    // msw keeps the head until the first chunk, be it empty.
    begin: async () => controller.enqueue(new Uint8Array(0)),
    async write(bytes) {
      await asked;
      // Left between its pull and here.
      if (gone.signal.aborted) return;
      asked = asking();
      await written((done) => {
        controller.enqueue(bytes);
        done();
      });
    },
    end: () => controller.close(),
    cut: broken,
    halfClose: broken,
    reset: broken,
    stall: () => new Promise(() => {}),
  };
  return { stream, carrier };
}
